"""A player and stand-ins for the plug-in inside a host, over real ZeroMQ: what each is told, and what sounds where."""

from pathlib import Path

import mido
import numpy as np
import pytest

from bridge.library import Library, read_samples
from bridge.scheduler import request_for
from bridge.set_file import ClockChoice, NoteTrigger, Set, ShapeTrigger, TimelineMove
from bridge.triggers.keymap import Keymap
from osc_schemas.codec import Message
from osc_schemas.cue import Cue
from tests.bridge.plugin_desk.rig import Rig
from tests.bridge.plugin_stand_in import PluginStandIn
from tests.bridge.stage import RATE_HZ, a_set, clip_of, cue

LOOP = cue("beat", length_beats=4.0, quantum_beats=4.0, loop=True)
FILL = cue("fill", length_beats=4.0, quantum_beats=4.0, loop=True)
HIT = cue("hit", length_beats=1.0)
BASS = cue("line", track="bass", length_beats=4.0, loop=True)
TIMELINE = ((0.0, "beat"), (8.0, "fill"), (9.5, "hit"), (16.0, "line"))


def music(**changes: object) -> Set:
    wanted: dict[str, object] = {"timeline": TIMELINE, "clock": ClockChoice(sources=("plugin", "internal"))}
    return a_set(LOOP, FILL, HIT, BASS, **(wanted | changes))  # type: ignore[arg-type]


def place_of(message: Message, plugin: PluginStandIn) -> tuple[float, float, int, str]:
    """Beat, end, whether it loops, and the cue that the take was made for."""
    take = message.text("take_id")
    return message.number("beat"), message.number("until_beat"), message.whole("loop"), take.rpartition("-")[0]


def let_host_play(rig: Rig, plugin: PluginStandIn) -> None:
    """Welcome an instance, have its sheet begun, and let its host play for a moment."""
    plugin.hear("/plugin/hello/reply")
    rig.run(0.4)
    plugin.play()
    rig.run(0.5)


def test_an_instance_gets_the_timeline_of_its_track_ahead_before_its_host_plays(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))

        assert [place_of(place, plugin) for place in plugin.sheet()] == [
            (0.0, 8.0, 1, "beat"),
            (8.0, -1.0, 1, "fill"),
            (9.5, -1.0, 0, "hit"),
        ]
        opening, closing = plugin.all("/plugin/sheet")[:2]
        assert (opening.whole("entries"), opening.whole("complete")) == (3, 0)
        assert (closing.whole("entries"), closing.whole("complete")) == (3, 1)


def test_a_clip_is_what_our_own_mixer_would_play_of_it(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint, tempo_bpm=120) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))

        take_id = plugin.sheet()[0].text("take_id")
        clip, request = plugin.clips[take_id], next(one for one in rig.asked if one.prompt == "beat")
        sound = rig.player.sounds.at_hand(request, LOOP)
        assert sound is not None
        assert np.array_equal(clip.samples, sound.samples)
        assert (clip.gain, clip.frames, clip.loop, clip.sustained) == (sound.gain, 96_000, True, False)
        assert (clip.length_beats, clip.tempo_bpm) == (4.0, 120.0)


def test_clips_come_at_the_rate_of_the_host(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint, sample_rate_hz=44_100) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))

        clip = plugin.clips[plugin.sheet()[0].text("take_id")]
        assert (clip.sample_rate_hz, clip.frames) == (44_100, 88_200)
        assert len(clip.samples) - clip.frames == 11_025  # a quarter of a second rings on


def test_two_instances_get_a_track_each(tmp_path: Path) -> None:
    with (
        Rig(music(), tmp_path) as rig,
        PluginStandIn(rig.port.endpoint, slot=1) as drums,
        PluginStandIn(rig.port.endpoint, slot=2) as bass,
    ):
        rig.run(lambda: all(any(s.whole("complete") for s in one.all("/plugin/sheet")) for one in (drums, bass)))

        assert [place_of(place, bass)[3] for place in bass.sheet()] == ["line"]
        assert len(drums.sheet()) == 3


