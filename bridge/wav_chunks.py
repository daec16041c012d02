"""Musical WAVs: float32 files that say their tempo, length in beats, loop and key in the words that DAWs read.

Three chunks lie before the samples: `acid` (tempo, beats, loop or one-shot, root note), `smpl` (the loop in frames) and
`iXML` with the fields of the ASWG extension (tempo, key, loop), which REAPER and libraries of sounds read, and ours.
The bytes follow from what is written alone.
"""

import os
import re
import struct
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osc_schemas.clip import Samples
from osc_schemas.key_name import key_named

IXML_VERSION = "3.01"
MIDDLE_C = 60  # roots are named in the octave above it
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SEMITONES_UP = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
ONE_SHOT, ROOT_NOTE_SET, STRETCHES = 1, 2, 4  # flags of `acid`
FLOAT32, BYTES_PER_SAMPLE = 3, 4  # WAVE_FORMAT_IEEE_FLOAT
WAV_BYTES_MAX = 2**32 - 1
CHUNKS_MAX = 1_000  # a file with more is not one of music
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Musical:
    """What a host must know of a WAV to place it by beats."""

    tempo_bpm: float
    length_beats: float  # of what is played; a one-shot's tail may ring on beyond it
    loop: bool
    key: str = ""  # such as "D minor"; "": none
    name: str = ""
    take_id: str = ""
    beats_per_bar: float = 4.0  # in quarter notes


def write_musical_wav(path: Path, samples: Samples, sample_rate_hz: int, musical: Musical) -> None:
    """Write float32 samples (frames, channels) and what they are, whole or not at all.

    A loop is the whole file: its last frame leads back to its first. Raises OSError, and ValueError for what has no
    frames or no place in a WAV.
    """
    content = wav_bytes(samples, sample_rate_hz, musical)
    aside = path.with_suffix(".part")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def wav_bytes(samples: Samples, sample_rate_hz: int, musical: Musical) -> bytes:
    """The file that `write_musical_wav` writes."""
    if samples.ndim != 2 or not samples.size:
        raise ValueError(f"the samples have the shape {samples.shape}; (frames, channels) with some of each is written")
    frames, channels = samples.shape
    block_bytes = BYTES_PER_SAMPLE * channels
    if frames * block_bytes > WAV_BYTES_MAX - 65_536:
        raise ValueError(f"{frames} frames of {channels} channels are more than the 4 GB that a WAV holds; write fewer")
    layout = (FLOAT32, channels, sample_rate_hz, sample_rate_hz * block_bytes, block_bytes, 8 * BYTES_PER_SAMPLE, 0)
    chunks = [
        (b"fmt ", struct.pack("<HHIIHHH", *layout)),
        (b"fact", struct.pack("<I", frames)),
        *([(b"acid", _acid(musical))] if _has_whole_beats(musical) else []),
        (b"smpl", _smpl(musical, frames, sample_rate_hz)),
        (b"iXML", _ixml(musical, sample_rate_hz, channels)),
        (b"data", np.ascontiguousarray(samples, dtype="<f4").tobytes()),
    ]
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read_musical(path: Path) -> Musical | None:
    """What a WAV says of its music, in our words or else in those of `acid`; None if it says nothing, or is no WAV.

    Raises OSError if the file cannot be read.
    """
    chunks = _small_chunks(path)
    return _from_ixml(chunks.get(b"iXML", b"")) or _from_acid(chunks.get(b"acid", b""))


def legal_in_xml(text: str) -> str:
    """`text` without what no XML file may hold: most control characters, and halves of surrogate pairs."""
    return NOT_IN_XML.sub("", text)


def time_signature(beats_per_bar: float) -> tuple[int, int]:
    """Numerator and denominator of a bar of so many quarter notes: 4/4 for 4, 7/8 for 3.5.

    >>> time_signature(4.0), time_signature(3.5)
    ((4, 4), (7, 8))
    """
    denominator = 4
    while denominator < 64 and abs(beats_per_bar * denominator / 4 - round(beats_per_bar * denominator / 4)) > 1e-9:
        denominator *= 2
    return max(1, round(beats_per_bar * denominator / 4)), denominator


def root_note(key: str) -> int | None:
    """The MIDI note of a key's root, from middle C (60) up to the B above it; None for no key.

    >>> root_note("D minor"), root_note("Cb"), root_note("")
    (62, 71, None)
    """
    named = key_named(key)
    if named is None:
        return None
    letter, accidental, _ = named
    return MIDDLE_C + (SEMITONES[letter.upper()] + SEMITONES_UP[accidental.strip(" -").lower()]) % 12


def _has_whole_beats(musical: Musical) -> bool:
    """Whether `acid` can say it: it counts whole beats, and a host would take a loop's tempo from a rounded count."""
    return not musical.loop or (musical.length_beats >= 1 and abs(musical.length_beats % 1) < 1e-9)


