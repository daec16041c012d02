"""Instances of the plug-in (stand-ins, over real ZeroMQ) and the port that welcomes them."""

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import zmq

from bridge.plugin_port import (
    SAID_A_SECOND,
    PluginCame,
    PluginEvent,
    PluginGone,
    PluginPort,
    PluginPortError,
    PluginSaid,
)
from bridge.timing.plugin_clock import PluginTimes
from osc_schemas import codec
from osc_schemas.routes import ROUTES_VERSION
from tests.bridge.plugin_stand_in import PluginStandIn


class Port:
    """A port, and all that it told."""

    def __init__(self, port: int = 0) -> None:
        self.events: list[PluginEvent] = []
        self.times = PluginTimes()
        self.full = False
        self.refused = 0
        self.port = PluginPort(port, title="Night", tracks=["drums", "bass"], times=self.times, on_event=self._take)

    def _take(self, event: PluginEvent) -> None:
        if self.full:
            self.refused += 1
            raise queue.Full
        self.events.append(event)

    def of(self, kind: type[PluginEvent]) -> list[PluginEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@contextmanager
def a_port() -> Iterator[Port]:
    port = Port()
    port.port.start()
    yield port
    port.port.close()


def until(true: Callable[[], object], *, within_s: float = 10.0) -> None:
    ends_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends_s
        time.sleep(0.01)


def test_an_instance_is_welcomed_with_the_title_and_its_track() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint, slot=2, instance="abc") as plugin:
        reply = plugin.hear("/plugin/hello/reply")

        assert (reply.whole("version"), reply.text("title"), reply.text("track")) == (ROUTES_VERSION, "Night", "bass")
        until(lambda: port.events)
        [came] = port.events
        assert isinstance(came, PluginCame)
        assert (came.instance.name, came.instance.track, came.instance.sample_rate_hz) == ("abc", "bass", 48_000)


def test_another_version_is_refused_with_both_named() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint, version=ROUTES_VERSION + 1) as plugin:
        refused = plugin.hear("/plugin/refused")

        assert refused.text("reason") == "version"
        assert f"version {ROUTES_VERSION + 1} " in refused.text("sentence")
        assert f"version {ROUTES_VERSION};" in refused.text("sentence")
        assert not port.events


def test_a_slot_that_the_set_has_not_is_told_of_and_its_host_is_still_a_clock() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint, slot=3) as plugin:
        refused = plugin.hear("/plugin/refused")

        assert refused.text("sentence") == (
            "slot 3 is empty, as the set has 2 tracks: drums, bass; take a slot from 1 to 2"
        )
        until(lambda: port.times.at(plugin.identity, time.monotonic()) is not None)


def test_who_does_not_say_hello_first_is_asked_to() -> None:
    with a_port() as port, zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(port.port.endpoint)
        stranger.send(codec.write("/plugin/alive", nonce=1))

        assert stranger.poll(5_000)
        [refused] = codec.read(stranger.recv(), to="plugin")
        assert refused.text("reason") == "no-hello"
        assert refused.text("sentence") == (
            f"/plugin/alive came before /plugin/hello; say that first, with version {ROUTES_VERSION}"
        )
        assert not port.events


def test_a_message_out_of_bounds_is_refused_in_a_sentence_and_the_next_one_is_heard() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        plugin.say_raw(b"/plugin/note\0\0\0\0,iiii\0\0\0" + b"".join(n.to_bytes(4) for n in (200, 100, 1, 0)))
        plugin.say_raw(b"no OSC at all")
        plugin.say("/plugin/note", note=36, velocity=100, channel=1, played=0)

        assert "note is 200; it must be 0 to 127" in plugin.hear("/plugin/refused").text("sentence")
        assert "is no OSC message" in plugin.hear("/plugin/refused", count=2).text("sentence")
        until(lambda: port.of(PluginSaid))


def test_it_answers_that_it_is_alive_with_the_same_number() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint) as plugin:
        plugin.say("/plugin/alive", nonce=41)

        assert plugin.hear("/plugin/alive").whole("nonce") == 41


def test_what_nobody_has_room_for_is_refused_and_not_lost_in_silence() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        port.full = True
        plugin.say("/plugin/note", note=36, velocity=100, channel=1, played=0)

        assert plugin.hear("/plugin/refused").text("reason") == "full"


def test_two_instances_of_one_project_are_two() -> None:
    with (
        a_port() as port,
        PluginStandIn(port.port.endpoint, slot=1, instance="same") as first,
        PluginStandIn(port.port.endpoint, slot=2, instance="same") as second,
    ):
        first.hear("/plugin/hello/reply")
        second.hear("/plugin/hello/reply")

        until(lambda: len(port.events) == 2)
        assert {event.instance.track for event in port.events} == {"drums", "bass"}


def test_an_instance_that_dies_in_mid_music_is_missed_within_two_seconds() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint) as plugin:
        plugin.play()
        until(lambda: (at := port.times.at(plugin.identity, time.monotonic())) is not None and at.playing)
        died_s = time.monotonic()
        plugin.die()

        until(lambda: port.of(PluginGone))
        assert time.monotonic() - died_s < 2.5
        assert port.port.send(plugin.identity, b"/plugin/stop") is None


def test_that_an_instance_is_gone_is_told_as_soon_as_there_is_room_for_it() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint) as plugin:
        until(lambda: port.events)
        plugin.play()
        until(lambda: (at := port.times.at(plugin.identity, time.monotonic())) is not None and at.playing)
        port.full = True
        plugin.die()
        until(lambda: port.refused)
        port.full = False

        until(lambda: port.of(PluginGone))


def test_one_that_floods_us_is_refused_and_leaves_room_for_the_others() -> None:
    with (
        a_port() as port,
        PluginStandIn(port.port.endpoint, instance="a1") as flood,
        PluginStandIn(port.port.endpoint, instance="b2") as other,
    ):
        until(lambda: len(port.events) == 2)
        note = codec.write("/plugin/note", note=36, velocity=100, channel=1, played=0)
        began_s = time.monotonic()

        def refused() -> object:
            for _ in range(500):  # as many as its socket takes at a time
                flood.say_raw(note)
            return flood.all("/plugin/refused")

        until(refused)
        other.say_raw(note)
        until(lambda: [one for one in port.of(PluginSaid) if one.instance.identity == other.identity])

        assert flood.all("/plugin/refused")[0].text("reason") == "full"
        seconds = 2 + int(time.monotonic() - began_s)
        assert len(port.of(PluginSaid)) <= seconds * SAID_A_SECOND + 1


def test_what_waits_for_one_that_hangs_is_bounded_and_refused_beyond() -> None:
    with a_port() as port, PluginStandIn(port.port.endpoint) as plugin:
        plugin.hear("/plugin/hello/reply")
        plugin.die()
        numbers = [port.port.send(plugin.identity, bytes(32 * 2**20)) for _ in range(8)]

        assert None in numbers


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with (
        a_port() as port,
        pytest.raises(PluginPortError, match=f"the port {port.port.port} for the plug-in .* --plugin-port"),
    ):
        Port(port.port.port)
