"""How loops lie on a track, with the real mixer: 120 BPM at 48 kHz, so a beat is 24 000 frames."""

import numpy as np
import pytest

from bridge.timing.tempo import Stretch
from bridge.timing.transport import Transport
from bridge.tracks.mixer import Mixer
from bridge.tracks.sound import Sound, is_sustained
from bridge.tracks.track import Track
from osc_schemas.clip import Samples
from osc_schemas.request import GenerateRequest

BEAT_FRAMES = 24_000
TAIL_FRAMES = 4_800
REQUEST = GenerateRequest(
    request_id="r", prompt="tone", frames=BEAT_FRAMES, tail_frames=TAIL_FRAMES, sample_rate_hz=48_000
)


def steady(level: float, *, sustained: bool = True) -> Sound:
    samples = np.full((BEAT_FRAMES + TAIL_FRAMES, 1), level, np.float32)
    return Sound(take_id="t", request=REQUEST, samples=samples, gain=1.0, sustained=sustained)


class Desk:
    """One track, its mixer, and beats that begin at frame 0."""

    def __init__(self) -> None:
        self.mixer = Mixer(["only"], sample_rate_hz=48_000)
        self.transport = Transport(tempo_bpm=120, sample_rate_hz=48_000)
        self.transport.play(at_frame=0)
        self.track = Track("only", self.mixer, self.transport)

    def hear(self, beats: float) -> Samples:
        """The left side of the next beats, planned a block ahead as on stage."""
        out = np.zeros((round(beats * BEAT_FRAMES), 2), np.float32)
        for block in np.split(out, range(480, len(out), 480)):
            self.track.plan(now_frame=self.mixer.frame, until_frame=self.mixer.frame + BEAT_FRAMES)
            self.mixer.mix(block)
        return out[:, 0]


def test_a_sustained_loop_crossfades_into_itself_at_equal_power() -> None:
    desk = Desk()
    desk.track.launch_loop(steady(0.4), beat=0, frame=0, length_beats=1, swap_frames=240)

    heard = desk.hear(3)

    angle = np.arange(TAIL_FRAMES) / TAIL_FRAMES * np.pi / 2
    seam = heard[BEAT_FRAMES : BEAT_FRAMES + TAIL_FRAMES]
    assert seam == pytest.approx(0.4 * (np.cos(angle) + np.sin(angle)), abs=1e-3)
    assert heard[TAIL_FRAMES:BEAT_FRAMES] == pytest.approx(np.full(BEAT_FRAMES - TAIL_FRAMES, 0.4))


def test_a_struck_loop_keeps_its_attack_on_every_pass() -> None:
    desk = Desk()
    samples = np.zeros((BEAT_FRAMES + TAIL_FRAMES, 1), np.float32)
    samples[0] = 0.9
    struck = Sound(take_id="t", request=REQUEST, samples=samples, gain=0.5, sustained=False)
    desk.track.launch_loop(struck, beat=0, frame=0, length_beats=1, swap_frames=240)

    heard = desk.hear(4)

    assert heard[::BEAT_FRAMES] == pytest.approx([0.45] * 4)


@pytest.mark.parametrize("swap_at_beat", [2, 2.5])
def test_one_loop_takes_over_from_another_at_equal_power(swap_at_beat: float) -> None:
    desk = Desk()
    desk.track.launch_loop(steady(0.4), beat=0, frame=0, length_beats=1, swap_frames=240)
    desk.hear(1)
    at_frame = round(swap_at_beat * BEAT_FRAMES)

    desk.track.launch_loop(steady(-0.4), beat=swap_at_beat, frame=at_frame, length_beats=1, swap_frames=240)
    swap = desk.hear(3)[at_frame - BEAT_FRAMES :][:240]

    angle = np.arange(240) / 240 * np.pi / 2
    old_in_its_seam = np.cos(np.arange(240) / TAIL_FRAMES * np.pi / 2) if swap_at_beat == 2 else np.ones(240)
    assert swap == pytest.approx(0.4 * (old_in_its_seam * np.cos(angle) - np.sin(angle)), abs=2e-3)


