"""An Ardour session as it lies on disk: its tracks and tempos, and our clips written onto its timeline.

Only while Ardour does not have it open: it reads the file once, and writes over it when it saves. What is written is
the session file alone, aside and then in one step, with a copy of what it was beside it; and each clip's WAV in the
session's own folder of audio files. A region of ours has no fades, so that it sounds as it is, to the bit.
"""

import contextlib
import filecmp
import os
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile as sf

from bridge.hosts.ardour_tempo import TempoMap, tempo_map
from bridge.hosts.base import HostClip, HostError, HostLost, HostTrack
from osc_schemas.nearest import nearest_only

OLDEST, NEWEST = 7_000, 7_999  # versions of the file: before Ardour 7 positions were written otherwise
OURS = "upbeat "  # how the names of our files begin
# What Ardour writes of the region that stands for a whole file, but without its fades.
WHOLE_FILE = (
    "muted=0 opaque=1 locked=0 video-locked=0 automatic=0 whole-file=1 import=0 external=0 sync-marked=0 "
    "left-of-split=0 right-of-split=0 hidden=0 position-locked=0 valid-transients=0 start=a0 sync-position=a0 "
    "ancestral-start=a0 ancestral-length=a0@a0 stretch=1 shift=1 layering-index=0 tags= contents=0 envelope-active=0 "
    "default-fade-in=0 default-fade-out=0 fade-in-active=0 fade-out-active=0 scale-amplitude=1 type=audio "
    "first-edit=nothing"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """An audio track of a session; `element` is its `<Route>`."""

    name: str
    playlist_id: str
    channels: int
    element: ET.Element


def session_file(folder: Path) -> Path:
    """The session file in a session's folder: the one named as the folder, or the only one. Raises `HostError`."""
    if folder.suffix == ".ardour" and folder.is_file():
        return folder.resolve()
    named = folder / f"{folder.resolve().name}.ardour"
    found = [named] if named.is_file() else sorted(folder.glob("*.ardour")) if folder.is_dir() else []
    if not found:
        raise HostError(
            f"there is no Ardour session in {folder}; give the session's own folder, the one that holds NAME.ardour"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise HostError(f"{folder} holds several sessions ({names}); name the file itself as the folder")
    return found[0].resolve()


class SessionFile:
    """A session file, read; what is changed is on disk after `save`."""

    def __init__(self, path: Path) -> None:
        """Raises `HostLost` if it is gone, `HostError` if it is none that we can write."""
        self.path = path
        try:
            self._was = path.read_bytes()
        except OSError as error:
            raise HostLost(f"the Ardour session {path} cannot be read ({error.strerror}); put it back") from error
        try:
            self._root = ET.fromstring(self._was)
            version = int(self._root.attrib["version"])
            self.name = self._root.attrib["name"]
            self.sample_rate_hz = int(self._root.attrib["sample-rate"])
            if not OLDEST <= version <= NEWEST:
                raise HostError(
                    f"{path.name} is of version {version}, and we know those of {OLDEST} to {NEWEST}; "
                    "open it once in Ardour 7 or 8 and save it there"
                )
            self.tempos: TempoMap = tempo_map(self._root)
            self._next_id = int(self._root.attrib["id-counter"])
        except (ET.ParseError, ValueError, KeyError) as error:
            raise HostError(
                f"{path.name} is not a session of Ardour as we know it ({error}); open it in Ardour 7 and save it there"
            ) from error

    @property
    def tracks(self) -> list[AudioTrack | None]:
        """Its tracks in Ardour's order; None for one that is not of audio."""
        return [self._audio_track(route) for route in self._routes()]

    def host_tracks(self) -> list[HostTrack]:
        """The same, as every host gives them."""
        return [
            HostTrack(number=number, name=route.get("name", ""), takes_audio="audio-playlist" in route.attrib)
            for number, route in enumerate(self._routes(), 1)
        ]

    def track(self, name: str) -> AudioTrack:
        """An audio track by its name. Raises `HostError`."""
        by_name = {track.name: track for track in self.tracks if track is not None}
        if name not in by_name:
            raise no_such_track(self.name, name, list(by_name))
        return by_name[name]

    def place(self, clip: HostClip, *, track: str, beat: float) -> str:
        """Put a clip where a beat is; what `remove` needs to know of it. Raises `HostError`."""
        if clip.sample_rate_hz != self.sample_rate_hz:
            raise HostError(
                f"{clip.name} has {clip.sample_rate_hz} Hz and the session {self.name} {self.sample_rate_hz} Hz, where "
                f"it would sound at another pitch; write sample_rate_hz = {self.sample_rate_hz} in the set"
            )
        target = self.track(track)
        playlist = self._root.find(f"Playlists/Playlist[@id='{target.playlist_id}']")
        if playlist is None:
            raise HostError(
                f"the track {track} has no playlist in {self.path.name}; open the session in Ardour and save it"
            )
        file, channels, frames = self._audio_file(clip, channels=target.channels)
        sources = self._sources(file, channels, frames)
        start = self.tempos.frame_at(beat)
        top = max((int(region.get("layering-index", "0")) for region in playlist.iterfind("Region")), default=-1)
        region = self._region(f"{clip.name}.1", sources, frames=frames, at_frame=start)
        region.attrib.update({"whole-file": "0", "layering-index": str(top + 1)})
        playlist.append(region)
        reached_before = self._reach(start + frames)
        return f"{region.attrib['id']} {reached_before}".strip()

    def remove(self, token: str) -> bool:
        """Take a region away again, and its file if it is ours and nothing else has it; False if it is gone already."""
        region_id, _, reached_before = token.partition(" ")
        for playlist in self._root.iter("Playlist"):
            region = playlist.find(f"Region[@id='{region_id}']")
            if region is not None:
                playlist.remove(region)
                self._reach_no_further(region, reached_before)
                self._forget(_source_ids(region))
                return True
        return False

    def save(self, *, backup: bool) -> None:
        """Write it; with `backup`, what it was is kept beside it. Raises `HostError`."""
        self._root.set("id-counter", str(self._next_id))
        aside = self.path.with_name(f"{self.path.name}.upbeat-part")
        try:
            if backup:
                self.backup_path.write_bytes(self._was)
            with aside.open("wb") as file:
                file.write(ET.tostring(self._root, encoding="UTF-8", xml_declaration=True))
                file.flush()
                os.fsync(file.fileno())
            shutil.copymode(self.path, aside)
            if self.path.read_bytes() != self._was:
                raise HostLost(f"{self.path.name} was saved by another program just now; it is read again")
            os.replace(aside, self.path)
        except OSError as error:
            raise HostError(
                f"the session {self.path} cannot be written ({error.strerror}), and is as it was; make room, or let us "
                "write there"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
        for path in self._unused:
            with contextlib.suppress(OSError):
                path.unlink()

    @property
    def backup_path(self) -> Path:
        """Where the copy of what it was lies; no session to Ardour, for its name does not end so."""
        return self.path.with_name(f"{self.path.name}.before-upbeat")

    _unused: tuple[Path, ...] = ()  # files of ours that no region has once this is saved

    def _routes(self) -> Iterator[ET.Element]:
        routes = self._root.findall("Routes/Route")
        tracks = [route for route in routes if "audio-playlist" in route.attrib or "midi-playlist" in route.attrib]
        return iter(sorted(tracks, key=_order))

    def _audio_track(self, route: ET.Element) -> AudioTrack | None:
        if "audio-playlist" not in route.attrib:
            return None
        ports = route.findall("IO[@direction='Input']/Port[@type='audio']")
        return AudioTrack(
            name=route.get("name", ""),
            playlist_id=route.attrib["audio-playlist"],
            channels=max(1, len(ports)),
            element=route,
        )

    def _new_id(self) -> str:
        self._next_id += 1
        return str(self._next_id)

    def _audio_folder(self) -> Path:
        interchange = self.path.parent / "interchange"
        theirs = interchange / self.name
        if not theirs.is_dir() and interchange.is_dir():
            theirs = next((path for path in sorted(interchange.iterdir()) if path.is_dir()), theirs)
        return theirs / "audiofiles"

    def _audio_file(self, clip: HostClip, *, channels: int) -> tuple[Path, int, int]:
        """The clip's WAV among the session's audio files, its channels and its frames; mixed down for a mono track."""
        folder = self._audio_folder()
        try:
            info = sf.info(clip.path)
            mono = channels == 1 < info.channels
            stem = OURS + re.sub(r"[^\w.+-]+", " ", clip.path.stem).strip() + (" mono" if mono else "")
            folder.mkdir(parents=True, exist_ok=True)
            aside = folder / f"{stem}.upbeat-part"
            try:
                if mono:
                    samples, rate_hz = sf.read(clip.path, dtype="float32", always_2d=True)
                    sf.write(aside, samples.mean(axis=1), rate_hz, subtype="FLOAT", format="WAV")
                else:
                    shutil.copyfile(clip.path, aside)
                file = _put_beside(aside, folder, stem, same_if_it_sounds_so=mono)
            finally:
                aside.unlink(missing_ok=True)
        except (OSError, sf.LibsndfileError) as error:
            raise HostError(
                f"{clip.name} cannot be copied to {folder} ({error}); make room there, or let us write there"
            ) from error
        return file, 1 if mono else info.channels, info.frames

    def _sources(self, file: Path, channels: int, frames: int) -> list[str]:
        """The ids of a file's sources, one for each channel; those that are there already, or new ones."""
        sources, regions = self._child("Sources"), self._child("Regions")
        there = {
            source.get("channel", "0"): source
            for source in sources.iterfind("Source")
            if source.get("name") == file.name
        }
        if len(there) == channels:
            return [there[str(channel)].attrib["id"] for channel in range(channels)]
        ids = [self._new_id() for _ in range(channels)]
        for channel, source_id in enumerate(ids):
            words = {"name": file.name, "take-id": "", "type": "audio", "flags": "", "id": source_id}
            words |= {"natural-position": "a0", "captured-for": "", "channel": str(channel), "origin": "", "gain": "1"}
            ET.SubElement(sources, "Source", words)
        regions.append(self._region(file.stem, ids, frames=frames, at_frame=0))
        return ids

    def _region(self, name: str, source_ids: list[str], *, frames: int, at_frame: int) -> ET.Element:
        words = dict(word.split("=") for word in WHOLE_FILE.split())
        words |= {"name": name, "id": self._new_id(), "channels": str(len(source_ids))}
        words["length"] = f"a{self._superclocks(frames)}@a{self._superclocks(at_frame)}"
        for channel, source_id in enumerate(source_ids):
            words |= {f"source-{channel}": source_id, f"master-source-{channel}": source_id}
        return ET.Element("Region", words)

    def _superclocks(self, frames: int) -> int:
        return -(-frames * self.tempos.superclocks_per_s // self.sample_rate_hz)  # up: Ardour rounds down to frames

    def _session_range(self) -> ET.Element | None:
        ranges = self._child("Locations").iterfind("Location")
        return next((one for one in ranges if "IsSessionRange" in one.get("flags", "")), None)

    def _reach(self, frame: int) -> str:
        """Have the session's range, which is what is exported, reach so far; where it ended before, "" if it did."""
        location, end = self._session_range(), self._superclocks(frame)
        if location is None:
            words = {"id": self._new_id(), "name": "session", "start": "a0", "end": f"a{end}"}
            words |= {"flags": "IsSessionRange", "locked": "0", "timestamp": "0", "cue": "0"}
            ET.SubElement(self._child("Locations"), "Location", words)
            return "none"
        before = location.get("end", "")
        if not before.startswith("a") or int(before[1:]) >= end:
            return ""
        location.set("end", f"a{end}")
        return before

    def _reach_no_further(self, region: ET.Element, before: str) -> None:
        """Take back what `_reach` did for a region, unless the range has been moved since."""
        location = self._session_range()
        length, _, position = region.attrib["length"].partition("@")
        if not before or location is None or location.get("end") != f"a{int(length[1:]) + int(position[1:])}":
            return
        if before == "none":
            self._child("Locations").remove(location)
        else:
            location.set("end", before)

    def _forget(self, source_ids: list[str]) -> None:
        """Drop the sources that no region has but the one that stands for their whole file, if the file is ours."""
        regions = self._child("Regions")
        whole = [region for region in regions.iterfind("Region") if _source_ids(region) == source_ids]
        # What lies in a slot of the launcher is named there by the id of its region.
        slots = {trigger.get("region") for trigger in self._root.iter("Trigger")}
        others = [region for region in self._root.iter("Region") if not any(region is one for one in whole)]
        in_use = {source_id for region in others for source_id in _source_ids(region)}
        if in_use & set(source_ids) or any(region.get("id") in slots for region in whole):
            return
        for source in self._root.findall("Sources/Source"):
            if source.get("id") in source_ids and source.get("name", "").startswith(OURS):
                self._child("Sources").remove(source)
                self._unused = (*self._unused, self._audio_folder() / source.attrib["name"])
                for region in whole:
                    if region in list(regions):
                        regions.remove(region)

    def _child(self, tag: str) -> ET.Element:
        child = self._root.find(tag)
        if child is None:
            raise HostError(f"{self.path.name} has no {tag}; open the session in Ardour and save it there")
        return child


def no_such_track(session: str, track: str, there: list[str]) -> HostError:
    """What to raise for a name that is gone."""
    listed = ", ".join(there) or "none"
    return HostError(
        f"the session {session} has no audio track {track!r}; it has {listed}" + nearest_only(track, there)
    )


def _put_beside(aside: Path, folder: Path, stem: str, *, same_if_it_sounds_so: bool) -> Path:
    """Give a file a name that no other has; or take the one that is there already with the same bytes."""
    for number in range(1, 1_000):
        file = folder / f"{stem}{'' if number == 1 else f' {number}'}.wav"
        if not file.exists():
            os.replace(aside, file)
            return file
        same = filecmp.cmp(file, aside, shallow=False) or (
            same_if_it_sounds_so and bool((sf.read(file)[0] == sf.read(aside)[0]).all())
        )
        if same:
            return file
    raise OSError(f"there are a thousand files called {stem}")


def _source_ids(region: ET.Element) -> list[str]:
    return [
        region.attrib[f"source-{channel}"]
        for channel in range(int(region.get("channels", "1")))
        if f"source-{channel}" in region.attrib
    ]


def _order(route: ET.Element) -> int:
    info = route.find("PresentationInfo")
    return int(info.get("order", "0")) if info is not None else 0
