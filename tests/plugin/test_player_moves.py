"""What hands do while the host moves: strokes in one block or before a loop point, fires, and a tempo that is bent."""

from functools import partial

import numpy as np
import pytest

from tests.plugin.conftest import NewHost, lacking
from tests.plugin.player import DROP, FINISHED, NOTE, PAD, RATE_HZ, TIME, UNUSED, Samples

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

BEAT = RATE_HZ // 2  # frames, at 120 BPM
FADE = RATE_HZ // 50
TICK = np.ones((1, 1), np.float32)
steady = partial(np.full, (4 * BEAT, 1), dtype=np.float32)


def onsets(heard: Samples) -> list[int]:
    return [int(frame) for frame in np.flatnonzero(heard[:, 0])]


@pytest.mark.parametrize("playing", [False, True])
@pytest.mark.parametrize("blocks", [[64], [8192]])
def test_a_roll_on_one_pad_sounds_stroke_by_stroke_however_long_the_block(
    host: NewHost, playing: bool, blocks: list[int]
) -> None:
    daw = host(playing=playing)
    daw.ask(PAD, slot=60, clip=daw.clip(TICK))
    strokes = [100, 900, 1_700, 5_000]

    heard = daw.play(8_192, blocks, notes=[(at, 60) for at in strokes])

    assert onsets(heard) == strokes
    assert [told.played for told in daw.told if told.kind == NOTE] == [True] * 4


def test_strokes_on_both_sides_of_a_line_in_one_block_sound_on_their_own_lines(host: NewHost) -> None:
    daw = host()
    daw.ask(PAD, slot=60, clip=daw.clip(TICK), value=1.0)

    heard = daw.play(3 * BEAT, [3 * BEAT], notes=[(BEAT - 100, 60), (BEAT - 50, 60), (BEAT + 50, 60)])

    assert onsets(heard) == [BEAT, 2 * BEAT]


@pytest.mark.parametrize(("quantum_beats", "struck_at", "wanted"), [(4.0, 7.2, 0.0), (16.0, 3.0, 0.0), (3.0, 7.0, 0.0)])
def test_a_note_that_waits_when_the_host_goes_round_its_loop_waits_for_the_next_line_there(
    host: NewHost, quantum_beats: float, struck_at: float, wanted: float
) -> None:
    daw = host()
    daw.ask(PAD, slot=60, clip=daw.clip(TICK), value=quantum_beats)
    first = daw.play(8 * BEAT, [512], notes=[(round(struck_at * BEAT), 60)])
    daw.beat = 0.0
    again = daw.play(8 * BEAT, [512])

    assert onsets(first) == []
    assert onsets(again) == [round(wanted * BEAT)]


def test_a_cue_that_lands_on_the_hosts_loop_end_sounds_at_the_loops_start(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(TICK), 8.0, kept=False)
    daw.place(1, daw.clip(TICK), 12.0, kept=False)
    daw.play(8 * BEAT, [512])
    daw.beat = 0.0

    assert onsets(daw.play(8 * BEAT, [512])) == [0]
    assert daw.launched() == [(0.0, 0)]


def test_a_loop_from_a_pad_goes_round_and_round_the_hosts_loop(host: NewHost) -> None:
    daw = host()
    daw.ask(PAD, slot=60, clip=daw.clip(steady(0.5), length_beats=4), value=4.0, loop=True)
    daw.play(8 * BEAT, [512], notes=[(3 * BEAT, 60)])
    for _ in range(3):
        daw.beat = 0.0
        assert np.all(daw.play(8 * BEAT, [512]) == 0.5)


def test_a_sheet_that_is_said_again_does_not_take_the_place_of_a_loop_fired_by_hand(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(steady(0.25), length_beats=4), 0.0, loop=True)
    daw.ask(PAD, slot=60, clip=daw.clip(steady(0.5), length_beats=4), loop=True)
    daw.play(BEAT, notes=[(100, 60)])
    daw.place(0, daw.clip(steady(0.125), length_beats=4), 0.0, loop=True)  # made for another tempo

    assert np.all(daw.play(8 * BEAT)[:, 0] == 0.5)


def test_what_is_finished_is_named_by_the_latest_word_on_it(host: NewHost) -> None:
    daw = host()
    clip = daw.clip(steady(0.5), length_beats=4)
    daw.place(3, clip, 0.0, loop=True, kept=False, serial=7)
    daw.play(BEAT)
    daw.place(3, clip, 0.0, loop=True, kept=False, until_beat=2.0, serial=8)
    daw.play(2 * BEAT)

    assert [(told.slot, told.serial) for told in daw.told if told.kind == FINISHED] == [(3, 8)]


