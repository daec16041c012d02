"""A prompt to what is to be made of it: one or more sounds, each with its levels, note, length and rhythm.

What can be named exactly (notes, chords, times, tempos, negation, rhythms) is parsed; kinds and attributes are read by
the encoder, which also says how sure it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

from engine.sampling.specification import Specification
from engine.text.asks import Ask, asked, layers
from engine.text.encoder import Reading, TextEncoder
from engine.text.harmony import Key
from engine.text.kinds import ATTRIBUTES, GROUPS, KINDS, LASTING
from engine.text.lexicon import nearest_words, only_describes
from engine.text.notes import PITCH_CLASSES, Pitch, note_name
from engine.text.patterns import KitPart, style_for

KNOWN: Final = 0.5  # a text that is more probably nothing we know than this names no sound
SURE: Final = 0.75  # a kind less probable than this is called "perhaps"
CERTAIN: Final = 0.9  # enough to hear a sound where a style was parsed
NOTABLE: Final = 0.2  # a level nearer to the usual goes unmentioned
SUGGESTED: Final = 3  # words to try instead of what names no sound
OPEN_VOICES: Final = {"pad": (0, 7), "drone": (0, 7)}
CHORD_KIND: Final = "pad"  # what plays a chord of which nothing else is said
SECOND_LAYER_DB: Final = -2.0  # what is named first leads


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One sound of a prompt."""

    specification: Specification
    sure: float  # the probability of its kind
    known: bool  # whether the words name a sound; if not, the kind is a guess
    ask: Ask
    rhythm: str | None = None  # None: it sounds once, at the beginning
    gain_db: float = 0.0

    def __str__(self) -> str:
        """Such as "bass, dark, long, F#2" or "perhaps bell (61 %)"."""
        asked = self.specification
        if not self.known:
            words = [f"a guess: {asked.kind}"]
        elif self.sure < SURE:
            words = [f"perhaps {asked.kind} ({100 * self.sure:.0f} %)"]
        else:
            words = [asked.kind]
        for attribute, (lower, higher) in ATTRIBUTES.items():
            level = getattr(asked, attribute)
            word = lower if level < -NOTABLE else higher if level > NOTABLE else ""
            if attribute == "room" and word and asked.room_s is not None:
                word += f" of {asked.room_s:.2g} s"
            words += [f"very {word}" if abs(level) > 1.2 and attribute != "room" else word] if word else []
        if asked.midi is not None:
            words.append(note_name(asked.midi))
        elif asked.pitch_class is not None:
            words.append(PITCH_CLASSES[asked.pitch_class])
        words += [self.ask.chord.quality] if self.ask.chord and asked.chord and len(asked.chord) > 1 else []
        words += [str(self.ask.length)] if self.ask.length else []
        words += [self.rhythm] if self.rhythm else []
        words += [f"swing {_swing_percent(self.ask.swing)} %"] if self.rhythm and self.ask.swing else []
        return ", ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """All that was made of a prompt."""

    layers: tuple[Layer, ...]  # one at least
    tempo_bpm: float | None
    key: Key | None

    @property
    def known(self) -> bool:
        """Whether any of the words names a sound."""
        return any(layer.known for layer in self.layers)

    def __str__(self) -> str:
        """What was understood, in a few words, for the person who wrote the prompt."""
        told = " + ".join(str(layer) for layer in self.layers)
        told += f", {self.tempo_bpm:g} bpm" if self.tempo_bpm is not None else ""
        told += f", in {self.key}" if self.key is not None else ""
        if not self.known:
            near = nearest_words(" ".join(layer.ask.words for layer in self.layers), SUGGESTED)
            meant = f", perhaps meant: {', '.join(near)}" if near else ""
            return f"no sound understood{meant}; {told}"
        sure = min(layer.sure for layer in self.layers)
        return f"{told}; {math.floor(100 * sure)} % sure" if sure >= SURE else told  # else its own "perhaps" says it


@torch.inference_mode()
def understand(prompt: str, encoder: TextEncoder) -> Understanding:
    """What a prompt asks for. Any text has an answer; how far to trust it stands in the layers."""
    said = asked(prompt)
    apart = encoder.readings([segment.words for segment in said.segments])
    named = [
        reading.nothing < KNOWN and not _describes(segment)
        for segment, reading in zip(said.segments, apart, strict=True)
    ]
    beside_chords = [names and not _only_a_chord(segment) for segment, names in zip(said.segments, named, strict=True)]
    asks = layers(
        said, beside_chords if any(beside_chords) else named
    )  # a chord alone is a sound, beside one it is not
    in_time = said.tempo_bpm is not None and not any(ask.rhythm or ask.kit for ask in asks)
    readings = apart if len(said.segments) == 1 else encoder.readings([ask.words for ask in asks])
    made = [
        layer
        for ask, reading in zip(asks, readings, strict=True)
        for layer in _layers_of(ask, reading, key=said.key, in_time=in_time)
    ]
    return Understanding(layers=tuple(made), tempo_bpm=said.tempo_bpm, key=said.key)


def _describes(segment: Ask) -> bool:
    """Whether it says only how a sound is: "with a dark tone" is no drone, though a "dark tone" may be."""
    return any(only_describes(text) for text in (segment.words, f"{segment.joint} {segment.words}"))


def _only_a_chord(segment: Ask) -> bool:
    """Whether it says which chord, and no more of the sound: "pad, Dm9 chord" is one pad."""
    return segment.chord is not None and segment.words.lower() in ("chord", "chords", "triad", "a chord")


def _layers_of(ask: Ask, reading: Reading, *, key: Key | None, in_time: bool) -> list[Layer]:
    """The layers of one ask: one, or as many as its kit has parts. `in_time`: a tempo is all that is said of rhythm."""
    kind = KINDS[int(reading.kinds.argmax())]
    if ask.kit and not _another_sound(kind, ask, reading):
        return [_part_of_kit(part, ask, reading) for part in ask.kit]
    known = ask.chord is not None or (reading.nothing < KNOWN and not only_describes(ask.words))
    if reading.nothing >= KNOWN and ask.chord is not None:
        kind = CHORD_KIND
    pitch, chord = ask.voicing(kind, key if kind in GROUPS["pitched"] else None)
    if pitch is not None and not chord:
        chord = OPEN_VOICES.get(kind, (0,))  # who names a note means that note: no third that nobody asked for
    return [
        Layer(
            specification=_specified(kind, ask, reading, pitch=pitch, chord=chord or None),
            sure=1.0 if kind == CHORD_KIND and ask.chord else float(reading.kinds.max()),
            known=known,
            ask=ask,
            rhythm=None if ask.kit else _rhythm(kind, ask, in_time=in_time),
            gain_db=SECOND_LAYER_DB if ask.joint else 0.0,
        )
    ]


def _rhythm(kind: str, ask: Ask, *, in_time: bool) -> str | None:
    """What it plays: as was said, in the style that its words name; a tempo alone asks for a loop of what is struck.

    Where a length in beats or bars explains the tempo, only drums are looped: by the bar. What lasts, lasts.
    """
    drum = kind in GROUPS["drums"]
    rhythm = ask.rhythm
    if rhythm is None and in_time and not ask.once and (drum or kind in GROUPS["pitched"]) and kind not in LASTING:
        explained = ask.length is not None and (ask.length.unit != "bars" if drum else True)
        rhythm = None if explained else "loop"
    return (style_for(ask.said, kind) or rhythm) if rhythm == "loop" and drum else rhythm


def _swing_percent(swing: float) -> int:
    """As drum machines have it: 50 is straight, 67 a triplet's."""
    return round(50 + swing * 50 / 3)


