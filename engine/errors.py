"""What can go wrong inside the engine. Each error carries a sentence for people and a reason for programs."""


class EngineError(Exception):
    """A request could not be met. The text says what was found, what was wanted and what to do."""

    reason = "engine-error"


class BadRequest(EngineError):
    """The request itself is at fault: a value out of range, an empty prompt."""

    reason = "bad-request"


class Cancelled(EngineError):
    """The request was taken back, or a newer wish for the same slot superseded it."""

    reason = "cancelled"


class WeightsError(EngineError):
    """The weights are missing, damaged or of another model."""

    reason = "weights"
