"""Onto a real Ardour's timeline: our clips, written into its session, lie and sound where its own beats are."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.hosts.ardour import PRODUCT, Ardour
from bridge.hosts.base import HostChoice, HostClip, HostLost, Placement
from bridge.wav_chunks import Musical, write_musical_wav
from osc_schemas.clip import Samples
from tests.whole.ardour_rig import RATE_HZ, Region, export, make_session, needs_ardour, read_session, running

pytestmark = needs_ardour

TEMPOS = ((0, 97), (8, 123.4), (17, 61.5))
BEATS = (0, 0.25, 1, 3.3, 4, 8, 8.5, 11, 13.37, 16, 17, 17.01, 20, 33, 57.75)
FAR_PORT = 1  # where no Ardour answers, so that one of somebody else's on this machine is not asked


def clip(folder: Path, name: str, *, frames: int, channels: int, seed: int) -> tuple[HostClip, Samples]:
    samples = np.random.default_rng(seed).uniform(-0.4, 0.4, (frames, channels)).astype(np.float32)
    path = folder / f"{name}-{seed:010x}.wav"
    write_musical_wav(path, samples, RATE_HZ, Musical(tempo_bpm=97, length_beats=1, loop=False))
    made = HostClip(
        path=path,
        take_id=path.stem,
        name=name,
        length_beats=1,
        tempo_bpm=97,
        frames=frames,
        sample_rate_hz=RATE_HZ,
        loop=False,
    )
    return made, samples


def ardour(file: Path, port: int = FAR_PORT) -> Ardour:
    return PRODUCT.host(HostChoice(name="ardour", folder=file.parent, port=port))


def test_every_clip_lies_on_ardours_own_frame_and_is_exported_bit_by_bit(tmp_path: Path) -> None:
    file = make_session(tmp_path / "song", tracks=[("Drums", 1), ("Keys", 2)], tempos=TEMPOS)
    drum, drum_samples = clip(tmp_path, "kick", frames=5_000, channels=1, seed=1)
    key, key_samples = clip(tmp_path, "pad", frames=7_001, channels=2, seed=2)
    host = ardour(file)
    assert host.connect() == "the Ardour session song, 48000 Hz, 97 BPM"
    assert [track.name for track in host.tracks()] == ["Drums", "Keys"]
    on_drums = [host.place_at_beat(drum, track="Drums", beat=beat) for beat in BEATS]
    on_keys = [host.place_at_beat(key, track="Keys", beat=beat) for beat in BEATS[::2]]
    gone = host.place_at_beat(key, track="Keys", beat=100)
    host.remove(gone)

    regions, frames = read_session(file, beats=BEATS)
    assert sorted((r.track, r.frame, r.frames, r.fades_in) for r in regions) == sorted(
        [("Drums", frames[placed.beat], 5_000, False) for placed in on_drums]
        + [("Keys", frames[placed.beat], 7_001, False) for placed in on_keys]
    )

    export(file, tmp_path / "out.wav")
    heard, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    planned = np.zeros((frames[57.75] + 7_001, 2), np.float32)
    for track, samples, placed in (("Drums", drum_samples, on_drums), ("Keys", key_samples, on_keys)):
        lies = np.zeros_like(planned)
        for placement in placed:  # of two that overlap on a track, the upper one is heard
            first = frames[placement.beat]
            lies[first : first + len(samples)] = samples
        assert track
        planned += lies
    length = min(len(heard), len(planned))
    assert length >= frames[57.75] + 5_000
    assert np.abs(heard[:length] - planned[:length]).max() == 0.0
    assert not heard[length:].any()
    print({"placed": len(on_drums) + len(on_keys), "frames_of_error": 0, "same_frames": length})


def test_a_session_that_ardour_has_open_is_left_alone_and_written_once_it_is_closed(tmp_path: Path) -> None:
    file = make_session(tmp_path / "taken", tracks=[("Drums", 1)])
    kick, _ = clip(tmp_path, "kick", frames=1_000, channels=1, seed=3)
    early: list[Placement] = []
    with running(file, tmp_path) as (hardour, _):
        was = file.read_bytes()
        told_by_osc = ardour(file, hardour.port)
        with pytest.raises(HostLost, match="Ardour has the session taken open, and would write over"):
            told_by_osc.connect()
        with pytest.raises(HostLost, match=r"hardour-.* is running, and may have the session taken open"):
            ardour(file).connect()
        elsewhere = make_session(tmp_path / "other", tracks=[("Drums", 1)])
        host = ardour(elsewhere, hardour.port)
        host.connect()  # for that one is not open
        early.append(host.place_at_beat(kick, track="Drums", beat=2))
        assert file.read_bytes() == was

    host = ardour(file)
    host.connect()
    host.place_at_beat(kick, track="Drums", beat=2)
    for session in (file, elsewhere):
        [region], _ = read_session(session)
        assert region == Region("Drums", "kick.1", RATE_HZ, 1_000, False)


def test_what_is_placed_and_taken_back_leaves_a_session_that_ardour_reads_as_before(tmp_path: Path) -> None:
    file = make_session(tmp_path / "same", tracks=[("Drums", 2)])
    before = read_session(file)
    kick, _ = clip(tmp_path, "kick", frames=1_000, channels=2, seed=4)
    host = ardour(file)
    host.connect()
    placed = [host.place_at_beat(kick, track="Drums", beat=beat) for beat in (0, 4)]
    audio = list((file.parent / "interchange/same/audiofiles").iterdir())
    assert [path.name for path in audio] == ["upbeat kick-0000000004.wav"]  # one file for both

    host.remove(placed[0])
    assert audio[0].exists()
    host.remove(placed[1])
    host.remove(placed[1])
    assert not audio[0].exists()
    assert read_session(file) == before
