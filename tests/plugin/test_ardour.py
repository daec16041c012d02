"""The LV2 instrument on a MIDI track of a real Ardour, exported: every beat on its frame."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.plugin.conftest import lacking
from tests.plugin.peer import Peer, Take
from tests.whole import ardour_rig

HERE = Path(__file__).parent
RATE_HZ = ardour_rig.RATE_HZ
TEMPO_BPM = 97.0
SECONDS = 20
ATTEMPTS = 4

pytestmark = [
    *ardour_rig.needs_ardour,
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

ADD_TRACK = """
AudioEngine:set_backend("None (Dummy)", "", "")
local s = load_session("{folder}", "{name}")
local plugin = ARDOUR.LuaAPI.new_plugin_info("urn:upbeat:instrument", ARDOUR.PluginType.LV2)
local one = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local two = ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2)
for t in s:new_midi_track(one, two, true, plugin, nil, nil, 1, "Upbeat", ARDOUR.PresentationInfo.max_order,
                          ARDOUR.TrackMode.Normal, true):iter() do
  for side = 0, 1 do t:output():audio(side):connect("Master/audio_in " .. (side + 1)) end
end
s:save_state("", false, false, false, false, false)
close_session()
quit()
"""


@pytest.fixture
def peer(built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A bridge that has a tick for every beat, for whoever says hello."""
    with Peer() as one:

        def greet(to: bytes) -> None:
            one.clip(to, Take("tick", np.ones((1, 1), np.float32), 1, length_beats=1, loop=True))
            one.place(to, 1, "tick", beat=0, loop=True)
            one.sheet(to, 1)

        one.greet = greet
        monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", one.endpoint)
        monkeypatch.setenv("LV2_PATH", f"{built}:/usr/lib/lv2:/usr/lib/x86_64-linux-gnu/lv2")
        yield one


def session_with_us(folder: Path) -> Path:
    """A session at 97 BPM with the instrument on a MIDI track, as long as SECONDS."""
    file = ardour_rig.make_session(folder, tracks=[], tempos=[(0, TEMPO_BPM)])
    ardour_rig._lua(ADD_TRACK.format(folder=file.parent, name=file.stem), home=folder.parent)
    text = file.read_text()
    assert "urn:upbeat:instrument" in text, "Ardour took the plug-in onto no track"
    superclocks = SECONDS * 282_240_000
    words = f'start="a0" end="a{superclocks}" flags="IsSessionRange" locked="0" timestamp="0" cue="0"'
    whole = f'<Location id="90001" name="session" {words}/>'
    before = "<Locations/>" if "<Locations/>" in text else "</Locations>"
    after = f"<Locations>{whole}</Locations>" if before == "<Locations/>" else f"{whole}</Locations>"
    file.write_text(text.replace(before, after))
    return file


def beats(count: int) -> list[int]:
    return [round(k * 60 / TEMPO_BPM * RATE_HZ) for k in range(count)]


def test_an_export_has_every_beat_on_its_frame(tmp_path: Path, peer: Peer) -> None:
    file = session_with_us(tmp_path / "song")

    ardour_rig.export(file, tmp_path / "out.wav")

    heard, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    onsets = np.flatnonzero(heard[:, 0])
    assert onsets.tolist() == [frame for frame in beats(100) if frame < len(heard)]
    assert len(onsets) == 33
    assert np.all(heard[onsets] == 1.0)
    assert any(told.values[7] for told in peer.all("/plugin/time"))  # Ardour said by itself that it bounces
