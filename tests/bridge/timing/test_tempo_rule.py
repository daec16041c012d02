import numpy as np
import pytest

from bridge.timing.tempo_rule import TempoDeed, stretched, tempo_deed
from bridge.tracks.mixer import Samples
from osc_schemas.cue import TempoRule

RATE_HZ = 48_000
BEAT_FRAMES = 24_000  # at 120 BPM


@pytest.mark.parametrize(
    ("rule", "tempo_bpm", "engine_there", "deed"),
    [
        ("keep", 140, True, "leave"),
        ("regenerate", 120.1, True, "leave"),
        ("regenerate", 126, True, "ask"),
        ("regenerate", 126, False, "stretch"),
        ("regenerate", 300, False, "leave"),
        ("stretch", 126, True, "stretch"),
        ("stretch", 126, False, "stretch"),
        ("stretch", 300, True, "ask"),
        ("stretch", 50, False, "leave"),
    ],
)
def test_the_rule_of_a_cue_decides_what_becomes_of_its_clip(
    rule: TempoRule, tempo_bpm: float, engine_there: bool, deed: TempoDeed
) -> None:
    assert tempo_deed(rule, made_for_bpm=120, tempo_bpm=tempo_bpm, engine_there=engine_there) == deed


def strikes(kind: str, beats: int) -> Samples:
    """A hit on every beat at 120 BPM: noise that decays, or a plucked string."""
    samples = np.zeros((beats * BEAT_FRAMES + BEAT_FRAMES // 2, 1), np.float32)
    t = np.arange(6_000)
    rng = np.random.default_rng(0)
    for beat in range(beats):
        noise = rng.normal(0, 0.3, len(t)) * np.exp(-t / 400)
        string = 0.6 * np.sin(2 * np.pi * 330 * t / RATE_HZ) * np.exp(-t / 2_500)
        samples[beat * BEAT_FRAMES : beat * BEAT_FRAMES + len(t), 0] += noise if kind == "noise" else string
    return samples


def onset_ms(samples: Samples, near_frame: int) -> float:
    """When a hit near `near_frame` rises to a third of its level, less when it should."""
    first = max(0, near_frame - 1_500)
    level = np.convolve(np.abs(samples[:, 0]), np.ones(24) / 24, "same")
    loud = level[near_frame : near_frame + 2_000].max()
    return (int(np.argmax(level[first : near_frame + 2_000] > 0.35 * loud)) + first - near_frame) / RATE_HZ * 1_000


@pytest.mark.parametrize("kind", ["noise", "string"])
@pytest.mark.parametrize(("tempo_bpm", "beats"), [(100, 4), (144, 4), (126, 8)])
def test_a_stretched_clip_has_its_hits_on_the_new_beats_and_the_length_that_was_asked(
    kind: str, tempo_bpm: float, beats: int
) -> None:
    clip = strikes(kind, beats)
    frames = round(len(clip) * 120 / tempo_bpm)

    out = stretched(clip, frames=frames, sample_rate_hz=RATE_HZ)

    assert out.shape == (frames, 1)
    before = [onset_ms(clip, beat * BEAT_FRAMES) for beat in range(beats)]
    after = [onset_ms(out, round(beat * BEAT_FRAMES * 120 / tempo_bpm)) for beat in range(beats)]
    for beat, (was_ms, is_ms) in enumerate(zip(before, after, strict=True)):
        assert abs(is_ms - was_ms) < 1 + 1.6 * beat * 60 / tempo_bpm
    assert 0.5 < np.abs(out).max() / np.abs(clip).max() < 2


def test_a_clip_of_the_right_length_is_not_touched() -> None:
    clip = strikes("noise", 1)

    assert stretched(clip, frames=len(clip), sample_rate_hz=RATE_HZ) is clip
