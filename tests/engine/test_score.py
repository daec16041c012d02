"""What is understood, as parts and strikes in time."""

import math
from dataclasses import replace

import pytest
import torch

from engine.families.score import Part, at_degree, in_key, lasts_s, score_of, settled
from engine.sampling.specification import Specification
from engine.text.asks import Ask
from engine.text.harmony import Chord, Key
from engine.text.lengths import Length
from engine.text.notes import hz_of_midi, midi_of_hz
from engine.text.understanding import Layer, Understanding
from engine.vocoders.curves import Constants, pitch_hz_at


def understanding(*layers: Layer, tempo_bpm: float | None = None, key: Key | None = None) -> Understanding:
    """Of a prompt that names these layers."""
    return Understanding(layers=layers, tempo_bpm=tempo_bpm, key=key)


def layer(kind: str, *, rhythm: str | None = None, ask: Ask | None = None, **asked: object) -> Layer:
    """One sound, understood without doubt."""
    return Layer(
        specification=Specification(kind=kind, **asked),  # type: ignore[arg-type]
        sure=1.0,
        known=True,
        ask=ask or Ask(),
        rhythm=rhythm,
    )


def parts(
    meant: Understanding,
    *,
    length_s: float = 4.0,
    tail_s: float = 0.0,
    tempo_bpm: float | None = None,
    key: str = "",
    seed: int = 1,
) -> tuple[Part, ...]:
    """The score of a clip."""
    return score_of(
        meant,
        seed=seed,
        length_s=length_s,
        tail_s=tail_s,
        tempo_bpm=tempo_bpm,
        key=Key.parse(key) if key else None,
    )


def lasting(*layers: Layer, tempo_bpm: float | None = None, imposed_bpm: float | None = None) -> float:
    """How long a clip of these layers is by itself."""
    return lasts_s(understanding(*layers, tempo_bpm=tempo_bpm), imposed_bpm)


def said(amount: float, unit: str) -> Ask:
    """The ask of a sound of which a length was said."""
    return Ask(length=Length(amount=amount, unit=unit))


def test_a_rhythm_lasts_the_bars_that_are_said_or_two() -> None:
    assert lasting(layer("kick", rhythm="loop")) == 4.0
    assert lasting(layer("kick", rhythm="loop"), tempo_bpm=60.0) == 8.0
    assert lasting(layer("kick", rhythm="loop"), tempo_bpm=60.0, imposed_bpm=240.0) == 2.0
    assert lasting(layer("kick", rhythm="loop", ask=said(2, "bars")), tempo_bpm=124.0) == 8 * 60 / 124
    assert lasting(layer("pad", ask=said(8, "bars")), layer("kick", rhythm="loop")) == 16.0
    assert lasting(layer("kick", rhythm="loop", ask=said(1, "bars")), layer("crash")) == 2.0


def test_what_is_no_rhythm_lasts_as_said_or_until_it_has_rung_out() -> None:
    assert lasting(layer("pad", ask=said(3, "beats")), tempo_bpm=90.0) == 2.0
    assert lasting(layer("pad", ask=said(3, "s"))) == 3.0
    assert lasting(layer("kick", ask=said(0.1, "s"), room=1.0, room_s=2.0)) == 2.1
    assert lasting(layer("kick", ask=said(1, "beats"), room=1.0, room_s=2.0)) == 0.5  # it is to fit into music
    assert lasting(layer("kick", room=1.0, room_s=2.0)) == lasting(layer("kick")) + 2.0
    assert lasting(layer("kick", length=-1.0)) < lasting(layer("kick")) < lasting(layer("kick", length=1.0))
    assert lasting(layer("pad", length=-1.0)) < 1 < lasting(layer("pad")) < 8 < lasting(layer("pad", length=1.0))
    assert lasting(layer("kick"), layer("rain")) == lasting(layer("rain"))


def test_the_slide_of_a_played_note_is_over_within_60_ms_and_that_of_a_kick_is_its_sound() -> None:
    slow = Constants(pitch_hz=55.0, sweep_depth=0.08, sweep_s=0.03)
    (acid,), (kick,) = parts(understanding(layer("acid bass"))), parts(understanding(layer("kick")))

    steady = pitch_hz_at(torch.tensor([0.06, 0.1, 0.5]), settled(slow, acid), length_s=1.0) / 55.0

    assert (1200 * steady.log2()).max() < 5
    assert 1200 * math.log2(1 + 0.08 * math.exp(-0.06 / 0.03)) > 18  # as it was
    assert settled(slow, kick) == slow
    quick = replace(slow, sweep_s=0.01)
    assert settled(quick, acid) == quick


def test_a_plain_sound_is_struck_once_and_fills_the_clip() -> None:
    (part,) = parts(understanding(layer("pad")))

    assert part.strikes == ()
    assert part.length_s == 4.0
    assert part.asked_s is None
    assert part.seed == 1


