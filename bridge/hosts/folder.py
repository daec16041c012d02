"""Any host: a folder of takes that sorts by bar, which a host or a person watches and drags from.

Each file's name says where it belongs and what it is; its tempo, key, length in beats and loop stand in its chunks
too. A file is there whole or not at all, and none is ever written over. The folder grows as long as the music is
played, and nothing in it is ever deleted but what is taken back: what lies there is the user's.
"""

import contextlib
import filecmp
import math
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from bridge.hosts.base import (
    ANSWER_WITHIN_S,
    Ability,
    BasicHost,
    Found,
    HostChoice,
    HostClip,
    HostError,
    HostLost,
    HostTrack,
    Placement,
)
from bridge.wav_chunks import read_musical
from osc_schemas.key_name import key_named

ABILITIES: frozenset[Ability] = frozenset({"bar"})
WORD_LETTERS_MAX = 60  # of a track's or a cue's name, so that a whole name fits every file system
SAME_NAME_MAX = 1_000
# What one of the usual file systems does not take in a name.
ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')


def file_name(clip: HostClip, *, track: str, beat: float, key: str = "", beats_per_bar: float = 4.0) -> str:
    """Bar and beat from 1, track, cue, tempo and key, take: names that sort as the music goes, up to bar 9999.

    >>> clip = HostClip(path=Path("/k.wav"), take_id="kick-9f2785d01e", name="kick 9f2785", length_beats=4,
    ...                 tempo_bpm=124, frames=92903, sample_rate_hz=48000, loop=True)
    >>> file_name(clip, track="drums", beat=8, key="D minor")
    '0003.1 drums - kick loop - 124bpm Dmin - 9f2785.wav'
    """
    take = clip.take_id[-10:][:6]  # as much of it as hosts show
    cue = clip.name.removesuffix(take).strip() or clip.name
    what = f"{_word(cue)} loop" if clip.loop else _word(cue)
    feel = " ".join(filter(None, (f"{round(clip.tempo_bpm, 2):g}bpm", _short_key(key))))
    return f"{_place(beat, beats_per_bar)} {_word(track)} - {what} - {feel} - {_word(take)}.wav"


class TakeFolder(BasicHost):
    """The folder. It may come and go, as on a drive that is unplugged."""

    name = "folder"
    title = "The take folder"
    abilities = ABILITIES

    def __init__(self, choice: HostChoice) -> None:
        self._is_usual = choice.folder is None
        self.folder = (choice.folder or default_folder()).expanduser().absolute()

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Make the folder if it is not there; not those above one that was named, for then a drive may be missing."""
        try:
            self.folder.mkdir(parents=self._is_usual, exist_ok=True)
        except OSError as error:
            raise HostError(
                f"the take folder {self.folder} cannot be made ({error.strerror}); plug its drive in, or name another "
                "one as [host] folder"
            ) from error
        return f"the take folder {self.folder}"

    def tracks(self) -> Sequence[HostTrack]:
        """None: a folder takes every name. Raises `HostLost` if it is gone."""
        self._look()
        return ()

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Copy it into the folder under a name that says bar and beat; if that very file is there already, leave it."""
        self._look()
        try:
            musical = read_musical(clip.path)
            key, beats_per_bar = (musical.key, musical.beats_per_bar) if musical else ("", 4.0)
            name = file_name(clip, track=track, beat=beat, key=key, beats_per_bar=beats_per_bar)
            file = _copied(clip.path, self.folder / name)
        except OSError as error:
            self._look()
            raise HostError(
                f"{clip.name} cannot be copied to the take folder {self.folder} ({error.strerror or error}); make room "
                "there, or name another one as [host] folder. The take itself is kept"
            ) from error
        return Placement(clip=clip, track=track, beat=beat, token=file.name)

    def remove(self, placement: Placement) -> None:
        """Delete the file that was placed, unless somebody has changed it since."""
        file = self.folder / Path(placement.token).name
        try:
            if placement.token and file.is_file() and filecmp.cmp(file, placement.clip.path, shallow=False):
                file.unlink()
        except OSError as error:
            raise HostError(
                f"{file.name} cannot be deleted from {self.folder} ({error.strerror}); delete it there"
            ) from error

    def _look(self) -> None:
        if not self.folder.is_dir():
            raise HostLost(f"the take folder {self.folder} is gone; put it back, and what was played goes there then")


