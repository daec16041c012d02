"""The project.xml and metadata.xml of a DAWproject 1.0: https://github.com/bitwig/dawproject

The arrangement is in beats. A loop is a clip whose warps lay its file's seconds onto its beats, so that it follows the
tempo; a one-shot is played as it is, in seconds. A track whose clips overlap becomes a group of a track for each lane.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, groupby

from bridge.export.arrangement import Lane, Placed, SceneRow
from bridge.export.devices import Device
from bridge.export.media import Media
from bridge.performance import Performance, TrackPlayed
from bridge.wav_chunks import legal_in_xml

FORMAT_VERSION = "1.0"
VOLUME_MAX = 2.0  # linear: +6 dB
TEMPO_BPM_MIN, TEMPO_BPM_MAX = 20.0, 666.0


class _Ids:
    """Names for elements that others refer to, the same ones every time."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def new(self) -> str:
        return f"id{next(self._numbers)}"


def project_xml(
    performance: Performance,
    lanes: Sequence[Lane],
    scenes: Sequence[SceneRow],
    *,
    version: str,
    devices: Mapping[str, Sequence[Device]],
) -> tuple[bytes, list[str]]:
    """The project, and a sentence for each thing that the format cannot hold.

    `version` is ours; `devices` by track.
    """
    ids = _Ids()
    sentences: list[str] = []
    root = ET.Element("Project", version=FORMAT_VERSION)
    ET.SubElement(root, "Application", name="Upbeat", version=version)
    tempo_id = _transport(root, performance, ids)
    structure = ET.SubElement(root, "Structure")
    master_id = ids.new()
    tracks = {track.name: track for track in performance.tracks}
    lane_ids: list[str] = []
    volumes: list[tuple[TrackPlayed, str, str]] = []  # the track, its id in the project and its volume's
    for name, of_track in groupby(lanes, key=lambda lane: lane.track):
        track, rows = tracks[name], list(of_track)
        volume = _volume(track.gain_db, track.name, sentences)
        chain = devices.get(name, ())
        if len(rows) == 1:
            track_id, volume_id, _ = _track(
                structure, ids, name, "audio", volume=volume, destination=master_id, chain=chain
            )
            lane_ids.append(track_id)
        else:
            track_id, volume_id, channel_id = _track(
                structure, ids, name, "tracks", volume=volume, destination=master_id, role="submix", chain=chain
            )
            group = structure[-1]
            for row in rows:
                inner = f"{name} {row.number + 1}"
                lane_ids.append(_track(group, ids, inner, "audio", volume=1.0, destination=channel_id)[0])
        if track.gains:
            volumes.append((track, track_id, volume_id))
    _track(structure, ids, "Master", "audio", volume=1.0, channel_id=master_id, role="master")
    arrangement = ET.SubElement(root, "Arrangement", id=ids.new(), name=_text(performance.title or "Upbeat"))
    _lanes(arrangement, ids, lanes, lane_ids, volumes, sentences)
    _markers(arrangement, ids, performance)
    tempo = ET.SubElement(arrangement, "TempoAutomation", id=ids.new(), timeUnit="beats", unit="bpm")
    ET.SubElement(tempo, "Target", parameter=tempo_id)
    for beat, tempo_bpm in performance.tempi:
        ET.SubElement(tempo, "RealPoint", time=_number(beat), value=_number(tempo_bpm), interpolation="hold")
    _scenes(root, ids, scenes, lane_ids)
    sentences += _not_as_heard(performance)
    return _document(root), sentences


def _not_as_heard(performance: Performance) -> list[str]:
    """What the file has, but not as it was heard."""
    if any(clip.fade_in_s or (clip.loop and clip.fade_out_s) for clip in performance.played):
        return [
            "where a loop takes over from another, the file has the fade before that beat, and it was heard behind it"
        ]
    return []


