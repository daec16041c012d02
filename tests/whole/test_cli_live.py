"""`upbeat up` and `upbeat bridge`, as a musician and as a script meet them."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from osc_schemas import codec
from tests.whole.command_line import SET, Home, Live, free_port
from tests.whole.wire import BOUND_S, engine

TIMELINE = """
[[timeline]]
beat = 0
cue = "kick"
every_beats = 1
until_beat = 64
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def stage(home: Home) -> Iterator[Live]:
    with home.live("up", home.write("timeline.toml", SET + TIMELINE)) as live:
        yield live


def test_up_plays_the_timeline_once_the_engine_is_warm_and_ends_cleanly(stage: Live) -> None:
    launch = stage.event("/launch", cue="kick")
    code, ended, took_s = stage.stop()

    assert (launch["bar"], launch["beat"], launch["error_frames"], launch["how"]) == (1, 1.0, 0, "on-time")
    assert (code, ended["worst_error_frames"]) == (0, 0)
    assert ended["launches"] >= 1
    assert took_s < 5


@pytest.mark.slow
def test_up_takes_its_engine_along_when_it_ends(stage: Live, home: Home) -> None:
    stage.stop()

    asked = home.upbeat("say", "kick", "--engine", stage.engine, "--no-play")

    assert "no engine answers" in asked.err


def test_a_cue_from_another_terminal_says_where_it_lands_and_lands_there(stage: Live, home: Home) -> None:
    said = home.upbeat("cue", "pad", "--osc-port", stage.osc_port, "--json").json
    launch = stage.event("/launch", cue="pad")

    assert (said["cue"], said["track"]) == ("pad", "keys")
    assert (launch["bar"], launch["beat"], launch["error_frames"]) == (said["bar"], said["beat"], 0)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the engine's process in /proc")
def test_an_engine_that_was_killed_is_said_and_replaced_and_the_music_goes_on(stage: Live) -> None:
    stage.event("/launch", cue="kick")
    os.kill(stage.engine_pid, signal.SIGKILL)

    died = stage.event("said")
    stage.event("/launch", cue="kick")  # the take that is at hand
    back = stage.event("said")
    stage.ask(codec.write("/cue/go", name="pad"), answer="/cue/planned")
    launch = stage.event("/launch", cue="pad")

    assert died["sentence"].startswith("the engine was ended by SIGKILL")
    assert back["sentence"] == "the engine is back with noise"
    assert launch["error_frames"] == 0


@pytest.mark.slow
def test_a_bridge_waits_for_its_engine_and_begins_when_it_is_there(home: Home) -> None:
    port = free_port()
    timeline = home.write("timeline.toml", SET + TIMELINE)
    with home.live("bridge", timeline, "--engine", f"tcp://127.0.0.1:{port}") as stage:
        waits = stage.event("said")
        assert stage.ask(codec.write("/status"), answer="/status/transport").whole("playing") == 0
        with engine("--port", str(port)):
            launch = stage.event("/launch", cue="kick")
            code, _, _ = stage.stop()

    assert waits["sentence"].startswith(f"no engine answers at tcp://127.0.0.1:{port} yet; `upbeat engine` starts one")
    assert (launch["bar"], launch["beat"], launch["error_frames"]) == (1, 1.0, 0)
    assert code == 0


@pytest.mark.slow
def test_with_stopped_the_music_waits_for_the_first_cue(home: Home) -> None:
    with home.live("up", home.write("timeline.toml", SET + TIMELINE), "--stopped") as stage:
        assert stage.ask(codec.write("/status"), answer="/status/transport").whole("playing") == 0

        stage.ask(codec.write("/cue/go", name="pad"), answer="/cue/planned")

        assert stage.event("/launch", cue="pad")["error_frames"] == 0


@pytest.mark.slow
def test_a_musician_reads_a_short_block_and_how_it_went(home: Home) -> None:
    with home.started("up", home.set) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(9)]
        process.terminate()
        rest, said_wrong = process.communicate(timeout=BOUND_S)

    assert printed[0] == "Night drive: 240 BPM, 4/4, 2 tracks, 2 cues\n"
    assert [line.split()[0] for line in printed[1:8]] == [
        "OSC",
        "sound",
        "MIDI",
        "plug-in",
        "engine",
        "takes",
        "Ctrl-C",
    ]
    assert printed[8].strip() == "the effects of keys are heard in `upbeat render`, not live"
    assert rest.splitlines()[-1].startswith("stopped in bar ")
    assert (said_wrong, process.returncode) == ("", 0)


@pytest.mark.slow
def test_quiet_prints_nothing(home: Home) -> None:
    port = free_port()
    with home.started("up", home.set, "--quiet", "--osc-port", port) as process:
        until_s = time.monotonic() + BOUND_S
        while home.upbeat("cue", "kick", "--osc-port", port).code and time.monotonic() < until_s:
            pass
        process.terminate()
        printed, said_wrong = process.communicate(timeout=BOUND_S)

    assert (printed, said_wrong, process.returncode) == ("", "", 0)
