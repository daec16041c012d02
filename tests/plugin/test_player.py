"""The plug-in's player against a host that a test plays: every beat on its frame, however the host cuts and moves."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.timing.transport import Transport
from bridge.tracks.mixer import Mixer
from bridge.tracks.sound import Sound
from bridge.tracks.track import Track
from osc_schemas.request import GenerateRequest
from tests.plugin.conftest import NewHost, lacking
from tests.plugin.player import (
    DROP,
    FINISHED,
    NOTE,
    PAD,
    RATE_HZ,
    STOP,
    SWAP,
    TIME,
    UNPLACE,
    UNUSED,
    Host,
    Samples,
)

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

BEAT = RATE_HZ // 2  # frames, at 120 BPM
TICK = np.ones((1, 1), np.float32)


def onsets(heard: Samples) -> list[int]:
    """The frames at which a single tick sounds."""
    return [int(frame) for frame in np.flatnonzero(heard[:, 0])]


def noise(frames: int, seed: int = 0, channels: int = 2) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


def test_a_take_placed_on_a_beat_sounds_there_with_its_own_bits(host: NewHost) -> None:
    daw = host()
    take = noise(10_000)
    daw.place(0, daw.clip(take), 1.0)

    heard = daw.play(2 * BEAT)

    assert np.array_equal(heard[BEAT : BEAT + 10_000], take)
    assert not heard[:BEAT].any()
    assert not heard[BEAT + 10_000 :].any()
    assert daw.launched() == [(1.0, 0)]


@pytest.mark.parametrize("tempo_bpm", [97.0, 61.7, 133.337, 240.0])
@pytest.mark.parametrize("blocks", [[1], [8192], [333], [64, 1, 4097, 2], [17, 512, 8191]])
def test_every_beat_is_exact_in_blocks_of_any_size(host: NewHost, tempo_bpm: float, blocks: list[int]) -> None:
    daw = host(tempo_bpm=tempo_bpm)
    daw.place(0, daw.clip(TICK, length_beats=1), 0.0, loop=True)
    frames = 60_000 if blocks == [1] else 16 * 60 * RATE_HZ // int(tempo_bpm)

    heard = daw.play(frames, blocks)

    wanted = [round(k * 60 / tempo_bpm * RATE_HZ) for k in range(100)]
    assert onsets(heard) == [frame for frame in wanted if frame < frames]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    blocks=st.lists(st.integers(1, 8192), min_size=1, max_size=12),
    beats=st.lists(st.floats(0, 12, allow_nan=False), min_size=1, max_size=20, unique=True),
    tempo_bpm=st.floats(40, 300),
    rate_hz=st.sampled_from([44_100, 48_000, 96_000]),
)
def test_single_shots_lie_where_the_hosts_line_has_them(
    compiled: Any, blocks: list[int], beats: list[float], tempo_bpm: float, rate_hz: int
) -> None:
    daw = Host(compiled, tempo_bpm=tempo_bpm, rate_hz=rate_hz)
    clip = daw.clip(TICK)
    for slot, beat in enumerate(beats):
        daw.place(slot, clip, beat)
    frames = 3 * rate_hz

    heard = daw.play(frames, blocks)

    wanted = {round(beat * 60 / tempo_bpm * rate_hz) for beat in beats}
    assert onsets(heard) == sorted(frame for frame in wanted if frame < frames)
    assert {error for _, error in daw.launched()} <= {0}
    daw.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=st.lists(st.integers(1, 3000), min_size=1, max_size=8), sustained=st.booleans(), seed=st.integers(0, 99))
def test_the_cut_into_blocks_changes_no_bit(compiled: Any, blocks: list[int], sustained: bool, seed: int) -> None:
    def played(cut: list[int]) -> Samples:
        daw = Host(compiled, tempo_bpm=133.0)
        for slot, beat in enumerate((0.0, 0.3, 0.7)):
            take = noise(14_000, seed + slot)
            clip = daw.clip(take, frames=9_000, length_beats=0.4 + slot / 10, sustained=sustained, gain=0.7)
            daw.place(slot, clip, beat, loop=slot == 0)
        heard = daw.play(60_000, cut)
        daw.close()
        return heard

    assert np.array_equal(played(blocks), played([256]))


@pytest.mark.parametrize("from_beat", [0.0, 7.3, 100.0])
def test_beats_in_whole_ticks_and_bars_too_early_move_nothing(host: NewHost, from_beat: float) -> None:
    tempo_bpm, from_frame = 97.0, round(from_beat * 60 / 97 * RATE_HZ)
    daw = host(tempo_bpm=tempo_bpm, ticks=True, frame=from_frame, beat=from_frame / RATE_HZ / 60 * tempo_bpm)
    daw.place(0, daw.clip(TICK, length_beats=1), 0.0, loop=True)

    heard = daw.play(20 * RATE_HZ, [1_024, 333])

    wanted = [round(k * 60 / tempo_bpm * RATE_HZ) - from_frame for k in range(300)]
    assert onsets(heard) == [frame for frame in wanted if 0 <= frame < len(heard)]
    assert max(told.epoch for told in daw.told) == 1


def test_tempo_changes_at_the_borders_of_blocks_move_what_comes_after(host: NewHost) -> None:
    daw = host(tempo_bpm=97.0)
    daw.place(0, daw.clip(TICK, length_beats=1), 0.0, loop=True)
    heard, wanted, frame, block = [], [], 0, 512
    for tempo_bpm in (97.0, 140.5, 61.0, 97.0):
        daw.tempo_bpm = tempo_bpm
        start_beat, start_frame = daw.beat, frame
        heard.append(daw.play(97 * block, [block]))
        frame += 97 * block
        beats = [b for b in range(100) if start_beat <= b + 1e-9 and b < daw.beat - 1e-9]
        wanted += [start_frame + round((b - start_beat) * 60 / tempo_bpm * RATE_HZ) for b in beats]

    assert onsets(np.concatenate(heard)) == wanted


TEMPOS = ((0, 97.0), (4, 123.4), (9, 61.7), (11, 140.0), (16, 133.337), (24, 97.3))


def frames_in_tempos(beats: int) -> list[int]:
    """Where the song of these tempos has its beats."""
    frames, frame = [], 0.0
    for beat in range(beats):
        frames.append(round(frame))
        frame += 60 / max((start, bpm) for start, bpm in TEMPOS if start <= beat)[1] * RATE_HZ
    return frames


@pytest.mark.parametrize("blocks", [[64], [333], [1_024], [4_096], [8_192], [8_192, 64, 1_024, 333]])
def test_beats_in_whole_ticks_stay_exact_over_changes_of_tempo_on_beats(host: NewHost, blocks: list[int]) -> None:
    daw = host(tempos=TEMPOS, ticks=True)
    daw.place(0, daw.clip(TICK, length_beats=1), 0.0, loop=True)
    wanted = frames_in_tempos(40)

    assert onsets(daw.play(wanted[-1] + 100, blocks)) == wanted
    assert max(told.epoch for told in daw.told) == 1


def test_beats_in_whole_ticks_are_exact_where_a_host_comes_back_to_a_tempo_it_has_bent_to(host: NewHost) -> None:
    daw = host(tempos=TEMPOS[:2], ticks=True)
    daw.place(0, daw.clip(TICK, length_beats=1), 0.0, loop=True)
    daw.play(12 * BEAT, [1_024])
    for from_frame in (200_001, 7, 150_003):
        daw.frame = from_frame
        heard = daw.play(BEAT, [512])
        change = 4 * 60 / 97.0 * RATE_HZ
        beats = [beat * 60 / 97.0 * RATE_HZ for beat in range(4)]
        beats += [change + beat * 60 / 123.4 * RATE_HZ for beat in range(20)]
        assert onsets(heard) == [round(f) - from_frame for f in beats if 0 <= round(f) - from_frame < BEAT]


def test_a_tempo_that_glides_loses_and_doubles_no_beat(host: NewHost) -> None:
    daw = host(tempo_bpm=60.0)
    daw.place(0, daw.clip(TICK, length_beats=0.25), 0.0, loop=True)
    found = []
    for k in range(2_000):
        daw.tempo_bpm = 60.0 + k / 20
        found += [k * 256 + at for at in onsets(daw.play(256, [256]))]

    assert len(found) == int(np.ceil(daw.beat / 0.25 - 1e-6))
    assert np.diff(found).min() > 4_000


def test_a_host_that_loops_hears_what_is_kept_again(host: NewHost) -> None:
    daw = host()
    take = noise(1_000)
    daw.place(0, daw.clip(take), 1.0)
    first = daw.play(4 * BEAT, [500])
    daw.beat = 0.0
    again = daw.play(4 * BEAT, [777])

    assert np.array_equal(first, again)
    assert np.array_equal(again[BEAT : BEAT + 1_000], take)
    assert daw.launched() == [(1.0, 0), (1.0, 0)]


def test_a_loop_as_long_as_the_hosts_own_loop_goes_on_without_a_seam(host: NewHost) -> None:
    daw = host()
    take = noise(5 * BEAT)
    daw.place(0, daw.clip(take, frames=4 * BEAT, length_beats=4), 0.0, loop=True)
    daw.play(4 * BEAT)
    daw.beat = 0.0
    heard = daw.play(BEAT)

    fade = heard - take[:BEAT]
    tail = take[4 * BEAT :]
    assert np.allclose(fade[:100], tail[:100], atol=1e-4)  # the tail rings over the head, as in any later pass


def test_a_jump_into_a_loop_begins_it_in_the_middle_at_the_right_place(host: NewHost) -> None:
    daw = host(beat=2.5)
    take = noise(4 * BEAT)
    daw.place(0, daw.clip(take, length_beats=4), 0.0, loop=True)
    daw.place(1, daw.clip(np.ones((5 * BEAT, 1), np.float32)), 1.0)  # a single shot that would still ring

    heard = daw.play(2 * BEAT)

    at = 5 * BEAT // 2
    fade = RATE_HZ * 5 // 1000
    assert np.array_equal(heard[fade : 4 * BEAT - at], take[at + fade :])
    assert np.abs(heard[:fade]).max() <= np.abs(take[at : at + fade]).max()


def test_what_is_under_way_when_the_host_jumps_fades_within_five_milliseconds(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(np.ones((4 * BEAT, 1), np.float32)), 0.0)
    daw.play(BEAT)
    daw.beat = 100.0
    heard = daw.play(BEAT)[:, 0]

    fade = RATE_HZ * 5 // 1000
    assert heard[0] == 1.0
    assert np.abs(np.diff(heard)).max() < 0.02
    assert not heard[fade:].any()


def test_a_host_that_stops_is_silent_after_thirty_milliseconds_and_starts_exactly(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(np.ones((4 * BEAT, 1), np.float32), length_beats=4), 0.0, loop=True)
    daw.play(BEAT)
    daw.playing = False
    stopped = daw.play(BEAT)[:, 0]
    daw.playing, daw.beat = True, 4.0
    started = daw.play(BEAT)[:, 0]

    fade = RATE_HZ * 30 // 1000
    assert stopped[0] == 1.0
    assert not stopped[fade:].any()
    assert np.abs(np.diff(stopped)).max() < 0.01
    assert started.min() == 1.0


def test_a_late_single_shot_goes_on_in_time_and_says_how_late_it_was(host: NewHost) -> None:
    daw = host()
    daw.play(BEAT)
    take = noise(2 * BEAT)
    daw.place(0, daw.clip(take), 0.5, kept=False)
    heard = daw.play(BEAT)

    assert np.array_equal(heard[240:], take[BEAT // 2 + 240 : BEAT // 2 + BEAT])
    assert daw.launched() == [(0.5, BEAT // 2)]


def test_a_loop_takes_over_from_the_one_before(host: NewHost) -> None:
    daw = host()
    low, high = np.full((4 * BEAT, 1), 0.25, np.float32), np.full((4 * BEAT, 1), 0.5, np.float32)
    daw.place(0, daw.clip(low, length_beats=4), 0.0, loop=True)
    daw.place(1, daw.clip(high, length_beats=4), 2.0, loop=True)
    heard = daw.play(6 * BEAT)[:, 0]

    assert np.all(heard[: 2 * BEAT] == 0.25)
    assert heard[2 * BEAT] == 0.75
    assert np.all(heard[2 * BEAT + RATE_HZ // 50 :] == 0.5)


def test_a_loop_ends_at_its_until_beat(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(np.ones((BEAT, 1), np.float32), length_beats=1), 0.0, loop=True, until_beat=3.5)
    heard = daw.play(6 * BEAT)[:, 0]

    assert np.all(heard[: 7 * BEAT // 2] == 1.0)
    assert not heard[7 * BEAT // 2 + RATE_HZ // 50 :].any()


def test_an_end_that_comes_sooner_moves_without_a_new_start(host: NewHost) -> None:
    daw = host()
    clip = daw.clip(np.ones((BEAT, 1), np.float32), length_beats=1)
    daw.place(0, clip, 0.0, loop=True, kept=False)
    daw.play(BEAT // 2)
    daw.place(0, clip, 0.0, loop=True, kept=False, until_beat=1.0)
    heard = daw.play(2 * BEAT)[:, 0]

    assert np.all(heard[: BEAT // 2] == 1.0)
    assert not heard[BEAT // 2 + RATE_HZ // 50 :].any()
    assert daw.launched() == [(0.0, 0)]
    assert [told.slot for told in daw.told if told.kind == FINISHED] == [0]


@pytest.mark.parametrize("sustained", [False, True])
def test_a_loop_sounds_with_the_bits_of_our_own_mixer(host: NewHost, sustained: bool) -> None:
    frames, tail = 4 * BEAT, BEAT
    take = noise(frames + tail, 7)
    transport = Transport(sample_rate_hz=RATE_HZ, tempo_bpm=120.0)
    mixer = Mixer(["a"], sample_rate_hz=RATE_HZ)
    track = Track("a", mixer, transport)
    request = GenerateRequest(request_id="r", prompt="p", frames=frames, sample_rate_hz=RATE_HZ, tail_frames=tail)
    sound = Sound(take_id="t", request=request, samples=take, gain=0.37, sustained=sustained)
    track.launch_loop(sound, beat=0.0, frame=0, length_beats=4.0, swap_frames=0)
    track.plan(now_frame=0, until_frame=14 * BEAT)
    ours = np.zeros((14 * BEAT, 2), np.float32)
    mixer.mix(ours)

    daw = host()
    daw.place(0, daw.clip(take, frames=frames, gain=0.37, sustained=sustained, length_beats=4), 0.0, loop=True)

    assert np.array_equal(daw.play(14 * BEAT, [441, 1024]), ours)


def test_a_new_take_takes_over_at_the_same_place(host: NewHost) -> None:
    daw = host()
    old, new = daw.clip(np.full((4 * BEAT, 1), 0.5, np.float32)), daw.clip(np.full((4 * BEAT, 1), 0.25, np.float32))
    daw.place(0, old, 0.0)
    daw.play(BEAT)
    daw.ask(SWAP, clip=old, other=new)
    heard = daw.play(3 * BEAT + 100)[:, 0]

    fade = RATE_HZ // 50
    assert np.all(np.diff(heard[:fade]) <= 1e-6)
    assert np.all(heard[fade : 3 * BEAT] == 0.25)
    assert daw.users(old) == 0


def test_a_dropped_clip_comes_back_when_nothing_uses_it(host: NewHost) -> None:
    daw = host()
    clip = daw.clip(noise(1_000))
    daw.place(0, clip, 0.0, kept=False)
    daw.play(512)
    daw.ask(DROP, clip=clip)
    daw.play(256)
    assert not [told for told in daw.told if told.kind == UNUSED]
    daw.play(1_024)

    assert [told.clip for told in daw.told if told.kind == UNUSED] == [clip.value]


def test_a_note_plays_its_pad_at_once_where_the_host_stands_still(host: NewHost) -> None:
    daw = host(playing=False)
    take = noise(100)
    daw.ask(PAD, slot=60, clip=daw.clip(take), value=4.0)
    heard = daw.play(24_500, [512], notes=[(480, 60), (24_014, 60), (700, 61)])

    for at in (480, 24_014):
        assert np.array_equal(heard[at : at + 100], take)
    assert [told.played for told in daw.told if told.kind == NOTE] == [True, False, True]


@pytest.mark.parametrize(("quantum_beats", "wanted"), [(-1.0, 8 * BEAT), (0.0, 5_000), (1.0, 5 * BEAT)])
def test_a_note_waits_for_its_line_while_the_host_plays(host: NewHost, quantum_beats: float, wanted: int) -> None:
    daw = host()
    daw.set(quantum_beats=quantum_beats)
    daw.ask(PAD, slot=60, clip=daw.clip(TICK), value=8.0)
    at = 5_000 if quantum_beats == 0 else 4 * BEAT + 100
    heard = daw.play(9 * BEAT, [333], notes=[(at, 60)])

    assert onsets(heard) == [wanted]


def test_a_looping_pad_ends_the_sheets_loop_at_its_line_until_the_sheets_next(host: NewHost) -> None:
    daw = host()
    steady = partial(np.full, (4 * BEAT, 1), dtype=np.float32)
    daw.place(0, daw.clip(steady(0.25), length_beats=4), 0.0, loop=True, until_beat=8.0)
    daw.place(1, daw.clip(steady(0.125), length_beats=4), 8.0, loop=True)
    daw.ask(PAD, slot=60, clip=daw.clip(steady(0.5), length_beats=4), value=4.0, loop=True)
    heard = daw.play(12 * BEAT, [512], notes=[(BEAT, 60)])[:, 0]

    fade = RATE_HZ // 50
    assert np.all(heard[: 4 * BEAT] == 0.25)
    assert np.all(heard[4 * BEAT + fade : 8 * BEAT] == 0.5)
    assert np.all(heard[8 * BEAT + fade :] == 0.125)


def test_a_loop_fired_by_hand_goes_on_over_the_hosts_loop_point(host: NewHost) -> None:
    daw = host()
    take = noise(4 * BEAT)
    daw.place(0, daw.clip(take, length_beats=4), 8.0, loop=True, kept=False)
    daw.beat = 8.0
    daw.play(4 * BEAT)
    daw.beat = 0.0  # a whole number of passes back
    heard = daw.play(8 * BEAT)

    assert np.array_equal(heard, np.concatenate([take, take]))
    assert len(daw.launched()) == 1


def test_modes_leave_out_the_timeline_or_all_but_notes(host: NewHost) -> None:
    heard = []
    for mode in (0, 1, 2):
        daw = host()
        daw.set(mode=mode)
        daw.place(0, daw.clip(TICK), 0.25)
        daw.place(1, daw.clip(TICK), 0.5, kept=False)
        daw.ask(PAD, slot=60, clip=daw.clip(TICK))
        heard.append(onsets(daw.play(BEAT, notes=[(50, 60)])))

    assert heard == [[50, BEAT // 4, BEAT // 2], [50, BEAT // 2], [50]]


def test_stop_fades_all_and_forgets_what_is_not_kept(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(np.ones((8 * BEAT, 1), np.float32)), 0.0)
    daw.place(1, daw.clip(TICK), 3.0, kept=False)
    daw.place(2, daw.clip(TICK), 4.0)
    daw.play(BEAT)
    daw.ask(STOP, value=0.1)
    heard = daw.play(4 * BEAT)[:, 0]

    assert not heard[RATE_HZ // 10 : 3 * BEAT].any()
    assert heard[3 * BEAT] == 1.0  # beat 4; beat 3 is forgotten


def test_a_placement_taken_back_fades(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(np.ones((BEAT, 1), np.float32), length_beats=1), 0.0, loop=True)
    daw.play(BEAT // 2)
    daw.ask(UNPLACE, slot=0)
    heard = daw.play(2 * BEAT)[:, 0]

    assert not heard[RATE_HZ // 50 :].any()


def test_the_gain_moves_without_a_step(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(np.ones((4 * BEAT, 1), np.float32)), 0.0)
    daw.play(1_000)
    daw.gain = 0.5
    heard = daw.play(4_000, [100])[:, 0]

    assert np.abs(np.diff(heard)).max() < 0.001
    assert np.all(heard[RATE_HZ // 50 :] == 0.5)


def test_more_voices_than_there_are_go_missing_and_are_not_told_as_launched(host: NewHost) -> None:
    daw = host()
    clip = daw.clip(np.full((4 * BEAT, 1), 0.001, np.float32))
    for slot in range(300):
        daw.place(slot, clip, 0.0)
    daw.play(1_024)

    assert daw.voices == 256
    assert len(daw.launched()) == 256


def test_time_is_told_every_twenty_milliseconds_and_a_jump_raises_the_epoch(host: NewHost) -> None:
    daw = host()
    daw.play(RATE_HZ, [480])
    steady = [told for told in daw.told if told.kind == TIME]
    daw.beat = 50.0
    daw.play(480, [480])
    last = [told for told in daw.told if told.kind == TIME][-1]

    assert 48 <= len(steady) <= 52
    assert {told.epoch for told in steady} == {1}
    assert (last.epoch, last.beat) == (2, 50.0)
