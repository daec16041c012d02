"""What a player wants of an engine, near or far."""

from typing import Protocol

from osc_schemas.request import GenerateRequest


class EngineAsked(Protocol):
    """One that is asked, and answers later."""

    @property
    def state(self) -> str:
        """connecting, warming, ready or lost."""

    @property
    def family(self) -> str:
        """The model that answers."""

    @property
    def steps_offered(self) -> tuple[int, ...]:
        """How many steps that model can take; () while nobody knows."""

    def request(self, request: GenerateRequest) -> None:
        """Ask for a clip; the answer comes to `Player.engine_said`."""

    def cancel(self, request_id: str) -> None:
        """Take a request back."""
