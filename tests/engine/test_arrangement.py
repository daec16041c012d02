"""Hits at their frames, layers in their balance."""

import pytest
import torch

from engine.families.arrangement import PEAK, Event, layered, placed


def beep(frames: int, level: float = 1.0) -> torch.Tensor:
    """A sound that is loud all the way."""
    return torch.full((2, frames), level)


def test_every_event_begins_at_its_frame_and_sounds_add_up() -> None:
    clip = placed(
        [
            Event(start_frame=0, gain=1.0, sound=beep(4)),
            Event(start_frame=2, gain=0.5, sound=beep(4)),
            Event(start_frame=9, gain=1.0, sound=beep(4)),
        ],
        frames=10,
    )

    assert clip[0].tolist() == [1, 1, 1.5, 1.5, 0.5, 0.5, 0, 0, 0, 1]
    assert torch.equal(clip[0], clip[1])


def test_on_an_instrument_of_one_note_the_next_note_ends_the_one_before() -> None:
    clip = placed(
        [Event(start_frame=10, gain=1.0, sound=beep(20, 3.0)), Event(start_frame=0, gain=1.0, sound=beep(100))],
        frames=40,
        choke_fade_frames=5,
    )

    assert (clip[0, :10] == 1).all()
    torch.testing.assert_close(clip[0, 10:15], 3 + torch.linspace(1, 0, 5))
    assert (clip[0, 15:30] == 3).all()
    assert not clip[0, 30:].any()


def test_a_note_that_has_ended_by_itself_is_left_as_it_is() -> None:
    sound = beep(6)
    placed([Event(start_frame=0, gain=1.0, sound=sound), Event(start_frame=8, gain=1.0, sound=sound)], frames=20,
           choke_fade_frames=5)  # fmt: skip

    assert torch.equal(sound, beep(6)), "a sound that is struck again must not be changed"


def test_layers_keep_their_balance_and_the_sum_peaks_where_every_clip_does() -> None:
    low, high = beep(8, 0.9), beep(8, 0.0)
    high[:, 3] = 0.9

    sum_of_both = layered([low, high], [0.0, -6.0206])

    assert float(sum_of_both.max()) == pytest.approx(PEAK)
    assert float(sum_of_both[0, 3] / sum_of_both[0, 0]) == pytest.approx(1.5, rel=1e-4)
    assert not layered([torch.zeros(2, 5)], [0.0]).any()
