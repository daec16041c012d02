"""The stock AbletonOSC against a stand-in for it, over real UDP."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.hosts.ableton_osc import AbletonOsc
from bridge.hosts.base import HostError, HostLost
from tests.bridge.hosts.ableton_osc_stand_in import AbletonOscStandIn
from tests.bridge.hosts.live_stand_in import LiveStandIn


class Pair:
    """A Live with AbletonOSC in it, and us."""

    def __init__(self) -> None:
        self.live = LiveStandIn()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            reply_port = free.getsockname()[1]
        self.in_live = AbletonOscStandIn(self.live, reply_port=reply_port)
        self.us = AbletonOsc(port=self.in_live.port, reply_port=reply_port)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.us.close()
    pair.in_live.close()


def test_beat_tempo_and_transport_are_read_in_one_tick(pair: Pair) -> None:
    pair.live.song.is_playing, pair.live.song.tempo = True, 93.0
    before = pair.live.steps

    with pair.live.running():
        beat, tempo_bpm, playing = pair.us.time()

    assert (tempo_bpm, playing) == (93.0, True)
    assert beat == pytest.approx(0.0155 * (pair.live.steps - before), abs=0.5)
    assert pair.in_live.heard == [
        "/live/song/get/current_song_time",
        "/live/song/get/tempo",
        "/live/song/get/is_playing",
    ]


def test_an_answer_is_found_by_its_address_and_its_indices(pair: Pair) -> None:
    with pair.live.running():
        answers = pair.us.ask_all([("/live/track/get/has_audio_input", (index,)) for index in (2, 0, 1)])

    assert answers == [(False,), (True,), (True,)]


def test_what_live_says_against_a_query_is_the_sentence(pair: Pair) -> None:
    with pair.live.running(), pytest.raises(HostError, match=r"has_clip: Error handling message: list index"):
        pair.us.has_clip(7, 0)


def test_an_error_ends_a_tick_and_what_waits_is_still_answered(pair: Pair) -> None:
    with pair.live.running():
        with pytest.raises(HostError, match="Live refused /live/clip_slot/fire: Error handling message: list index"):
            pair.us.fire(0, 99)
        pair.us.fire(0, 1)

    assert pair.live.song.tracks[0].clip_slots[1].fired == 1


def test_an_address_that_live_does_not_know_is_told(pair: Pair) -> None:
    with pair.live.running(), pytest.raises(HostError, match="Unknown OSC address: /live/nothing"):
        pair.us.ask("/live/nothing")


def test_what_is_told_is_done_once(pair: Pair) -> None:
    with pair.live.running():
        pair.us.set_tempo(101.0)
        pair.us.play()

    assert pair.live.song.tempo == 101.0
    assert pair.live.song.is_playing
    assert pair.in_live.heard.count("/live/song/start_playing") == 1


def test_what_comes_in_is_fanned_out_to_all_that_listen(pair: Pair) -> None:
    first: list[Any] = []
    second: list[Any] = []
    forget = pair.us.listen("/live/song/get/tempo", lambda _, values: first.append(values))
    pair.us.listen("/live/song/get/tempo", lambda _, values: second.append(values))

    with pair.live.running():
        pair.us.tell("/live/song/start_listen/tempo")
        forget()
        pair.us.set_tempo(99.0)

    assert first == [(120.0,)]
    assert second == [(120.0,), (99.0,)]


def test_a_listener_that_fails_takes_nothing_from_the_others(pair: Pair) -> None:
    heard: list[Any] = []
    pair.us.listen("/live/song/get/tempo", lambda _, values: 1 // 0)
    pair.us.listen("/live/song/get/tempo", lambda _, values: heard.append(values))

    with pair.live.running():
        assert pair.us.ask("/live/song/get/tempo") == (120.0,)
        assert pair.us.ask("/live/song/get/tempo") == (120.0,)

    assert heard == [(120.0,), (120.0,)]


def test_a_port_of_the_answers_that_is_taken_is_told_with_the_fix(pair: Pair) -> None:
    with pytest.raises(HostError, match=rf"UDP port {pair.us.reply_port}.*another program has it.*hosts install live"):
        AbletonOsc(port=pair.in_live.port, reply_port=pair.us.reply_port)


def test_a_live_that_does_not_answer_is_lost_within_the_bound(pair: Pair) -> None:
    with pytest.raises(HostLost, match="AbletonOSC in Live does not answer"):
        pair.us.ask("/live/song/get/tempo", within_s=0.2)
