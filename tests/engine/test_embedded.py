"""The default model as it ships: what a prompt asks for is what sounds."""

import subprocess
import sys
from collections.abc import Sequence
from importlib import resources

import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled, WeightsError
from engine.families.base import Stage
from engine.families.embedded import WEIGHTS_FILE, Embedded
from engine.text.encoder import KINDS
from engine.text.notes import asked_midi, hz_of_midi
from engine.training.captions import HELD_OUT_NOUNS
from engine.training.measures import attack_s, centroid_hz, cents_from, energy_time_s
from engine.training.wishes import ABRUPT

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def family() -> Embedded:
    """The weights in the package."""
    return Embedded.load()


def clips(
    family: Embedded, prompts: Sequence[str], *, seed: int = 1, steps: int = 1, length_s: float = 1.0
) -> list[Tensor]:
    """Each prompt's clip, made alone."""
    return [
        family.waveform(
            [prompt],
            [seed],
            steps=steps,
            guidance_scale=family.guidance_default,
            frames=round(length_s * RATE_HZ),
            sample_rate_hz=RATE_HZ,
        )[0, 0]
        for prompt in prompts
    ]


def test_the_weights_are_small_and_named_by_their_hash(family: Embedded) -> None:
    weights = resources.files("engine") / "weights" / WEIGHTS_FILE

    assert len(weights.read_bytes()) < 20e6
    assert len(family.weights_hash) == 64
    card = (resources.files("engine") / "weights" / "CARD.md").read_text(encoding="utf-8")
    assert family.weights_hash in card


