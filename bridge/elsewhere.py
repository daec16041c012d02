"""Where else than in our own output a track is heard: in a DAW that has its clips, or in our plug-in inside one.

The player offers every landing as early as it knows of it, and asks again when the time has come to hand it to the
mixer. Who is not sure then has lost it: the clip sounds in our own output, for the music never stops because of us.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bridge.tracks.sound import Sound
from osc_schemas.cue import Cue

# heard: it is there and will sound on its beat; coming: under way, perhaps in time; no: it sounds in our own output.
Answer = Literal["heard", "coming", "no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A sound that lands on a beat of a track. The same id with another beat is the same landing, moved."""

    landing_id: str
    cue: Cue
    sound: Sound
    beat: float  # of our transport
    frame: int  # of our output, that this beat has now


class Elsewhere(Protocol):
    """Somewhere else. Every method is called on the player's thread and returns at once."""

    def offer(self, landing: Landing) -> None:
        """A sound will land. Again whenever its beat has moved."""

    def answer(self, landing_id: str) -> Answer:
        """Whether it will be heard there, as far as is known now."""

    def withdraw(self, landing_id: str) -> None:
        """It sounds in our own output after all, or not at all."""

    def sounded(self, landing: Landing) -> None:
        """It has begun to sound in our own output, at that frame."""

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """What a track plays is another sound from that frame of our output on, as long and at the same place.

        A knob was turned; where the timeline turns it, this is said up to a second before.
        """

    def stop(self, track: str, *, fade_s: float) -> None:
        """Stop what a track plays, and take back what was to come."""

    def tick(self, now_frame: int) -> None:
        """Do what is due."""


class Nowhere:
    """Nothing but our own output."""

    def offer(self, landing: Landing) -> None:
        """Nobody listens."""

    def answer(self, landing_id: str) -> Answer:
        """Never there."""
        return "no"

    def withdraw(self, landing_id: str) -> None:
        """Nothing was offered."""

    def sounded(self, landing: Landing) -> None:
        """Nobody cares."""

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """Nobody cares."""

    def stop(self, track: str, *, fade_s: float) -> None:
        """Nothing plays."""

    def tick(self, now_frame: int) -> None:
        """Nothing is due."""


def nowhere(player: object) -> Elsewhere:
    """Nothing but our own output, for any player."""
    return Nowhere()


class AllOf:
    """Several of them: the first that has a landing is the one where it is heard."""

    def __init__(self, places: Sequence[Elsewhere]) -> None:
        self._places = tuple(places)

    def offer(self, landing: Landing) -> None:
        """To all."""
        for place in self._places:
            place.offer(landing)

    def answer(self, landing_id: str) -> Answer:
        """The best of all answers."""
        answers = {place.answer(landing_id) for place in self._places}
        return "heard" if "heard" in answers else "coming" if "coming" in answers else "no"

    def withdraw(self, landing_id: str) -> None:
        """From all."""
        for place in self._places:
            place.withdraw(landing_id)

    def sounded(self, landing: Landing) -> None:
        """To all."""
        for place in self._places:
            place.sounded(landing)

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """To all."""
        for place in self._places:
            place.bent(track, old, new, at_frame=at_frame)

    def stop(self, track: str, *, fade_s: float) -> None:
        """In all."""
        for place in self._places:
            place.stop(track, fade_s=fade_s)

    def tick(self, now_frame: int) -> None:
        """In all."""
        for place in self._places:
            place.tick(now_frame)
