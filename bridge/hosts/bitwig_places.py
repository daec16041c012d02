"""Where Bitwig and the DrivenByMoss extension lie on each system."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge.hosts.base import Found

EXTENSION = "DrivenByMoss.bwextension"
_FLATPAK = "com.bitwig.BitwigStudio"


def look(folder: Path | None = None, *, home: Path | None = None, system: str = sys.platform) -> list[Found]:
    """Whether Bitwig and the extension are there; whether the extension is switched on only a connection tells.

    `folder`: for extensions, in place of the usual ones.
    """
    home = home or Path.home()
    programs = [path for path in program_places(home, system) if path.exists()]
    found = [
        Found(what="Bitwig Studio", state="good", found=str(programs[0]))
        if programs
        else Found(
            what="Bitwig Studio",
            state="missing",
            found="in none of its usual places; install it from https://www.bitwig.com, or use it on the machine "
            "where it is",
        )
    ]
    folders = extension_folders(home, system) if folder is None else [folder]
    extensions = [path for folder in folders for path in sorted(folder.glob("**/DrivenByMoss*.bwextension"))]
    found.append(
        Found(what="DrivenByMoss", state="good", found=str(extensions[0]))
        if extensions
        else Found(
            what="DrivenByMoss",
            state="missing",
            found=f"no {EXTENSION} in {' or '.join(str(folder) for folder in folders)}; "
            "`upbeat hosts install bitwig` says where to fetch it",
        )
    )
    return found


def program_places(home: Path, system: str) -> Sequence[Path]:
    """Where Bitwig itself is usually installed."""
    if system == "darwin":
        return (Path("/Applications/Bitwig Studio.app"), home / "Applications" / "Bitwig Studio.app")
    if system == "win32":
        roots = [os.environ.get(name) for name in ("ProgramFiles", "ProgramW6432", "LOCALAPPDATA")]
        return [Path(root, "Bitwig Studio") for root in roots if root]
    on_path = shutil.which("bitwig-studio")
    flatpaks = (Path("/var/lib/flatpak/app"), home / ".local" / "share" / "flatpak" / "app")
    return [
        *([Path(on_path)] if on_path else []),
        Path("/opt/bitwig-studio"),
        Path("/usr/bin/bitwig-studio"),
        *(flatpak / _FLATPAK for flatpak in flatpaks),
    ]


def extension_folders(home: Path, system: str) -> Sequence[Path]:
    """Where Bitwig looks for extensions. Source: DrivenByMoss's installation page; flatpak's own home besides."""
    if system == "darwin":
        return (home / "Documents" / "Bitwig Studio" / "Extensions",)
    if system == "win32":
        documents = [home / "Documents"]
        if os.environ.get("ONEDRIVE"):
            documents.append(Path(os.environ["ONEDRIVE"], "Documents"))
        return [folder / "Bitwig Studio" / "Extensions" for folder in documents]
    return (
        home / "Bitwig Studio" / "Extensions",
        home / ".BitwigStudio" / "Extensions",
        home / ".var" / "app" / _FLATPAK / "Bitwig Studio" / "Extensions",
    )