def test_the_music_follows_the_host_and_the_timeline_sounds_there_alone(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        rig.run(0.3)
        plugin.play()
        rig.run(2.0)

        own_beat = rig.player.transport.beat_at_frame(rig.mixer.frame)
        assert rig.player.arbiter.leader == "plugin"
        assert own_beat == pytest.approx(plugin.beat(), abs=0.15)
        assert rig.loudest(last_s=2.0) == 0.0
        assert not plugin.all("/plugin/stop")  # what the host started is not to be stopped by its own clock


def test_what_the_host_began_before_we_knew_that_it_plays_sounds_there_once_and_nowhere_else(tmp_path: Path) -> None:
    timeline = ((0.0, "beat"), (0.0, "hit"))
    with Rig(music(timeline=timeline), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        rig.run(0.3)
        plugin.play()
        for place in plugin.sheet():
            plugin.say("/plugin/launched", take_id=place.text("take_id"), beat=0.0, error_frames=0)
        rig.run(1.0)

        assert rig.loudest(last_s=1.0) == 0.0
        assert all(place.whole("kept") for place in plugin.all("/plugin/place"))
        assert sorted(str(launch.values["cue"]) for launch in rig.all("/launch")) == ["beat", "hit"]


def test_what_sounded_in_the_host_is_told_as_a_launch(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        rig.run(0.3)
        plugin.play(from_beat=7.0)
        take_id = plugin.sheet()[1].text("take_id")
        plugin.wait(lambda: rig.turn() or plugin.beat() > 8.05)
        plugin.say("/plugin/launched", take_id=take_id, beat=8.0, error_frames=0)
        rig.run(lambda: rig.all("/launch"))

        launch = rig.all("/launch")[0].values
        assert (launch["take_id"], launch["cue"], launch["bar"], launch["beat"]) == (take_id, "fill", 3, 1.0)
        assert launch["error_frames"] == 0


def test_a_cue_fired_by_hand_lands_in_the_host_once_on_its_beat(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: plugin.all("/plugin/place"))
        [place] = plugin.all("/plugin/place")
        rig.run(lambda: plugin.beat() > place.number("beat") + 0.5)

        assert (place.number("beat"), place.whole("kept"), place.whole("loop")) == (4.0, 0, 1)
        assert rig.loudest(last_s=3.0) == 0.0
        assert rig.all("/clip/placed")[0].values["bar"] == 2


@pytest.mark.parametrize("follow", [True, False])
def test_a_cue_fired_while_the_host_stands_still_sounds_there_on_our_beat(follow: bool, tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path, follow=follow) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        plugin.play(from_beat=6.5)
        rig.run(0.2)
        plugin.stop()
        stands = plugin.beat()
        rig.run(0.3)
        rig.hear("/cue/go", name="hit")
        rig.run(lambda: plugin.all("/plugin/place"))
        [place] = plugin.all("/plugin/place")
        planned = rig.all("/clip/placed")[-1].values
        beat = rig.player.transport.beat_at_frame(rig.mixer.frame)
        rig.run(0.3)

        assert (place.number("beat"), place.whole("kept")) == (stands, 0)  # not after where it stands: at once
        assert beat == pytest.approx(planned["bar"] * 4 + planned["beat"] - 5, abs=0.15)
        assert rig.loudest(last_s=1.5) == 0.0
        plugin.say("/plugin/launched", take_id=place.text("take_id"), beat=stands, error_frames=0)
        rig.run(lambda: rig.all("/launch"))
        assert len(rig.all("/clip/placed")) == 1  # it is the one that was promised


def test_a_loop_that_sounds_in_a_host_that_stands_comes_to_its_beats_when_it_starts(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path, follow=False) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        rig.run(0.3)
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: plugin.all("/plugin/place"))
        plugin.play(from_beat=9.0)
        rig.run(lambda: len(plugin.all("/plugin/place")) == 2)

        freely, on_its_beat = plugin.all("/plugin/place")
        assert on_its_beat.whole("id") == freely.whole("id")
        assert on_its_beat.number("beat") % 4 == 0
        assert plugin.beat() < on_its_beat.number("beat") <= plugin.beat() + 8
        assert rig.loudest(last_s=1.0) == 0.0


@pytest.mark.slow
def test_what_is_promised_to_a_host_that_stands_and_dies_sounds_in_our_own_output(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path, follow=False) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        rig.run(0.3)
        rig.hear("/cue/go", name="hit")
        rig.run(lambda: rig.all("/clip/placed"))
        plugin.die()
        rig.run(lambda: rig.loudest(last_s=0.2) > 0.01)


def test_a_host_that_does_not_lead_gets_the_same_beat_of_the_nearest_bar(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path, follow=False) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        rig.run(0.2)
        plugin.play(from_beat=100.0)
        rig.hear("/transport/play")
        rig.run(0.2)
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: plugin.all("/plugin/place"))

        [place] = plugin.all("/plugin/place")
        assert place.number("beat") % 4 == 0
        assert plugin.beat() < place.number("beat") <= plugin.beat() + 8


def test_pads_are_sent_for_notes_and_a_note_that_its_pad_played_is_not_fired_again(tmp_path: Path) -> None:
    notes = (NoteTrigger(note=36, cue="hit"), NoteTrigger(note=37, cue="beat"), NoteTrigger(note=40, cue="line"))
    with Rig(music(timeline=(), midi=notes), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: len(plugin.all("/plugin/pad")) == 2)
        pads = {pad.whole("note"): pad for pad in plugin.all("/plugin/pad")}
        assert {note: (pad.number("quantum_beats"), pad.whole("loop")) for note, pad in pads.items()} == {
            36: (1.0, 0),
            37: (4.0, 1),
        }
        plugin.play()
        rig.run(0.5)
        plugin.say("/plugin/note", note=36, velocity=100, channel=1, played=1)
        plugin.say("/plugin/launched", take_id=pads[36].text("take_id"), beat=2.0, error_frames=0)
        rig.run(lambda: rig.all("/launch"))
        assert not rig.player.wishes
        assert not plugin.all("/plugin/place")
        assert rig.player.launcher.history["drums"][-1][0].name == "hit"

        plugin.say("/plugin/note", note=40, velocity=100, channel=1, played=0)  # another track's: ours to play
        rig.run(lambda: any(placed.values["cue"] == "line" for placed in rig.all("/clip/placed")))


def test_a_stroke_of_our_own_port_leaves_the_pad_of_the_same_take_at_its_level(tmp_path: Path) -> None:
    notes = (NoteTrigger(note=36, cue="hit", velocity={"gain_db": (-18, 0)}),)
    with Rig(music(timeline=(), midi=notes), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: plugin.all("/plugin/pad"))
        [pad] = plugin.all("/plugin/pad")
        assert (pad.number("soft_db"), pad.number("hard_db")) == (-18, 0)
        plugin.play()
        rig.run(0.5)
        soft = mido.Message("note_on", note=36, velocity=1)
        for heard in Keymap(notes).heard_from(soft):
            rig.player.hear(heard)
        rig.run(lambda: plugin.all("/plugin/place"))

        [place] = plugin.all("/plugin/place")
        assert place.text("take_id") == pad.text("take_id")
        assert 20 * np.log10(place.number("gain")) == pytest.approx(-18, abs=0.001)
        assert len(plugin.all("/plugin/clip")) == 1  # another level of it would be heard on the pad too


def test_triggers_that_are_learned_while_a_host_is_there_are_its_pads_and_those_that_went_are_not(
    tmp_path: Path,
) -> None:
    before, after = (
        (NoteTrigger(note=36, cue="hit"),),
        (NoteTrigger(note=37, cue="hit"), NoteTrigger(note=40, cue="line")),
    )
    with Rig(music(timeline=(), midi=before), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: plugin.all("/plugin/pad"))
        plugin.play()
        rig.run(0.3)
        rig.player.take_triggers(after)
        rig.run(lambda: len(plugin.all("/plugin/pad")) == 3)
        plugin.say("/plugin/note", note=40, velocity=100, channel=1, played=0)
        rig.run(lambda: any(placed.values["cue"] == "line" for placed in rig.all("/clip/placed")))

        pads = {pad.whole("note"): pad.text("take_id").rpartition("-")[0] for pad in plugin.all("/plugin/pad")}
        assert pads == {36: "", 37: "hit"}


def test_a_turned_parameter_is_a_knob_fires_a_cue_or_is_panic(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        plugin.say("/plugin/turn", what="brightness", value=0.5)
        plugin.say("/plugin/turn", what="fire", value=1.0)
        rig.run(lambda: plugin.all("/plugin/place"))
        assert rig.player.shaper.knobs("drums").brightness == 0.5
        assert plugin.all("/plugin/place")[0].text("take_id").startswith("beat-")

        plugin.say("/plugin/turn", what="fire", value=9.0)
        plugin.say("/plugin/turn", what="brightness", value=9.0)
        plugin.say("/plugin/turn", what="loudness", value=1.0)
        plugin.say("/plugin/turn", what="panic", value=1.0)
        rig.run(lambda: plugin.all("/plugin/stop"))
        sentences = [refused.text("sentence") for refused in plugin.all("/plugin/refused")]
        assert "the track drums has 3 cues" in sentences[0]
        assert "brightness is 9; it must be between -1 and 1" in sentences[1]
        assert "there is no parameter 'loudness'" in sentences[2]


def test_a_host_s_automation_counts_at_once_and_a_controller_of_ours_meets_what_it_left(tmp_path: Path) -> None:
    knob = ShapeTrigger(cc=21, shape="drums.brightness")
    keymap = Keymap((knob,))
    with Rig(music(timeline=(), midi=(knob,)), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:

        def turn_ours(value: int) -> float:
            for heard in keymap.heard_from(mido.Message("control_change", control=21, value=value)):
                rig.player.hear(heard)
            return rig.player.shaper.knobs("drums").brightness

        plugin.hear("/plugin/hello/reply")
        rig.run(0.4)
        assert turn_ours(127) == 1.0
        plugin.say("/plugin/turn", what="brightness", value=-0.5)
        rig.run(lambda: rig.player.shaper.knobs("drums").brightness == -0.5)

        assert turn_ours(120) == -0.5  # our controller stands far from there
        assert turn_ours(32) == pytest.approx(-0.5, abs=0.02)  # and takes over where it comes by
        assert turn_ours(40) == pytest.approx(-0.375, abs=0.02)


def test_a_knob_bends_what_loops_in_the_host(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)
        [place] = plugin.all("/plugin/place")
        rig.hear("/take/shape", track="drums", knob="brightness", value=0.5)
        rig.run(lambda: plugin.all("/plugin/swap"))

        [swap] = plugin.all("/plugin/swap")
        assert swap.text("old_take_id") == place.text("take_id")
        assert swap.text("new_take_id") in plugin.clips


def test_a_knob_that_the_timeline_turns_inside_a_loop_lies_in_the_sheet_and_is_not_turned_again(tmp_path: Path) -> None:
    moves = (TimelineMove(beat=4.0, shape="drums.brightness", value=0.5),)
    with (
        Rig(music(timeline=((0.0, "beat"),), moves=moves), tmp_path) as rig,
        PluginStandIn(rig.port.endpoint) as plugin,
    ):
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        plain, bent = plugin.sheet()
        shapes = {clip.request.shape.brightness: take_id for take_id, clip in rig.library.takes.items()}
        assert [(one.number("beat"), one.number("until_beat"), one.whole("kept")) for one in (plain, bent)] == [
            (0.0, 4.0, 1),
            (4.0, -1.0, 2),
        ]
        assert [one.text("take_id") for one in (plain, bent)] == [shapes[0.0], shapes[0.5]]
        plugin.play(from_beat=1.0)
        plugin.say("/plugin/launched", take_id=shapes[0.0], beat=0.0, error_frames=0)
        rig.run(lambda: plugin.beat() > 4.5)

        assert rig.player.launcher.playing("drums")[0][1].take_id == shapes[0.5]
        assert rig.player.shaper.knobs("drums").brightness == 0.5
        assert not plugin.all("/plugin/swap")
        assert [place.text("take_id") for place in plugin.sheet()] == [shapes[0.0], shapes[0.5]]
        assert rig.loudest(last_s=2.0) == 0.0


def test_a_knob_that_the_timeline_turns_beside_the_sheet_is_heard_on_its_beat(tmp_path: Path) -> None:
    moves = (TimelineMove(beat=6.0, shape="drums.brightness", value=0.5),)
    with Rig(music(timeline=(), moves=moves), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        rig.run(0.4)
        plugin.play(from_beat=2.0)
        rig.run(0.3)
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: plugin.all("/plugin/swap"))

        assert plugin.beat() == pytest.approx(6.0, abs=0.3)


def test_stopping_a_track_fades_it_out_in_the_host(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        rig.run(0.4)
        plugin.play()
        rig.run(0.3)
        rig.hear("/track/stop", track="drums")
        rig.run(lambda: plugin.all("/plugin/stop"))

        assert plugin.all("/plugin/stop")[0].number("fade_s") == pytest.approx(0.03)


def test_a_host_that_loops_back_moves_our_music_and_is_not_stopped_for_it(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        rig.run(0.3)
        plugin.play(from_beat=14.0)
        rig.run(0.6)
        plugin.play(from_beat=7.0)
        rig.run(0.5)

        assert rig.player.transport.beat_at_frame(rig.mixer.frame) == pytest.approx(plugin.beat(), abs=0.15)
        assert [event.values["what"] for event in rig.all("/clock/event")] == ["lead", "start", "locate"]
        assert not plugin.all("/plugin/stop")
        rig.run(lambda: plugin.beat() > 8.5)
        assert rig.loudest(last_s=1.0) == 0.0


def test_another_tempo_of_the_host_has_its_sheet_made_anew_once_it_rests(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        before = [place.text("take_id") for place in plugin.sheet()]
        for tempo_bpm in (121.0, 123.0, 126.0):
            plugin.set_tempo(tempo_bpm)
            rig.run(0.1)
        version = plugin.all("/plugin/sheet")[-1].whole("version") + 1
        rig.run(lambda: plugin.all("/plugin/sheet")[-1].whole("version") >= version)
        rig.run(lambda: plugin.all("/plugin/sheet")[-1].whole("complete"))

        places = plugin.sheet(version)
        assert [place.text("take_id") for place in places] != before
        assert {plugin.clips[place.text("take_id")].tempo_bpm for place in places} == {126.0}
        assert plugin.all("/plugin/sheet")[-1].whole("version") == version  # one sheet for a sweep, not three
        rig.run(lambda: len(plugin.clips) == 3)  # the old ones are let go, which is said after that


@pytest.mark.slow
def test_a_loop_fired_by_hand_comes_to_another_tempo_of_the_host_at_its_own_place(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)
        [place] = plugin.all("/plugin/place")
        rig.run(lambda: plugin.beat() > place.number("beat") + 0.2)
        plugin.set_tempo(140)
        rig.run(lambda: len(plugin.all("/plugin/place")) > 1)
        rig.run(0.5)

        [_, again] = plugin.all("/plugin/place")
        assert {name: again.values[name] for name in ("id", "beat", "loop")} == {
            name: place.values[name] for name in ("id", "beat", "loop")
        }
        assert plugin.clips[again.text("take_id")].tempo_bpm == 140.0
        assert rig.loudest(last_s=1.0) == 0.0


@pytest.mark.slow
def test_an_instance_that_dies_in_mid_music_hands_its_loop_back_to_our_own_output(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        rig.hear("/cue/go", name="hit")
        rig.hear("/cue/go", name="beat")
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)
        [*_, place] = plugin.all("/plugin/place")
        rig.run(lambda: plugin.beat() > place.number("beat") + 0.2)
        assert rig.loudest(last_s=1.0) == 0.0
        plugin.die()
        rig.run(lambda: rig.player.launcher.tracks["drums"].looping is not None)
        rig.run(lambda: rig.loudest(last_s=0.2) > 0.01)

        assert rig.player.transport.playing


def test_a_one_shot_promised_to_a_host_that_dies_before_its_beat_sounds_in_our_own_output(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        rig.hear("/cue/go", name="hit")
        rig.run(lambda: rig.player.launcher.history["drums"])
        plugin.die()
        assert rig.loudest(last_s=1.0) == 0.0
        rig.run(lambda: rig.loudest(last_s=0.2) > 0.01)


@pytest.mark.slow
def test_a_one_shot_that_has_sounded_in_a_host_does_not_sound_again_when_that_dies(tmp_path: Path) -> None:
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        let_host_play(rig, plugin)
        rig.hear("/cue/go", name="hit")
        rig.run(lambda: rig.player.launcher.history["drums"])
        [place] = plugin.all("/plugin/place")
        beat, take_id = place.number("beat"), place.text("take_id")
        plugin.say("/plugin/launched", take_id=take_id, beat=beat, error_frames=0)
        rig.run(lambda: rig.all("/launch"))
        plugin.die()
        rig.run(2.5)

        assert rig.loudest(last_s=2.5) == 0.0


def test_an_instance_that_comes_back_is_told_everything_again_and_nothing_sounds_twice(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint, identity=b"one/1") as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        first = [place.values for place in plugin.sheet()]
        plugin.die()
        with PluginStandIn(rig.port.endpoint, identity=b"one/1") as again:
            rig.run(lambda: any(sheet.whole("complete") for sheet in again.all("/plugin/sheet")))

            assert [place.values for place in again.sheet()] == first
            assert set(again.clips) == {str(place["take_id"]) for place in first}


def test_a_timeline_that_the_engine_would_not_make_is_made_when_it_is_back(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.refusing = True
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        assert plugin.sheet() == []
        assert {refused.values["sentence"] for refused in rig.all("/refused")} == {"it would not"}
        rig.is_back()
        rig.run(lambda: len(plugin.placed) == 3)


def test_a_take_that_a_project_names_comes_from_the_disk(tmp_path: Path) -> None:
    take_id = a_take(tmp_path)
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.say("/plugin/want", take_id=take_id)
        rig.run(lambda: take_id in plugin.clips)

        assert plugin.clips[take_id].loop
        assert not rig.asked


def test_a_take_whose_samples_are_gone_is_made_again(tmp_path: Path) -> None:
    take_id = a_take(tmp_path)
    (tmp_path / "samples" / f"{take_id}.wav").unlink()
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.say("/plugin/want", take_id=take_id)
        rig.run(lambda: take_id in plugin.clips)

        assert [request.prompt for request in rig.asked] == ["beat"]
        rig.run((tmp_path / "samples" / f"{take_id}.wav").exists)  # so it is at hand the next time
        assert np.array_equal(read_samples(rig.library.take(take_id)), plugin.clips[take_id].samples)


def test_a_take_that_nobody_knows_or_can_make_is_refused_in_a_sentence(tmp_path: Path) -> None:
    take_id = a_take(tmp_path)
    (tmp_path / "samples" / f"{take_id}.wav").unlink()
    with Rig(music(timeline=()), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.refusing = True
        plugin.say("/plugin/want", take_id="kick-0000000000")
        plugin.say("/plugin/want", take_id=take_id)
        rig.run(lambda: len(plugin.all("/plugin/refused")) == 2)

        unknown, failed = plugin.all("/plugin/refused")
        assert (unknown.text("what"), unknown.text("reason")) == ("kick-0000000000", "missing")
        assert "there is no take 'kick-0000000000'" in unknown.text("sentence")
        assert (failed.text("what"), failed.text("sentence")) == (take_id, "it would not")


def a_take(folder: Path, one: Cue = LOOP) -> str:
    """A take of a former evening, in the library."""
    library = Library(folder)
    request = request_for(
        one,
        request_id="then",
        frames=96_000,
        sample_rate_hz=RATE_HZ,
        tempo_bpm=120.0,
        deadline_in_s=0.0,
        exact=False,
    )
    take = library.keep(clip_of(request), one, tempo_bpm=120.0, loudness_lufs=-20.0, request_to_clip_ms=10.0)
    library.close()
    return take.take_id
