"""The CLAP in Qtractor, a DAW that is not ours, on a dummy JACK server: every beat of its song on its frame."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.conftest import made
from tests.plugin.peer import Heard, Peer, Take
from tests.plugin.test_jalv import RATE_HZ, Inconclusive, conducted, missing, server

HERE = Path(__file__).parent
PERIOD_FRAMES = 4_096  # a busy machine misses few of these
ATTEMPTS = 6  # a missed period makes one inconclusive
lacks = missing + [program for program in ("qtractor", "cc") if shutil.which(program) is None]
pytestmark = [
    pytest.mark.plugin,
    pytest.mark.jack,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(lacks), reason=f"not installed: {' '.join(lacks)} (Debian: qtractor, jackd2)"),
]

SONG = """<!DOCTYPE qtractorSession>
<session version="Qtractor 0.9.31" name="song">
 <properties>
  <directory>{folder}</directory>
  <sample-rate>{rate_hz}</sample-rate>
  <tempo>{tempo_bpm}</tempo>
  <ticks-per-beat>960</ticks-per-beat>
  <beats-per-bar>4</beats-per-bar>
  <beat-divisor>2</beat-divisor>
 </properties>
 <devices>
  <audio-engine>
   <audio-control>
    <transport-mode>duplex</transport-mode>
    <timebase>1</timebase>
   </audio-control>
   <audio-bus mode="duplex" name="Master">
    <channels>2</channels>
    <auto-connect>1</auto-connect>
   </audio-bus>
  </audio-engine>
 </devices>
 <tracks>
  <track name="Upbeat" type="audio">
   <properties><input-bus>Master</input-bus><output-bus>Master</output-bus></properties>
   <state><mute>0</mute><solo>0</solo><record>0</record><monitor>0</monitor><gain>1</gain><panning>0</panning></state>
   <plugins>
    <plugin type="CLAP">
     <filename>{plugin}</filename>
     <index>0</index>
     <label>Upbeat Track</label>
     <activated>1</activated>
    </plugin>
   </plugins>
  </track>
 </tracks>
</session>
"""


@contextmanager
def qtractor(song: Path, environment: dict[str, str], peer: Peer) -> Iterator[Heard]:
    """A song open in Qtractor, once the plug-in in it has said hello; a home of its own, and no window to be seen."""
    folder = song.parent
    quiet = folder / "no_sequencer.so"
    made(["cc", "-shared", "-fPIC", HERE / "no_sequencer.c", "-o", quiet], "the stand-in for ALSA's sequencer")
    more = {
        "LD_PRELOAD": str(quiet),
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
        "UPBEAT_PLUGIN_ENDPOINT": peer.endpoint,
    }
    log = (folder / "qtractor.log").open("w")
    process = subprocess.Popen(
        ["qtractor", str(song)], env={**environment, **more}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        yield peer.wait("/plugin/hello")
    finally:
        process.kill()  # asked to end, it would ask its user whether to keep the song
        process.wait(timeout=10)
        log.close()


@pytest.mark.parametrize(("tempo_bpm", "from_frame"), [(97.0, 0), (97.0, 100_007), (133.3, 0)])
def test_every_beat_of_a_song_is_exact(built: Path, tmp_path: Path, tempo_bpm: float, from_frame: int) -> None:
    seconds, seen = 6.0, []
    song = tmp_path / "song.qts"
    plugin = built / "upbeat-track.clap"
    song.write_text(SONG.format(folder=tmp_path, rate_hz=RATE_HZ, tempo_bpm=tempo_bpm, plugin=plugin))
    with (
        Peer() as peer,
        server(tmp_path / "jackd.log", PERIOD_FRAMES) as environment,
        qtractor(song, environment, peer) as hello,
    ):
        tick = np.ones((1, 1), np.float32)
        peer.clip(hello.identity, Take("tick", tick, 1, length_beats=1, loop=True))
        peer.place(hello.identity, 1, "tick", beat=0, loop=True)
        peer.sheet(hello.identity, 1)
        time.sleep(0.5)
        for _ in range(ATTEMPTS):
            mark = peer.mark
            try:
                onsets = conducted(environment, tempo_bpm, from_frame, seconds, "Qtractor:Master/out_1")
                break
            except Inconclusive as why:
                seen.append(str(why))
        else:
            pytest.fail("inconclusive each time: " + "; ".join(seen))
        times = peer.all("/plugin/time", mark)
    # Qtractor rolls from JACK's second period on; another client hears it in the same period or the next.
    wanted = [round(k * 60 / tempo_bpm * RATE_HZ) for k in range(200)]
    wanted = [frame for frame in wanted if frame >= from_frame + PERIOD_FRAMES]
    late = onsets[0] - wanted[0]
    assert late in (0, PERIOD_FRAMES)
    last = from_frame + int(seconds * RATE_HZ) - 2 * PERIOD_FRAMES
    assert [frame - late for frame in onsets if frame - late < last] == [frame for frame in wanted if frame < last]
    assert len({heard.values[6] for heard in times if heard.values[2]}) == 1  # one run: no jump was seen in it
