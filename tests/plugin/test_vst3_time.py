"""A VST3 host's place, through the numbers that DPF makes of it: every metre, and before the project's start."""

import ctypes as c
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import DPF, SOURCES, lacking, made
from tests.plugin.peer import Peer

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

PROGRAM = """
#include "host_time.hpp"
extern "C" const UpbeatFormat upbeat_format = upbeat_vst3;
extern "C" double beat_of(int bar, int beat, double tick, float beats_per_bar, float beat_type, int64_t frame) {
    DISTRHO_NAMESPACE::TimePosition said;
    said.playing = true;
    said.frame = static_cast<uint64_t>(frame);
    said.bbt.valid = true;
    said.bbt.bar = bar;
    said.bbt.beat = beat;
    said.bbt.tick = tick;
    said.bbt.beatsPerBar = beats_per_bar;
    said.bbt.beatType = beat_type;
    said.bbt.ticksPerBeat = 1920.0;
    said.bbt.beatsPerMinute = 120.0;
    return upbeat::block_time(said, upbeat_vst3, 48000).beat;
}
"""


@pytest.fixture(scope="module")
def beat_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("time")
    (folder / "time.cpp").write_text(PROGRAM)
    command = ["g++", "-std=c++17", "-O0", "-shared", "-fPIC", f"-I{DPF}/distrho", f"-I{SOURCES}"]
    done = subprocess.run(
        [*command, str(folder / "time.cpp"), "-o", str(folder / "time.so")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    function = c.CDLL(str(folder / "time.so")).beat_of
    function.restype = c.c_double
    return function


def cut_by_dpf(quarters: float, numerator: int, denominator: int) -> tuple[int, int, float]:
    """Bar, beat and tick, as DPF 1.6 works them out for VST3."""
    place, per_bar = abs(quarters), numerator * 4 // denominator
    beats = math.fmod(place, per_bar) / per_bar * numerator
    rest = math.fmod(beats, 1.0)
    bar, beat, tick = int(place) // per_bar + 1, int(beats - rest + 0.5) + 1, rest * 1920
    if quarters < 0:
        return bar - 1, numerator - beat + 1, 1920 - tick - 1
    return bar, beat, tick


@pytest.mark.parametrize(("numerator", "denominator"), [(4, 4), (3, 4), (6, 8), (7, 8), (5, 4), (12, 8), (2, 2)])
@pytest.mark.parametrize("quarters", [0.0, 0.3, 5.2, 31.999, 123_456.78, -0.3, -2.5, -4.0, -5.2, -17.25])
def test_the_place_is_the_hosts_in_every_metre_and_before_the_start(
    beat_of: Any, quarters: float, numerator: int, denominator: int
) -> None:
    bar, beat, tick = cut_by_dpf(quarters, numerator, denominator)
    frame = c.c_int64(round(quarters * 24_000))
    found = beat_of(bar, beat, c.c_double(tick), c.c_float(numerator), c.c_float(denominator), frame)

    assert found == pytest.approx(quarters, abs=1e-9)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("host") / "vst3_host"
    source = Path(__file__).with_name("vst3_host.cpp")
    made(["g++", "-std=gnu++17", "-O1", f"-I{DPF}/distrho/src", source, "-o", file, "-ldl"], "the host")
    return file


@pytest.mark.hosts
@pytest.mark.parametrize(
    ("numerator", "denominator", "bar"), [(4, 4, 4.0), (1, 8, 0.5), (3, 16, 0.75), (1, 64, 0.25)]
)  # no less is told
@pytest.mark.parametrize("quarters", [0.0, 5.25, -3.5])
def test_a_host_whose_bars_are_shorter_than_a_quarter_is_not_taken_along(
    built: Path, host: Path, numerator: int, denominator: int, bar: float, quarters: float
) -> None:
    plugin = next((built / "upbeat.vst3").glob("Contents/*/upbeat.so"))
    with Peer() as peer:
        environment = {**os.environ, "UPBEAT_PLUGIN_ENDPOINT": peer.endpoint}
        words = [str(host), str(plugin), str(numerator), str(denominator), str(quarters)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30)
        times = peer.all("/plugin/time")

    assert (done.returncode, done.stdout) == (0, "0\n")
    assert times
    for told in times:
        beat, _, playing, beats_per_bar = told.values[:4]
        assert playing
        assert beats_per_bar == pytest.approx(bar)
        assert (beat - quarters) * 50 == pytest.approx(round((beat - quarters) * 50), abs=1e-6)  # a block's begin
        assert quarters <= beat < quarters + 2
