"""A set inside a real Ardour that plays live: a real bridge, a real engine, and what Ardour records of the plug-in."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.plugin.conftest import lacking
from tests.whole import ardour_rig
from tests.whole.live import wait_until
from tests.whole.plugin_rig import Bridge, lay, played
from tests.whole.wire import Engine, engine

RATE_HZ = ardour_rig.RATE_HZ
TEMPO_BPM = 97
HITS = (0.0, 2.0, 4.75, 8.0, 11.25, 15.5)
SET = f"""
[set]
title = "Inside Ardour"
tempo_bpm = {TEMPO_BPM}
[clock]
sources = ["plugin", "internal"]
[tracks.drums]
[cues.hit]
track = "drums"
prompt = "hit"
length_beats = 1
""" + "".join(f'[[timeline]]\nbeat = {beat}\ncue = "hit"\n' for beat in HITS)
ADD_TRACKS = """
local plugin = ARDOUR.LuaAPI.new_plugin_info("urn:upbeat:instrument", ARDOUR.PluginType.LV2)
local one = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local two = ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2)
for t in s:new_midi_track(one, two, true, plugin, nil, nil, 1, "Upbeat", ARDOUR.PresentationInfo.max_order,
                          ARDOUR.TrackMode.Normal, true):iter() do
  t:output():audio(0):connect("Master/audio_in 1")
end
for t in s:new_audio_track(1, 1, nil, 1, "Tape", ARDOUR.PresentationInfo.max_order,
                           ARDOUR.TrackMode.Normal, true):iter() do
  t:input():audio(0):disconnect_all()
  t:input():audio(0):connect("Upbeat/audio_out 1")
end
"""
NOBODY = "tcp://127.0.0.1:9"

pytestmark = [
    *ardour_rig.needs_ardour,
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]


def has_recorded(ardour: ardour_rig.Live, file: Path) -> bool:
    """Whether the recording is closed and on its playlist, as the session says once it is saved."""
    ardour.say("/save_state")
    return "<Region " in file.read_text().partition("<Playlists>")[2]


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


def test_a_sets_timeline_is_recorded_live_in_ardour_as_the_engine_made_it(
    built: Path, noise: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LV2_PATH", f"{built}:/usr/lib/lv2:/usr/lib/x86_64-linux-gnu/lv2")
    monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", NOBODY)
    file = ardour_rig.make_session(tmp_path / "song", tracks=[], tempos=[(0, TEMPO_BPM)], more=ADD_TRACKS)

    with Bridge(SET, tmp_path, noise) as bridge:
        monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", bridge.endpoint)
        with ardour_rig.Live(file) as ardour:
            bridge.has_served()
            ardour.say("/set_surface", 0, 31, 0, 0, 0, 0, 0)
            ardour.say("/strip/recenable", 2, 1)
            ardour.say("/rec_enable_toggle")
            ardour.say("/transport_play")
            wait_until(lambda: len(bridge.launches) >= len(HITS))
            after_the_last = round((HITS[-1] + 2) * 60 / TEMPO_BPM * RATE_HZ)
            audio = file.parent / "interchange" / "song" / "audiofiles"
            wait_until(lambda: any(path.stat().st_size > 4 * after_the_last for path in audio.glob("*Tape*.wav")))
            ardour.say("/transport_stop")
            ardour.wait_for(lambda: has_recorded(ardour, file), "kept no recording")
        launches = [(one.asked_beat, one.error_frames) for one in bridge.launches]
        hit = played(bridge.sound("hit"))

    [tape] = audio.glob("*Tape*.wav")
    heard, rate_hz = soundfile.read(tape, dtype="float32")
    assert rate_hz == RATE_HZ
    # Ardour records what another of its tracks plays now at once, now one block and its own 16 frames later.
    late_frames = int(np.flatnonzero(heard)[0] - np.flatnonzero(hit[:, 0])[0])
    assert late_frames in (0, ardour_rig.PERIOD_FRAMES + 16)
    wanted = np.zeros((len(heard), 2), np.float32)
    for beat in HITS:
        lay(wanted, hit, round(beat * 60 / TEMPO_BPM * RATE_HZ) + late_frames)
    assert np.max(np.abs(heard - wanted[:, 0])) < 1e-6
    assert launches == [(beat, 0) for beat in HITS]
