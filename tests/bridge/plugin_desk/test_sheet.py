"""What an instance is told ahead of a set, by the set alone."""

from bridge.plugin_desk.sheet import Pad, knobs_at, pads_of, sheet_of
from bridge.set_file import NoteTrigger, TimelineEntry, TimelineMove
from osc_schemas.shape import Shape
from tests.bridge.stage import cue

CUES = {
    "beat": cue("beat", loop=True),
    "fill": cue("fill", loop=True),
    "hit": cue("hit"),
    "line": cue("line", track="bass", loop=True),
}


def entries(*timeline: tuple[float, str]) -> list[TimelineEntry]:
    return [TimelineEntry(beat=beat, cue=name) for beat, name in timeline]


def test_a_loop_lasts_until_the_next_loop_of_its_track_and_a_hit_ends_nothing() -> None:
    sheet = sheet_of(entries((8, "fill"), (0, "beat"), (4, "hit"), (6, "line")), CUES, track="drums")

    assert [(one.cue, one.beat, one.until_beat) for one in sheet] == [("beat", 0, 8), ("hit", 4, -1), ("fill", 8, -1)]


def test_an_entry_has_the_same_number_whichever_track_is_asked_for() -> None:
    timeline = entries((8, "fill"), (0, "beat"), (6, "line"))

    assert [one.place_id for one in sheet_of(timeline, CUES, track="drums")] == [2, 1]
    assert [one.place_id for one in sheet_of(timeline, CUES, track="bass")] == [3]


def test_of_two_loops_on_one_beat_the_later_line_counts_and_two_hits_of_two_cues_both_sound() -> None:
    cues = CUES | {"clap": cue("clap")}

    sheet = sheet_of(entries((0, "beat"), (0, "fill"), (0, "hit"), (0, "clap"), (0, "hit")), cues, track="drums")

    assert [one.cue for one in sheet] == ["fill", "clap", "hit"]


def test_a_note_of_one_channel_or_one_whose_stroke_bends_the_sound_is_no_pad() -> None:
    triggers = (
        NoteTrigger(note=36, cue="beat"),
        NoteTrigger(note=36, cue="hit"),
        NoteTrigger(note=37, cue="hit", channel=10),
        NoteTrigger(note=38, cue="hit", velocity={"gain_db": (-18, 0), "brightness": (-0.4, 0)}),
        NoteTrigger(note=39, cue="line"),
        NoteTrigger(note=40, scene="all"),
    )

    assert pads_of(triggers, CUES, track="drums") == {36: Pad(cue="beat")}


def test_a_loop_goes_on_in_another_shape_from_the_pass_on_which_a_knob_is_turned_or_the_one_after() -> None:
    moves = [
        TimelineMove(beat=0, shape="drums.room", value=0.1),  # it begins so
        TimelineMove(beat=4, shape="drums.brightness", value=0.5),
        TimelineMove(beat=5, shape="drums.brightness", value=-0.5),
        TimelineMove(beat=6.5, shape="drums.room", value=0.9),
        TimelineMove(beat=9, shape="bass.room", value=1),
        TimelineMove(beat=17, shape="drums.room", value=0),  # the fill's last pass has begun
    ]
    cues = CUES | {"beat": cue("beat", loop=True, length_beats=4), "fill": cue("fill", loop=True, length_beats=4)}
    sheet = sheet_of(entries((0, "beat"), (16, "fill"), (20, "beat"), (1, "hit")), cues, track="drums", moves=moves)

    assert [(one.cue, one.beat, one.until_beat, one.continues) for one in sheet if one.cue != "hit"] == [
        ("beat", 0, 4, False),
        ("beat", 4, 8, True),
        ("beat", 8, 16, True),
        ("fill", 16, 20, False),
        ("beat", 20, -1, False),
    ]
    assert len({one.place_id for one in sheet}) == len(sheet)


def test_a_pad_knows_by_how_much_a_stroke_raises_it_unless_that_is_more_than_a_gain_can_be() -> None:
    triggers = (
        NoteTrigger(note=36, cue="hit", velocity={"gain_db": (-18, 3)}),
        NoteTrigger(note=37, cue="hit", velocity={"gain_db": (-120, 24)}),
        NoteTrigger(note=38, cue="loud", velocity={"gain_db": (-18, 3)}),
    )
    cues = CUES | {"loud": cue("loud", gain_db=22.0)}

    assert pads_of(triggers, cues, track="drums") == {
        36: Pad(cue="hit", soft_db=-18, hard_db=3),
        37: Pad(cue="hit", soft_db=-120, hard_db=24),
    }


def test_knobs_that_the_timeline_turns_stand_on_each_beat_as_it_says() -> None:
    moves = [
        TimelineMove(beat=8, shape="drums.brightness", value=0.5),
        TimelineMove(beat=4, shape="bass.room", value=1),
    ]
    by_hand = Shape(brightness=-1.0)

    assert knobs_at(moves, track="drums", beat=4, by_hand=by_hand) == Shape()
    assert knobs_at(moves, track="drums", beat=8, by_hand=by_hand) == Shape(brightness=0.5)
    assert knobs_at(moves, track="drums", beat=None, by_hand=by_hand) == by_hand
    assert knobs_at([], track="drums", beat=8, by_hand=by_hand) == by_hand