def _acid(musical: Musical) -> bytes:
    root = root_note(musical.key)
    flags = (STRETCHES if musical.loop else ONE_SHOT) | (ROOT_NOTE_SET if root is not None else 0)
    numerator, denominator = time_signature(musical.beats_per_bar)
    # Of the third and fourth field nobody has published a meaning; these are the values that files have there.
    fields = (flags, root or MIDDLE_C, 0x8000, 0.0, round(musical.length_beats), denominator, numerator)
    return struct.pack("<IHHfIHHf", *fields, musical.tempo_bpm)


def _smpl(musical: Musical, frames: int, sample_rate_hz: int) -> bytes:
    loops = [(0, 0, 0, frames - 1, 0, 0)] if musical.loop else []  # forward, up to its last frame, for ever
    period_ns = round(1e9 / sample_rate_hz)
    head = struct.pack("<9I", 0, 0, period_ns, root_note(musical.key) or MIDDLE_C, 0, 0, 0, len(loops), 0)
    return head + b"".join(struct.pack("<6I", *loop) for loop in loops)


def _ixml(musical: Musical, sample_rate_hz: int, channels: int) -> bytes:
    numerator, denominator = time_signature(musical.beats_per_bar)
    root = ET.Element("BWFXML")
    _say(root, IXML_VERSION=IXML_VERSION, PROJECT="Upbeat", SCENE=musical.name, TAKE=musical.take_id)
    speed = ET.SubElement(root, "SPEED")
    _say(speed, FILE_SAMPLE_RATE=str(sample_rate_hz), AUDIO_BIT_DEPTH="32", DIGITIZER_SAMPLE_RATE=str(sample_rate_hz))
    tracks = ET.SubElement(root, "TRACK_LIST")
    _say(tracks, TRACK_COUNT=str(channels))
    for channel in range(1, channels + 1):
        _say(ET.SubElement(tracks, "TRACK"), CHANNEL_INDEX=str(channel), INTERLEAVE_INDEX=str(channel))
    aswg = ET.SubElement(root, "ASWG")
    _say(aswg, project="Upbeat", isLoop=str(musical.loop).lower(), tempo=f"{musical.tempo_bpm:.10g}")
    _say(aswg, timeSig=f"{numerator}/{denominator}", inKey=musical.key)
    # What no published field says: programs put such things under a name of their own.
    ours = ET.SubElement(root, "UPBEAT")
    _say(ours, LENGTH_BEATS=repr(float(musical.length_beats)), TEMPO_BPM=repr(float(musical.tempo_bpm)))
    _say(ours, LOOP=str(musical.loop).lower(), BEATS_PER_BAR=repr(float(musical.beats_per_bar)))
    _say(ours, KEY=musical.key, NAME=musical.name, TAKE_ID=musical.take_id)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def _say(parent: ET.Element, **fields: str) -> None:
    """Fields by name; an empty one is left out, for a reader may have a better default of its own."""
    for name, text in fields.items():
        if clean := legal_in_xml(text):
            ET.SubElement(parent, name).text = clean


def _small_chunks(path: Path) -> dict[bytes, bytes]:
    """The chunks of a RIFF WAVE by name, without its samples; as many as can be read."""
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return found
        for _ in range(CHUNKS_MAX):
            name_and_size = file.read(8)
            if len(name_and_size) < 8:
                break
            name, size = struct.unpack("<4sI", name_and_size)
            if name in (b"iXML", b"acid"):
                found[name] = file.read(size)
                file.seek(size % 2, os.SEEK_CUR)
            else:
                file.seek(size + size % 2, os.SEEK_CUR)
    return found


def _from_ixml(chunk: bytes) -> Musical | None:
    try:
        ours = ET.fromstring(chunk.rstrip(b"\0")).find("UPBEAT")
        if ours is None:
            return None
        return Musical(
            tempo_bpm=float(ours.findtext("TEMPO_BPM", "")),
            length_beats=float(ours.findtext("LENGTH_BEATS", "")),
            loop=ours.findtext("LOOP") == "true",
            key=ours.findtext("KEY", ""),
            name=ours.findtext("NAME", ""),
            take_id=ours.findtext("TAKE_ID", ""),
            beats_per_bar=float(ours.findtext("BEATS_PER_BAR", "4")),
        )
    except (ET.ParseError, ValueError):
        return None


def _from_acid(chunk: bytes) -> Musical | None:
    if len(chunk) < 24:
        return None
    flags, _, _, _, beats, denominator, numerator, tempo_bpm = struct.unpack("<IHHfIHHf", chunk[:24])
    beats_per_bar = 4 * numerator / denominator if numerator and denominator else 4.0
    return Musical(
        tempo_bpm=tempo_bpm, length_beats=float(beats), loop=not flags & ONE_SHOT, beats_per_bar=beats_per_bar
    )
