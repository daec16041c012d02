"""Where Ableton Live is on this machine, and our script put into its User Library and taken out again."""

import filecmp
import os
import plistlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.hosts.base import Found, HostError

SCRIPT = Path(__file__).parent / "live_script"
NAME = "Upbeat"  # Live lists a script by its folder's name
_SCRIPTS = "Remote Scripts"
_RECORD = "installed.txt"  # what we put there, so that nothing else is ever taken away
_CHOOSE = f'restart Live and choose {NAME} as a control surface in its Settings, "Link, Tempo & MIDI"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where to look: `system` as sys.platform has it, the user's home, and where programs are."""

    system: str
    home: Path
    programs: Sequence[Path]


def lives(machine: Machine) -> list[str]:
    """The Lives that are installed, with their versions as far as they can be read."""
    found = []
    for folder in machine.programs:
        if machine.system == "darwin":
            found += [_with_version(app) for app in sorted(folder.glob("Ableton Live*.app"))]
        elif machine.system == "win32":
            found += [f"Ableton {path.name}" for path in sorted(folder.glob("Live *")) if path.is_dir()]
    return found


def user_libraries(machine: Machine) -> list[Path]:
    """Live's User Libraries where Live puts them by itself."""
    home = machine.home
    usual = {
        "darwin": [home / "Music" / "Ableton" / "User Library"],
        "win32": [
            home / "Documents" / "Ableton" / "User Library",
            home / "OneDrive" / "Documents" / "Ableton" / "User Library",
        ],
    }
    return [library for library in usual.get(machine.system, []) if library.is_dir()]


def look(machine: Machine, *, library: Path | None = None) -> list[Found]:
    """Whether Live is here, and whether our script is in it. `library`: in place of the usual User Libraries."""
    if machine.system not in ("darwin", "win32"):
        there_is_none = (
            "there is no Live for Linux; use it on macOS or Windows, or a host that Linux has, such as Bitwig, REAPER "
            "or Ardour"
        )
        return [Found(what="Ableton Live", state="missing", found=there_is_none)]
    found = lives(machine)
    first = Found(
        what="Ableton Live",
        state="good" if found else "missing",
        found=", ".join(found) or "not where programs are installed; Upbeat needs Live 12.0.5 or later",
    )
    libraries = user_libraries(machine) if library is None else [library]
    if not libraries:
        nowhere = "no User Library where Live puts it; name its folder with `upbeat hosts install live --folder`"
        return [first, Found(what="our script", state="missing", found=nowhere)]
    return [first, *(_state_of(_scripts_in(folder) / NAME) for folder in libraries)]


def install(folders: Iterable[Path]) -> list[str]:
    """Put our script into each User Library (or its folder of remote scripts). Raises `HostError`."""
    done = []
    for folder in folders:
        scripts = _scripts_in(folder)
        ours = scripts / NAME
        if ours.exists() and not (ours / _RECORD).is_file():
            raise HostError(f"{ours} is there already and is not Upbeat's; move it away, and install again")
        made = not scripts.exists()
        try:
            if (ours / _RECORD).is_file():  # what an older Upbeat put there
                made = "made the folder above" in (ours / _RECORD).read_text(encoding="utf-8")
                _take_away(ours)
            _put(ours, made=made)
        except OSError as error:
            raise HostError(f"our script cannot be written to {ours} ({error}); choose a folder that can") from error
        done.append(f"put our script into {ours}")
    return [*done, _CHOOSE]


def remove(folders: Iterable[Path]) -> list[str]:
    """Take our script away from each User Library again, and nothing that we did not put there. Raises `HostError`."""
    done = []
    for folder in folders:
        ours = _scripts_in(folder) / NAME
        if not (ours / _RECORD).is_file():
            done.append(f"there is no script of ours in {ours.parent}")
            continue
        made = "made the folder above" in (ours / _RECORD).read_text(encoding="utf-8")
        try:
            _take_away(ours)
            if made and ours.parent.is_dir() and not any(ours.parent.iterdir()):
                ours.parent.rmdir()
        except OSError as error:
            raise HostError(f"our script cannot be taken from {ours} ({error}); quit Live and try again") from error
        left = f", but left {ours}, where there is something that is not ours" if ours.exists() else ""
        done.append(f"took our script out of {ours.parent}{left}")
    return done


def _scripts_in(folder: Path) -> Path:
    if not folder.is_dir():
        raise HostError(f"there is no folder {folder}; name Live's User Library, which its Settings show under Library")
    folder = folder.absolute()
    return folder if folder.name == _SCRIPTS else folder / _SCRIPTS


def _put(ours: Path, *, made: bool) -> None:
    names = sorted(path.name for path in SCRIPT.glob("*.py"))
    ours.mkdir(parents=True, exist_ok=True)
    how = "Upbeat made the folder above too.\n" if made else ""
    head = f"Put here by Upbeat; `upbeat hosts remove live` takes it away again.\n{how}"
    # The record comes first, so that what a full disk cut short can be taken away as well.
    (ours / _RECORD).write_text(head + "\n".join(names) + "\n", encoding="utf-8")
    for name in names:
        shutil.copyfile(SCRIPT / name, ours / name)


def _take_away(ours: Path) -> None:
    for line in (ours / _RECORD).read_text(encoding="utf-8").splitlines():
        if line.endswith(".py") and os.path.basename(line) == line:
            (ours / line).unlink(missing_ok=True)
    (ours / _RECORD).unlink()
    shutil.rmtree(ours / "__pycache__", ignore_errors=True)  # Live's Python compiled what was ours
    if not any(ours.iterdir()):
        ours.rmdir()


def _state_of(ours: Path) -> Found:
    if not (ours / _RECORD).is_file():
        return Found(what="our script", state="missing", found=f"not in {ours.parent}; run `upbeat hosts install live`")
    names = [path.name for path in SCRIPT.glob("*.py")]
    _, differ, absent = filecmp.cmpfiles(SCRIPT, ours, names, shallow=False)
    if differ or absent:
        other = f"that of another Upbeat in {ours}; run `upbeat hosts install live` again and restart Live"
        return Found(what="our script", state="broken", found=other)
    return Found(what="our script", state="good", found=str(ours))


def _with_version(app: Path) -> str:
    try:
        with (app / "Contents" / "Info.plist").open("rb") as file:
            version = str(plistlib.load(file)["CFBundleShortVersionString"]).split(" ")[0]
    except (OSError, ValueError, KeyError, plistlib.InvalidFileException):
        return app.stem
    return f"{app.stem} ({version})"