def metadata_xml(performance: Performance) -> bytes:
    """Title and origin."""
    root = ET.Element("MetaData")
    ET.SubElement(root, "Title").text = _text(performance.title or performance.performance_id)
    ET.SubElement(root, "Comment").text = f"The performance {_text(performance.performance_id)}, made with Upbeat."
    return _document(root)


def _transport(root: ET.Element, performance: Performance, ids: _Ids) -> str:
    transport = ET.SubElement(root, "Transport")
    tempo_id = ids.new()
    _real(transport, "Tempo", tempo_id, "bpm", performance.tempi[0][1], TEMPO_BPM_MIN, TEMPO_BPM_MAX)
    upper, lower = performance.meter
    ET.SubElement(transport, "TimeSignature", id=ids.new(), numerator=str(upper), denominator=str(lower))
    return tempo_id


def _track(
    parent: ET.Element,
    ids: _Ids,
    name: str,
    content: str,
    *,
    volume: float,
    destination: str = "",
    channel_id: str = "",
    role: str = "regular",
    chain: Sequence[Device] = (),
) -> tuple[str, str, str]:
    """Add a track with its channel: the ids of the track, of its volume and of its channel."""
    track_id, channel_id, volume_id = ids.new(), channel_id or ids.new(), ids.new()
    track = ET.SubElement(parent, "Track", id=track_id, name=_text(name), contentType=content, loaded="true")
    channel = ET.SubElement(track, "Channel", id=channel_id, audioChannels="2", role=role, solo="false")
    if destination:
        channel.set("destination", destination)
    if chain:
        devices = ET.SubElement(channel, "Devices")
        for device in chain:
            facts = {"deviceID": device.device_id, "deviceName": device.name, "deviceRole": "audioFX"}
            facts |= {"deviceVendor": device.vendor, "pluginVersion": device.version, "loaded": "true"}
            plug_in = ET.SubElement(
                devices, "Vst3Plugin", {"id": ids.new(), **{key: _text(value) for key, value in facts.items()}}
            )
            ET.SubElement(plug_in, "State", path=device.path, external="false")
    ET.SubElement(channel, "Mute", id=ids.new(), name="Mute", value="false")
    _real(channel, "Pan", ids.new(), "normalized", 0.5, 0.0, 1.0)
    _real(channel, "Volume", volume_id, "linear", volume, 0.0, VOLUME_MAX)
    return track_id, volume_id, channel_id


def _lanes(
    arrangement: ET.Element,
    ids: _Ids,
    lanes: Sequence[Lane],
    lane_ids: Sequence[str],
    volumes: Sequence[tuple[TrackPlayed, str, str]],
    sentences: list[str],
) -> None:
    """Clips of every lane, and the gains that tracks were brought to."""
    all_lanes = ET.SubElement(arrangement, "Lanes", id=ids.new(), timeUnit="beats")
    of_track: dict[str, ET.Element] = {}
    for lane, track_id in zip(lanes, lane_ids, strict=True):
        of_track[track_id] = ET.SubElement(all_lanes, "Lanes", id=ids.new(), track=track_id)
        clips = ET.SubElement(of_track[track_id], "Clips", id=ids.new())
        for clip in lane.clips:
            _clip(clips, ids, clip)
    for track, track_id, volume_id in volumes:
        if track_id not in of_track:  # a group's own
            of_track[track_id] = ET.SubElement(all_lanes, "Lanes", id=ids.new(), track=track_id)
        points = ET.SubElement(of_track[track_id], "Points", id=ids.new(), unit="linear")
        ET.SubElement(points, "Target", parameter=volume_id)
        for beat, gain_db in ((0.0, track.gain_db), *track.gains):
            volume = _volume(gain_db, track.name, sentences)
            ET.SubElement(points, "RealPoint", time=_number(beat), value=_number(volume), interpolation="hold")


