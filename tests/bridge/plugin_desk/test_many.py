"""As many instances as there are slots, on one long timeline: what a look at them asks of the player's thread."""

from pathlib import Path

import pytest

from bridge.plugin_desk.pages import LOOKED_AT_MAX
from bridge.plugin_port import Instance, PluginCame
from bridge.set_file import ClockChoice
from osc_schemas import bounds, codec
from tests.bridge.plugin_desk.rig import Rig
from tests.bridge.stage import RATE_HZ, a_set, cue

HITS = [cue(f"hit {number}", length_beats=1.0) for number in range(20)]
MUSIC = a_set(
    *HITS,
    timeline=[(float(beat), HITS[beat % len(HITS)].name) for beat in range(200)],
    clock=ClockChoice(sources=("plugin", "internal")),
)


class Rung(Rig):
    """A rig with an instance in every slot, each with room for what it is told, or none; what was told is kept."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, room: bool) -> None:
        super().__init__(MUSIC, folder)
        self.told_to: list[tuple[bytes, str]] = []
        monkeypatch.setattr(self.port, "has_room", lambda identity: room)
        monkeypatch.setattr(self.port, "send", self._send)
        for slot in range(bounds.SLOTS_MAX):
            identity = f"a{slot}/0".encode()
            instance = Instance(
                identity=identity, name=f"a{slot}", plugin="instrument", track="drums", sample_rate_hz=RATE_HZ
            )
            self.times.welcome(identity, sample_rate_hz=RATE_HZ)
            self.stage.hear(PluginCame(instance))
        self.room = room

    def _send(self, identity: bytes, *frames: bytes | memoryview) -> int | None:
        [message] = codec.read(bytes(frames[0]), to="plugin")
        self.told_to.append((identity, message.route.address))
        return len(self.told_to) if self.room else None


def test_sheets_are_begun_one_at_a_time_and_no_look_takes_on_more_than_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Rung(tmp_path, monkeypatch, room=True) as rig:
        begun: set[bytes] = set()
        while len(begun) < bounds.SLOTS_MAX:
            rig.told_to.clear()
            rig.run(0.005)
            opened = [to for to, address in rig.told_to if address == "/plugin/sheet"]
            assert len(opened) <= 4  # two looks, each with one that begins and perhaps one that is complete
            assert len(rig.told_to) <= 2 * (3 * max(LOOKED_AT_MAX, bounds.SLOTS_MAX) + 2)
            begun |= set(opened)


def test_instances_that_hang_are_left_alone_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Rung(tmp_path, monkeypatch, room=False) as rig:
        rig.run(0.6)

        assert rig.told_to == []
