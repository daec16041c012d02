"""Kind: one kind of sound that a model can make, and the words for it, as it tells them to who wants to learn it."""

from dataclasses import dataclass

from osc_schemas import bounds
from osc_schemas.errors import KindError

PHRASES_MAX = 1_000
EXAMPLES_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of sound."""

    group: str  # what it is listed under, such as "drums"
    name: str
    phrases: tuple[str, ...]  # other names that are understood as this kind
    examples: tuple[str, ...]  # prompts that show what it can do, the plainest first
    length_beats: float = 4.0  # how long a clip of it should be to be shown

    def __post_init__(self) -> None:
        bounds.check_name("the group of a kind", self.group, KindError)
        bounds.check_name("the name of a kind", self.name, KindError)
        for what, texts, most in (("phrases", self.phrases, PHRASES_MAX), ("examples", self.examples, EXAMPLES_MAX)):
            if len(texts) > most:
                raise KindError(f"{self.name} has {len(texts)} {what}; at most {most} are taken")
            for text in texts:
                bounds.check_prompt(text, KindError)
                if not text.isprintable():
                    raise KindError(f"{self.name} has {text[:80]!r} among its {what}; each is one line of plain text")
        bounds.check_range("length_beats", self.length_beats, 0.01, bounds.LENGTH_BEATS_MAX, KindError)
