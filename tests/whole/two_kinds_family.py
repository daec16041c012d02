"""A family that makes noise and says that it can make two kinds of it."""

from collections.abc import Sequence

from osc_schemas.kind import Kind
from tests.engine.noise_family import NoiseFamily

TWO_KINDS = (
    Kind(
        group="drums",
        name="closed hat",
        phrases=("hihat", "tss & <tss>", "tick"),
        examples=("hat", "dark hat"),
        length_beats=0.5,
    ),
    Kind(group="textures", name="rain", phrases=("drizzle", "downpour"), examples=("rain on <b>tin</b>",)),
)


class TwoKinds(NoiseFamily):
    """Noise by two names."""

    name = "two kinds"

    def vocabulary(self) -> Sequence[Kind]:
        """Two kinds, one with words that would spoil a careless page."""
        return TWO_KINDS

    def understood(self, prompt: str) -> str:
        """Unsure of everything but hats."""
        return prompt if "hat" in prompt else f"perhaps <i>{prompt.split()[0]}</i> (61 %)"


class Broken(TwoKinds):
    """It says more than it can make."""

    def vocabulary(self) -> Sequence[Kind]:
        """One kind, whose second sound fails."""
        return (Kind(group="drums", name="crash", phrases=(), examples=("crash", "broken crash"), length_beats=0.5),)
