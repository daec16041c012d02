"""The kinds of sound that the embedded model knows, and what can be special about any of them."""

from typing import Final

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "drums": (
        *("kick", "snare", "rimshot", "clap", "snap", "closed hat", "open hat", "ride", "crash"),
        *("shaker", "tambourine", "tom", "conga", "woodblock", "cowbell"),
    ),
    "pitched": (
        *("sub bass", "bass", "acid bass", "pluck", "guitar", "mallet", "bell", "piano", "keys"),
        *("organ", "lead", "strings", "pad", "choir", "brass stab", "flute", "drone"),
    ),
    "effects": ("riser", "downlifter", "sweep", "impact", "sub drop", "zap", "glitch", "siren", "reverse cymbal"),
    "textures": ("noise", "vinyl", "rain", "water", "waves", "wind", "fire", "crowd", "thunder"),
}
KINDS: Final = tuple(kind for kinds in GROUPS.values() for kind in kinds)
# These fill the clip: it is the clip that is long or short.
LASTING: Final = frozenset(
    {"organ", "lead", "strings", "pad", "choir", "flute", "drone", "riser", "downlifter", "sweep", "siren"}
    | {"reverse cymbal", *GROUPS["textures"]}
)

# What each attribute is called when it is lower and when it is higher than usual.
ATTRIBUTES: Final = {
    "brightness": ("dark", "bright"),
    "length": ("short", "long"),
    "pitch": ("low", "high"),
    "drive": ("", "distorted"),
    "room": ("", "in a room"),
}
