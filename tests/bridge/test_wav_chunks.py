"""Musical WAVs: what libsndfile and a RIFF reader of the tests find in them."""

import ctypes
import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from bridge.wav_chunks import Musical, read_musical, root_note, time_signature, wav_bytes, write_musical_wav
from osc_schemas.clip import Samples

RATE_HZ = 48_000
LOOP = Musical(tempo_bpm=124.0, length_beats=8.0, loop=True, key="F# dorian", name="bass", take_id="bass-9f2785ebc4")


class LoopInfo(ctypes.Structure):
    """SF_LOOP_INFO of sndfile.h, which libsndfile fills from `acid`."""

    _fields_ = (
        ("time_sig_num", ctypes.c_short),
        ("time_sig_den", ctypes.c_short),
        ("loop_mode", ctypes.c_int),
        ("num_beats", ctypes.c_int),
        ("bpm", ctypes.c_float),
        ("root_key", ctypes.c_int),
        ("future", ctypes.c_int * 6),
    )


class InstrumentLoop(ctypes.Structure):
    """One loop of SF_INSTRUMENT."""

    _fields_ = (
        ("mode", ctypes.c_int),
        ("start", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
    )


class Instrument(ctypes.Structure):
    """SF_INSTRUMENT of sndfile.h, which libsndfile fills from `smpl`."""

    _fields_ = (
        ("gain", ctypes.c_int),
        ("basenote", ctypes.c_char),
        ("detune", ctypes.c_char),
        ("velocity", ctypes.c_char * 2),
        ("key", ctypes.c_char * 2),
        ("loop_count", ctypes.c_int),
        ("loops", InstrumentLoop * 16),
    )


GET_LOOP_INFO, GET_INSTRUMENT, FORWARD = 0x10E0, 0x10D0, 801


def asked_of_libsndfile(path: Path, command: int, answer: Any) -> Any:
    """What libsndfile itself says of a file."""
    with sf.SoundFile(path) as file:
        pointer = sf._ffi.new("char[]", ctypes.sizeof(answer))
        assert sf._snd.sf_command(file._file, command, pointer, ctypes.sizeof(answer)), "libsndfile found no such chunk"
        ctypes.memmove(ctypes.addressof(answer), bytes(sf._ffi.buffer(pointer)), ctypes.sizeof(answer))
    return answer


def chunks_of(content: bytes) -> dict[bytes, bytes]:
    """A RIFF reader that knows only the rules: sizes, padding to even, and nothing left over."""
    assert content[:4] == b"RIFF"
    assert content[8:12] == b"WAVE"
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    found, at = {}, 12
    while at < len(content):
        name, size = struct.unpack("<4sI", content[at : at + 8])
        assert name not in found
        found[name] = content[at + 8 : at + 8 + size]
        assert len(found[name]) == size
        at += 8 + size + size % 2
    assert at == len(content)
    return found


def noise(frames: int, channels: int = 2) -> Samples:
    return np.random.default_rng(5).standard_normal((frames, channels)).astype(np.float32)


def test_libsndfile_finds_tempo_beats_loop_and_key(tmp_path: Path) -> None:
    write_musical_wav(tmp_path / "a.wav", noise(185_806), RATE_HZ, LOOP)

    info = asked_of_libsndfile(tmp_path / "a.wav", GET_LOOP_INFO, LoopInfo())
    instrument = asked_of_libsndfile(tmp_path / "a.wav", GET_INSTRUMENT, Instrument())

    assert (info.time_sig_num, info.time_sig_den, info.loop_mode) == (4, 4, FORWARD)
    assert (info.num_beats, info.bpm, info.root_key) == (8, 124.0, 66)
    assert (ord(instrument.basenote), instrument.loop_count, instrument.loops[0].mode) == (66, 1, FORWARD)
    assert instrument.loops[0].start == 0
    assert instrument.loops[0].end in (185_805, 185_806)  # libsndfile 1.1 and later count the end beyond the last frame
    assert struct.unpack("<6I", chunks_of((tmp_path / "a.wav").read_bytes())[b"smpl"][36:])[3] == 185_805


def test_a_one_shot_is_said_to_be_one(tmp_path: Path) -> None:
    write_musical_wav(tmp_path / "a.wav", noise(999), RATE_HZ, replace(LOOP, loop=False, key=""))

    info = asked_of_libsndfile(tmp_path / "a.wav", GET_LOOP_INFO, LoopInfo())
    instrument = asked_of_libsndfile(tmp_path / "a.wav", GET_INSTRUMENT, Instrument())

    assert info.loop_mode != FORWARD
    assert info.root_key == -1
    assert instrument.loop_count == 0


@pytest.mark.parametrize(("frames", "channels"), [(1, 1), (4_801, 1), (4_801, 2)])
def test_the_samples_come_back_bit_by_bit(tmp_path: Path, frames: int, channels: int) -> None:
    samples = noise(frames, channels)
    write_musical_wav(tmp_path / "a.wav", samples, 44_100, LOOP)

    read, rate_hz = sf.read(tmp_path / "a.wav", dtype="float32", always_2d=True)

    assert rate_hz == 44_100
    assert sf.info(tmp_path / "a.wav").subtype == "FLOAT"
    assert read.tobytes() == samples.tobytes()


def test_the_file_keeps_the_rules_of_riff_and_has_the_same_bytes_again() -> None:
    samples = noise(501, 1)
    content = wav_bytes(samples, RATE_HZ, replace(LOOP, name="odd"))

    chunks = chunks_of(content)

    assert list(chunks) == [b"fmt ", b"fact", b"acid", b"smpl", b"iXML", b"data"]
    assert struct.unpack("<HHIIHHH", chunks[b"fmt "]) == (3, 1, RATE_HZ, 4 * RATE_HZ, 4, 32, 0)
    assert struct.unpack("<I", chunks[b"fact"]) == (501,)
    assert chunks[b"data"] == samples.tobytes()
    assert content == wav_bytes(samples, RATE_HZ, replace(LOOP, name="odd"))
    assert {len(wav_bytes(samples, RATE_HZ, replace(LOOP, name=name))) % 2 for name in ("odd", "even")} == {0}


def test_ixml_says_it_in_the_fields_of_the_aswg_extension() -> None:
    root = ET.fromstring(chunks_of(wav_bytes(noise(10), RATE_HZ, LOOP))[b"iXML"])

    assert root.tag == "BWFXML"
    assert root.findtext("PROJECT") == "Upbeat"
    assert root.findtext("TAKE") == "bass-9f2785ebc4"
    assert root.findtext("SPEED/FILE_SAMPLE_RATE") == "48000"
    assert [track.findtext("CHANNEL_INDEX") for track in root.findall("TRACK_LIST/TRACK")] == ["1", "2"]
    said = {name: root.findtext(f"ASWG/{name}") for name in ("tempo", "isLoop", "inKey", "timeSig")}
    assert said == {"tempo": "124", "isLoop": "true", "inKey": "F# dorian", "timeSig": "4/4"}


@pytest.mark.parametrize("musical", [LOOP, replace(LOOP, loop=False, length_beats=0.75, key="", tempo_bpm=97.3)])
def test_what_was_written_is_read_again(tmp_path: Path, musical: Musical) -> None:
    write_musical_wav(tmp_path / "a.wav", noise(77), RATE_HZ, musical)

    assert read_musical(tmp_path / "a.wav") == musical


def test_a_loop_of_one_and_a_half_beats_is_not_said_to_have_two(tmp_path: Path) -> None:
    odd = replace(LOOP, length_beats=1.5)
    write_musical_wav(tmp_path / "a.wav", noise(77), RATE_HZ, odd)

    assert b"acid" not in chunks_of((tmp_path / "a.wav").read_bytes())
    assert read_musical(tmp_path / "a.wav") == odd


def test_another_programs_loop_is_read_by_its_acid(tmp_path: Path) -> None:
    content = wav_bytes(noise(77), RATE_HZ, replace(LOOP, key="", beats_per_bar=3.5))
    (tmp_path / "a.wav").write_bytes(content.replace(b"iXML", b"junk"))

    found = read_musical(tmp_path / "a.wav")

    assert found == Musical(tempo_bpm=124.0, length_beats=8.0, loop=True, beats_per_bar=3.5)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"OggS" + bytes(40), b"RIFF\x04\0\0\0WAVE", b"RIFF\xff\0\0\0WAVEacid\xff"]
)
def test_what_says_nothing_of_music_is_no_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)

    assert read_musical(tmp_path / "a.wav") is None


