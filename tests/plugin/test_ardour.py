"""The LV2 instrument on a MIDI track of a real Ardour, live and exported: every beat on its frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.plugin.conftest import lacking
from tests.plugin.peer import Peer, Take
from tests.whole import ardour_rig

EAR = Path(__file__).parent / "ardour_ear.lua"
RATE_HZ = ardour_rig.RATE_HZ
TEMPO_BPM, NEW_TEMPO_BPM, NEW_TEMPO_BEAT = 97.0, 123.4, 24
BEATS = 40
EXPORTED_BEATS = 33
LOCATED_FRAME = 600_001  # somewhere in beat 20
LOOP = (100_001, 200_003)  # three beats, cut anywhere

pytestmark = [
    *ardour_rig.needs_ardour,
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

ADD_TRACK = """
local plugin = ARDOUR.LuaAPI.new_plugin_info("urn:upbeat:instrument", ARDOUR.PluginType.LV2)
local one = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local two = ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2)
for t in s:new_midi_track(one, two, true, plugin, nil, nil, 1, "Upbeat", ARDOUR.PresentationInfo.max_order,
                          ARDOUR.TrackMode.Normal, true):iter() do
  for side = 0, 1 do t:output():audio(side):connect("Master/audio_in " .. (side + 1)) end
  local ear = ARDOUR.LuaAPI.new_luaproc(s, "Upbeat Ear")
  if not ear:isnil() then t:add_processor_by_index(ear, 1, nil, true) end
end
"""
TELL = """
local heard = s:route_by_name("Upbeat"):nth_plugin(1):to_insert():plugin(0):to_luaproc():shmem()
local told = 0
for _ = 1, 3000 do
  while told < heard:atomic_get_int(0) do
    local row = heard:to_int(1 + 4 * told):array()
    print(table.concat({"HEARD", row[1], row[2], row[3], row[4]}, " "))
    told = told + 1
  end
  sleep(0.03)
end
"""


@dataclass(frozen=True)
class Onset:
    """A tick as it was heard behind the plug-in: which beat's it is, and where Ardour's transport was."""

    beat: int
    frame: int  # of the transport
    heard_frame: int  # counted on through every jump


@pytest.fixture(scope="module")
def peer(built: Path) -> Iterator[Peer]:
    """A bridge that has a tick for every beat, each of another height, for whoever says hello."""
    with Peer() as one, pytest.MonkeyPatch.context() as patch:

        def greet(to: bytes) -> None:
            for beat in range(BEATS):
                one.clip(to, Take(f"tick {beat}", np.full((1, 1), (beat + 1) / 1024, np.float32), 1, length_beats=1))
                one.place(to, beat + 1, f"tick {beat}", beat=beat)
            one.sheet(to, BEATS)

        one.greet = greet
        patch.setenv("UPBEAT_PLUGIN_ENDPOINT", one.endpoint)
        patch.setenv("LV2_PATH", f"{built}:/usr/lib/lv2:/usr/lib/x86_64-linux-gnu/lv2")
        yield one


def session_with_us(folder: Path, *tempos: tuple[float, float]) -> Path:
    """A session with the instrument on a MIDI track, and behind it the ear, if Ardour has that."""
    file = ardour_rig.make_session(folder, tracks=[], tempos=tempos, more=ADD_TRACK)
    assert "urn:upbeat:instrument" in file.read_text(), "Ardour took the plug-in onto no track"
    return file


def frame_of(beat: int) -> int:
    """Where a beat lies in the session with two tempos."""
    first = min(beat, NEW_TEMPO_BEAT) / TEMPO_BPM
    return round((first + max(0, beat - NEW_TEMPO_BEAT) / NEW_TEMPO_BPM) * 60 * RATE_HZ)


def test_an_export_has_every_beat_on_its_frame(tmp_path: Path, peer: Peer) -> None:
    file = session_with_us(tmp_path / "song", (0, TEMPO_BPM))
    superclocks = 20 * 282_240_000
    words = f'start="a0" end="a{superclocks}" flags="IsSessionRange" locked="0" timestamp="0" cue="0"'
    whole = f'<Locations><Location id="90001" name="session" {words}/></Locations>'
    assert "<Locations/>" in file.read_text()
    file.write_text(file.read_text().replace("<Locations/>", whole))
    said_before = peer.mark

    ardour_rig.export(file, tmp_path / "out.wav")

    heard, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    onsets = np.flatnonzero(heard[:, 0])
    assert onsets.tolist() == [round(beat * 60 / TEMPO_BPM * RATE_HZ) for beat in range(EXPORTED_BEATS)]
    assert heard[onsets, 0].tolist() == [(beat + 1) / 1024 for beat in range(EXPORTED_BEATS)]
    times = peer.all("/plugin/time", since=said_before)
    assert any(told.values[7] for told in times)  # Ardour said by itself that it bounces


class Listened(ardour_rig.Live):
    """A live Ardour, and what its ear heard."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, beside=TELL)

    def rows(self) -> list[tuple[int, int, int, int]]:
        """All that the ear noted, as its script has it."""
        words = [line.split() for line in self.lines() if line.startswith("HEARD ")]
        return [(int(word[1]), int(word[2]), int(word[3]), int(word[4])) for word in words]

    def legs(self) -> list[list[Onset]]:
        """The ticks, from jump to jump of the transport."""
        legs: list[list[Onset]] = []
        for kind, frame, heard_frame, value in self.rows():
            if kind == 0:
                legs.append([])
            else:
                legs[-1].append(Onset(value - 1, frame, heard_frame))
        return legs

    def jumps(self) -> list[int]:
        """Where the transport was put, in turn."""
        return [frame for kind, frame, _, _ in self.rows() if kind == 0]


