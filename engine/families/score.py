"""What is understood, for a clip of a certain length: which sounds to make, how long each, and when each is struck."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from engine.sampling.noise import derived_seed
from engine.sampling.specification import Specification
from engine.text.harmony import Key, imposed
from engine.text.kinds import GROUPS, LASTING
from engine.text.lengths import Length
from engine.text.notes import hz_of_midi, midi_of_hz
from engine.text.patterns import hits
from engine.text.understanding import Layer, Understanding
from engine.vocoders.curves import Constants

TEMPO_BPM: Final = 120.0  # where nobody says one
RING_S: Final = 2.0  # the most that a struck sound of a rhythm rings
EDGE_BEATS: Final = 0.01  # a clip is a whole number of frames; a beat that begins at its very end is the next clip's
SHORT_S: Final = 1.6  # of which a "short" pad is about half
LOOP: Final = Length(amount=2, unit="bars")  # of what is rhythmic, if nobody says how long
# How long a sound is heard if nothing is said, to about -50 dB where it decays (measured, rounded up), and else by
# custom; each level of length makes it so many times as long, as it does for the sounds that the model was taught.
# fmt: off
NATURAL_S: Final[dict[str, float]] = {
    "kick": 1.0, "snare": 0.7, "rimshot": 0.25, "clap": 0.7, "snap": 0.3, "closed hat": 0.25, "open hat": 2.5,
    "ride": 4.0, "crash": 5.0, "shaker": 0.3, "tambourine": 1.0, "tom": 1.3, "conga": 0.5, "woodblock": 0.25,
    "cowbell": 0.7, "sub bass": 4.0, "bass": 3.0, "acid bass": 2.2, "pluck": 1.6, "guitar": 4.5, "mallet": 2.0,
    "bell": 5.0, "piano": 6.0, "keys": 4.0, "brass stab": 0.9, "impact": 3.0, "sub drop": 2.0, "zap": 0.8,
    "glitch": 0.6, **dict.fromkeys(LASTING, 4.0), **dict.fromkeys(GROUPS["textures"], 6.0), "drone": 8.0,
}
# fmt: on
LENGTH_RATIO: Final = 2.3
ROOM_HEARD: Final = 0.2  # a level of room that rings
ROOM_S: Final = 1.5  # how long it does if no size is said
SETTLED_S: Final = 0.06  # a played note is at its pitch by then ...
SETTLED_OCTAVES: Final = 4 / 1200  # ... as nearly as this
ONE_NOTE: Final = LASTING | {"sub bass", "bass", "acid bass"}  # a new note of these ends the one before
USUAL_KEY: Final = Key(0, "minor")  # of a melody in no key, on whatever tonic it has


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One hit of a part."""

    start_s: float
    gain: float
    degree: int  # steps of the scale above the part's own note


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One sound to make, and when it is struck."""

    specification: Specification
    seed: int
    length_s: float  # of one sound
    asked_s: float | None  # how long it was asked to last; None is as it comes
    strikes: tuple[Strike, ...]  # () is once, at the beginning
    gain_db: float
    key: Key | None  # what its notes are brought into
    melody_key: Key  # what its degrees are steps of

    @property
    def one_note(self) -> bool:
        """Whether a strike ends the one before."""
        return self.specification.kind in ONE_NOTE

    @property
    def lasts(self) -> bool:
        """Whether its sound fills whatever time it is given."""
        return self.specification.kind in LASTING


def score_of(
    understanding: Understanding,
    *,
    seed: int,
    length_s: float,
    tail_s: float,
    tempo_bpm: float | None,
    key: Key | None,
) -> tuple[Part, ...]:
    """The parts of a clip of `length_s`, of which `tail_s` are for ringing out.

    A tempo and a key that are imposed go before those of the prompt.
    """
    tempo_bpm = tempo_bpm or understanding.tempo_bpm or TEMPO_BPM
    return tuple(
        _part(
            layer,
            seed=seed if place == 0 else derived_seed(seed, f"layer {place}"),
            length_s=length_s,
            tail_s=tail_s,
            tempo_bpm=tempo_bpm,
            key=key,
            said_key=understanding.key,
        )
        for place, layer in enumerate(understanding.layers)
    )


def _part(
    layer: Layer, *, seed: int, length_s: float, tail_s: float, tempo_bpm: float, key: Key | None, said_key: Key | None
) -> Part:
    strikes = _strikes(layer, beats=(length_s - tail_s) * tempo_bpm / 60, beat_s=60 / tempo_bpm, seed=seed)
    asked_s = None if strikes else _asked_s(layer, tempo_bpm)
    kind = layer.specification.kind
    if strikes:
        sound_s = _longest_gap_s(strikes, length_s) if kind in LASTING else min(RING_S, length_s)
    else:
        sound_s = min(asked_s, length_s) if asked_s and kind in LASTING else length_s
    chord = layer.ask.chord
    pitched = kind in GROUPS["pitched"]
    return Part(
        specification=_in_key(layer.specification, key) if key and pitched else layer.specification,
        seed=seed,
        length_s=sound_s,
        asked_s=asked_s if asked_s is not None and asked_s < length_s else None,
        strikes=strikes,
        gain_db=layer.gain_db,
        key=key if pitched else None,
        melody_key=key or said_key or (chord.key if chord else None) or USUAL_KEY,
    )


def _strikes(layer: Layer, *, beats: float, beat_s: float, seed: int) -> tuple[Strike, ...]:
    if layer.rhythm is None:
        return ()
    played = hits(layer.rhythm, layer.specification.kind, beats=beats - EDGE_BEATS, swing=layer.ask.swing, seed=seed)
    return tuple(Strike(start_s=hit.beat * beat_s, gain=hit.velocity, degree=hit.degree) for hit in played)


def _longest_gap_s(strikes: tuple[Strike, ...], length_s: float) -> float:
    starts = [*(strike.start_s for strike in strikes), length_s]
    return max(after - before for before, after in pairwise(starts))


def _asked_s(layer: Layer, tempo_bpm: float) -> float | None:
    """How long the sound is to last, by number or, for what would last for ever, by "short"."""
    asked, kind = layer.specification, layer.specification.kind
    if layer.ask.length is not None:
        return layer.ask.length.seconds(tempo_bpm=tempo_bpm)
    if kind in LASTING and kind in GROUPS["pitched"] and asked.length < -0.2:
        return SHORT_S * float(LENGTH_RATIO**asked.length)
    return None


def lasts_s(understanding: Understanding, tempo_bpm: float | None) -> float:
    """How long a clip of all that was understood is: as said, two bars of a rhythm, or until it has rung out.

    A tempo that is imposed goes before that of the prompt.
    """
    tempo_bpm = tempo_bpm or understanding.tempo_bpm or TEMPO_BPM
    layers = understanding.layers
    if any(layer.rhythm for layer in layers):
        said = [layer.ask.length for layer in (*(one for one in layers if one.rhythm), *layers) if layer.ask.length]
        return (said[0] if said else LOOP).seconds(tempo_bpm=tempo_bpm)
    return max(_lasts_s(layer, tempo_bpm) for layer in layers)


def _lasts_s(layer: Layer, tempo_bpm: float) -> float:
    asked, length = layer.specification, layer.ask.length
    if length is not None and length.unit != "s":
        return length.seconds(tempo_bpm=tempo_bpm)  # to the frame, because it is to fit into music
    rings_s = (asked.room_s or ROOM_S) if asked.room > ROOM_HEARD else 0.0
    sounds_s = _asked_s(layer, tempo_bpm) or NATURAL_S[asked.kind] * LENGTH_RATIO**asked.length
    return float(sounds_s + rings_s)


def _in_key(asked: Specification, key: Key) -> Specification:
    """What is open becomes the tonic; a note that was asked moves once it is known which one it is."""
    if asked.midi is not None or asked.pitch_class is not None:
        return asked
    return replace(asked, pitch_class=key.tonic)


def in_key(constants: Constants, part: Part) -> Constants:
    """Constants whose note and chord are of the part's key, if it has one."""
    if part.key is None:
        return constants
    midi, chord = imposed(midi_of_hz(constants.pitch_hz), constants.chord, part.key)
    return replace(constants, pitch_hz=hz_of_midi(midi), chord=chord)


def settled(constants: Constants, part: Part) -> Constants:
    """Constants whose pitch, if it is a note's, slides no longer than until a listener would call it out of tune."""
    depth = constants.sweep_depth
    if part.specification.kind not in GROUPS["pitched"] or depth <= (near := 2**SETTLED_OCTAVES - 1):
        return constants
    return replace(constants, sweep_s=min(constants.sweep_s, SETTLED_S / math.log(depth / near)))


def at_degree(constants: Constants, degree: int, part: Part) -> Constants:
    """Constants so many steps of the scale higher, chords as the scale has them there."""
    if degree == 0:
        return constants
    tonic_midi = midi_of_hz(constants.pitch_hz)
    scale = replace(part.melody_key, tonic=round(tonic_midi) % 12) if part.key is None else part.melody_key
    midi = scale.tone(degree, tonic_midi=tonic_midi)
    chord = constants.chord if len(constants.chord) < 3 else scale.chord_on(midi, voices=len(constants.chord))
    return replace(constants, pitch_hz=hz_of_midi(midi), chord=chord)
