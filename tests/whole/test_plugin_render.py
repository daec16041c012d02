"""A scripted render whose effects are our own plug-in: audio passes through it as it is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.render.offline import render
from bridge.set_file import parse_set
from tests.plugin.conftest import lacking
from tests.whole.command_line import Home
from tests.whole.wire import Engine, engine

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

SET = """
[set]
tempo_bpm = 120
[tracks.drums]
EFFECTS
[cues.kick]
track = "drums"
prompt = "kick"
length_beats = 1
loop = true
[[timeline]]
beat = 0
cue = "kick"
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


@pytest.mark.parametrize("beside", ["", ', { name = "Gain", gain_db = -6 }'], ids=["alone", "before another"])
def test_audio_passes_through_our_plug_in_bit_for_bit(
    built: Path, noise: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", "tcp://127.0.0.1:9")  # whatever plays on this machine
    ours = f'{{ path = "{built / "upbeat-track.vst3"}", slot = 2, gain_db = -60 }}{beside}'
    heard = []
    for name, effects in (("through", f"effects = [{ours}]"), ("without", f"effects = [{beside.strip(', ')}]")):
        music = parse_set(SET.replace("EFFECTS", effects), path=tmp_path / f"{name}.toml")
        report = render(music, tmp_path / name, engine_endpoint=noise.endpoint)
        heard.append(sf.read(report.stems["drums"], dtype="float32", always_2d=True)[0])

    through, without = heard
    assert np.any(through)
    assert np.array_equal(through, without)


def test_a_plug_in_that_is_not_there_is_one_sentence(noise: Engine, tmp_path: Path) -> None:
    home, path = Home(tmp_path), tmp_path / "upbeat-trick.vst3"
    music = home.write("set.toml", SET.replace("EFFECTS", f'effects = [{{ path = "{path}" }}]'))

    ended = home.upbeat("render", music, "--out", tmp_path / "out", "--engine", noise.endpoint, within_s=60)

    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert f"the plug-in {path} cannot be loaded: there is no such file" in ended.err