def test_a_plain_wav_says_nothing(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", noise(10), RATE_HZ, subtype="FLOAT")

    assert read_musical(tmp_path / "a.wav") is None


def test_a_name_with_signs_and_control_characters_leaves_xml_that_reads(tmp_path: Path) -> None:
    write_musical_wav(tmp_path / "a.wav", noise(10), RATE_HZ, replace(LOOP, name='<b>& "ä" \x00\x07\ud800'))

    found = read_musical(tmp_path / "a.wav")

    assert found is not None
    assert found.name == '<b>& "ä" '


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()

    with pytest.raises(IsADirectoryError):
        write_musical_wav(tmp_path / "a.wav", noise(10), RATE_HZ, LOOP)
    with pytest.raises(ValueError, match="shape"):
        write_musical_wav(tmp_path / "b.wav", noise(0), RATE_HZ, LOOP)

    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_roots_and_bars_are_named_as_musicians_do() -> None:
    assert [root_note(key) for key in ("C", "Bb", "F# dorian", "B♭ minor", "G flat", "nonsense")] == [
        60,
        70,
        66,
        70,
        66,
        None,
    ]
    assert [time_signature(beats) for beats in (3.0, 4.0, 3.5, 0.5)] == [(3, 4), (4, 4), (7, 8), (1, 8)]