@pytest.mark.parametrize("block", [64, 512, 8192])
@pytest.mark.parametrize(("from_bpm", "to_bpm"), [(60.0, 180.0), (180.0, 60.0), (40.0, 300.0)])
def test_a_steep_glide_of_the_tempo_doubles_and_drops_no_beat(
    host: NewHost, block: int, from_bpm: float, to_bpm: float
) -> None:
    daw = host(tempo_bpm=from_bpm)
    clip = daw.clip(TICK)
    for slot in range(64):
        daw.place(slot, clip, slot / 4)
    found, end = 0, 2 * RATE_HZ
    for frame in range(0, end, block):  # as a host plays it: the beat follows the glide inside of the block as well
        daw.tempo_bpm = from_bpm + (to_bpm - from_bpm) * frame / end
        before, after = daw.beat, from_bpm + (to_bpm - from_bpm) * (frame + block) / end
        found += len(onsets(daw.play(block, [block])))
        daw.beat = before + block * (daw.tempo_bpm + after) / 2 / 60 / RATE_HZ

    assert {told.epoch for told in daw.told if told.kind == TIME} == {1}
    assert found == len({beat for beat, _ in daw.launched()}) == len(daw.launched())
    assert abs(found - np.ceil(daw.beat * 4 - 1e-6)) <= block * to_bpm / 15 / RATE_HZ


@pytest.mark.parametrize("beat", [np.nan, np.inf, -1e300, 1e18, 0.0])
@pytest.mark.parametrize("tempo_bpm", [0.0, np.nan, np.inf, 1e300, 1e-300, -120.0])
def test_a_host_that_says_nonsense_is_one_without_a_transport(host: NewHost, beat: float, tempo_bpm: float) -> None:
    daw = host(beat=beat, tempo_bpm=tempo_bpm)
    daw.place(0, daw.clip(TICK, length_beats=1 / 1024), 0.0, loop=True)
    heard = daw.play(4_096)

    assert not heard.any()
    assert not [told for told in daw.told if told.kind == TIME]


def test_a_loop_that_takes_over_on_a_bar_line_is_not_struck_together_with_the_one_before(host: NewHost) -> None:
    daw = host()
    daw.place(0, daw.clip(steady(0.25), length_beats=4), 0.0, loop=True)
    daw.place(1, daw.clip(steady(0.5), length_beats=4), 8.0, loop=True, kept=False, serial=1)

    assert np.all(daw.play(12 * BEAT)[8 * BEAT :, 0] == 0.5)


def test_a_sheet_that_comes_late_leaves_a_loop_that_was_fired_since_its_beat(host: NewHost) -> None:
    daw = host()
    daw.ask(PAD, slot=60, clip=daw.clip(steady(0.5), length_beats=4), loop=True)
    daw.play(BEAT, notes=[(100, 60)])
    daw.place(0, daw.clip(steady(0.25), length_beats=4), 0.0, loop=True)

    assert np.all(daw.play(4 * BEAT)[:, 0] == 0.5)


def test_a_locate_into_loops_that_overlap_gives_what_playing_there_would_have(host: NewHost) -> None:
    daw = host(beat=10.0)
    for slot, level in enumerate((0.25, 0.5, 0.125)):
        daw.place(slot, daw.clip(steady(level), length_beats=4), 4.0 * slot, loop=True)

    assert np.all(daw.play(2 * BEAT)[FADE:, 0] == 0.125)


def test_what_was_lent_comes_back_even_if_nobody_has_read_reports_for_minutes(host: NewHost) -> None:
    daw = host()
    clip = daw.clip(TICK)
    daw.deaf = True
    for slot in range(1_000):
        daw.place(slot, clip, 0.5 + slot / 1_000, kept=False)
    daw.ask(DROP, clip=clip)
    for _ in range(5):
        daw.play(BEAT, [BEAT // 20], notes=[(at, 61) for at in range(0, BEAT, 20)])
    daw.deaf = False
    daw.play(64)

    assert len([told for told in daw.told if told.kind == NOTE]) < 5 * BEAT // 20  # the reports were full
    assert {told.slot for told in daw.told if told.kind == FINISHED} == set(range(1_000))
    assert [told.clip for told in daw.told if told.kind == UNUSED] == [clip.value]
