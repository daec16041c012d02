"""A real Ardour without a screen: sessions made by its own Lua, run on a JACK server of our own, and read back."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.hosts.ardour_running import OSC_PORT

LIBRARY = Path("/usr/lib/ardour7")
RATE_HZ = 48_000
PERIOD_FRAMES = 1024
START_ATTEMPTS = 5
MAKE_ATTEMPTS = 3

missing = [program for program in ("jackd", "ardour7-lua", "ardour7-export") if shutil.which(program) is None]
needs_ardour = [
    pytest.mark.ardour,
    pytest.mark.hosts,
    pytest.mark.jack,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)} (Debian: ardour, jackd2)"),
]

MAKE = """
AudioEngine:set_backend("None (Dummy)", "", "")
local s = create_session("{folder}", "{name}", {rate_hz})
local function track(name, channels)
  for t in s:new_audio_track(channels, channels, nil, 1, name, ARDOUR.PresentationInfo.max_order,
                             ARDOUR.TrackMode.Normal, true):iter() do
    for side = 1, 2 do
      t:output():audio(math.min(side, channels) - 1):connect("Master/audio_in " .. side)
    end
  end
end
{tracks}
{more}
local map = Temporal.TempoMap.write_copy()
{tempos}
Temporal.TempoMap.update(map)
s:save_state("", false, false, false, false, false)
print("made")
close_session()
quit()
"""

READ = """
AudioEngine:set_backend("None (Dummy)", "", "")
local s = load_session("{folder}", "{name}")
for r in s:get_tracks():iter() do
  for region in r:to_track():playlist():region_list():iter() do
    print(table.concat({{"REGION", r:name(), region:name(), region:position():samples(), region:length():samples(),
                         tostring(region:to_audioregion():fade_in_active())}}, "\\t"))
  end
end
for _, ticks in ipairs{{{ticks}}} do
  print("BEAT\\t" .. ticks .. "\\t" .. Temporal.timepos_t.from_ticks(ticks):samples())
