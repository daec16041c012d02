"""A set rendered by the real engine through real effects."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.cli import main
from bridge.render.offline import RenderError, end_beat_of, render
from bridge.set_file import Set, SetError, parse_set

SET = """
[set]
tempo_bpm = 120
[tracks.drums]
[tracks.space]
effects = [{ name = "Reverb", room_size = 0.6, wet_level = 0.5 }]
[cues.kick]
track = "drums"
prompt = "deep punchy kick"
length_beats = 1
loop = true
[cues.clap]
track = "space"
prompt = "clap"
length_beats = 1
[[timeline]]
beat = 0
cue = "kick"
[[timeline]]
beat = 3
cue = "clap"
"""


def test_a_render_has_every_beat_on_its_frame_and_the_same_bits_again(tmp_path: Path, engine_endpoint: str) -> None:
    shares: list[float] = []
    report = render(parse_set(SET), tmp_path / "one", engine_endpoint=engine_endpoint, progress=shares.append)
    again = render(parse_set(SET), tmp_path / "two", engine_endpoint=engine_endpoint)

    drums, rate_hz = sf.read(report.stems["drums"], dtype="float32", always_2d=True)
    space, _ = sf.read(report.stems["space"], dtype="float32", always_2d=True)
    mix, _ = sf.read(report.mix, dtype="float32", always_2d=True)
    assert rate_hz == 48_000
    assert len(drums) == len(mix) == (4 + 4) * 24_000  # a bar, and two seconds to ring out
    assert not np.any(space[: 3 * 24_000])
    assert np.any(space[3 * 24_000 :])
    energy = np.add.reduceat(np.square(drums[:, 0]), range(0, 4 * 24_000, 24_000))
    assert np.allclose(energy[1:4] / energy[1], 1, rtol=1e-3)
    assert report.mix.read_bytes() == again.mix.read_bytes()
    assert shares[-1] == 1.0
    assert report.bars == 1
    assert report.took_s < report.music_s
    assert all(launch.error_frames == 0 for launch in report.launches)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (
            "tempo_bpm = 120",
            "1 bar of music and 2 s to ring out; the set says no length_bars, so it ends on the bar line",
        ),
        ("tempo_bpm = 120\nlength_bars = 2", "2 bars of music and 2 s to ring out; length_bars of the set says so"),
    ],
)
def test_a_person_is_told_where_it_ends_and_who_said_so(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str], head: str, says: str
) -> None:
    (tmp_path / "a.toml").write_text(SET.replace("tempo_bpm = 120", head))

    assert main(["render", str(tmp_path / "a.toml"), "--out", str(tmp_path / "out"), "--engine", engine_endpoint]) == 0

    assert says in capsys.readouterr().out


def test_the_reverb_rings_on_after_the_clip(tmp_path: Path, engine_endpoint: str) -> None:
    report = render(parse_set(SET), tmp_path, engine_endpoint=engine_endpoint)

    space, _ = sf.read(report.stems["space"], dtype="float32", always_2d=True)

    after_the_clip = space[4 * 24_000 + 12_000 :][:4_800]
    assert np.abs(after_the_clip).max() > 1e-4


def test_a_cue_the_engine_refuses_fails_the_render_and_leaves_no_half_files(
    tmp_path: Path, engine_endpoint: str
) -> None:
    too_long = SET.replace("length_beats = 1\nloop = true", "length_beats = 40\nloop = true")

    with pytest.raises(RenderError, match="kick"):
        render(parse_set(too_long), tmp_path, engine_endpoint=engine_endpoint)

    assert not list(tmp_path.glob("**/*.part"))
    assert not (tmp_path / "mix.wav").exists()


def test_a_render_ends_on_the_bar_after_its_last_clip() -> None:
    music = parse_set(SET + "\n[[timeline]]\nbeat = 7.5\ncue = 'clap'")

    assert end_beat_of(music) == 12


def test_a_set_without_a_timeline_has_nothing_to_render(tmp_path: Path) -> None:
    music = parse_set(SET.split("[[timeline]]")[0])

    with pytest.raises(SetError, match="no \\[\\[timeline\\]\\]"):
        render(Set(tracks=music.tracks, cues=music.cues), tmp_path)
