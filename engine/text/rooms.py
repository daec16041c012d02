"""How long the reverb lasts that a prompt asks for: "in a cave", "with a long hall", "2 second reverb"."""

import re
from typing import Final

from engine.text.notes import FLAGS, any_of

_ROOMS: Final = {  # seconds to -60 dB: small, as such, large
    "closet": (0.2, 0.3, 0.4),
    "cupboard": (0.2, 0.3, 0.4),
    "booth": (0.2, 0.3, 0.4),
    "bedroom": (0.4, 0.5, 0.6),
    "bathroom": (0.5, 0.7, 0.9),
    "studio": (0.4, 0.6, 0.9),
    "room": (0.5, 0.8, 1.3),
    "basement": (0.6, 0.9, 1.3),
    "garage": (0.8, 1.1, 1.5),
    "chamber": (0.8, 1.0, 1.5),
    "spring": (1.0, 1.6, 2.2),
    "plate": (1.0, 1.6, 2.4),
    "theatre": (1.0, 1.5, 2.0),
    "theater": (1.0, 1.5, 2.0),
    "stairwell": (1.3, 1.8, 2.4),
    "concert hall": (1.8, 2.2, 3.0),
    "hall": (1.5, 2.2, 3.0),
    "tunnel": (1.8, 2.5, 3.5),
    "warehouse": (2.0, 2.8, 3.5),
    "hangar": (3.0, 4.0, 5.0),
    "arena": (2.5, 3.2, 4.0),
    "stadium": (2.5, 3.5, 4.5),
    "church": (2.5, 4.0, 5.0),
    "cave": (2.5, 4.0, 5.0),
    "cavern": (2.5, 4.0, 5.0),
    "canyon": (3.0, 4.0, 5.0),
    "cathedral": (4.5, 6.0, 7.0),
    "reverb": (0.6, 1.2, 3.0),
    "echo": (0.6, 1.2, 3.0),
    "reverberation": (0.6, 1.2, 3.0),
}
_UNSAID: Final = frozenset({"reverb", "echo", "reverberation"})  # no size by themselves
_INDOORS_ONLY: Final = frozenset({"studio", "spring", "plate", "booth", "theatre", "theater", "garage"})
_SMALL: Final = "small|tiny|little|short|tight|narrow"
_LARGE: Final = "large|long|big|huge|massive|vast|great|giant|enormous|wide"
_ROOM: Final = re.compile(
    rf"(?P<in>\b(?:in|inside|through|into|from|of) (?:an? |the |some )?|\b(?:an?|the) )?"
    rf"(?:(?P<number>(?<![\w.])[0-9]{{1,2}}(?:\.[0-9]{{1,3}})?) ?-?(?:s|secs?|seconds?)(?: long)? )?"
    rf"(?P<much>(?:\b(?:very|really|extremely|super|so|quite|rather) ){{0,3}})"
    rf"(?:\b(?:(?P<small>{_SMALL})|(?P<large>{_LARGE})|(?P<endless>infinite|endless|eternal))[ -])?"
    rf"(?P<how>(?:(?:dark|bright|warm|empty|stone|wooden|tiled|lush|dense|cold|live|deep|wet) )?)"
    rf"(?P<room>\b(?:{any_of(_ROOMS)}))(?P<reverb> reverb\b)?(?P<tail> tail\b)?(?![\w-])"
    # a church bell and a big room kick are sounds
    rf"(?! (?:bells?|organ|choir|music|orchestra|strings|tone|"
    rf"noise|kick|house|techno|lead|drop|snare|bass|of|drum|edm|riser|synth|stab|pluck|"
    rf"door))",
    FLAGS,
)
_ENDLESS: Final = re.compile(r"\b(?:infinite|endless)(?= (?:space|reverb|room|hall|echo))|\binfinite$", FLAGS)
_ENDLESS_S: Final = 8.0


def take_room(text: str) -> tuple[float | None, str]:
    """The reverb's time to -60 dB in seconds, and the text in which the room's size is no longer said of the sound.

    >>> take_room("snare in a very long hall"), take_room("church bell")
    ((3.75, 'snare in a hall'), (None, 'church bell'))
    """
    for found in _ROOM.finditer(text):
        room = found["room"].lower()
        sized = bool(found["small"] or found["large"] or found["endless"] or found["number"])
        if room in _INDOORS_ONLY and not (found["reverb"] or (found["in"] or "").lower().startswith("in")):
            continue
        if room in _UNSAID and not sized:
            continue
        small, usual, large = _ROOMS[room]
        room_s = small if found["small"] else large if found["large"] else usual
        if found["much"].strip() and (found["small"] or found["large"]):
            room_s *= 1.25 if found["large"] else 0.8
        if found["number"]:
            room_s = float(found["number"])
        if found["endless"]:
            room_s = _ENDLESS_S
        rest = f"{found['in'] or ''}{found['how']}{found['room']}{found['reverb'] or ''}"
        return room_s, f"{text[: found.start()]}{rest}{text[found.end() :]}"
    endless = _ENDLESS.search(text)
    return (_ENDLESS_S, text[: endless.start()] + text[endless.end() :]) if endless else (None, text)
