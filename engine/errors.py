"""What can go wrong inside the engine. Each error carries a sentence for people and a reason for programs."""


class EngineError(Exception):
    """A request could not be met. The text says what was found, what was wanted and what to do."""

    reason = "engine-error"


class BadRequest(EngineError):
    """The request itself is at fault: a value out of range, an empty prompt."""

    reason = "bad-request"


class Cancelled(EngineError):
    """The request was taken back."""

    reason = "cancelled"


class Superseded(Cancelled):
    """A newer wish for the same slot took this one's place."""

    reason = "superseded"


class NotPending(EngineError):
    """A cancel named a request that neither waits nor runs."""

    reason = "not-pending"


class BacklogFull(EngineError):
    """As many requests wait as are let wait."""

    reason = "full"


class NotReady(EngineError):
    """A request came before the family was warm."""

    reason = "not-ready"


class SetupError(EngineError):
    """The engine cannot start as it was asked to: a port is taken, torch is missing, a family is unknown."""

    reason = "setup"


class WeightsError(EngineError):
    """The weights are missing, damaged or of another model."""

    reason = "weights"


class DeviceLost(EngineError):
    """The device computes no more in this process, whatever is asked of it next."""

    reason = "engine-error"
