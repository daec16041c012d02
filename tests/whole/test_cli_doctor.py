"""`upbeat doctor` on whatever machine this is, and `upbeat engine` as the way to an engine."""

from pathlib import Path

import pytest

from tests.whole.command_line import Home
from tests.whole.wire import engine


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_machine_that_runs_these_tests_could_play_a_set(home: Home) -> None:
    ended = home.upbeat("doctor", "--json")

    states = {finding["what"]: finding["state"] for finding in ended.json}
    assert ended.code == 0
    assert {"upbeat", "python", "takes", "mixer", "sound", "midi", "torch", "gpu"} <= states.keys()
    assert (states["mixer"], states["torch"]) == ("good", "good")


def test_an_engine_that_runs_is_found(home: Home) -> None:
    with engine() as running:
        found = home.upbeat("doctor", UPBEAT_ENGINE_PORT=running.endpoint.rpartition(":")[2])

    assert f"{running.endpoint}: an engine answers, ready: noise" in found.out


def test_engine_hands_its_flags_on(home: Home) -> None:
    ended = home.upbeat("engine", "--port", "70000")

    assert ended.code == 2
    assert "'70000' is no port" in ended.err
    assert "--stop-with-stdin" in home.upbeat("engine", "--help").out
