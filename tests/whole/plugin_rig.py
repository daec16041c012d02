"""A real host with the real plug-in, and a real bridge beside it, for tests that listen to what the host plays."""

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.commands.event_lines import event_in
from bridge.library import Take
from bridge.player import Player
from bridge.session import Session
from bridge.set_file import parse_set
from bridge.tracks.sound import Sound
from bridge.triggers.heard import Heard, message_of
from bridge.wish import Launch
from osc_schemas.clip import Samples
from osc_schemas.codec import Message, Value
from osc_schemas.shape import KNOB
from tests.plugin.conftest import DPF, lacking, made
from tests.whole.live import wait_until
from tests.whole.wire import Engine

HERE = Path(__file__).parent
RATE_HZ = 48_000
TAKEN_S = 0.1  # what is sent is taken in well under this
WITHIN_S = 40.0

needs_a_host = pytest.mark.skipif(
    bool(lacking()) or find_spec("dawdreamer") is None,
    reason=f"not installed: {' '.join(lacking())} {'' if find_spec('dawdreamer') else 'dawdreamer'}",
)


@pytest.fixture(scope="session")
def pace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in that has a host play in real time, as a VST2, which is one file."""
    file = tmp_path_factory.mktemp("pace") / "pace.so"
    sources = [HERE / "pace" / "pace.cpp", DPF / "distrho" / "DistrhoPluginMain.cpp"]
    flags = ["-std=c++17", "-shared", "-fPIC", f"-I{HERE / 'pace'}", f"-I{DPF / 'distrho'}"]
    made(["g++", *flags, "-DDISTRHO_PLUGIN_TARGET_VST2", *sources, "-o", file], "the pace")
    return file


class Bridge:
    """A session and all that it tells."""

    def __init__(self, text: str, folder: Path, noise: Engine, *, port: int = 0) -> None:
        music = parse_set(text, path=folder / "inside.toml")
        self.session = Session(
            music,
            engine_endpoint=noise.endpoint,
            takes_folder=folder / "takes",
            output_kind="null",
            plugin_port=port,
        )
        assert self.session.plugins is not None
        self.endpoint, self.port = self.session.plugins.endpoint, self.session.plugins.port
        self.told: list[Message] = []

    def __enter__(self) -> "Bridge":
        self.session.start()
        wait_until(lambda: self.session.link.state == "ready")
        self.session.ask(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def _listen(self, player: Player) -> None:
        def hear(packet: bytes) -> None:
            self.told.append(event_in(packet))

        player.audience.subscribe("test", hear, seconds=math.inf, now_s=player.now_s())

    def do(self, address: str, **values: Value) -> None:
        """As if a controller had said it over OSC."""
        self.session.hear(Heard(message=message_of(address, **values), trigger="osc"))

    def all(self, address: str) -> list[Message]:
        """What was told at an address."""
        return [message for message in list(self.told) if message.route.address == address]

    @property
    def launches(self) -> list[Launch]:
        """What began to sound, here or in a host."""
        return self.session.ask(lambda player: list(player.launcher.launches))

    @property
    def beat(self) -> float:
        """Where the music is, as this side knows it."""
        return self.session.ask(lambda player: player.transport.beat_at_frame(player.mixer.frame))

    def history(self, track: str) -> list[tuple[str, Sound]]:
        """The cues that a track has played, with their sounds."""
        return self.session.ask(lambda player: [(cue.name, sound) for cue, sound in player.launcher.history[track]])

    def sound(self, cue: str) -> Sound:
        """What was played last of a cue."""
        track = self.session.player.music.cues[cue].track
        return [sound for name, sound in self.history(track) if name == cue][-1]

    @property
    def takes(self) -> list[Take]:
        """All of its library."""
        return list(self.session.library.takes.values())

    def has_served(self, instances: int = 1) -> None:
        """Wait until that many instances of the plug-in have all that there is to play."""

        def served(player: Player) -> bool:
            stage = self.session._plugin_stage  # nobody is told of it: an instance says nothing when it has it all
            assert stage is not None
            there = [one for one in stage._there.values() if one.instance.track]
            return len(there) >= instances and all(one.complete and not one.pending for one in there)

        wait_until(lambda: self.session.ask(served), within_s=WITHIN_S)
        time.sleep(TAKEN_S)


class Daw:
    """DawDreamer with the plug-in, in a process of its own; see `plugin_host.py` for what it can be asked."""

    def __init__(
        self,
        vst3: Path,
        pace: Path,
        endpoint: str,
        *,
        slots: Sequence[int] = (1,),
        rate_hz: int = RATE_HZ,
        block_frames: int = 480,
        state: Path | None = None,
    ) -> None:
        project = {
            "vst3": str(vst3),
            "pace": str(pace),
            "rate_hz": rate_hz,
            "block_frames": block_frames,
            "slots": list(slots),
            "state": None if state is None else str(state),
        }
        self._process = subprocess.Popen(
            [sys.executable, HERE / "plugin_host.py", json.dumps(project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "UPBEAT_PLUGIN_ENDPOINT": endpoint},
        )
        self._instances = len(slots)

    def loads(self) -> None:
        """Wait until it has loaded the plug-in."""
        self._answer()

    def ask(self, name: str, *arguments: Any) -> Any:
        """Have it do something; what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        """Other programs' words are passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("host "):
                return json.loads(line[5:])
        return pytest.fail("the host ended")

    def turn(self, name: str, value: float, *, instance: int = 0) -> None:
        """Turn one of the knobs, in its own unit."""
        knob = KNOB[name]
        shown = name.removesuffix("_ms").capitalize()
        self.ask("turn", instance, shown, (value - knob.low) / (knob.high - knob.low))

    def choose(self, name: str, number: int, *, most: int, least: int = 0, instance: int = 0) -> None:
        """Set a parameter of whole numbers."""
        self.ask("turn", instance, name, (number - least) / (most - least))

    def wakes(self) -> None:
        """Play for a moment, which has the plug-in look for the bridge."""
        self.ask("play", 0.05, False)
        self.ask("waits")

    def plays(self, seconds: float) -> None:
        """Begin to play from the start, in real time."""
        self.ask("play", seconds, True)

    def heard(self, folder: Path) -> list[Samples]:
        """Once it has played: what each instance gave, (frames, 2)."""
        self.ask("played", str(folder / "heard"))
        files = [folder / f"heard.{number}.npy" for number in range(self._instances)]
        return [np.ascontiguousarray(np.load(file), np.float32) for file in files]

    def bounces(self, seconds: float, folder: Path) -> list[Samples]:
        """What each instance gives when it is rendered as fast as may be, and may wait for takes."""
        for instance in range(self._instances):
            self.choose("Bounce", 1, most=1, instance=instance)
        self.ask("play", seconds, False)
        heard = self.heard(folder)
        for instance in range(self._instances):
            self.choose("Bounce", 0, most=1, instance=instance)
        return heard

    def end(self) -> None:
        """The host is gone."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def daw(*words: Any, **more: Any) -> Iterator[Daw]:
    """A host, until the block ends."""
    one = Daw(*words, **more)
    try:
        one.loads()
        yield one
    finally:
        one.end()


def played(sound: Sound, *, again: bool = False) -> Samples:
    """One pass of a sound as it should be heard, (frames, 2); `again`: a later pass of a loop."""
    frames, tail_frames = sound.request.frames, sound.tail_frames
    left = np.arange(tail_frames, 0, -1) / max(1, tail_frames)
    envelope = np.full(frames + tail_frames, sound.gain)
    envelope[frames:] *= np.sin(np.pi / 2 * left)
    if again and sound.sustained:
        envelope[:tail_frames] *= np.sin(np.pi / 2 * np.arange(tail_frames) / max(1, tail_frames))
    return np.asarray(sound.samples * envelope[:, None], np.float32)


def lay(on: Samples, samples: Samples, frame: int) -> None:
    """Add samples at a frame, as far as there is room."""
    end = min(len(on), frame + len(samples))
    if frame < end:
        on[frame:end] += samples[: end - frame]
