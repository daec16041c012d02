"""What `upbeat doctor` looks at. Each look gives findings, and none of them raises."""

import importlib.util
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

# good: it is there; missing: a set can be played without it; broken: no set can be played until it is mended.
State = Literal["good", "missing", "broken"]

ENGINE_ANSWERS_WITHIN_S = 0.5
TORCH_ANSWERS_WITHIN_S = 60.0
LATENCY_RATE_HZ = 48_000

# Asked of a process of its own, because torch is never imported here.
_ASK_TORCH = """
import json, torch
gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
print(json.dumps({"version": torch.__version__, "gpu": gpu}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what was found or what to do."""

    what: str
    state: State
    found: str


def examine(*, osc_port: int, engine_endpoint: str) -> list[Finding]:
    """All findings. Takes a few seconds where torch is installed."""
    from bridge.commands.one_engine import state_at

    engine_state = state_at(engine_endpoint)
    looks: list[Callable[[], Iterator[Finding]]] = [
        versions,
        folders,
        mixer,
        sound,
        midi,
        lambda: bridge_port(osc_port),
        lambda: engine_port(engine_endpoint, engine_state),
        plugin,
        weights,
        lambda: torch_and_gpu(needed=engine_state is None),
    ]
    findings: list[Finding] = []
    for look in looks:
        try:
            findings += look()
        except Exception as error:  # a look that stumbles is a finding too, and the others go on
            findings.append(Finding(what="doctor", state="broken", found=f"{type(error).__name__}: {error}"))
    return findings


def versions() -> Iterator[Finding]:
    """Ours, Python's and the system's."""
    yield Finding(what="upbeat", state="good", found=version("upbeat"))
    system = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield Finding(what="python", state="good", found=system)


def folders() -> Iterator[Finding]:
    """Where things lie, and whether they may."""
    from bridge.folders import cache_folder, log_folder, models_folder, takes_folder

    places = {"takes": takes_folder(), "models": models_folder(), "cache": cache_folder(), "logs": log_folder()}
    for what, folder in places.items():
        standing = next(place for place in (folder, *folder.parents) if place.exists())
        may = standing.is_dir() and os.access(standing, os.W_OK)
        advice = "" if may else "; cannot be written, so name another with UPBEAT_HOME"
        state: State = "good" if may else "broken" if what == "takes" else "missing"
        yield Finding(what=what, state=state, found=f"{folder}{advice}")


def mixer() -> Iterator[Finding]:
    """Whether the compiled mixer mixes."""
    import numpy as np

    from bridge.tracks.compiling import KEPT
    from bridge.tracks.mixer import Mixer

    silent = Mixer(["track"], sample_rate_hz=LATENCY_RATE_HZ)
    silent.mix(np.zeros((64, 2), np.float32))
    kept = "compiled, and kept for the next start" if KEPT else "compiled at every start: its cache cannot be written"
    yield Finding(what="mixer", state="good", found=kept)


def sound() -> Iterator[Finding]:
    """The output that a set would get, how late it is, and the other devices."""
    from bridge.tracks.mixer import Mixer
    from bridge.tracks.output import OutputError, open_output

    try:
        output = open_output("portaudio", Mixer(["track"], sample_rate_hz=LATENCY_RATE_HZ))
    except OutputError as error:
        sentence = str(error).replace("; `upbeat doctor` lists the devices.", ".")
        yield Finding(what="sound", state="missing", found=f"{sentence} Sets play unheard, at the pace of real time.")
    else:
        latency_ms = 1_000 * output.latency_frames / LATENCY_RATE_HZ
        yield Finding(what="sound", state="good", found=f"{output.name}, {latency_ms:.1f} ms")
        output.stop()
    for name in _sound_cards():
        yield Finding(what="device", state="good", found=name)


def _sound_cards() -> list[str]:
    try:
        import sounddevice
    except (ImportError, OSError):
        return []
    return [device["name"] for device in sounddevice.query_devices() if device["max_output_channels"] > 0]


def midi() -> Iterator[Finding]:
    """The ports that `--midi-port` could name, or why there are none."""
    import mido

    from bridge.triggers.midi import MidiError, input_names

    try:
        names = input_names(mido.Backend())
    except MidiError as error:
        yield Finding(what="midi", state="missing", found=str(error))
        return
    for name in names:
        yield Finding(what="midi", state="good", found=name)
    if not names:
        yield Finding(what="midi", state="missing", found="no port; plug a controller in, or use --midi-virtual")


def bridge_port(osc_port: int) -> Iterator[Finding]:
    """Whether the OSC port is free, or who has it."""
    from osc_schemas import codec
    from osc_schemas.errors import WireError

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", osc_port))
        except OSError:
            pass
        else:
            yield Finding(what="osc port", state="good", found=f"{osc_port} is free")
            return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ENGINE_ANSWERS_WITHIN_S)
        try:
            sock.connect(("127.0.0.1", osc_port))
            sock.send(codec.write("/ping", nonce=1))
            codec.read(sock.recv(65_535), to="sender")
            yield Finding(what="osc port", state="good", found=f"{osc_port}: a bridge answers")
        except (OSError, WireError):
            taken = f"{osc_port} is taken by another program; choose another with --osc-port"
            yield Finding(what="osc port", state="missing", found=taken)


def engine_port(endpoint: str, state: str | None) -> Iterator[Finding]:
    """How the engine at the usual place is, or, with none there, whether one could be started."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    if state is not None:
        yield Finding(what="engine port", state="good", found=f"{endpoint}: an engine answers, {state}")
        return
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((host.strip("[]"), int(port)))
        except OSError:
            taken = f"{endpoint} is taken by another program; choose another with --engine-port"
            yield Finding(what="engine port", state="missing", found=taken)
        else:
            yield Finding(what="engine port", state="good", found=f"{port} is free")


def plugin() -> Iterator[Finding]:
    """Whether the plug-in lies where this user's hosts look."""
    from bridge.hosts.plugin import PRODUCT

    lies = PRODUCT.look()[0]
    yield Finding(what="plug-in", state=lies.state, found=lies.found)


def weights() -> Iterator[Finding]:
    """The weights that came with the installation. The engine is looked at from outside."""
    spec = importlib.util.find_spec("engine")
    folder = Path(spec.origin or "").parent / "weights" if spec is not None else Path("weights")
    found = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    for path in found:
        yield Finding(what="weights", state="good", found=f"{path.stem}, {path.stat().st_size / 1e6:.1f} MB")
    if not found:
        yield Finding(what="weights", state="missing", found=f"none in {folder}; install upbeat again")


def torch_and_gpu(*, needed: bool) -> Iterator[Finding]:
    """What an engine would compute with; `needed` if none runs already."""
    without: State = "broken" if needed else "missing"
    try:
        version("torch")
    except PackageNotFoundError:
        advice = "not installed, so no engine runs here: pip install 'upbeat[engine]'"
        yield Finding(what="torch", state=without, found=advice)
        return
    command = [sys.executable, "-P", "-c", _ASK_TORCH]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=TORCH_ANSWERS_WITHIN_S, check=False)
    if asked.returncode:
        last_line = asked.stderr.strip().rpartition("\n")[2]
        yield Finding(what="torch", state=without, found=f"is installed but cannot be imported: {last_line}")
        return
    answer = json.loads(asked.stdout.strip().rpartition("\n")[2])
    yield Finding(what="torch", state="good", found=answer["version"])
    gpu = answer["gpu"] or "none that torch can use; the embedded model is made for the CPU"
    yield Finding(what="gpu", state="good" if answer["gpu"] else "missing", found=gpu)
