"""Which slot a clip takes, and when an old one may go."""

from pathlib import Path

from bridge.hosts.base import HostClip, Placement
from bridge.hosts.slots import TrackSlots, Turn, launch_quantum_beats


def clip(name: str) -> HostClip:
    return HostClip(
        path=Path(f"/{name}.wav"),
        take_id=name,
        name=name,
        length_beats=4,
        tempo_bpm=120,
        frames=96_000,
        sample_rate_hz=48_000,
        loop=True,
    )


def lying(name: str, slot: int) -> Placement:
    return Placement(clip=clip(name), track="Drums", slot=slot)


def test_clips_take_turns() -> None:
    slots = TrackSlots((1, 2))
    one, two = lying("one", 1), lying("two", 2)
    assert slots.turn(one.clip) == Turn(slot=1)
    slots.placed(one)
    assert slots.turn(two.clip) == Turn(slot=2)
    slots.placed(two)

    assert slots.launched(one) is None
    assert slots.launched(two) is one
    slots.removed(one)
    assert slots.turn(clip("three")) == Turn(slot=1)


def test_what_sounds_until_its_successor_lands_is_in_nobodys_way() -> None:
    slots = TrackSlots((1, 2))
    one, two = lying("one", 1), lying("two", 2)
    for placement in (one, two):
        slots.placed(placement)
        slots.launched(placement)

    assert slots.turn(clip("three")) is None  # one still sounds, two is about to


def test_what_waits_for_its_launch_is_not_taken_away() -> None:
    slots = TrackSlots((1, 2))
    one, two = lying("one", 1), lying("two", 2)
    slots.placed(one)
    slots.launched(one)
    slots.placed(two)

    assert slots.turn(clip("three")) is None
    slots.rests(two)  # it was taken back
    assert slots.turn(clip("three")) == Turn(slot=2, first_remove=two)


def test_a_clip_that_lies_there_already_is_launched_again() -> None:
    slots = TrackSlots((1, 2))
    one = lying("one", 1)
    slots.placed(one)
    slots.rests(one)

    assert slots.turn(clip("one")) == Turn(slot=1, lies=one)


def test_what_is_not_ours_is_left_alone() -> None:
    slots = TrackSlots((1, 2))

    slots.is_theirs(1)
    assert slots.turn(clip("one")) == Turn(slot=2)
    slots.is_theirs(2)
    assert slots.turn(clip("one")) is None
    assert slots.all_theirs


def test_the_grid_to_launch_on_is_the_widest_that_has_the_beat() -> None:
    assert [launch_quantum_beats(beat, beats_per_bar=4) for beat in (0, 6, 7, 7.5, 7.25)] == [4, 2, 1, 0.5, 0.25]
    assert launch_quantum_beats(7.3, beats_per_bar=4) is None
    assert launch_quantum_beats(6, beats_per_bar=3) == 3
    assert launch_quantum_beats(1.5, beats_per_bar=1.5) == 1.5
