"""A wish, request or message that cannot be taken. Each text says what was found, what was wanted and what to do."""


class SchemaError(ValueError):
    """Something a user wrote or sent is not in order."""


class CueError(SchemaError):
    """A cue has a value out of its range."""


class RequestError(SchemaError):
    """A request to the engine has a value out of its range."""


class WireError(SchemaError):
    """Bytes that came over a socket are no message of ours."""


class KindError(SchemaError):
    """What a model says of a kind of sound is not in order."""
