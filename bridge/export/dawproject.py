"""A performance as a DAWproject 1.0 file, which Bitwig, Studio One, Cubase and others open: a ZIP of XML and sounds."""

import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bridge.export.arrangement import lanes_of, scenes_of
from bridge.export.devices import Device, LoadPlugIn, devices_of, load
from bridge.export.media import Media, media_of
from bridge.export.project_xml import metadata_xml, project_xml
from bridge.library import Take, TakeError, read_samples
from bridge.performance import Performance, Played
from osc_schemas.clip import Samples

OF_NO_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can name: the same performance is the same file


@dataclass(frozen=True, slots=True, kw_only=True)
class DawProjectReport:
    """What went into a file, and in sentences what did not."""

    path: Path
    tracks: int
    clips: int
    takes: int
    scenes: int
    missing: Mapping[str, str]  # take ids, and why each of them could not be had
    sentences: tuple[str, ...]


def write_dawproject(
    path: Path,
    performance: Performance,
    takes: Mapping[str, Take],
    *,
    samples_of: Callable[[Take], Samples] = read_samples,
    load_plug_in: LoadPlugIn = load,
) -> DawProjectReport:
    """Write the file, whole or not at all. A take that cannot be had is left out, with its clips, and named.

    The plug-ins that tracks were heard through are loaded for their state.

    Raises OSError.
    """
    aside = path.with_suffix(".part")
    missing: dict[str, str] = {}
    try:
        with zipfile.ZipFile(aside, "w") as archive:
            media = _write_media(archive, performance, takes, samples_of, missing)
            lanes = lanes_of(performance, media)
            scenes = scenes_of(performance, lanes)
            devices, left_out = _write_states(archive, performance, load_plug_in)
            project, sentences = project_xml(performance, lanes, scenes, version=our_version(), devices=devices)
            _write(archive, "project.xml", project)
            _write(archive, "metadata.xml", metadata_xml(performance))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return DawProjectReport(
        path=path,
        tracks=len(performance.tracks),
        clips=sum(len(lane.clips) for lane in lanes),
        takes=len({one.take_id for one in media.values()}),
        scenes=len(scenes),
        missing=missing,
        sentences=tuple(dict.fromkeys([*left_out, *sentences])),
    )


def our_version() -> str:
    """As it is installed."""
    try:
        return version("upbeat")
    except PackageNotFoundError:  # run from a checkout
        return "0"


def _write_states(
    archive: zipfile.ZipFile, performance: Performance, load_plug_in: LoadPlugIn
) -> tuple[dict[str, list[Device]], list[str]]:
    """Write the state of every plug-in; the devices of each track, and sentences on what is left out."""
    devices: dict[str, list[Device]] = {}
    left_out: list[str] = []
    for track in performance.tracks:
        devices[track.name], sentences = devices_of(track, load=load_plug_in)
        left_out += sentences
        for device in devices[track.name]:
            _write(archive, device.path, device.state)
    return devices, left_out


def _write_media(
    archive: zipfile.ZipFile,
    performance: Performance,
    takes: Mapping[str, Take],
    samples_of: Callable[[Take], Samples],
    missing: dict[str, str],
) -> dict[Played, Media]:
    """Write each take once for each way in which it was heard (looped or not, and how loud); the file of each clip."""
    written: dict[tuple[str, bool, float], Media] = {}
    found: dict[Played, Media] = {}
    paths: set[str] = set()
    for played in performance.played:
        heard = (played.take_id, played.loop, round(played.gain, 6))
        if heard not in written and played.take_id not in missing:
            try:
                if played.take_id not in takes:
                    raise TakeError(f"the journal has no take {played.take_id}")
                take = takes[played.take_id]
                samples = samples_of(take)
            except TakeError as error:
                missing[played.take_id] = str(error)
                continue
            path = _free_path(take.take_id, paths)
            media, content = media_of(
                take,
                samples,
                path=path,
                loop=played.loop,
                gain=played.gain,
                beats_per_bar=performance.beats_per_bar,
            )
            _write(archive, path, content, compressed=False)
            written[heard] = media
        if heard in written:
            found[played] = written[heard]
    return found


def _free_path(take_id: str, paths: set[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", take_id) or "take"
    path, number = f"audio/{name}.wav", 1
    while path in paths:
        number += 1
        path = f"audio/{name}-{number}.wav"
    paths.add(path)
    return path


def _write(archive: zipfile.ZipFile, name: str, content: bytes, *, compressed: bool = True) -> None:
    entry = zipfile.ZipInfo(name, date_time=OF_NO_DAY)
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is written
    entry.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    archive.writestr(entry, content)
