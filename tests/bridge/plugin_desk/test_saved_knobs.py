"""Knobs that a host's project has saved: an instance says them behind its hello, and what it plays is made for them."""

from pathlib import Path

from bridge.set_file import ClockChoice, NoteTrigger, Set
from tests.bridge.plugin_desk.rig import Rig
from tests.bridge.plugin_stand_in import PluginStandIn
from tests.bridge.stage import a_set, cue

LOOP = cue("beat", length_beats=4.0, quantum_beats=4.0, loop=True)
HIT = cue("hit", length_beats=1.0)
SAVED = {
    "length": 0.5,
    "pitch": -3.0,
    "brightness": 0.5,
    "drive": 0.25,
    "room": 0.75,
    "attack_ms": 20.0,
    "release_ms": 200.0,
}


def music() -> Set:
    return a_set(
        LOOP,
        HIT,
        timeline=((0.0, "beat"),),
        midi=(NoteTrigger(note=36, cue="hit"),),
        clock=ClockChoice(sources=("plugin", "internal")),
    )


def say_knobs(plugin: PluginStandIn, **positions: float) -> None:
    """As an instance does behind every hello, for each knob that is not neutral."""
    for knob, value in positions.items():
        plugin.say("/plugin/turn", what=knob, value=value)


def test_the_first_sheet_is_made_for_the_knobs_that_a_project_has_saved(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.play(from_beat=1.0)
        plugin.hear("/plugin/hello/reply")
        rig.run(0.05)
        say_knobs(plugin, **SAVED)
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)
        rig.run(1.0)

        assert rig.player.shaper.knobs("drums").turned == SAVED
        takes = {take_id: take.request.shape.turned for take_id, take in rig.library.takes.items()}
        assert list(takes.values()) == [SAVED, SAVED]  # of the loop and of the pad, and none on the way there
        assert set(plugin.clips) == set(takes)
        assert {sheet.whole("version") for sheet in plugin.all("/plugin/sheet")} == {1}
        assert not plugin.all("/plugin/swap")
        assert not rig.all("/take/shaped")
        assert not rig.all("/refused")


def test_knobs_that_come_late_have_one_more_sheet_made_for_all_of_them(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        assert {sheet.whole("version") for sheet in plugin.all("/plugin/sheet")} == {1}
        say_knobs(plugin, **SAVED)
        rig.run(lambda: plugin.all("/plugin/sheet")[-1].whole("version") == 2)
        rig.run(lambda: plugin.all("/plugin/sheet")[-1].whole("complete"))
        rig.run(1.0)

        assert plugin.all("/plugin/sheet")[-1].whole("version") == 2
        assert [clip.request.shape.turned for clip in rig.library.takes.values()][-2:] == [SAVED, SAVED]


def test_of_two_instances_on_one_track_the_last_word_counts(tmp_path: Path) -> None:
    with (
        Rig(music(), tmp_path) as rig,
        PluginStandIn(rig.port.endpoint, instance="one") as one,
        PluginStandIn(rig.port.endpoint, instance="other") as other,
    ):
        for plugin, brightness in ((one, 0.5), (other, -0.5)):
            plugin.hear("/plugin/hello/reply")
            say_knobs(plugin, brightness=brightness)
            rig.run(lambda to=brightness: rig.player.shaper.knobs("drums").brightness == to)  # type: ignore[misc]
        rig.run(1.0)
        rig.run(lambda: all(plugin.all("/plugin/sheet")[-1].whole("complete") for plugin in (one, other)))

        takes = {take_id: take.request.shape.brightness for take_id, take in rig.library.takes.items()}
        for plugin in (one, other):
            assert {takes[place.text("take_id")] for place in plugin.sheet()} == {-0.5}