@dataclass(frozen=True)
class Performance:
    """What was heard: from the start, after a locate while playing, and in a loop."""

    jumps: list[int]
    from_start: list[Onset]
    located: list[Onset]
    looped: list[list[Onset]]


@pytest.fixture(scope="module")
def performance(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Performance:
    """Ardour played over OSC for half a minute, in real time."""
    folder = tmp_path_factory.mktemp("live")
    ardour_rig.give_script(folder, EAR)
    file = session_with_us(folder / "song", (0, TEMPO_BPM), (NEW_TEMPO_BEAT, NEW_TEMPO_BPM))
    before = peer.mark
    with Listened(file) as ardour:
        who = peer.wait("/plugin/hello", since=before).identity
        for _ in range(2):  # it has read all that came before it says this again
            before = peer.mark
            peer.wait("/plugin/alive", since=before, which=lambda heard: heard.identity == who)

        def plays(leg: int, *, until_beat: int) -> bool:
            legs = ardour.legs()
            return len(legs) > leg and any(onset.beat >= until_beat for onset in legs[leg])

        ardour.say("/transport_play")
        ardour.wait_for(lambda: plays(0, until_beat=14), "played no 14 beats")
        ardour.say("/locate", LOCATED_FRAME, 1)
        ardour.wait_for(lambda: plays(1, until_beat=NEW_TEMPO_BEAT + 6), "did not go on after a locate")
        ardour.say("/loop_location", *LOOP)
        ardour.say("/loop_toggle")
        ardour.wait_for(lambda: plays(4, until_beat=4), "did not loop")
        legs = ardour.legs()
        return Performance(ardour.jumps()[:5], legs[0], legs[1], legs[2:4])


def test_live_every_beat_is_on_the_frame_that_the_tempo_has_it(performance: Performance) -> None:
    heard = performance.from_start

    assert [onset.beat for onset in heard] == list(range(len(heard)))
    assert len(heard) >= 15
    assert [onset.frame for onset in heard] == [frame_of(onset.beat) for onset in heard]
    assert [onset.heard_frame - heard[0].heard_frame for onset in heard] == [frame_of(onset.beat) for onset in heard]


def test_live_beats_are_on_their_frames_again_after_a_locate_while_it_plays(performance: Performance) -> None:
    heard = [onset for onset in performance.located if onset.beat <= NEW_TEMPO_BEAT]

    assert performance.jumps[:2] == [0, LOCATED_FRAME]
    assert [onset.beat for onset in heard] == [21, 22, 23, 24]
    assert [onset.frame for onset in heard] == [frame_of(onset.beat) for onset in heard]


def test_live_beats_are_on_their_frames_in_every_pass_of_ardours_loop(performance: Performance) -> None:
    start, end = LOOP

    assert performance.jumps[2:] == [start] * 3
    for heard in performance.looped:
        assert [onset.beat for onset in heard] == [4, 5, 6]
        assert [onset.frame for onset in heard] == [frame_of(onset.beat) for onset in heard]
    last, first = performance.looped[0][-1], performance.looped[1][0]
    assert first.heard_frame - last.heard_frame == (end - last.frame) + (first.frame - start)  # and no gap at its end


def test_live_beats_are_on_their_frames_after_a_change_of_tempo(performance: Performance) -> None:
    heard = [onset for onset in performance.located if onset.beat > NEW_TEMPO_BEAT]

    assert len(heard) >= 6  # Ardour tells an LV2 its beats in 1920ths, which are 12 frames here
    assert [onset.frame for onset in heard] == [frame_of(onset.beat) for onset in heard]