class FolderProduct:
    """What there is to know of the take folder."""

    name = "folder"
    title = "A take folder for any host"
    abilities = ABILITIES

    def look(self, folder: Path | None = None) -> list[Found]:
        """Whether the folder, or the usual one, is there, and how much fits in."""
        folder = folder or default_folder()
        place = next(above for above in (folder, *folder.parents) if above.is_dir())
        free_gb = shutil.disk_usage(place).free / 1e9
        there = "is there" if folder.is_dir() else "is made when it is first used"
        if free_gb < 1:
            return [Found(what="folder", state="broken", found=f"{folder} has {free_gb:.1f} GB left; make room")]
        return [Found(what="folder", state="good", found=f"{folder} {there}; {free_gb:.0f} GB are free")]

    def install(self, folder: Path | None) -> list[str]:
        """Make the folder."""
        takes = TakeFolder(HostChoice(name=self.name, folder=folder))
        takes.connect()
        return [
            f"The folder {takes.folder} is there.",
            "Add it to your host's browser, so that its files can be dragged.",
        ]

    def remove(self, folder: Path | None) -> list[str]:
        """Delete the folder if it is empty."""
        chosen = folder or default_folder()
        with contextlib.suppress(OSError):
            chosen.rmdir()
        return [f"{chosen} is kept, with what lies in it." if chosen.is_dir() else f"{chosen} is not there any more."]

    def host(self, choice: HostChoice) -> TakeFolder:
        """Its adapter."""
        return TakeFolder(choice)


def default_folder() -> Path:
    """The folder where a set names none."""
    home = os.environ.get("UPBEAT_HOME")
    return Path(home).expanduser().absolute() / "folder" if home else platformdirs.user_music_path() / "Upbeat"


def _copied(clip: Path, wanted: Path) -> Path:
    """A copy of a file under that name, or with a number behind it if another file has that name already."""
    aside = wanted.with_name(f".{wanted.stem[:80]}.{os.getpid()}.upbeat-part")
    try:
        for number in range(1, SAME_NAME_MAX):
            file = wanted if number == 1 else wanted.with_stem(f"{wanted.stem} ({number})")
            if file.exists():
                if filecmp.cmp(file, clip, shallow=False):
                    return file
                continue
            if not aside.exists():
                shutil.copyfile(clip, aside)
            with contextlib.suppress(FileExistsError):  # somebody was quicker with that name
                _rename_over_nothing(aside, file)
                return file
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    raise OSError(f"{SAME_NAME_MAX - 1} files are called {wanted.stem}")


def _rename_over_nothing(aside: Path, file: Path) -> None:
    """Rename; raises FileExistsError where there is such a file, if the file system can tell in one step."""
    try:
        os.link(aside, file)
    except FileExistsError:
        raise
    except OSError:  # no hard links there, as on most sticks
        if file.exists():
            raise FileExistsError(file) from None
        os.rename(aside, file)


def _place(beat: float, beats_per_bar: float) -> str:
    """Bar and beat from 1, such as 0003.1; between beats with hundredths, such as 0003.1.50."""
    hundredths = round(max(0.0, beat) * 100)
    bar = math.floor(hundredths / (beats_per_bar * 100))
    rest = round(hundredths - bar * beats_per_bar * 100)
    whole = f"{bar + 1:04d}.{rest // 100 + 1}"
    return f"{whole}.{rest % 100:02d}" if rest % 100 else whole


def _short_key(key: str) -> str:
    named = key_named(key)
    if named is None:
        return _word(key)
    letter, accidental, mode = named
    return _word(letter.upper() + accidental + {"major": "maj", "minor": "min"}.get(mode, f" {mode}"))


def _word(text: str) -> str:
    """What may stand in a name on every system, and neither begins nor ends with a dot."""
    return ILLEGAL.sub(" ", text).strip(" .")[:WORD_LETTERS_MAX].strip(" .") or "unnamed"


PRODUCT = FolderProduct()