end
close_session()
quit()
"""


LIVE = """
AudioEngine:set_backend("None (Dummy)", "", "")
local s = load_session("{folder}", "{name}")
print("loaded")
{beside}
quit()
"""


class RigError(RuntimeError):
    """Ardour did not do what the test needs of it; nothing is proved."""


@dataclass(frozen=True)
class Region:
    """A region as Ardour itself reads it."""

    track: str
    name: str
    frame: int
    frames: int
    fades_in: bool


def make_session(
    folder: Path,
    *,
    tracks: Sequence[tuple[str, int]],
    tempos: Sequence[tuple[float, float]] = ((0, 120),),
    rate_hz: int = RATE_HZ,
    more: str = "",
) -> Path:
    """Make a session named as its folder: tracks with their channels, wired to Master, and tempos from beats on.

    `more`: Lua that has the session as `s`, done once the tracks are there.
    """
    set_tempos = "".join(
        f"map:set_tempo(Temporal.Tempo({bpm}, {bpm}, 4), Temporal.timepos_t.from_ticks({round(beat * 1920)}))\n"
        for beat, bpm in tempos
    )
    script = MAKE.format(
        folder=folder,
        name=folder.name,
        rate_hz=rate_hz,
        tracks="".join(f'track("{name}", {channels})\n' for name, channels in tracks),
        tempos=set_tempos,
        more=more,
    )
    said = ""
    for _ in range(MAKE_ATTEMPTS):  # now and then it stumbles before it is done
        shutil.rmtree(folder, ignore_errors=True)
        said = _lua(script, home=folder.parent)
        if "made" in said.splitlines():
            break
    else:
        raise RigError(f"Ardour made no session in {folder}: {said[-2_000:]}")
    file = folder / f"{folder.name}.ardour"
    text = file.read_text()
    osc = '<Protocol name="Open Sound Control (OSC)"'
    switched_on = text.replace(osc + ' active="0"/>', osc + ' port-mode="0" feedback="0" active="1"/>')
    assert switched_on != text
    file.write_text(switched_on)
    return file


def give_script(home: Path, script: Path) -> None:
    """Put a Lua script where the Ardour of the sessions in that folder finds it."""
    folder = Path(_own(home)["HOME"]) / ".config/ardour7/scripts"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(script, folder)


def read_session(file: Path, *, beats: Sequence[float] = ()) -> tuple[list[Region], dict[float, int]]:
    """The regions of a session, and the frame of each beat, as Ardour has them."""
    ticks = {round(beat * 1920): beat for beat in beats}
    said = _lua(
        READ.format(folder=file.parent, name=file.stem, ticks=",".join(map(str, ticks))), home=file.parent.parent
    )
    lines = [line.split("\t") for line in said.splitlines()]
    regions = [
        Region(line[1], line[2], int(line[3]), int(line[4]), line[5] == "true") for line in lines if line[0] == "REGION"
    ]
    frames = {ticks[int(line[1])]: int(line[2]) for line in lines if line[0] == "BEAT"}
    if len(frames) < len(ticks):
        raise RigError(f"Ardour did not read {file}: {said}")
    return regions, frames


def export(file: Path, out: Path) -> None:
    """Have Ardour export a session, float32; judged by the file, for the program may stumble as it ends."""
    command = ["ardour7-export", "-s", str(RATE_HZ), "-b", "float", "-o", str(out), str(file.parent), file.stem]
    said = subprocess.run(
        command, env=_environment(file.parent.parent), capture_output=True, text=True, timeout=60, check=False
    )
    if not out.is_file():
        raise RigError(f"Ardour exported nothing: {said.stdout}{said.stderr}")


@contextmanager
def jack_server(log: Path, *, name: str) -> Iterator[dict[str, str]]:
    """A server without a sound card; the environment that leads programs to it."""
    environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    command = ["jackd", "--no-realtime", "-n", name, "-d", "dummy", "-r", str(RATE_HZ), "-p", str(PERIOD_FRAMES)]
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as server:
        try:
            waited = subprocess.run(["jack_wait", "-s", name, "-w", "-t", "10"], capture_output=True, check=False)
            if waited.returncode:
                raise RigError(f"the JACK server did not start: {log.read_text()}")
            yield environment
        finally:
            server.terminate()  # not killed: JACK knows of eight servers at most, and a killed one stays on its list
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()


class OverOsc:
    """An Ardour of ours in a process of its own, spoken to over OSC."""

    _process: subprocess.Popen[str] | subprocess.Popen[bytes]

    def __init__(self, log: Path) -> None:
        self._log = log
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = 0

    def say(self, address: str, *values: float | str) -> None:
        """Send it a message."""
        message = OscMessageBuilder(address)
        for value in values:
            message.add_arg(value)
        self._socket.sendto(message.build().dgram, ("127.0.0.1", self.port))

    def _find_port(self) -> None:
        """Wait until it listens."""

        def found() -> bool:
            self.port = next(iter(self._udp_ports()), 0)
            return self.port > 0

        self.wait_for(found, "opened no OSC port")

    def wait_for(self, true: Callable[[], bool], what: str, *, within_s: float = 15.0) -> None:
        """Wait until something holds; a `RigError` says `what` it did or did not do instead."""
        ends_at_s = time.monotonic() + within_s
        while not true():
            if self._process.poll() is not None or time.monotonic() > ends_at_s:
                raise RigError(f"Ardour {what}: {self._log.read_text()[-2_000:]}")
            time.sleep(0.1)

    def _udp_ports(self) -> list[int]:
        """Its own UDP ports near the usual one, which another Ardour may have already."""
        sockets = set()
        for path in Path(f"/proc/{self._process.pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(path))
            except OSError:
                continue
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        ports = [int(row[1].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in sockets]
        return [port for port in ports if OSC_PORT <= port < OSC_PORT + 20]


class Hardour(OverOsc):
    """Ardour's engine with a session, on a JACK server; spoken to over OSC. Used as a context."""

    def __init__(self, file: Path, environment: dict[str, str]) -> None:
        super().__init__(file.parent.parent / "hardour.log")
        self._file = file
        self._environment = {**environment, **_own(file.parent.parent)}

    def __enter__(self) -> Self:
        program = next(LIBRARY.glob("hardour-*"))
        self._said = self._log.open("w")
        self._process = subprocess.Popen(
            [program, "-P", self._file.parent, self._file.stem],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            # While it loads a session, two of its threads ask JACK at once and mix up each other's answers; on one
            # processor, 5 of 5 starts went well, and 2 of 5 on two.
            preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
        )
        try:
            self._find_port()
            self.wait_for(lambda: "ardour:Master/audio_out 1" in self.jack_ports(), "did not come up in JACK")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it does not always listen to a milder signal
        self._process.wait(timeout=10)
        self._said.close()
        self._socket.close()

    def jack_ports(self) -> list[str]:
        """All ports of the server."""
        return subprocess.run(
            ["jack_lsp"], env=self._environment, capture_output=True, text=True, timeout=10, check=False
        ).stdout.splitlines()

    def connect(self, source: str, target: str) -> None:
        """Connect two ports."""
        command = ["jack_connect", source, target]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=10, check=False)
        if done.returncode:
            raise RigError(f"{source} could not be connected to {target}: {done.stdout}{done.stderr}")