def _clip(parent: ET.Element, ids: _Ids, clip: Placed, *, in_slot: bool = False) -> None:
    """A clip in its place on the timeline or, in a slot, from its beginning."""
    played, media = clip.played, clip.media
    time = 0.0 if in_slot else clip.start_beat
    name = _text(f"{played.cue} {media.take_id[-10:][:6]}")
    if played.loop:
        length = played.length_beats
        duration, begins = (length, 0.0) if in_slot else (clip.end_beat - clip.start_beat, played.from_beats)
        attributes = {"contentTimeUnit": "beats", "playStart": _number(begins)}
        attributes |= {"loopStart": "0", "loopEnd": _number(length)}
    else:
        duration = clip.end_beat - clip.start_beat
        attributes = {"contentTimeUnit": "seconds", "playStart": "0", "playStop": _number(clip.length_s)}
    if not in_slot and clip.fade_in_s + clip.fade_out_s > 0:
        attributes["fadeTimeUnit"] = "seconds"
        if clip.fade_in_s:  # below 0: it begins so long before its time, while the other one fades out
            attributes["fadeInTime"] = _number(-clip.fade_in_s)
        if clip.fade_out_s:
            attributes["fadeOutTime"] = _number(clip.fade_out_s)
    element = ET.SubElement(
        parent, "Clip", {"name": name, "time": _number(time), "duration": _number(duration), **attributes}
    )
    if played.loop:
        warps = ET.SubElement(element, "Warps", id=ids.new(), timeUnit="beats", contentTimeUnit="seconds")
        _audio(warps, ids, media)
        ET.SubElement(warps, "Warp", time="0", contentTime="0")
        ET.SubElement(warps, "Warp", time=_number(played.length_beats), contentTime=_number(media.length_s))
    else:
        _audio(element, ids, media)


def _audio(parent: ET.Element, ids: _Ids, media: Media) -> None:
    facts = {"channels": str(media.channels), "sampleRate": str(media.sample_rate_hz)}
    audio = ET.SubElement(
        parent, "Audio", {"id": ids.new(), "timeUnit": "seconds", "duration": _number(media.length_s), **facts}
    )
    ET.SubElement(audio, "File", path=media.path, external="false")


def _markers(arrangement: ET.Element, ids: _Ids, performance: Performance) -> None:
    if performance.markers:
        markers = ET.SubElement(arrangement, "Markers", id=ids.new(), timeUnit="beats")
        for beat, name in performance.markers:
            ET.SubElement(markers, "Marker", time=_number(beat), name=_text(name))


def _scenes(root: ET.Element, ids: _Ids, scenes: Sequence[SceneRow], lane_ids: Sequence[str]) -> None:
    element = ET.SubElement(root, "Scenes")
    for scene in scenes:
        row = ET.SubElement(element, "Scene", id=ids.new(), name=_text(scene.name))
        slots = ET.SubElement(row, "Lanes", id=ids.new(), timeUnit="beats")
        for lane, clip in sorted(scene.clips.items()):
            slot = ET.SubElement(slots, "ClipSlot", id=ids.new(), track=lane_ids[lane], hasStop="true")
            _clip(slot, ids, clip, in_slot=True)


def _volume(gain_db: float, track: str, sentences: list[str]) -> float:
    """A gain as the format holds it, and a sentence if it holds less."""
    volume: float = 10 ** (gain_db / 20)
    if volume > VOLUME_MAX:
        sentences.append(f"the track {track} was at {gain_db:+g} dB, and is at +6 dB in the file, the most it can hold")
    return min(volume, VOLUME_MAX)


def _real(parent: ET.Element, tag: str, name_id: str, unit: str, value: float, low: float, high: float) -> None:
    numbers = {"value": _number(value), "min": _number(low), "max": _number(high)}
    ET.SubElement(parent, tag, {"id": name_id, "name": tag, "unit": unit, **numbers})


def _number(value: float) -> str:
    """To a billionth of a beat or a second, which is far below a frame."""
    return f"{round(value, 9):.15g}"


def _text(text: str) -> str:
    return legal_in_xml(text)


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()
