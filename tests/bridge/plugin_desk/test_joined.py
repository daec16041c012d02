"""A host that played before we were there: what loops in it is known from its sheet and its place."""

from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage

from bridge.set_file import ClockChoice, Set, TimelineMove
from bridge.triggers.heard import Heard, message_of
from tests.bridge.plugin_desk.rig import Rig
from tests.bridge.plugin_stand_in import PluginStandIn
from tests.bridge.stage import a_set, cue

LOOP = cue("beat", length_beats=4.0, quantum_beats=4.0, loop=True)
FILL = cue("fill", length_beats=4.0, quantum_beats=4.0, loop=True)
TIMELINE = ((0.0, "beat"), (8.0, "fill"), (1_000.0, "beat"))


def music(**changes: object) -> Set:
    wanted: dict[str, object] = {"timeline": TIMELINE, "clock": ClockChoice(sources=("plugin", "internal"))}
    return a_set(LOOP, FILL, **(wanted | changes))  # type: ignore[arg-type]


def status_of(rig: Rig, track: str) -> tuple[str, str]:
    """What /status says that a track does, and of which cue."""
    said: list[OscMessage] = []
    rig.player.hear(
        Heard(message=message_of("/status"), trigger="osc", reply=lambda packet: said.append(OscMessage(packet)))
    )
    [[_, name, _, _, state]] = [one.params for one in said if one.address == "/status/track" and one.params[0] == track]
    return state, name


def test_what_loops_in_a_host_since_before_we_came_is_known_bent_and_refined(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.play(from_beat=21.0)
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)

        [_, fill, _] = plugin.sheet()
        assert status_of(rig, "drums") == ("looping", "fill")
        assert status_of(rig, "bass")[0] == "idle"
        assert rig.loudest(last_s=1.0) == 0.0

        rig.hear("/take/shape", track="drums", knob="brightness", value=0.5)
        rig.run(lambda: plugin.all("/plugin/swap"))
        assert plugin.all("/plugin/swap")[0].text("old_take_id") == fill.text("take_id")

        rig.hear("/take/refine", track="drums", steps=4)
        rig.run(lambda: [place for place in plugin.all("/plugin/place") if not place.whole("kept")])
        [finer] = [place for place in plugin.all("/plugin/place") if not place.whole("kept")]
        assert (finer.number("beat") - 8) % 4 == 0  # with the next pass of the loop


def test_what_an_instance_says_itself_of_its_launch_is_not_guessed_besides(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.play(from_beat=21.0)
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        fill = plugin.sheet()[1]
        plugin.say("/plugin/launched", take_id=fill.text("take_id"), beat=8.0, error_frames=0)
        rig.run(1.0)

        assert [placed.text("cue") for placed in rig.all("/clip/placed")] == ["fill"]


def test_a_host_that_jumps_into_the_middle_of_a_loop_has_that_loop_known(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(sheet.whole("complete") for sheet in plugin.all("/plugin/sheet")))
        rig.run(0.3)
        plugin.play(from_beat=2.0)
        rig.run(lambda: status_of(rig, "drums") == ("looping", "beat"))
        plugin.play(from_beat=30.0)
        rig.run(lambda: status_of(rig, "drums") == ("looping", "fill"))


def test_a_track_that_is_stopped_by_hand_is_not_thought_to_loop(tmp_path: Path) -> None:
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.play(from_beat=21.0)
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)
        rig.hear("/track/stop", track="drums")
        rig.run(1.0)

        assert status_of(rig, "drums")[0] == "idle"


def test_knobs_that_the_timeline_had_turned_before_we_came_stand_as_the_loop_sounds(tmp_path: Path) -> None:
    moves = (TimelineMove(beat=12.0, shape="drums.brightness", value=0.5),)
    with Rig(music(moves=moves), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        plugin.play(from_beat=21.0)
        rig.run(lambda: rig.player.launcher.looping("drums") is not None)
        rig.run(0.5)

        assert rig.player.shaper.knobs("drums").brightness == pytest.approx(0.5)
        assert not plugin.all("/plugin/swap")
