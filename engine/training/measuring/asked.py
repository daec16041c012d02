"""What a prompt asks for exactly, read off the waveform: notes, the grid, lengths, and two sounds at once."""

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from engine.sampling.noise import derived_seed
from engine.text.kinds import KINDS
from engine.text.lexicon import phrases
from engine.text.notes import hz_of_midi, note_name
from engine.text.understanding import SECOND_LAYER_DB
from engine.training.kinds import draw
from engine.training.measuring.bench import Bench, Table, steps_of
from engine.training.measuring.judge import JUDGE_RATE_HZ, mel_power, mono, render
from engine.training.measuring.makers import asks_for_a_rhythm, said
from engine.training.measuring.measures import cents_from, onset_near, sounding_s
from engine.training.wishes import TUNED, Wish

STEPS_MEASURED: Final = (1, 2)
NOTE_LENGTH_S: Final = 1.5
NEAR_CENTS: Final = 5
ONSET_DB: Final = 10.0  # a rise of less is no onset
ONSET_REACH_S: Final = 0.02
GRID_WITHIN_MS: Final = 1.0
LENGTH_WITHIN: Final = 0.2
CLIP_LENGTH_S: Final = 4.0
LAYER_WITHIN_DB: Final = 6.0


def notes(bench: Bench) -> Table:
    """Asked notes on the tuned kinds, from half an octave below where they are at home to one above."""
    rng = np.random.default_rng(bench.seed + 3)
    count = max(len(TUNED), bench.prompts // 4)
    asked = [(kind, TUNED[kind] + int(rng.integers(-6, 13))) for kind, _ in zip(itertools.cycle(TUNED), range(count))]
    prompts = [f"{_name(kind, rng)} in {note_name(midi)}" for kind, midi in asked]
    table = {}
    true = [render(draw(Wish(kind=kind, midi=midi), length_s=NOTE_LENGTH_S, rng=rng), seed=1) for kind, midi in asked]
    table["oracle"] = _note_row([abs(_cents(waveform, midi)) for waveform, (_, midi) in zip(true, asked, strict=True)])
    for steps in STEPS_MEASURED:
        made = [
            abs(_cents(said(bench.family, prompt, place, length_s=NOTE_LENGTH_S, steps=steps), midi))
            for place, (prompt, (_, midi)) in enumerate(zip(prompts, asked, strict=True))
        ]
        table[f"student, {steps_of(steps)}"] = _note_row(made)
    return table


def _name(kind: str, rng: np.random.Generator) -> str:
    """One of the kind's names that implies nothing else: a walking bass is no single note."""
    plain = [phrase.text for phrase in phrases()[kind] if not phrase.implied and not asks_for_a_rhythm(phrase.text)]
    return plain[int(rng.integers(len(plain)))]


def _cents(waveform: torch.Tensor, midi: int) -> float:
    return cents_from(mono(waveform), hz_of_midi(midi), sample_rate_hz=JUDGE_RATE_HZ)


def _note_row(errors: list[float]) -> dict[str, float]:
    return {
        "median, cents": float(np.median(errors)),
        "worst, cents": float(np.max(errors)),
        "within 5 cents": float(np.mean(np.array(errors) <= NEAR_CENTS)),
        "within 20 cents": float(np.mean(np.array(errors) <= 20)),
        "prompts": len(errors),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Groove:
    """A rhythmic prompt, and where its hits have to be."""

    words: str
    every_beats: float  # between hits
    first_beat: float = 0.0
    all_there: bool = True  # whether there is a hit at each of these places, or only nowhere else


GROOVES: Final = (
    Groove(words="four on the floor kick loop", every_beats=1),
    Groove(words="closed hi-hat in eighths", every_beats=0.5),
    Groove(words="closed hat sixteenths", every_beats=0.25),
    Groove(words="clap on the backbeat", every_beats=2, first_beat=1),
    Groove(words="snare on two and four", every_beats=2, first_beat=1),
    Groove(words="rimshot loop on every beat", every_beats=1),
    Groove(words="short open hats on the offbeats", every_beats=1, first_beat=0.5),
    Groove(words="woodblock loop in eighths", every_beats=0.5),
    Groove(words="kick loop", every_beats=0.25, all_there=False),
    Groove(words="snare groove", every_beats=0.25, all_there=False),
    Groove(words="techno drum loop", every_beats=0.25, all_there=False),
    Groove(words="house beat", every_beats=0.25, all_there=False),
    Groove(words="short bassline in A minor", every_beats=0.25, all_there=False),
)
TEMPOS_BPM: Final = (124, 90, 150, 171, 110.5)
BARS: Final = 2


def grid(bench: Bench) -> Table:
    """Onsets in the waveforms of rhythmic prompts against the grid that was asked."""
    table = {}
    tempos = TEMPOS_BPM[: max(1, bench.prompts // 200)]
    for steps in STEPS_MEASURED:
        late_ms: list[float] = []
        missing = hits = 0
        for place, (groove, tempo_bpm) in enumerate(itertools.product(GROOVES, tempos)):
            prompt = f"{groove.words}, {tempo_bpm:g} bpm, {BARS} bars"
            length_s = 4 * BARS * 60 / tempo_bpm
            waveform = mono(said(bench.family, prompt, bench.seed + place, length_s=length_s, steps=steps))
            found = onsets_ms(waveform, groove, tempo_bpm=tempo_bpm)
            late_ms += [late for late in found if late is not None]
            hits += len(found)
            missing += sum(late is None for late in found) if groove.all_there else 0
        errors = np.abs(late_ms)
        table[f"student, {steps_of(steps)}"] = {
            "hits asked": float(hits),
            "within 1 ms": float(np.mean(errors <= GRID_WITHIN_MS)),
            "worst, ms": float(errors.max()),
            "missing": float(missing),
        }
    return table


def onsets_ms(waveform: torch.Tensor, groove: Groove, *, tempo_bpm: float) -> list[float | None]:
    """How late, in ms, a hit begins at each place of the groove's grid; None where there is none."""
    beats = round(len(waveform) / JUDGE_RATE_HZ * tempo_bpm / 60)
    found: list[float | None] = []
    for beat in np.arange(groove.first_beat, beats, groove.every_beats):
        late_s, rise_db = onset_near(
            waveform, beat * 60 / tempo_bpm, sample_rate_hz=JUDGE_RATE_HZ, reach_s=ONSET_REACH_S
        )
        found.append(1000 * late_s if rise_db >= ONSET_DB else None)
    return found


LENGTHS_ASKED: Final = ("150 ms", "250 ms", "400 ms", "700 ms", "1.2 s", "2 seconds", "2 beats", "1 bar")
LENGTH_TEMPO_BPM: Final = 120.0
LENGTH_S: Final = {"150 ms": 0.15, "250 ms": 0.25, "400 ms": 0.4, "700 ms": 0.7, "1.2 s": 1.2}
LENGTH_S_AT_TEMPO: Final = {**LENGTH_S, "2 seconds": 2.0, "2 beats": 1.0, "1 bar": 2.0}


def lengths(bench: Bench) -> Table:
    """Lengths asked in ms, s, beats and bars, of every kind, against how long it sounds within a clip of 4 s."""
    rng = np.random.default_rng(bench.seed + 4)
    count = max(len(KINDS), bench.prompts // 5)
    asked = [
        (kind, LENGTHS_ASKED[rng.integers(len(LENGTHS_ASKED))]) for kind, _ in zip(itertools.cycle(KINDS), range(count))
    ]
    prompts = [
        f"{length} {_name(kind, rng)}" if rng.random() < 0.5 else f"{_name(kind, rng)}, {length} long"
        for kind, length in asked
    ]
    table = {}
    for steps in STEPS_MEASURED:
        ratios = []
        for place, (prompt, (_, length)) in enumerate(zip(prompts, asked, strict=True)):
            waveform = said(
                bench.family, prompt, place, length_s=CLIP_LENGTH_S, steps=steps, tempo_bpm=LENGTH_TEMPO_BPM
            )
            heard_s = sounding_s(mono(waveform), sample_rate_hz=JUDGE_RATE_HZ)
            ratios.append(heard_s / LENGTH_S_AT_TEMPO[length])
        off = np.abs(np.log2(ratios))
        table[f"student, {steps_of(steps)}"] = {
            "within 20 %": float(np.mean(off <= np.log2(1 + LENGTH_WITHIN))),
            "median ratio": float(np.median(ratios)),
            "prompts": len(ratios),
        }
    return table


def layers(bench: Bench) -> Table:
    """Two sounds in one prompt: whether both are understood, and whether both are in the waveform."""
    rng = np.random.default_rng(bench.seed + 5)
    count = max(20, bench.prompts // 10)
    understood, both, shares_db = [], [], []
    for place in range(count):
        kinds = [KINDS[i] for i in rng.choice(len(KINDS), 2, replace=False)]
        names = [_name(kind, rng) for kind in kinds]
        prompt = f"{names[0]} {rng.choice(['and', 'with', 'plus', '+', 'layered with'])} {names[1]}"
        heard = [layer.specification.kind for layer in bench.family.understanding(prompt).layers]
        understood.append(sorted(heard) == sorted(kinds))
        length_s = 1.5
        seeds = [place, derived_seed(place, "layer 1")]
        mixed = said(bench.family, prompt, place, length_s=length_s, steps=1)
        apart = [
            said(bench.family, name, seed, length_s=length_s, steps=1) for name, seed in zip(names, seeds, strict=True)
        ]
        share_db = second_layer_db(mixed, apart[0], apart[1])
        shares_db.append(share_db)
        both.append(abs(share_db - SECOND_LAYER_DB) <= LAYER_WITHIN_DB)
    return {
        "student, 1 step": {
            "both understood": float(np.mean(understood)),
            "both in the waveform": float(np.mean(both)),
            "median level of the second, dB": float(np.median(shares_db)),
            "prompts": count,
        }
    }


def second_layer_db(mixed: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> float:
    """By how much the second sound stands over the first in a mix of the two, 0 as they are; -99 if either is missing.

    Powers of sounds that have nothing to do with each other add up, so the mix's mel spectrogram is fitted by theirs,
    each cell weighted by its own level: a soft hat counts where the kick is silent.
    """
    goal, one, two = (mel_power(mono(waveform)[None])[0].double().flatten() for waveform in (mixed, first, second))
    weight = 1 / (goal + 1e-6 * goal.max())
    columns = torch.stack([one * weight, two * weight], 1)
    gains = torch.linalg.lstsq(columns, (goal * weight)[:, None]).solution[:, 0]
    if float(gains.min()) <= 0:
        return -99.0
    return float(10 * torch.log10(gains[1] / gains[0]))