def _another_sound(kind: str, ask: Ask, reading: Reading) -> bool:
    """Whether the name of a kit is only a style here: a "breakbeat upsweep" is a riser."""
    of_kit = {part.kind for part in ask.kit} | set(GROUPS["drums"])
    return kind not in of_kit and float(reading.kinds.max()) >= CERTAIN


def _part_of_kit(part: KitPart, ask: Ask, reading: Reading) -> Layer:
    """One instrument of a kit; what is said of the whole is true of each part, but for the pitch."""
    return Layer(
        specification=_specified(part.kind, ask, reading, pitch=None, chord=None),
        sure=1.0,
        known=True,
        ask=ask,
        rhythm=part.rhythm,
        gain_db=part.gain_db,
    )


def _specified(
    kind: str, ask: Ask, reading: Reading, *, pitch: Pitch | None, chord: tuple[int, ...] | None
) -> Specification:
    levels = _levels(ask, reading.levels.tolist())
    if ask.room_s is not None and "room" not in ask.muted:
        levels["room"] = max(levels["room"], 1.0)  # a size of room asks for one
    return Specification(
        kind=kind,
        **levels,
        midi=pitch.midi if pitch else None,
        pitch_class=pitch.pitch_class if pitch and pitch.midi is None else None,
        chord=chord,
        room_s=ask.room_s,
    )


def _levels(ask: Ask, read: Sequence[float]) -> dict[str, float]:
    """Each attribute's level: what was read, times what "very" or "slightly" made of it; 0 where it was denied."""
    return {
        attribute: 0.0 if attribute in ask.muted else level * ask.strength.get(attribute, 1.0)
        for attribute, level in zip(ATTRIBUTES, read, strict=True)
    }
