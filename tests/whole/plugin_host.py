"""A host for the plug-in, in a process of its own: DawDreamer, which has a transport, notes, parameters and projects.

It renders as fast as it can, or no faster than time goes by, as hosts with a sound card do. It is spoken to in lines of
JSON, the name of a method of `Host` and its arguments, and answers each with a line that begins with "host ".
"""

import contextlib
import json
import sys
import threading
from typing import Any

import dawdreamer
import numpy as np

PACE, LOADED = "pace", "upbeat"


class Host:
    """A project with instances of the plug-in, one for each of the files of states, or of the slots."""

    def __init__(
        self, vst3: str, pace: str, *, rate_hz: int, block_frames: int, slots: list[int], state: str | None
    ) -> None:
        self._engine: Any = dawdreamer.RenderEngine(rate_hz, block_frames)
        self._pace: Any = self._engine.make_plugin_processor(PACE, pace)
        self._instances: list[Any] = []
        for number, slot in enumerate(slots):
            instance = self._engine.make_plugin_processor(f"{LOADED}{number}", vst3)
            instance.record = True
            self._instances.append(instance)
            if not number:
                described = instance.get_parameters_description()
                self._indices = {one["name"]: one["index"] for one in described}
            if state is not None:
                with contextlib.suppress(RuntimeError):  # it has, and then finds no editor to show it in
                    instance.load_state(f"{state}.{number}")
            else:
                self.turn(number, "Slot", (slot - 1) / 63)
        self._engine.load_graph([(one, []) for one in [*self._instances, self._pace]])
        self._rendering: threading.Thread | None = None

    def turn(self, instance: int, name: str, share: float) -> None:
        """Set a parameter, from 0 for its low end to 1 for its high end; also while the host plays."""
        self._instances[instance].set_parameter(self._indices[name], share)

    def shows(self, instance: int, name: str) -> float:
        """A parameter as the host shows it, from 0 to 1."""
        return float(self._instances[instance].get_parameter(self._indices[name]))

    def automate(self, instance: int, name: str, shares: list[float], per_beat: int) -> None:
        """Let a parameter follow a line, so many values for each beat."""
        line = np.array(shares, np.float32)
        self._instances[instance].set_automation(self._indices[name], line, ppqn=per_beat)

    def tempo(self, bpm: list[float], per_beat: int) -> None:
        """One tempo, or a line of so many values for each beat."""
        if len(bpm) == 1:
            self._engine.set_bpm(bpm[0])
        else:
            self._engine.set_bpm(np.array(bpm, np.float64), ppqn=per_beat)

    def note(self, instance: int, note: int, velocity: int, at_s: float) -> None:
        """A note of a tenth of a second."""
        self._instances[instance].add_midi_note(note, velocity, at_s, 0.1)

    def play(self, seconds: float, real_time: bool) -> None:
        """Begin to play from the start of the project."""
        self._pace.set_parameter(0, float(real_time))
        self._rendering = threading.Thread(target=self._engine.render, args=(seconds,))
        self._rendering.start()

    def waits(self) -> None:
        """Wait until it has played."""
        assert self._rendering is not None
        self._rendering.join()

    def played(self, to: str) -> None:
        """Wait until it has played; what each instance gave goes to files."""
        self.waits()
        for number, instance in enumerate(self._instances):
            np.save(f"{to}.{number}.npy", instance.get_audio().T)

    def save(self, state: str) -> None:
        """Save the project."""
        for number, instance in enumerate(self._instances):
            instance.save_state(f"{state}.{number}")


def main(project: str) -> None:
    """Do what the lines say until there are no more."""
    host = Host(**json.loads(project))
    print("host null", flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print("host", json.dumps(getattr(host, name)(*arguments)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