def test_a_loop_that_lands_before_one_already_laid_out_ends_where_that_begins() -> None:
    desk = Desk()
    desk.track.launch_loop(steady(0.2), beat=4, frame=4 * BEAT_FRAMES, length_beats=1, swap_frames=0)
    desk.track.launch_loop(steady(0.4), beat=1, frame=BEAT_FRAMES, length_beats=1, swap_frames=0)

    heard = desk.hear(6)

    middles = heard[BEAT_FRAMES // 2 :: BEAT_FRAMES]
    assert middles == pytest.approx([0, 0.4, 0.4, 0.4, 0.2, 0.2])


def test_a_loop_on_the_same_frame_takes_the_place_of_the_other() -> None:
    desk = Desk()
    desk.track.launch_loop(steady(0.2), beat=1, frame=BEAT_FRAMES, length_beats=1, swap_frames=240)
    desk.track.launch_loop(steady(0.4), beat=1, frame=BEAT_FRAMES, length_beats=1, swap_frames=240)

    heard = desk.hear(2)

    assert heard[BEAT_FRAMES] == pytest.approx(0.4)
    assert heard[BEAT_FRAMES + TAIL_FRAMES + 100] == pytest.approx(0.4)


def test_a_stopped_track_falls_silent() -> None:
    desk = Desk()
    desk.track.launch_loop(steady(0.4), beat=0, frame=0, length_beats=1, swap_frames=240)
    desk.hear(1)

    desk.track.stop(fade_frames=480)
    heard = desk.hear(2)

    assert heard[479] < 0.01
    assert not np.any(heard[480:])


def test_what_is_sustained_is_heard_at_its_end() -> None:
    pad = np.full((48_000, 1), 0.1, np.float32)
    drum = pad * np.exp(-np.arange(48_000) / 4_800, dtype=np.float32)[:, None]

    assert is_sustained(pad, 48_000, sample_rate_hz=48_000)
    assert not is_sustained(drum, 48_000, sample_rate_hz=48_000)


def struck_sound(level: float = 0.8) -> Sound:
    """A click and silence."""
    samples = np.zeros((BEAT_FRAMES + TAIL_FRAMES, 1), np.float32)
    samples[0] = level
    return Sound(take_id="t", request=REQUEST, samples=samples, gain=1.0, sustained=False)


def shift(desk: Desk, frames: float) -> None:
    """Let the clock that leads say that all beats come so much later."""
    now_frame = desk.mixer.frame
    line = Stretch(beat=now_frame / BEAT_FRAMES, frame=now_frame + frames, tempo_bpm=120, sample_rate_hz=48_000)
    desk.transport.follow([line], said_bpm=120)
    desk.track.keep_time(now_frame=now_frame)


@pytest.mark.parametrize("by_frames", [-200, 200])
def test_planned_passes_move_with_the_clock_that_leads(by_frames: int) -> None:
    desk = Desk()
    desk.track.launch_loop(struck_sound(), beat=0, frame=0, length_beats=1, swap_frames=240)
    heard = [desk.hear(0.5)]

    shift(desk, by_frames)
    heard.append(desk.hear(2))

    onsets = np.flatnonzero(np.concatenate(heard) > 0.5).tolist()
    assert onsets == [0, BEAT_FRAMES + by_frames, 2 * BEAT_FRAMES + by_frames]


@pytest.mark.parametrize("by_frames", [-200, 200])
def test_a_loop_that_is_to_take_over_moves_and_the_old_one_adds_no_pass(by_frames: int) -> None:
    desk = Desk()
    desk.track.launch_loop(struck_sound(0.2), beat=0, frame=0, length_beats=1, swap_frames=240)
    heard = [desk.hear(0.5)]
    desk.track.launch_loop(struck_sound(0.4), beat=2, frame=2 * BEAT_FRAMES, length_beats=1, swap_frames=240)

    shift(desk, by_frames)
    heard.append(desk.hear(3))

    out = np.concatenate(heard)
    assert np.flatnonzero(out).tolist() == [0, *(k * BEAT_FRAMES + by_frames for k in (1, 2, 3))]
    assert out[[BEAT_FRAMES + by_frames, 2 * BEAT_FRAMES + by_frames]] == pytest.approx([0.2, 0.4], abs=0.01)


def test_a_tremble_of_three_frames_moves_nothing() -> None:
    desk = Desk()
    desk.track.launch_loop(struck_sound(), beat=0, frame=0, length_beats=1, swap_frames=240)
    heard = [desk.hear(0.5)]

    shift(desk, 3)
    heard.append(desk.hear(1))

    assert np.flatnonzero(np.concatenate(heard)).tolist() == [0, BEAT_FRAMES]


def test_a_loop_that_began_as_soon_as_it_could_is_not_moved_onto_its_beat() -> None:
    desk = Desk()
    heard = [desk.hear(0.1)]
    desk.track.launch_loop(struck_sound(), beat=0, frame=BEAT_FRAMES // 2, length_beats=1, swap_frames=240)

    shift(desk, 100)
    heard.append(desk.hear(1.5))

    assert np.flatnonzero(np.concatenate(heard)).tolist() == [BEAT_FRAMES // 2, BEAT_FRAMES + 100]
