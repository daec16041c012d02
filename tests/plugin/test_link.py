"""The link between a bridge and a player, in a host that a test plays: what was put aside is said anew."""

import ctypes as c
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugin.conftest import LINK, SOURCES, lacking, made
from tests.plugin.peer import Peer, Take

HERE = Path(__file__).parent
READY, TAKES_MISSING = 2, 3
PITCH, BRIGHTNESS = 1, 2

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("link") / "link.so"
    flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-shared", "-fPIC"]
    sources = [HERE / "link_abi.cpp", *LINK]
    made(["g++", *flags, f"-I{SOURCES}", *sources, "-o", file, "-lzmq"], "the link")
    built = c.CDLL(str(file))
    built.both_new.restype = c.c_void_p
    return built


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as one:
        yield one


@pytest.fixture
def both(library: Any, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", peer.endpoint)
    made_one = c.c_void_p(library.both_new())
    yield made_one
    library.both_free(made_one)


def test_a_score_that_the_host_puts_back_has_the_bridge_say_its_own_again(library: Any, peer: Peer, both: Any) -> None:
    peer.wait("/plugin/hello")
    mark = peer.mark
    library.both_recall(both, b"upbeat\t1\nset\tanother\n")

    peer.wait("/plugin/hello", since=mark)


def test_an_instance_that_leaves_the_mode_as_saved_is_told_all_that_it_put_aside(
    library: Any, peer: Peer, both: Any
) -> None:
    library.both_freeze(both, 1)
    peer.wait("/plugin/hello")
    peer.wait("/plugin/alive")
    mark = peer.mark
    library.both_freeze(both, 0)

    peer.wait("/plugin/hello", since=mark)


def test_an_instance_that_a_project_names_while_it_is_connected_connects_under_that_name(
    library: Any, peer: Peer, both: Any
) -> None:
    first = peer.wait("/plugin/hello")
    mark = peer.mark
    library.both_name(both, b"0123456789abcdef")
    hello = peer.wait("/plugin/hello", since=mark)
    assert hello.values[1] == "0123456789abcdef" != first.values[1]
    assert hello.identity.startswith(b"0123456789abcdef/")

    mark = peer.mark
    library.both_name(both, b"0123456789abcdef")  # as it is called already
    peer.wait("/plugin/alive", since=mark)
    assert peer.all("/plugin/hello", since=mark) == []


def test_each_hello_is_followed_by_the_knobs_that_are_not_at_neutral_and_no_others(
    library: Any, peer: Peer, both: Any
) -> None:
    def told(since: int, value: float) -> dict[str, float]:
        peer.wait("/plugin/turn", since=since, which=lambda heard: heard.values[1] == value)
        mark = peer.mark
        peer.wait("/plugin/alive", since=mark)
        return dict(heard.values for heard in peer.all("/plugin/turn", since=since))

    peer.wait("/plugin/alive")
    assert peer.all("/plugin/turn") == []

    mark = peer.mark
    library.both_turn(both, BRIGHTNESS, c.c_float(0.5))
    library.both_turn(both, PITCH, c.c_float(0.00001))  # as near to 0 as a host's 0 to 1 may bring it
    assert told(mark, 0.5) == {"brightness": 0.5}

    mark = peer.mark
    library.both_take_slot(both, 2)
    peer.wait("/plugin/hello", since=mark)
    assert told(mark, 0.5) == {"brightness": 0.5}

    mark = peer.mark
    library.both_turn(both, BRIGHTNESS, c.c_float(0.0))
    assert told(mark, 0.0) == {"brightness": 0.0}

    mark = peer.mark
    library.both_take_slot(both, 3)
    peer.wait("/plugin/hello", since=mark)
    peer.wait("/plugin/alive", since=mark)
    assert peer.all("/plugin/turn", since=mark) == []


def test_a_host_that_runs_no_block_for_long_has_the_last_word_when_it_goes_on(
    library: Any, peer: Peer, both: Any
) -> None:
    hello = peer.wait("/plugin/hello")
    take = np.linspace(0.1, 0.9, 1_000, dtype=np.float32).reshape(-1, 1)
    peer.clip(hello.identity, Take("t", take, 1_000, length_beats=1))
    for k in range(25_000):  # more than the player's ring and the link's box together
        peer.place(hello.identity, 1 + k % 3, "t", beat=1 + k % 5, kept=False)
    peer.place(hello.identity, 1, "t", beat=0.5)
    peer.place(hello.identity, 2, "u", beat=0.75)
    peer.clip(hello.identity, Take("u", -take, 1_000, length_beats=1))
    peer.sheet(hello.identity, 2)
    end_s = time.monotonic() + 60
    while library.both_status(both) != READY and time.monotonic() < end_s:
        time.sleep(0.05)
    mark = peer.mark
    peer.wait("/plugin/alive", since=mark)  # and all that was said before is heard

    heard = np.zeros((2, 48_000), np.float32)

    def run(beat: float, start: int, count: int) -> None:
        block = np.zeros((2, count), np.float32)
        library.both_run(both, c.c_double(beat), *(side.ctypes.data_as(c.c_void_p) for side in block), count)
        heard[:, start : start + count] = block

    for _ in range(30):  # the box empties into the ring on the network's thread, and the ring into the player
        run(0.0, 0, 4_096)
        time.sleep(0.01)
    for start in range(0, 48_000, 64):
        run(start / 24_000, start, 64)
    assert np.array_equal(heard[0, 12_000:13_000], take[:, 0])
    assert np.array_equal(heard[0, 18_000:19_000], -take[:, 0])


@pytest.mark.parametrize(("length_beats", "tempo_bpm"), [(np.nan, 1e300), (1e9, 9_999.0), (np.inf, np.inf)])
def test_a_take_of_no_length_that_can_be_counted_plays_as_its_frames_say_or_is_not_taken(
    library: Any, peer: Peer, both: Any, length_beats: float, tempo_bpm: float
) -> None:
    hello = peer.wait("/plugin/hello")
    take = np.ones((600_000, 1), np.float32)
    peer.clip(hello.identity, Take("t", take, len(take), length_beats=length_beats, tempo_bpm=tempo_bpm))
    peer.place(hello.identity, 1, "t", beat=-1e6, loop=True)
    mark = peer.mark
    peer.wait("/plugin/alive", since=mark)
    block = np.zeros((2, 64), np.float32)
    sides = [side.ctypes.data_as(c.c_void_p) for side in block]
    for beat in (1e6, -1e6, 0.0, 999_999.0):  # it comes back from each
        library.both_run(both, c.c_double(beat), *sides, 64)

    assert library.both_status(both) == (TAKES_MISSING if tempo_bpm == 9_999.0 else READY)
