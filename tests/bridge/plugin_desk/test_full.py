"""An instance that takes no more: what fits is there and complete, the rest sounds here, and that is said once."""

from pathlib import Path

import pytest

from bridge.plugin_desk import attached, sheet
from bridge.set_file import ClockChoice, Set
from tests.bridge.plugin_desk.rig import Rig
from tests.bridge.plugin_stand_in import PluginStandIn
from tests.bridge.stage import a_set, cue

HITS = [cue(f"hit {number}", length_beats=1.0) for number in range(4)]


def music() -> Set:
    return a_set(
        *HITS,
        timeline=tuple((float(2 * number), one.name) for number, one in enumerate(HITS)),
        clock=ClockChoice(sources=("plugin", "internal")),
    )


def sentences(rig: Rig) -> list[str]:
    return [refused.text("sentence") for refused in rig.all("/refused")]


def test_clips_beyond_an_instance_s_memory_sound_here_and_a_sentence_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_clip = 4 * (24_000 + 12_000)  # a beat, and a quarter of a second that rings on
    monkeypatch.setattr(attached, "CLIPS_BYTES_MAX", 2 * a_clip)
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(one.whole("complete") for one in plugin.all("/plugin/sheet")))
        rig.run(0.3)
        assert [place.number("beat") for place in plugin.sheet()] == [0.0, 2.0]
        assert plugin.all("/plugin/sheet")[-1].whole("entries") == 2

        plugin.set_tempo(140)
        rig.run(lambda: plugin.all("/plugin/sheet")[-1].whole("version") == 2)
        rig.run(lambda: plugin.all("/plugin/sheet")[-1].whole("complete"))
        assert {plugin.clips[place.text("take_id")].tempo_bpm for place in plugin.sheet()} == {140.0}
        [sentence] = sentences(rig)
        assert "the plug-in on drums is full" in sentence

        plugin.play(from_beat=2.5)
        rig.run(lambda: plugin.beat() >= 4.5)
        assert rig.loudest(last_s=0.6) > 0.01


def test_placements_beyond_what_an_instance_takes_sound_here_and_a_sentence_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet, "ENTRIES_MAX", 3)
    with Rig(music(), tmp_path) as rig, PluginStandIn(rig.port.endpoint) as plugin:
        rig.run(lambda: any(one.whole("complete") for one in plugin.all("/plugin/sheet")))
        rig.run(0.3)

        assert [place.number("beat") for place in plugin.sheet()] == [0.0, 2.0, 4.0]
        [sentence] = sentences(rig)
        assert "the plug-in on drums is full" in sentence
