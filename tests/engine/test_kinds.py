"""The sounds that the model learns."""

import numpy as np
import pytest
import torch

from engine.text.encoder import ATTRIBUTES, KINDS
from engine.text.notes import hz_of_midi
from engine.training.captions import HELD_OUT_NOUNS, NOUNS, caption, mistyped
from engine.training.kinds import CURVES, draw
from engine.training.measures import attack_s, centroid_hz, energy_time_s
from engine.training.wishes import ABRUPT, APPLIES, TUNED, Wish, random_wish
from engine.vocoders.curve_decoder import decode
from engine.vocoders.curves import CHANNELS, FLOOR_DB

RATE_HZ = 44_100


def sound_of(wish: Wish, *, length_s: float = 1.0, seed: int = 0) -> torch.Tensor:
    """A true sound as a waveform."""
    sound = draw(wish, length_s=length_s, rng=np.random.default_rng(seed))
    frames = round(length_s * RATE_HZ)
    return decode(sound.curves, sound.constants, seed=seed, frames=frames, sample_rate_hz=RATE_HZ)


def test_every_kind_has_curves_and_names() -> None:
    assert list(CURVES) == list(KINDS) == list(NOUNS) == list(HELD_OUT_NOUNS)
    assert list(APPLIES) == list(ATTRIBUTES)


def test_no_noun_names_two_kinds_and_no_held_out_wording_is_trained_on() -> None:
    nouns = [noun for names in NOUNS.values() for noun in names]
    held_out = [noun for names in HELD_OUT_NOUNS.values() for noun in names]

    assert len(nouns) == len(set(nouns))
    assert not set(nouns) & set(held_out)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length_s", [0.2, 1.33, 12.0])
def test_every_kind_sounds_at_any_length(kind: str, length_s: float) -> None:
    rng = np.random.default_rng(1)
    sound = draw(random_wish(rng, kind=kind), length_s=length_s, rng=rng)

    assert sound.curves.shape[1] == CHANNELS
    assert sound.curves.isfinite().all()
    assert sound.curves.min() >= FLOOR_DB
    waveform = sound_of(random_wish(rng, kind=kind), length_s=length_s)
    assert 0.8 < waveform.abs().max() < 0.901


@pytest.mark.parametrize("kind", sorted(ABRUPT))
def test_an_abrupt_kind_begins_within_5_ms(kind: str) -> None:
    assert all(attack_s(sound_of(Wish(kind=kind), seed=seed), sample_rate_hz=RATE_HZ) < 0.005 for seed in range(4))


@pytest.mark.parametrize("kind", ["kick", "snare", "closed hat", "clap"])
def test_a_drum_ends_in_silence_long_before_a_long_clip_does(kind: str) -> None:
    assert not sound_of(Wish(kind=kind, length=-1), length_s=4)[3 * RATE_HZ :].any()


@pytest.mark.parametrize("kind", ["pad", "noise", "rain", "wind", "drone"])
def test_a_sustained_kind_fills_its_clip(kind: str) -> None:
    waveform = sound_of(Wish(kind=kind), length_s=3)

    assert waveform[-RATE_HZ // 2 :].pow(2).mean() > 0.1 * waveform.pow(2).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_bright_is_brighter_than_dark(kind: str) -> None:
    dark, bright = (
        np.mean([centroid_hz(sound_of(Wish(kind=kind, brightness=level), seed=seed), sample_rate_hz=RATE_HZ)
                 for seed in range(3)])
        for level in (-1, 1)
    )  # fmt: skip
    assert bright > dark


@pytest.mark.parametrize("kind", sorted(APPLIES["length"]))
def test_long_lasts_longer_than_short(kind: str) -> None:
    short, long = (energy_time_s(sound_of(Wish(kind=kind, length=level)), sample_rate_hz=RATE_HZ) for level in (-1, 1))
    assert long > short


@pytest.mark.parametrize("kind", TUNED)
def test_a_tuned_kind_keeps_its_note(kind: str) -> None:
    sound = draw(Wish(kind=kind, midi=50), length_s=0.5, rng=np.random.default_rng(0))

    assert sound.constants.pitch_hz == pytest.approx(hz_of_midi(50))


def test_captions_say_what_is_wished() -> None:
    rng = np.random.default_rng(0)
    captions = [caption(Wish(kind="bass", drive=1, midi=42, note_said=True), rng) for _ in range(60)]

    assert len(set(captions)) > 40
    assert all("F#2" in text or "92.50 Hz" in text for text in captions)
    assert any(text.startswith("distorted") or " distorted " in text for text in captions)


def test_typing_errors_leave_something_to_read() -> None:
    rng = np.random.default_rng(0)

    assert all(mistyped("short kick", rng) for _ in range(200))