@pytest.mark.parametrize("sample_rate_hz", [8_000, 22_050, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("length_s", [0.05, 0.4839, 4.0])
def test_any_length_and_sample_rate_is_met_to_the_frame(family: Embedded, sample_rate_hz: int, length_s: float) -> None:
    frames = round(length_s * sample_rate_hz)
    waveform = family.waveform(
        ["snare", "warm pad"], [1, 2], steps=1, guidance_scale=1.5, frames=frames, sample_rate_hz=sample_rate_hz
    )

    assert waveform.shape == (2, 1, frames)
    assert waveform.dtype == torch.float32
    assert waveform.isfinite().all()
    assert 0.5 < waveform.abs().max() < 0.901


@pytest.mark.parametrize("steps", Embedded.steps_offered)
@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_the_same_bits_whenever_it_is_made_again(family: Embedded, kind: str, steps: int) -> None:
    (first,) = clips(family, [kind], steps=steps, length_s=0.5)
    torch.manual_seed(123)  # the global state plays no part

    assert torch.equal(clips(family, [kind], steps=steps, length_s=0.5)[0], first)
    assert not torch.equal(clips(family, [kind], steps=steps, length_s=0.5, seed=2)[0], first)


def test_a_clip_in_a_batch_is_the_clip_alone(family: Embedded) -> None:
    prompts = ["deep kick", "lush pad in A3", "rain", "bright riser", "distorted bass in F#2"]
    together = family.waveform(
        prompts, [5] * len(prompts), steps=2, guidance_scale=1.5, frames=RATE_HZ, sample_rate_hz=RATE_HZ
    )[:, 0]

    for alone, row in zip(clips(family, prompts, seed=5, steps=2), together, strict=True):
        assert 10 * torch.log10(alone.pow(2).sum() / (row - alone).pow(2).sum().clamp(min=1e-20)) > 60


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(
    "prompt",
    ["bass in F#1", "sub bass in A1", "pluck in Bb3", "warm pad in D3", "rhodes in E4", "bell in C5", "drone in D2",
     "distorted bass at 55 Hz"],
)  # fmt: skip
def test_an_asked_note_sounds(family: Embedded, prompt: str, steps: int) -> None:
    midi = asked_midi(prompt)
    assert midi is not None
    (waveform,) = clips(family, [prompt], steps=steps, length_s=1.5)

    assert abs(cents_from(waveform, hz_of_midi(midi), sample_rate_hz=RATE_HZ)) < 5


@pytest.mark.parametrize("steps", [1, 2])
def test_abrupt_sounds_begin_within_5_ms(family: Embedded, steps: int) -> None:
    late = {
        kind: attack_s(waveform, sample_rate_hz=RATE_HZ)
        for kind, waveform in zip(sorted(ABRUPT), clips(family, sorted(ABRUPT), steps=steps), strict=True)
    }

    assert {kind: attack for kind, attack in late.items() if attack > 0.005} == {}


def test_drums_end_in_silence_and_sustained_sounds_fill_the_clip(family: Embedded) -> None:
    for prompt in ("kick", "snare", "closed hat", "clap"):
        (waveform,) = clips(family, [f"short {prompt}"], length_s=3)
        assert waveform[2 * RATE_HZ :].abs().max() < 1e-3, prompt
    for prompt in ("pad", "noise", "rain", "wind", "drone"):
        (waveform,) = clips(family, [prompt], length_s=3)
        assert waveform[2 * RATE_HZ :].pow(2).mean() > 0.05 * waveform.pow(2).mean(), prompt


def test_what_is_low_lies_below_what_is_high(family: Embedded) -> None:
    ordered = ["deep kick", "snare", "closed hat"]
    centroids_hz = [centroid_hz(waveform, sample_rate_hz=RATE_HZ) for waveform in clips(family, ordered)]

    assert centroids_hz == sorted(centroids_hz)


@pytest.mark.parametrize("kind", ["noise", "bass", "pad", "snare", "impact"])
def test_bright_is_brighter_than_dark(family: Embedded, kind: str) -> None:
    dark, bright = clips(family, [f"dark {kind}", f"bright {kind}"])

    assert centroid_hz(bright, sample_rate_hz=RATE_HZ) > 1.2 * centroid_hz(dark, sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize("kind", ["open hat", "tom", "pluck", "keys", "bell"])
def test_long_lasts_longer_than_short(family: Embedded, kind: str) -> None:
    short, long = clips(family, [f"short {kind}", f"long {kind}"], length_s=2)

    assert energy_time_s(long, sample_rate_hz=RATE_HZ) > 1.5 * energy_time_s(short, sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize("length_s", [0.97, 3.87, 7.74])
def test_a_riser_rises_and_a_downlifter_falls_over_the_whole_clip(family: Embedded, length_s: float) -> None:
    for prompt, direction in (("riser", 1), ("downlifter", -1)):
        (waveform,) = clips(family, [prompt], length_s=length_s)
        first, last = (
            centroid_hz(part, sample_rate_hz=RATE_HZ)
            for part in (waveform[: len(waveform) // 4], waveform[-len(waveform) // 4 :])
        )
        assert (last / first) ** direction > 2, prompt


def test_prompts_are_understood(family: Embedded) -> None:
    assert family.understood("a dark and short kick drum").startswith("kick, dark, short")
    assert family.understood("acid bass in Bb1") == "bass, A#1"
    assert family.understood("closed hihatt").startswith("closed hat")


def test_wordings_never_trained_on_are_mostly_understood(family: Embedded) -> None:
    wordings = [(kind, noun) for kind, nouns in HELD_OUT_NOUNS.items() for noun in nouns]
    right = [family.understood(noun).split(", ")[0] == kind for kind, noun in wordings]

    assert sum(right) > 0.85 * len(wordings)


def test_a_checkpoint_comes_before_every_piece_of_work_and_can_end_it(family: Embedded) -> None:
    calls: list[Stage] = []
    family.waveform(
        ["pad"],
        [1],
        steps=4,
        guidance_scale=1.5,
        frames=4 * RATE_HZ,
        sample_rate_hz=RATE_HZ,
        checkpoint=calls.append,
    )
    assert calls[:5] == ["text", *["denoise"] * 4]
    assert calls[5:].count("decode") == len(calls) - 5 >= 4

    def cancel(stage: Stage) -> None:
        if stage == "decode":
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        family.waveform(
            ["pad"], [1], steps=1, guidance_scale=1.5, frames=RATE_HZ, sample_rate_hz=RATE_HZ, checkpoint=cancel
        )


@pytest.mark.parametrize("weights", [b"", b"not a weight file", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_damaged_weights_are_refused_in_a_sentence(weights: bytes) -> None:
    with pytest.raises(WeightsError, match="make-default"):
        Embedded.of_bytes(weights)


def test_playing_needs_neither_training_nor_matplotlib() -> None:
    listing = (
        "import sys, engine.families.embedded; print([m for m in sys.modules if 'training' in m or 'matplotlib' in m])"
    )
    printed = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"
