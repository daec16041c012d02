"""Soft takeover: a controller moves a number only once it has met it, so that nothing jumps under a hand. Pure.

The present value is the player's, whoever set it: a hand, OSC or the timeline. So this lives where a turn is carried
out, on the player's thread, and is told the value then.
"""

from dataclasses import dataclass, field

from bridge.triggers.heard import Controller

CONTROLLER_STEPS = 127  # what lies within one step of a controller has been met

Number = tuple[str, str]  # a cue and its key, or a track and its knob


@dataclass(slots=True)
class Takeover:
    """Who holds which number. One owner thread.

    A controller moves a number
    - if it was the last to set it, and nobody has changed it since;
    - if it meets it within one step, or passes it;
    - if nobody has touched the number since the set began: what a hand turns first must not feel dead, and where the
      controllers stood when the music began is chance;
    - if there is no number yet to be met, as where a cue leaves its guidance to the model.

    A number that lies beyond the controller's range is met at the end that is nearer to it.
    """

    _set_last: dict[Number, tuple[str, float]] = field(default_factory=dict)  # by which controller, and to what
    _seen: dict[tuple[str, Number], float] = field(default_factory=dict)  # where each controller was turned to

    def lets(
        self, controller: Controller, number: Number, value: float, *, present: float | None, at_start: float | None
    ) -> bool:
        """Whether `controller`, now at `value`, moves `number`, which is `present` and was `at_start` in the set."""
        seen = self._seen.get((controller.name, number))
        self._seen[controller.name, number] = value
        if not (
            present is None
            or self._set_last.get(number) == (controller.name, present)
            or (number not in self._set_last and present == at_start)
            or _meets(controller, value, seen, present)
        ):
            return False
        self._set_last[number] = (controller.name, value)
        return True


def _meets(controller: Controller, value: float, seen: float | None, present: float) -> bool:
    low, high = sorted(controller.range)
    goal = min(max(present, low), high)
    near = abs(value - goal) <= (high - low) / CONTROLLER_STEPS
    return near or (seen is not None and (seen < goal) != (value < goal))
