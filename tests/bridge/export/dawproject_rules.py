"""The published rules of DAWproject 1.0, as far as an export of ours may go, and a checker that knows nothing else.

Written from the format's schema (Project.xsd and MetaData.xsd of github.com/bitwig/dawproject): which attributes an
element must and may have and of what type, which children in which order; and from its text: units, references, media.
"""

import io
import itertools
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import soundfile as sf

UNITS = "linear normalized percent decibel hertz semitones seconds beats bpm"
TIMELINES = "Lanes Notes Clips ClipSlot Warps Audio Video Points"
NAMED = {"name": "string", "color": "string", "comment": "string"}
REFERABLE = NAMED | {"id": "id"}
TIMELINE = REFERABLE | {"timeUnit": "beats seconds", "track": "ref"}
PARAMETER = REFERABLE | {"parameterID": "int"}


@dataclass(frozen=True)
class Rule:
    """One element. `children` is a regular expression over the tags of its children, each followed by a space."""

    must: Mapping[str, str] = field(default_factory=dict)
    may: Mapping[str, str] = field(default_factory=dict)
    children: str = ""


def one_of(tags: str) -> str:
    return "(" + "|".join(f"{tag} " for tag in tags.split()) + ")"


REAL = Rule({"unit": UNITS}, PARAMETER | {"min": "number", "max": "number", "value": "number"})
POINTS = Rule({}, TIMELINE | {"unit": UNITS}, "Target (RealPoint )*")
RULES = {
    "Project": Rule({"version": "string"}, {}, "Application (Transport )?(Structure )?(Arrangement )?(Scenes )?"),
    "Application": Rule({"name": "string", "version": "string"}),
    "Transport": Rule({}, {}, "(Tempo )?(TimeSignature )?"),
    "Tempo": REAL,
    "Volume": REAL,
    "Pan": REAL,
    "Mute": Rule({}, PARAMETER | {"value": "bool"}),
    "TimeSignature": Rule({"numerator": "int", "denominator": "int"}, PARAMETER),
    "Structure": Rule({}, {}, "((Track )|(Channel ))*"),
    "Track": Rule({}, REFERABLE | {"contentType": "contents", "loaded": "bool"}, "(Channel )?(Track )*"),
    "Channel": Rule(
        {},
        REFERABLE
        | {"audioChannels": "int", "destination": "ref", "role": "regular master effect submix vca", "solo": "bool"},
        "(Devices )?(Mute )?(Pan )?(Sends )?(Volume )?",
    ),
    "Devices": Rule({}, {}, "(Vst3Plugin )*"),
    "Vst3Plugin": Rule(
        {"deviceName": "string", "deviceRole": "instrument noteFX audioFX analyzer"},
        REFERABLE | {"deviceID": "uuid", "deviceVendor": "string", "loaded": "bool", "pluginVersion": "string"},
        "(Parameters )?(Enabled )?(State )?",
    ),
    "State": Rule({"path": "string"}, {"external": "bool"}),
    "Arrangement": Rule({}, REFERABLE, "(Lanes )?(Markers )?(TempoAutomation )?(TimeSignatureAutomation )?"),
    "Lanes": Rule({}, TIMELINE, one_of(TIMELINES) + "*"),
    "Clips": Rule({}, TIMELINE, "(Clip )*"),
    "ClipSlot": Rule({}, TIMELINE | {"hasStop": "bool"}, "(Clip )?"),
    "Clip": Rule(
        {"time": "number"},
        NAMED
        | dict.fromkeys(("contentTimeUnit", "fadeTimeUnit"), "beats seconds")
        | dict.fromkeys(("duration", "playStart", "playStop", "loopStart", "loopEnd"), "number")
        | {"fadeInTime": "number", "fadeOutTime": "number", "enable": "bool", "reference": "ref"},
        one_of(TIMELINES) + "?",
    ),
    "Warps": Rule({"contentTimeUnit": "beats seconds"}, TIMELINE, one_of(TIMELINES) + "(Warp )+"),
    "Warp": Rule({"time": "number", "contentTime": "number"}),
    "Audio": Rule(
        {"duration": "number", "channels": "int", "sampleRate": "int"}, TIMELINE | {"algorithm": "string"}, "File "
    ),
    "File": Rule({"path": "string"}, {"external": "bool"}),
    "Points": POINTS,
    "TempoAutomation": POINTS,
    "Target": Rule({}, {"parameter": "ref", "expression": "string"}),
    "RealPoint": Rule({"time": "number", "value": "number"}, {"interpolation": "hold linear"}),
    "Markers": Rule({}, TIMELINE, "(Marker )+"),
    "Marker": Rule({"time": "number"}, NAMED),
    "Scenes": Rule({}, {}, "(Scene )*"),
    "Scene": Rule({}, REFERABLE, one_of(TIMELINES)),
    "MetaData": Rule(
        {},
        {},
        "(Title )?(Artist )?(Album )?(OriginalArtist )?(Composer )?(Songwriter )?(Producer )?(Arranger )?(Year )?"
        "(Genre )?(Copyright )?(Website )?(Comment )?",
    ),
    "Title": Rule(),
    "Comment": Rule(),
}
TYPES = {
    "string": r"[\s\S]*",
    "int": r"[+-]?\d+",
    "number": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?",
    "bool": "true|false|1|0",
    "uuid": r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "id": r"[A-Za-z_][\w.-]*",
    "ref": r"[A-Za-z_][\w.-]*",
    "contents": r"(audio|automation|notes|video|markers|tracks)( (audio|automation|notes|video|markers|tracks))*",
}


