"""What a sound is as samples, against what the real mixer and track play of it."""

import numpy as np
import pytest

from bridge.folding import as_heard
from bridge.timing.transport import Transport
from bridge.tracks.mixer import Mixer
from bridge.tracks.sound import Sound
from bridge.tracks.track import Track
from osc_schemas.clip import Samples
from osc_schemas.request import GenerateRequest

RATE_HZ = 48_000
BEAT_FRAMES = 24_000  # at 120 BPM
PASSES = 5


def a_sound(frames: int, tail_frames: int, *, sustained: bool = False, channels: int = 2, gain: float = 0.37) -> Sound:
    samples = np.random.default_rng(frames + tail_frames).uniform(-0.5, 0.5, (frames + tail_frames, channels))
    request = GenerateRequest(
        request_id="1", prompt="noise", frames=frames, tail_frames=tail_frames, sample_rate_hz=RATE_HZ
    )
    return Sound(take_id="noise-1", request=request, samples=samples.astype(np.float32), gain=gain, sustained=sustained)


def played(sound: Sound, *, loop: bool, length_beats: float = 1.0) -> Samples:
    """What the mixer plays of `PASSES` passes, or of one shot: (frames, 2)."""
    mixer = Mixer(["drums"], sample_rate_hz=RATE_HZ)
    transport = Transport(tempo_bpm=120, sample_rate_hz=RATE_HZ)
    transport.play(at_frame=0)
    track = Track("drums", mixer, transport)
    until_frame = round(PASSES * length_beats * BEAT_FRAMES)
    if loop:
        track.launch_loop(sound, beat=0.0, frame=0, length_beats=length_beats, swap_frames=0)
        track.plan(now_frame=0, until_frame=until_frame)
    else:
        track.launch_once(sound, frame=0)
    out = np.zeros((until_frame, 2), np.float32)
    mixer.mix(out)
    assert mixer.meters.limited_frames == 0
    return out


@pytest.mark.parametrize("sustained", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("length_beats", "tail_frames"), [(1.0, 12_000), (1.0, 1), (1.0, 0), (0.25, 15_000)])
def test_a_loop_is_what_each_steady_pass_of_the_mixer_is(
    sustained: bool, channels: int, length_beats: float, tail_frames: int
) -> None:
    frames = round(length_beats * BEAT_FRAMES)
    sound = a_sound(frames, tail_frames, sustained=sustained, channels=channels, gain=0.2)

    folded = as_heard(sound, loop=True)
    out = played(sound, loop=True, length_beats=length_beats)

    ringing_passes = -(-tail_frames // frames)
    assert folded.shape == (frames, channels)
    for number in range(max(1, ringing_passes + sustained), PASSES):
        assert np.array_equal(out[number * frames : (number + 1) * frames], np.broadcast_to(folded, (frames, 2)))


def test_played_round_and_round_it_nulls_against_the_mixer() -> None:
    sound = a_sound(BEAT_FRAMES, 12_000, sustained=True)

    round_and_round = np.tile(as_heard(sound, loop=True), (PASSES, 1))
    out = played(sound, loop=True)

    assert np.abs(round_and_round - out)[BEAT_FRAMES:].max() <= 1e-7
    assert np.abs(round_and_round - out)[:12_000].max() > 0.01  # the first pass has nothing to crossfade from


@pytest.mark.parametrize("sustained", [False, True])
def test_a_one_shot_rings_out_as_in_the_mixer(sustained: bool) -> None:
    sound = a_sound(BEAT_FRAMES, 12_000, sustained=sustained)

    heard = as_heard(sound, loop=False)
    out = played(sound, loop=False)

    assert heard.shape == (36_000, 2)
    assert np.array_equal(out[:36_000], heard)
    assert not np.any(out[36_000:])


def test_without_gain_it_is_as_loud_as_it_was_made() -> None:
    sound = a_sound(BEAT_FRAMES, 0, gain=0.37)

    assert np.array_equal(as_heard(sound, loop=True, gain=False), sound.samples)
    assert np.allclose(as_heard(sound, loop=True), 0.37 * sound.samples, atol=1e-7)
