"""What sounds is kept, whole and to the frame."""

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.tracks.mixer import Mixer, Samples
from bridge.tracks.null import NullOutput
from bridge.tracks.recorder import Recorder, RecorderError


def noise(frames: int, seed: int) -> Samples:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (frames, 2)).astype(np.float32)


def read(path: Path) -> Samples:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == 48_000
    return np.asarray(samples, np.float32)


def test_the_mix_and_each_track_are_kept_with_their_own_bits(tmp_path: Path) -> None:
    mixer = Mixer(["drums", "bass"], sample_rate_hz=48_000)
    drums, bass = noise(3000, seed=1), noise(3000, seed=2)
    mixer.play(drums, track="drums", start_frame=100)
    mixer.play(bass, track="bass", start_frame=200)
    mixer.set_track_gain("bass", 0.5, ramp_frames=0)
    out = np.zeros((5000, 2), np.float32)

    with Recorder(mixer, tmp_path) as recorder:
        for block in np.split(out, 50):
            mixer.mix(block)

    assert recorder.frames == 5000
    assert recorder.lost_frames == 0
    assert np.array_equal(read(tmp_path / "mix.wav"), out)
    assert np.array_equal(read(tmp_path / "stems/drums.wav")[100:3100], drums)
    assert np.array_equal(read(tmp_path / "stems/bass.wav")[200:3200], bass * np.float32(0.5))
    assert soundfile.info(tmp_path / "mix.wav").subtype == "FLOAT"


def test_what_plays_at_the_pace_of_real_time_has_the_bits_of_an_offline_mix(tmp_path: Path) -> None:
    def planned() -> Mixer:
        mixer = Mixer(["drums", "bass"], sample_rate_hz=48_000)
        for k in range(20):
            mixer.play(noise(2000, seed=k), track=("drums", "bass")[k % 2], start_frame=500 * k, fade_out_frames=300)
        return mixer

    offline = np.zeros((12_000, 2), np.float32)
    planned().mix(offline)

    live, wait = planned(), threading.Event()
    output = NullOutput(live, block_frames=100)
    with Recorder(live, tmp_path):
        output.start()
        while live.frame < len(offline):
            wait.wait(0.01)
        output.stop()

    assert np.array_equal(read(tmp_path / "mix.wav")[: len(offline)], offline)


def test_a_recording_begins_at_the_mixers_frame_and_one_can_follow_another(tmp_path: Path) -> None:
    mixer = Mixer(["drums"], sample_rate_hz=48_000)
    mixer.play(noise(3000, seed=1), track="drums", start_frame=0)
    out = np.zeros((3000, 2), np.float32)
    mixer.mix(out[:1000])
    with Recorder(mixer, tmp_path / "first") as first:
        mixer.mix(out[1000:1300])
    mixer.mix(out[1300:2000])
    with Recorder(mixer, tmp_path / "second") as second:
        mixer.mix(out[2000:])

    assert (first.start_frame, second.start_frame) == (1000, 2000)
    assert np.array_equal(read(tmp_path / "first/mix.wav"), out[1000:1300])
    assert np.array_equal(read(tmp_path / "second/mix.wav"), out[2000:])


def test_frames_the_disk_was_too_slow_for_are_counted_and_stay_silent(tmp_path: Path) -> None:
    mixer = Mixer(["drums"], sample_rate_hz=8_000)  # a small ring: 5 s of 8 kHz
    clip = noise(60_000, seed=1)
    mixer.play(clip, track="drums", start_frame=0)
    recorder = Recorder(mixer, tmp_path)
    recorder.start(follow=False)
    out = np.zeros((60_000, 2), np.float32)
    for block in np.split(out[:50_000], 50):
        mixer.mix(block)
    recorder.drain()
    mixer.mix(out[50_000:])
    recorder.close()

    recorded, _ = soundfile.read(tmp_path / "mix.wav", dtype="float32")
    kept = 50_000 - recorder.lost_frames
    assert 39_000 < kept <= 40_000
    assert len(recorded) == 60_000
    assert np.array_equal(recorded[:kept], out[:kept])
    assert not recorded[kept:50_000].any()
    assert np.array_equal(recorded[50_000:], out[50_000:])


def test_no_file_appears_before_the_recording_is_whole(tmp_path: Path) -> None:
    mixer = Mixer(["drums"], sample_rate_hz=48_000)
    recorder = Recorder(mixer, tmp_path)
    recorder.start()
    mixer.mix(np.zeros((100, 2), np.float32))

    assert not list(tmp_path.rglob("*.wav"))
    recorder.close()
    assert sorted(path.name for path in tmp_path.rglob("*.wav")) == ["drums.wav", "mix.wav"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    mixer = Mixer(["drums"], sample_rate_hz=48_000)

    with pytest.raises(RecorderError, match="cannot be written"):
        Recorder(mixer, tmp_path / "file" / "takes").start()


def test_two_recorders_at_once_are_refused(tmp_path: Path) -> None:
    mixer = Mixer(["drums"], sample_rate_hz=48_000)
    with Recorder(mixer, tmp_path), pytest.raises(RecorderError, match="being recorded already"):
        Recorder(mixer, tmp_path).start()


def test_tracks_whose_names_make_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecorderError, match="would share a file"):
        Recorder(Mixer(["a?", "a*"], sample_rate_hz=48_000), tmp_path)
