"""What a prompt asks for in so many words: tempo, key, notes, chords, lengths, rooms, rhythms; and what it asks not.

`asked` cuts a prompt at "and", "with", commas and the like into segments and takes from each what can be parsed; what
is left goes to the encoder, which knows sounds. Only then is it known which segments name a sound, and `layers` gives
what the others say to their neighbours. Nothing here guesses, and no text raises.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from engine.text.harmony import CHORDAL, Chord, Key, take_harmony
from engine.text.kinds import GROUPS
from engine.text.lengths import Length, take_length
from engine.text.levels import take_negations, take_strengths
from engine.text.notes import FLAGS, Pitch, take_pitch
from engine.text.patterns import KitPart, kit_for
from engine.text.rhythms import strikes_once, take_rhythm
from engine.text.rooms import take_room

LETTERS_READ: Final = 1000  # of a prompt, however long it is
MOST_LAYERS: Final = 4
LOWEST_TEMPO_BPM: Final = 20.0
HIGHEST_TEMPO_BPM: Final = 999.0

# Kinds that sound one voice, whatever chord is spoken of.
_ONE_VOICE: Final = frozenset(
    {*GROUPS["drums"], *GROUPS["effects"], *GROUPS["textures"], "sub bass", "bass", "acid bass", "flute", "drone"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one segment of a prompt says, or several together."""

    words: str = ""  # for the encoder: without numbers, notes and what is denied
    said: str = ""  # as it was written, but for what is denied
    joint: str = ""  # what joins it to the segment before: "and", ",", "over" ...
    pitch: Pitch | None = None
    chord: Chord | None = None
    length: Length | None = None
    room_s: float | None = None  # to -60 dB
    strength: dict[str, float] = field(default_factory=dict)  # attribute -> times as much as usual, up to 1.5
    muted: frozenset[str] = frozenset()  # attributes that are to stay as usual
    rhythm: str | None = None  # one of engine.text.patterns.RHYTHMS
    swing: float = 0.0
    once: bool = False  # a single hit was asked for in so many words
    kit: tuple[KitPart, ...] = ()  # a drum kit, each part a layer of its own

    def voicing(self, kind: str, key: Key | None) -> tuple[Pitch | None, tuple[int, ...]]:
        """The pitch and the voices above it that were asked of this kind; no voices if that is left open.

        In a key a chordal kind sounds the tonic's chord, any other tuned one the tonic.

        >>> ask = asked("warm pad in D minor").segments[0]
        >>> ask.voicing("pad", Key.parse("D minor"))
        (Pitch(pitch_class=2, midi=None), (0, 3, 7))
        """
        chord: tuple[int, ...] = ()
        root: int | None = None
        if self.chord:
            chord, root = self.chord.semitones, self.chord.root
        elif key and self.pitch is None:
            chord, root = (key.tonic_chord if kind in CHORDAL else (0,)), key.tonic
        pitch = self.pitch
        if root is not None and (pitch is None or pitch.midi is None):
            pitch = Pitch(pitch_class=root)
        elif root is not None and pitch is not None and pitch.midi is not None and pitch.pitch_class != root:
            pitch = Pitch(pitch_class=root, midi=Pitch(pitch_class=root).near(round(pitch.midi)))
        return pitch, ((0,) if chord and kind in _ONE_VOICE else chord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a prompt says that needs no ear to be understood."""

    tempo_bpm: float | None
    key: Key | None
    segments: tuple[Ask, ...]  # one at least
    without: tuple[str, ...] = ()  # the sounds it is not to have


def asked(prompt: str) -> Asked:
    """What is asked for in so many words. Any text is understood as something.

    >>> whole = asked("a bright short metallic pluck in E4 with a very long hall, 2 bars at 124 bpm")
    >>> [segment.words for segment in whole.segments]
    ['a bright short metallic pluck', 'a hall', '']
    >>> whole.tempo_bpm, whole.segments[0].pitch, whole.segments[1].room_s, whole.segments[2].length
    (124.0, Pitch(pitch_class=4, midi=64.0), 3.75, Length(amount=2.0, unit='bars'))
    """
    text = unicodedata.normalize("NFKC", prompt[:LETTERS_READ])[:LETTERS_READ]
    text = " ".join(_SHORTHAND.sub(_written_out, text.replace("\n", ", ").replace("’", "'")).split())
    tempo_bpm, text = _take_tempo(text)
    key, denied, segments = None, [], []
    for joint, piece in _split(text):
        segment, segment_key, segment_without = _segment(piece, joint)
        key = key or segment_key
        denied += segment_without
        if segment != Ask(joint=joint, said=piece):
            segments.append(segment)
    in_time = tempo_bpm is not None or key is not None
    in_time |= any(s.chord or (s.length and s.length.unit != "s") for s in segments)
    if not in_time:
        segments = [s if s.rhythm != "bassline" or _LOOP.search(s.said) else replace(s, rhythm=None) for s in segments]
    return Asked(tempo_bpm=tempo_bpm, key=key, segments=tuple(segments) or (Ask(),), without=tuple(denied))


def layers(whole: Asked, names_a_sound: Sequence[bool]) -> tuple[Ask, ...]:
    """The sounds of a prompt, 1 to `MOST_LAYERS`, given which of its segments name one; a kit always does.

    What names no sound belongs to the sound before it, or to the first if it comes before all. "kick and clap loop"
    loops both.

    >>> whole = asked("dark, deep kick, short and some rain, in a church")
    >>> [(layer.words, layer.room_s) for layer in layers(whole, [False, True, False, True, False])]
    [('dark deep kick short', None), ('some rain in a church', 4.0)]
    """
    if len(names_a_sound) != len(whole.segments):
        raise ValueError(f"{len(names_a_sound)} answers for {len(whole.segments)} segments")
    gathered: list[list[Ask]] = []
    waiting: list[Ask] = []
    for segment, names in zip(whole.segments, names_a_sound, strict=True):
        if names or (segment.kit and not (any(names_a_sound) and _STYLE.match(segment.said))):
            gathered.append([*waiting, segment])
            waiting = []
        elif gathered:
            gathered[-1].append(segment)
        else:
            waiting.append(segment)
    sounds = [_joined(parts, whole.without) for parts in gathered or [waiting]]
    for place in range(len(sounds) - 1, 0, -1):
        before, after = sounds[place - 1], sounds[place]
        if after.rhythm == "loop" and before.rhythm is None and not before.kit and after.joint in _PEERS:
            sounds[place - 1] = replace(before, rhythm="loop", swing=after.swing)
    return tuple(sounds[:MOST_LAYERS])


def _joined(parts: Sequence[Ask], without: tuple[str, ...]) -> Ask:
    """One ask of several; where two say the same thing, the first counts. The joint is that of the sound itself."""
    said = " ".join(part.said for part in parts if part.said)
    kit_said = next((part.said for part in parts if part.kit and (len(parts) == 1 or not _STYLE.match(part.said))), "")
    rhythms = sorted((part for part in parts if part.rhythm), key=lambda part: part.rhythm == "loop")
    return Ask(
        words=" ".join(part.words for part in parts if part.words),
        said=said,
        joint=parts[0].joint,
        pitch=next((part.pitch for part in parts if part.pitch), None),
        chord=next((part.chord for part in parts if part.chord), None),
        length=next((part.length for part in parts if part.length), None),
        room_s=next((part.room_s for part in parts if part.room_s is not None), None),
        strength={attribute: much for part in reversed(parts) for attribute, much in part.strength.items()},
        muted=frozenset().union(*(part.muted for part in parts)),
        rhythm=rhythms[0].rhythm if rhythms else None,
        swing=max(part.swing for part in parts),
        once=any(part.once for part in parts),
        kit=(kit_for(said, without) or kit_for(kit_said, without) or ()) if kit_said else (),
    )


_NAMES_A_SOUND: Final = frozenset(
    {"four on the floor", "boom bap", "breakbeat", "dembow"}
)  # though nothing else is said
# Alone these are a beat; beside a sound they are its style.
_STYLE: Final = re.compile(r"(?:drum (?:and|&|n|'n') bass|dnb|d&b|boom[ -]?bap|break ?beats?)$", FLAGS)
_PEERS: Final = frozenset({"and", "plus", "&", "+", ",", ";", "layered with", "together with", "as well as"})
_LOOP: Final = re.compile(r"\b(?:loop|groove|pattern|sequence|rhythm)", FLAGS)
_SHORTHAND: Final = re.compile(r"\bw/(?:o\b)?\s*", FLAGS)


def _written_out(found: re.Match[str]) -> str:
    return "without " if "o" in found[0].lower() else "with "


_TEMPO: Final = re.compile(
    r"(?:\b(?:at|in|with)(?: an?)?(?: tempo of)? )?(?<![\w.])([0-9]{1,4}(?:\.[0-9]{1,3})?) ?-?"
    r"(?:bpm|beats per minute)\b|\b(?:at )?(?:bpm|tempo)(?: of| is)?[ :=]{1,3}([0-9]{1,4}(?:\.[0-9]{1,3})?)(?![\w.])",
    FLAGS,
)


def _take_tempo(text: str) -> tuple[float | None, str]:
    tempo_bpm = None
    for found in _TEMPO.finditer(text):
        number = float(found[1] or found[2])
        if tempo_bpm is None and LOWEST_TEMPO_BPM <= number <= HIGHEST_TEMPO_BPM:
            tempo_bpm = number
    return tempo_bpm, _TEMPO.sub("", text)


# An idiom's "and" joins no two sounds.
_IDIOM: Final = re.compile(
    r"\b(?:(?:drums?|d|r|rhythm|rock|hum|on|off|call|attack|crackle|crackles|two|2|one|1|up|down|back|black|in|left|ping|"
    r""
    r"thunder|boots|clicks?|pops?|dust|short|pots|bits|rise|ebb|again|over|round|hustle|smoke|salt|bump|cut|odds|wear) "
    r"(?:and|&|n|'n') "
    r"(?:bass|b|blues|roll|buzz|on|off|response|release|pop|hiss|four|4|three|3|down|forth|white|out|right|pong|"
    r"lightning|cats|cuts|pops?|clicks?|scratches|sweet|"
    r"pans|pieces|fall|flow|again|over|round|bustle|mirrors|pepper|grind|paste|ends|tear)"
    r"|(?:and|&) a (?:half|quarter))\b",
    FLAGS,
)
_KEPT_AND: Final = "\x1f"
_SPLIT: Final = re.compile(
    r"(?:^| )(layered with|together with|along with|combined with|mixed with|on top of|as well as|and|with|plus|&|\+|"
    # "over 2 bars" and "under water" are no second sound
    r"(?:over|under)(?! (?:[0-9]|time|an? (?:bar|beat|second)|half|"
    r"one|two|three|four|eight|sixteen|water|the course|in|quickly|an? (?:blanket|bottle))))"
    r"(?= |$)|([;,])(?![0-9])|(?<![0-9])([;,])|([.!?]+)(?= |$)",
    FLAGS,
)


def _split(text: str) -> list[tuple[str, str]]:
    """The segments that say anything, each after what joins it to the one before."""
    kept = _IDIOM.sub(lambda found: found[0].replace(" ", _KEPT_AND), text)
    pieces, joint, start = [], "", 0
    for found in _SPLIT.finditer(kept):
        pieces.append((joint, kept[start : found.start()]))
        joint, start = (found[1] or found[2] or found[3] or found[4]).lower(), found.end()
    pieces.append((joint, kept[start:]))
    said = [(joint, piece.replace(_KEPT_AND, " ").strip()) for joint, piece in pieces]
    return [(joint, piece) for joint, piece in said if piece]


def _segment(said: str, joint: str) -> tuple[Ask, Key | None, list[str]]:
    """One segment, the key it names, and the sounds it denies."""
    strength: dict[str, float] = {}
    muted: set[str] = set()
    said, denied = take_negations(said, strength, muted)
    said = " ".join(said.split())
    room_s, text = take_room(said)
    text = take_strengths(text, strength)
    chord, key, text = take_harmony(text)
    pitch, text = take_pitch(text)
    length, text = take_length(text)
    kit = kit_for(said) or ()
    rhythm, swing, rest = take_rhythm(text)
    words = _tidy(rest, cut=rest != said) or (_tidy(text, cut=text != said) if rhythm in _NAMES_A_SOUND else "")
    ask = Ask(
        words=words,
        said=said,
        joint=joint,
        pitch=pitch,
        chord=chord,
        length=length,
        room_s=room_s,
        strength=strength,
        muted=frozenset(muted),
        rhythm=rhythm,
        swing=swing,
        once=strikes_once(text),
        kit=kit,
    )
    return ask, key, denied


_LOOSE_ENDS: Final = re.compile(
    r"(?:(?:^| )(?:in|at|of|on|to|for|the|an?|over|and|but|with|from|is|it|that))+$"
    r"|^(?:(?:but|of|is|and) )+",
    FLAGS,
)


def _tidy(text: str, *, cut: bool) -> str:
    """Without lone marks and, if words were cut out, without the prepositions and articles that they leave behind."""
    text = " ".join(word for word in text.split() if word == "&" or any(map(str.isalnum, word)))
    text = text.strip(" ,.;:-–—&")
    return _LOOSE_ENDS.sub("", text).strip(" ,.;:-–—&") if cut else text