class Live(OverOsc):
    """Ardour with a session, live in real time on its own engine for machines without a sound card, and without JACK.

    That engine leaves out no block: on a busy machine one comes late, and the music with it. Used as a context.
    """

    def __init__(self, file: Path, *, beside: str = "sleep(100)") -> None:
        """`beside`: Lua that has the session as `s`; Ardour ends with it. What it prints is in `lines`."""
        home = file.parent.parent
        super().__init__(home / "live.log")
        self._home = home
        self._script = home / "live.lua"
        self._script.write_text(LIVE.format(folder=file.parent, name=file.stem, beside=beside))

    def __enter__(self) -> Self:
        with self._log.open("w") as said:
            self._process = subprocess.Popen(
                ["stdbuf", "-oL", "ardour7-lua", self._script],
                env=_environment(self._home),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:
            self.wait_for(lambda: "loaded" in self.lines(), "loaded no session", within_s=40)
            self._find_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(timeout=10)
        self._socket.close()

    def lines(self) -> list[str]:
        """What it has said up to now, whole lines."""
        return [line.rstrip("\n") for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def running(file: Path, folder: Path) -> Iterator[tuple[Hardour, dict[str, str]]]:
    """A server and an Ardour on it, tried again where they did not get along."""
    failures = []
    for attempt in range(START_ATTEMPTS):
        with jack_server(folder / "jackd.log", name=f"upbeat-a{os.getpid()}-{attempt}") as environment:
            ardour = Hardour(file, environment)
            try:
                ardour.__enter__()
            except RigError as error:
                failures.append(str(error))
                continue
            try:
                yield ardour, environment
            finally:
                ardour.__exit__()
            return
    raise RigError("; ".join(failures))


def _lua(script: str, *, home: Path) -> str:
    """What a script says in Ardour's own Lua; judged by that, for the program may stumble as it ends."""
    file = home / "script.lua"
    file.write_text(script)
    done = subprocess.run(
        ["stdbuf", "-oL", "ardour7-lua", file],  # each line at once: none is lost where it stumbles
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, **_own(home), "JACK_NO_START_SERVER": "1"}


def _own(home: Path) -> dict[str, str]:
    (home / "home").mkdir(exist_ok=True)
    return {
        "HOME": str(home / "home"),
        "LD_LIBRARY_PATH": str(LIBRARY),
        "ARDOUR_DATA_PATH": "/usr/share/ardour7",
        "ARDOUR_CONFIG_PATH": "/etc/ardour7",
        "ARDOUR_DLL_PATH": str(LIBRARY),
    }