def faults(path: Path) -> list[str]:
    """What a file does against the rules; [] is in order."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        found = [f"{name} twice" for name in names if names.count(name) > 1]
        found += [f"no {name}" for name in ("project.xml", "metadata.xml") if name not in names]
        if found or archive.testzip() is not None:
            return [*found, "damaged"]
        texts = {name: archive.read(name).decode("utf-8") for name in ("project.xml", "metadata.xml")}
        project, metadata = ET.fromstring(texts["project.xml"]), ET.fromstring(texts["metadata.xml"])
        if project.tag != "Project" or metadata.tag != "MetaData":
            return ["the roots are wrong"]
        for element in (*project.iter(), *metadata.iter()):
            found += _of_its_rule(element)
        found += _references(project)
        found += _units(project, None)
        found += _media(project, archive)
        states = {state.get("path") for state in project.iter("State")}
        found += [f"there is no {state} inside" for state in states if state not in names]
        used = {file.get("path") for file in project.iter("File")} | states | {"project.xml", "metadata.xml"}
        found += [f"{name} is nowhere used" for name in names if name not in used]
    return found


def _of_its_rule(element: ET.Element) -> list[str]:
    rule = RULES.get(element.tag)
    if rule is None:
        return [f"there is no element {element.tag}"]
    found = [f"{element.tag} has no {name}" for name in rule.must if name not in element.attrib]
    for name, value in element.attrib.items():
        kind = rule.must.get(name) or rule.may.get(name)
        if kind is None:
            found.append(f"{element.tag} may have no {name}")
        elif not re.fullmatch(TYPES[kind] if kind in TYPES else kind.replace(" ", "|"), value):
            found.append(f"{name} of {element.tag} is {value!r}")
    children = "".join(f"{child.tag} " for child in element)
    if not re.fullmatch(rule.children, children):
        found.append(f"{element.tag} holds {children}")
    return found


def _references(project: ET.Element) -> list[str]:
    """Each id once, each reference to an element of the right kind, and each track that has a lane one of its own."""
    by_id: dict[str, ET.Element] = {}
    found = []
    for element in project.iter():
        if (name := element.get("id")) is not None:
            found += [f"the id {name} twice"] if name in by_id else []
            by_id[name] = element
    kinds = {"track": ("Track",), "destination": ("Channel",), "parameter": ("Tempo", "Volume", "Pan", "Mute")}
    for element in project.iter():
        for attribute, tags in kinds.items():
            name = element.get(attribute)
            if name is not None and (name not in by_id or by_id[name].tag not in tags):
                found.append(f"{attribute} of {element.tag} leads nowhere: {name}")
    masters = [channel for channel in project.iter("Channel") if channel.get("role") == "master"]
    return found + ([] if len(masters) == 1 else [f"{len(masters)} masters"])


def _units(element: ET.Element, unit: str | None) -> list[str]:
    """Every time has a unit, from its container or one further out; what is played lies in what there is."""
    found = []
    unit = element.get("timeUnit", unit)
    inside = element.get("contentTimeUnit", unit)
    if element.tag in ("Clip", "Marker", "RealPoint", "Warp") and unit is None:
        found.append(f"{element.tag} has no unit of time")
    number = {name: float(element.get(name, "nan")) for name in ("time", "duration", "playStart")}
    if element.tag == "Clip":
        found += [] if number["time"] >= 0 and number["duration"] > 0 else ["a clip without length, or before 0"]
        fades = element.get("fadeInTime"), element.get("fadeOutTime")
        found += ["fades have no unit of time"] if any(fades) and "fadeTimeUnit" not in element.attrib else []
        looped = "loopStart" in element.attrib
        found += ["a loop needs warps"] if looped != (element.find("Warps") is not None) else []
        if looped:
            start, end = float(element.get("loopStart", "")), float(element.get("loopEnd", ""))
            found += [] if start <= number["playStart"] < end else ["a loop begins beyond its end"]
    if element.tag == "Warps":
        points = [(float(warp.get("time", "")), float(warp.get("contentTime", ""))) for warp in element.iter("Warp")]
        in_order = all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(points))
        found += [] if len(points) >= 2 and in_order else ["warps need two points, in order"]
        found += [] if (unit, inside) == ("beats", "seconds") else ["warps have beats outside and seconds inside"]
    if element.tag in ("Volume", "Pan", "Tempo"):
        wanted = {"Volume": ("linear", "0", "2"), "Pan": ("normalized", "0", "1")}.get(element.tag)
        if wanted is not None and (element.get("unit"), element.get("min"), element.get("max")) != wanted:
            found.append(f"{element.tag} is not {wanted}")
        low, value, high = (float(element.get(name, "nan")) for name in ("min", "value", "max"))
        if not low <= value <= high:
            found.append(f"{element.tag} is out of its range")
    for child in element:
        found += _units(child, inside if element.tag in ("Clip", "Warps") and child.tag != "Warp" else unit)
    return found


def _media(project: ET.Element, archive: zipfile.ZipFile) -> list[str]:
    """Every file is there, and as long, as wide and as fast as is said."""
    found = []
    for audio in project.iter("Audio"):
        file = audio.find("File")
        path = "" if file is None else file.get("path", "")
        if path not in archive.namelist() or path.startswith("/") or ".." in path:
            found.append(f"there is no {path} inside")
            continue
        info = sf.info(io.BytesIO(archive.read(path)))
        said = (audio.get("channels"), audio.get("sampleRate"))
        if said != (str(info.channels), str(info.samplerate)):
            found.append(f"{path} has other channels or another rate")
        if abs(float(audio.get("duration", "nan")) - info.frames / info.samplerate) > 1e-6:
            found.append(f"{path} lasts {info.frames} frames, and {audio.get('duration')} s are said")
        for clip in project.iter("Clip"):
            if clip.find("Audio") is audio and float(clip.get("playStop", "0")) > float(audio.get("duration", "0")):
                found.append(f"{path} is played beyond its end")
    return found
