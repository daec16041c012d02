"""`upbeat hosts install plugin`: our plug-in, built here or copied, put where every host of this user finds it."""

from pathlib import Path

from bridge.folders import cache_folder
from bridge.hosts.base import Ability, Found, Host, HostChoice, HostError
from bridge.hosts.plugin_build import BUNDLES, Machine, build, copy, installed, remove

RESCAN = (
    "Ardour: start it anew, then add Upbeat to a MIDI track as its instrument",
    "Bitwig Studio: finds it by itself; else Settings > Plug-ins > Rescan",
    "REAPER: Options > Preferences > Plug-ins > VST > Re-scan",
    "Ableton Live: Settings > Plug-Ins > Rescan, with VST3 plug-in folders switched on",
    "other hosts: look for Upbeat (instrument) and Upbeat Track (effect) after a rescan of VST3, LV2 or CLAP",
)


class PluginProduct:
    """The plug-in as something to install; a set needs no [host] for it."""

    name = "plugin"
    title = "Upbeat's own plug-in, in any host of VST3, LV2 or CLAP"
    abilities: frozenset[Ability] = frozenset()

    def __init__(self, machine: Machine | None = None, *, build_folder: Path | None = None) -> None:
        """`machine` and `build_folder`: in place of this one and the cache."""
        self._machine, self._build_folder = machine, build_folder

    def look(self, folder: Path | None = None) -> list[Found]:
        """Whether it lies where hosts look, or in `folder`, and whether it can be built here."""
        machine = self._machine or Machine()
        there = installed(machine.folders if folder is None else _all_in(folder))
        folders = ", ".join(str(folder) for folder in sorted({bundle.parent for bundle in there}))
        found = [
            Found(what="the plug-in", state="good", found=f"in {folders}")
            if there
            else Found(
                what="the plug-in", state="missing", found="`upbeat hosts install plugin` puts it where hosts look"
            )
        ]
        missing = machine.lacks()
        return [
            *found,
            Found(what="what builds it", state="missing", found=f"{', '.join(missing)}; {machine.how_to_get()}")
            if missing
            else Found(what="what builds it", state="good", found=f"a compiler, DPF in {machine.dpf} and libzmq"),
        ]

    def install(self, folder: Path | None) -> list[str]:
        """Build it and put it where this user's hosts look.

        A `folder` that holds a built one is where it is copied from; any other one is where it is put instead.
        """
        machine = self._machine or Machine()
        if folder is not None and any((folder / bundle).exists() for bundle in BUNDLES) and not _is_target(folder):
            put = copy(folder, machine.folders)
            return [*(f"put {there}" for there in put), *RESCAN]
        built = build(machine, self._build_folder or cache_folder() / "plugin")
        put = copy(built, machine.folders if folder is None else _all_in(folder))
        if folder is not None:
            (folder / TARGET).write_text("`upbeat hosts install plugin --folder` puts plug-ins here\n")
        return [*(f"put {there}" for there in put), *RESCAN]

    def remove(self, folder: Path | None) -> list[str]:
        """Take ours away again."""
        machine = self._machine or Machine()
        gone = remove(machine.folders if folder is None else _all_in(folder))
        if folder is not None and _is_target(folder):
            (folder / TARGET).unlink()
        if not gone:
            return ["there was no plug-in of ours; nothing was taken away"]
        return [*(f"took away {there}" for there in gone), "hosts forget it with their next rescan"]

    def host(self, choice: HostChoice) -> Host:
        """There is nobody to connect to: an instance finds the bridge."""
        raise HostError(
            "the plug-in connects to us, not we to it: put it on a track of your host while `upbeat up SET` runs, and "
            "its Status says Ready; its Slot is the number of the set's track that it plays"
        )


TARGET = "upbeat-plugins.txt"  # marks a folder that we put plug-ins into, so that it is no place to copy from


def _is_target(folder: Path) -> bool:
    return (folder / TARGET).exists()


def _all_in(folder: Path) -> dict[str, Path]:
    return {"vst3": folder, "lv2": folder, "clap": folder}


PRODUCT = PluginProduct()