def test_each_layer_has_a_seed_of_its_own() -> None:
    first, second = parts(understanding(layer("pad"), layer("vinyl")))

    assert first.seed == 1
    assert second.seed not in (1, parts(understanding(layer("pad"), layer("vinyl")), seed=2)[1].seed)


def test_four_on_the_floor_is_a_strike_at_every_beat_but_not_at_the_end() -> None:
    frames = 92_904  # of 4 beats at 124 BPM and 48 kHz there are 92 903.2
    (part,) = parts(understanding(layer("kick", rhythm="four on the floor"), tempo_bpm=124), length_s=frames / 48_000)

    assert [round(strike.start_s * 124 / 60, 6) for strike in part.strikes] == [0, 1, 2, 3]


def test_the_tail_is_for_ringing_out() -> None:
    (part,) = parts(understanding(layer("kick", rhythm="four on the floor"), tempo_bpm=60), length_s=6, tail_s=2)

    assert [strike.start_s for strike in part.strikes] == [0, 1, 2, 3]


def test_an_imposed_tempo_goes_before_the_prompts_own() -> None:
    meant = understanding(layer("kick", rhythm="four on the floor"), tempo_bpm=120)

    assert [strike.start_s for strike in parts(meant, length_s=2)[0].strikes] == [0, 0.5, 1, 1.5]
    assert [strike.start_s for strike in parts(meant, length_s=2, tempo_bpm=60)[0].strikes] == [0, 1]


@pytest.mark.parametrize(
    ("said", "seconds"), [(Length(amount=0.5, unit="s"), 0.5), (Length(amount=2, unit="beats"), 1.0)]
)
def test_a_length_that_was_said_is_kept(said: Length, seconds: float) -> None:
    (kick,) = parts(understanding(layer("kick", ask=Ask(length=said))))
    (pad,) = parts(understanding(layer("pad", ask=Ask(length=said))))

    assert kick.asked_s == pad.asked_s == seconds
    assert kick.length_s == 4.0, "its decay is bent afterwards"
    assert pad.length_s == seconds, "it is made for that time"


def test_a_short_pad_ends_early_and_a_short_riser_does_not() -> None:
    (pad,) = parts(understanding(layer("pad", length=-1.0)))
    (riser,) = parts(understanding(layer("riser", length=-1.0)))

    assert pad.asked_s == pytest.approx(0.7, abs=0.05)
    assert riser.asked_s is None


def test_a_set_in_a_key_moves_what_is_pitched_and_nothing_else() -> None:
    bass, kick = parts(understanding(layer("bass"), layer("kick")), key="F# minor")

    assert bass.specification.pitch_class == 6
    assert bass.key == Key.parse("F# minor")
    assert kick.specification.pitch_class is None
    assert kick.key is None


def test_an_asked_note_moves_to_the_nearest_of_the_key_and_its_chord_becomes_the_keys_own() -> None:
    (part,) = parts(understanding(layer("pad", midi=61.0)), key="A minor")
    drawn = Constants(pitch_hz=hz_of_midi(61), chord=(0, 4, 7))

    moved = in_key(drawn, part)

    assert midi_of_hz(moved.pitch_hz) == pytest.approx(60)
    assert moved.chord == (0, 4, 7)
    assert in_key(drawn, replace(part, key=None)) == drawn


def test_degrees_are_steps_of_the_scale() -> None:
    (part,) = parts(understanding(layer("bass", rhythm="bassline")), key="A minor")
    drawn = Constants(pitch_hz=hz_of_midi(33))

    notes = [round(midi_of_hz(at_degree(drawn, degree, part).pitch_hz), 6) for degree in (0, 2, 4, 7)]

    assert notes == [33, 36, 40, 45]


def test_without_a_key_a_melody_is_minor_on_its_own_tonic() -> None:
    (part,) = parts(understanding(layer("bass", rhythm="bassline")))
    (major,) = parts(understanding(layer("bass", rhythm="bassline", ask=Ask(chord=Chord(quality="major", root=7)))))
    drawn = Constants(pitch_hz=hz_of_midi(31))  # G1

    assert midi_of_hz(at_degree(drawn, 2, part).pitch_hz) == pytest.approx(34)  # B flat
    assert midi_of_hz(at_degree(drawn, 2, major).pitch_hz) == pytest.approx(35)  # B


def test_sounds_that_last_are_as_long_as_the_longest_gap_between_their_strikes() -> None:
    (pad,) = parts(understanding(layer("pad", rhythm="chords"), tempo_bpm=120), length_s=8)
    (hat,) = parts(understanding(layer("closed hat", rhythm="loop"), tempo_bpm=120), length_s=8)

    assert pad.length_s >= 2.0
    assert pad.one_note
    assert hat.length_s == 2.0
    assert not hat.one_note
