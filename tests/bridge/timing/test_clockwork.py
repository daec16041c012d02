import mido
import numpy as np
import pytest

from bridge.timing.clockwork import Clockwork
from bridge.tracks.mixer import Mixer
from bridge.tracks.null import NullOutput


class Hand:
    """Time that is moved by hand, and an output at its pace."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.mixer = Mixer(["drums"], sample_rate_hz=48_000)
        self.output = NullOutput(self.mixer, clock=lambda: self.now_s)
        self.said: list[str] = []

    def clockwork(self, *sources: str) -> Clockwork:
        return Clockwork(
            sources,
            mixer=self.mixer,
            output=self.output,
            tempo_bpm=120,
            beats_per_bar=4,
            say=self.said.append,
            now_s=lambda: self.now_s,
        )


def test_clocks_come_in_the_order_of_the_set() -> None:
    hand = Hand()

    clockwork = hand.clockwork("midi", "internal")

    assert [clock.name for clock in clockwork.clocks] == ["midi"]
    assert not hand.said


def test_a_clock_that_cannot_be_had_is_told_of_and_left_out() -> None:
    hand = Hand()

    clockwork = hand.clockwork("jack", "midi")

    assert [clock.name for clock in clockwork.clocks] == ["midi"]
    [sentence] = hand.said
    assert "--output jack" in sentence


def test_a_master_s_tick_has_its_beat_on_the_frame_that_is_heard_with_it() -> None:
    hand = Hand()
    clockwork = hand.clockwork("midi")
    assert clockwork.midi is not None
    clockwork.hear_midi(mido.Message("start"))
    for millisecond in range(4_000):
        hand.output.mix_due()
        if millisecond % 10 == 0:
            clockwork.look()
        if millisecond % 25 == 0:  # 100 BPM
            clockwork.hear_midi(mido.Message("clock"))
            clockwork.hear_midi(mido.Message("note_on", note=36))
        hand.now_s += 0.001

    # The first block was due with the first tick, and what is in it sounds a block later: 256 frames late.
    frames = np.array([48_000.0, 96_000.0, 144_000.0])
    beats = [clockwork.midi.read(int(frame)).beat for frame in frames]  # type: ignore[union-attr]
    assert beats == pytest.approx((frames + 256) / 28_800, abs=0.001)
