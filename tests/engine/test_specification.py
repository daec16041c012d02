"""What one sound is asked to be."""

from engine.sampling.specification import Specification


def test_exaggeration_moves_levels_away_from_the_usual_and_leaves_what_was_named() -> None:
    asked = Specification(kind="bass", brightness=-1, length=0.5, drive=1, midi=33.0, chord=(0, 7), room_s=2.0)
    further = asked.exaggerated(2)

    assert (further.brightness, further.length, further.pitch, further.drive, further.room) == (-2, 1, 0, 2, 0)
    assert (further.kind, further.midi, further.chord, further.room_s) == ("bass", 33.0, (0, 7), 2.0)
    assert asked.exaggerated(1) == asked
    assert asked.exaggerated(0).brightness == 0
