"""Our plug-in on this machine: what it takes to build it, where hosts look for it, and what there is ours."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.hosts.base import HostError

SOURCES = Path(__file__).parents[1] / "plugin"
BUNDLES = tuple(f"{name}.{form}" for form in ("vst3", "lv2", "clap") for name in ("upbeat", "upbeat-track"))
OURS = b"UPBEAT_PLUGIN_ENDPOINT"  # stands in the binary of every plug-in of ours
DPF_USUAL = Path("/usr/share/dpf")
BUILD_WITHIN_S = 600.0

_TOOLS = {
    "linux": "`sudo apt install g++ make pkg-config dpf-source libzmq3-dev` has all of it on Debian and Ubuntu",
    "darwin": "`xcode-select --install` and `brew install pkg-config zeromq` have it, and DPF comes from "
    "github.com/DISTRHO/DPF: name its folder in DPF_DIR",
    "win32": "MSYS2 has it (mingw-w64 with gcc, make, pkgconf and zeromq), and DPF comes from "
    "github.com/DISTRHO/DPF: name its folder in DPF_DIR",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where to look: `system` as sys.platform has it, the user's home, and the environment."""

    system: str = sys.platform
    home: Path = field(default_factory=Path.home)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def folders(self) -> dict[str, Path]:
        """Where this user's hosts look for VST3, LV2 and CLAP, as their makers have it."""
        home, env = self.home, self.environment
        if self.system == "darwin":
            plug_ins = home / "Library" / "Audio" / "Plug-Ins"
            return {"vst3": plug_ins / "VST3", "lv2": plug_ins / "LV2", "clap": plug_ins / "CLAP"}
        if self.system == "win32":
            local = Path(env.get("LOCALAPPDATA", home / "AppData" / "Local")) / "Programs" / "Common"
            roaming = Path(env.get("APPDATA", home / "AppData" / "Roaming"))
            return {"vst3": local / "VST3", "lv2": roaming / "LV2", "clap": local / "CLAP"}
        return {form: home / f".{form}" for form in ("vst3", "lv2", "clap")}

    @property
    def dpf(self) -> Path:
        """Where the framework should be."""
        return Path(self.environment.get("DPF_DIR", DPF_USUAL))

    def lacks(self) -> list[str]:
        """What is missing here to build the plug-in; empty if nothing is."""
        path = self.environment.get("PATH")
        missing = []
        if not any(shutil.which(name, path=path) for name in ("g++", "c++", "clang++")):
            missing.append("a C++ compiler")
        missing += [name for name in ("make", "pkg-config") if shutil.which(name, path=path) is None]
        if not (self.dpf / "Makefile.plugins.mk").is_file():
            missing.append(f"DPF (looked for in {self.dpf})")
        if "pkg-config" not in missing and not self._has_libzmq():
            missing.append("libzmq's headers")
        return missing

    def _has_libzmq(self) -> bool:
        command = ["pkg-config", "--exists", "libzmq"]
        try:
            return subprocess.run(command, env=dict(self.environment), timeout=10, capture_output=True).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def how_to_get(self) -> str:
        """What installs what is missing."""
        return _TOOLS.get(self.system, _TOOLS["linux"])


def build(machine: Machine, folder: Path, *, sources: Path = SOURCES) -> Path:
    """Build every bundle in `folder`, and say where in it they are.

    Raises `HostError` that says what is missing or what the compiler said first.
    """
    if missing := machine.lacks():
        raise HostError(
            f"the plug-in cannot be built here, because this machine lacks {', '.join(missing)}; "
            f"{machine.how_to_get()}; or name a folder with a built one: `upbeat hosts install plugin --folder DIR`"
        )
    within = folder / "sources"
    # make splits absolute paths at their spaces, and a user's own folder may have some: so all of it is relative.
    command = ["make", f"-j{os.cpu_count() or 1}", "-C", str(within), "BUILD=../built", f"DPF_DIR={machine.dpf}"]
    try:
        _renew(within, sources)
        done = subprocess.run(
            command, env=dict(machine.environment), timeout=BUILD_WITHIN_S, capture_output=True, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"the plug-in was not built ({error}); make room in {folder}, and try again") from error
    if done.returncode:
        said = (done.stderr + done.stdout).splitlines()
        first = next((line for line in said if "error" in line.lower() or "***" in line), "no reason")
        raise HostError(f"the plug-in was not built: {first[:300]}; `{shlex.join(command)}` shows all of it")
    return folder / "built"


def _renew(folder: Path, sources: Path) -> None:
    """Have the sources in a folder; what is the same stays, so that it is not built again."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {path.name: path.read_bytes() for path in sources.iterdir() if path.is_file()}
    for path in folder.iterdir():
        if path.name not in wanted:
            _delete(path)
    for name, words in wanted.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != words:
            (folder / name).write_bytes(words)


def copy(from_folder: Path, to: Mapping[str, Path]) -> list[Path]:
    """Put the bundles of a folder where hosts look, by format, in place of older ones of ours. Where they are now.

    Raises `HostError`: what is not ours is never replaced.
    """
    put = []
    for bundle in BUNDLES:
        found = from_folder / bundle
        if not found.exists():
            continue
        there = to[bundle.rpartition(".")[2]] / bundle
        if there.exists() and not is_ours(there):
            raise HostError(f"{there} is no plug-in of ours, so it stays; move it away, and install again")
        aside = there.with_name(there.name + ".part")
        try:
            there.parent.mkdir(parents=True, exist_ok=True)
            _delete(aside)
            shutil.copytree(found, aside) if found.is_dir() else shutil.copy2(found, aside)
            _delete(there)
            aside.rename(there)
        except OSError as error:
            raise HostError(
                f"{there} cannot be written ({error.strerror or error}); close the hosts that have it open, or give "
                "yourself the right to write there"
            ) from error
        put.append(there)
    return put


def remove(from_: Mapping[str, Path]) -> list[Path]:
    """Take away the bundles that are ours, and nothing else. Which they were. Raises `HostError`."""
    gone = []
    for bundle in BUNDLES:
        there = from_[bundle.rpartition(".")[2]] / bundle
        if there.exists() and is_ours(there):
            try:
                _delete(there)
            except OSError as error:
                raise HostError(f"{there} cannot be taken away ({error.strerror or error}); close its hosts") from error
            gone.append(there)
    return gone


def installed(in_: Mapping[str, Path]) -> list[Path]:
    """The bundles of ours that lie where hosts look."""
    places = [in_[bundle.rpartition(".")[2]] / bundle for bundle in BUNDLES]
    return [there for there in places if there.exists() and is_ours(there)]


def is_ours(bundle: Path) -> bool:
    """Whether a plug-in, a file or a folder, is one of ours."""
    files = [bundle] if bundle.is_file() else [path for path in bundle.rglob("*") if path.is_file()]
    try:
        return any(OURS in path.read_bytes() for path in files)
    except OSError:
        return False


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
