"""Where REAPER keeps its settings and scripts on each system, and our script among them."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge.hosts.base import Found, HostError
from bridge.hosts.spool import Spool

SCRIPT_FILES = ("upbeat.lua", "deeds.lua", "json.lua")
OURS = Path(__file__).parent / "reaper_script"
RUN_IT = (
    "in REAPER: Actions > Show action list > New action > Load ReaScript, choose {script}, then Run; "
    "the next times it is in the action list as upbeat.lua"
)


def resource_paths(home: Path, system: str) -> Sequence[Path]:
    """REAPER's resource paths, as Options > Show REAPER resource path opens them; a portable REAPER's is its own."""
    if system == "darwin":
        return (home / "Library" / "Application Support" / "REAPER",)
    if system == "win32":
        return (Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming", "REAPER"),)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return (config / "REAPER", home / ".var" / "app" / "fm.reaper.Reaper" / "config" / "REAPER")


def script_folder(resource_path: Path) -> Path:
    """Where our script lies under a resource path."""
    return resource_path / "Scripts" / "Upbeat"


def resource_path(folder: Path | None, *, home: Path | None = None, system: str = sys.platform) -> Path:
    """The resource path that is meant: `folder`, else the first that has our script, else the first that is there.

    Raises `HostError` if there is none.
    """
    if folder is not None:
        if not folder.is_dir():
            raise HostError(
                f"{folder} is no folder; name REAPER's resource path (in REAPER: Options > Show REAPER resource path)"
            )
        return folder
    places = [place for place in resource_paths(home or Path.home(), system) if place.is_dir()]
    if not places:
        raise HostError(
            "REAPER has no resource path in its usual places, so it never ran here; start it once, or name the path "
            "of a portable one (in REAPER: Options > Show REAPER resource path)"
        )
    return next((place for place in places if (script_folder(place) / SCRIPT_FILES[0]).exists()), places[0])


def look(folder: Path | None, *, home: Path | None = None, system: str = sys.platform) -> list[Found]:
    """Whether REAPER, our script and a run of it are there."""
    try:
        place = resource_path(folder, home=home, system=system)
    except HostError as error:
        return [Found(what="REAPER", state="missing", found=str(error))]
    found = [Found(what="REAPER", state="good", found=f"its resource path is {place}")]
    scripts = script_folder(place)
    if not (scripts / SCRIPT_FILES[0]).exists():
        return [
            *found,
            Found(what="Upbeat's script", state="missing", found="not there; `upbeat hosts install reaper` puts it"),
        ]
    if not all(_same(scripts / name, OURS / name) for name in SCRIPT_FILES):
        what = "another version than this Upbeat's; `upbeat hosts install reaper` puts this one"
        return [*found, Found(what="Upbeat's script", state="broken", found=what)]
    running = Spool(scripts / "spool").is_alive()
    return [
        *found,
        Found(what="Upbeat's script", state="good", found=str(scripts)),
        Found(what="a run of it", state="good", found="it answers")
        if running
        else Found(what="a run of it", state="missing", found=RUN_IT.format(script=scripts / SCRIPT_FILES[0])),
    ]


def install(folder: Path | None) -> list[str]:
    """Put our script under the resource path. Nothing of REAPER's own files is touched: its action list is its own."""
    scripts = script_folder(resource_path(folder))
    try:
        scripts.mkdir(parents=True, exist_ok=True)
        for name in SCRIPT_FILES:
            shutil.copyfile(OURS / name, scripts / name)
    except OSError as error:
        raise HostError(
            f"our script cannot be written to {scripts} ({error}); make room there, or name --folder"
        ) from (error)
    return [
        f"put Upbeat's script into {scripts}",
        RUN_IT.format(script=scripts / SCRIPT_FILES[0]),
        "if it is running already, let REAPER end that run and start a new one",
    ]


def remove(folder: Path | None) -> list[str]:
    """Take our folder away again; what lies on tracks stays there."""
    scripts = script_folder(resource_path(folder))
    if not scripts.exists():
        return [f"Upbeat's script is not in {scripts.parent}; nothing was taken away"]
    try:
        for name in SCRIPT_FILES:
            (scripts / name).unlink(missing_ok=True)
        shutil.rmtree(scripts / "spool", ignore_errors=True)
        if not any(scripts.iterdir()):
            scripts.rmdir()
    except OSError as error:
        raise HostError(f"our script cannot be taken away from {scripts} ({error}); delete it there") from error
    return [
        f"took Upbeat's script away from {scripts}",
        "REAPER's action list still names upbeat.lua; choose it there and press Delete",
    ]


def _same(there: Path, ours: Path) -> bool:
    try:
        return there.read_bytes() == ours.read_bytes()
    except OSError:
        return False
