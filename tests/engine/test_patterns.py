"""Rhythms by name, the hits that play them, and drum kits."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import patterns, rhythms
from engine.text.kinds import GROUPS, KINDS
from engine.text.patterns import RHYTHMS, Hit, hits, kit_for
from engine.text.rhythms import take_rhythm


def beats_of(rhythm: str, kind: str, *, beats: float = 4, swing: float = 0.0, seed: int = 0) -> list[float]:
    return [hit.beat for hit in hits(rhythm, kind, beats=beats, swing=swing, seed=seed)]


@pytest.mark.parametrize(
    ("words", "rhythm"),
    [
        ("four on the floor kick loop", "four on the floor"),
        ("4-on-the-floor", "four on the floor"),
        ("offbeat open hats", "offbeats"),
        ("hats on the offbeat", "offbeats"),
        ("backbeat snare", "backbeat"),
        ("snare on two and four", "backbeat"),
        ("clap on 2 and 4", "backbeat"),
        ("quarter notes on a cowbell", "quarters"),
        ("eighth note hats", "eighths"),
        ("8ths on a ride", "eighths"),
        ("sixteenth notes", "sixteenths"),
        ("16th note loop", "sixteenths"),
        ("1/16 notes shaker", "sixteenths"),
        ("triplet hats", "triplets"),
        ("galloping toms", "gallop"),
        ("dembow snare", "dembow"),
        ("breakbeat snare", "breakbeat"),
        ("boom bap kick", "boom bap"),
        ("half-time snare", "half time"),
        ("snare roll", "roll"),
        ("tom fill", "fill"),
        ("arpeggio of bells", "arpeggio"),
        ("trance arp", "arpeggio"),
        ("arpeggiated pluck", "arpeggio"),
        ("guitar riff", "riff"),
        ("string ostinato", "ostinato"),
        ("pulsing bass", "pulse"),
        ("funky bassline", "bassline"),
        ("kick loop", "loop"),
        ("looped conga", "loop"),
        ("shaker groove", "loop"),
        ("cowbell pattern", "loop"),
        ("tribal rhythm on toms", "loop"),
        ("kick", None),
        ("rolling bass", None),
        ("pulse bass", None),
        ("tom fill hit", None),
        ("lock groove", None),
        ("beat repeat", None),
        ("bassline note", None),
        ("arp note", None),
        ("pulse wave lead", None),
        ("rock and roll", None),
        ("16th note", None),
        ("one shot kick loop", None),
        ("heartbeat", None),
        ("", None),
    ],
)
def test_a_rhythm_is_known_by_its_name(words: str, rhythm: str | None) -> None:
    found, _, _ = take_rhythm(words)

    assert found == rhythm
    assert found is None or found in RHYTHMS


def test_words_that_name_no_sound_are_taken_and_those_that_may_stay() -> None:
    assert take_rhythm("four on the floor kick loop")[2].split() == ["kick"]
    assert take_rhythm("funky bassline loop")[2].split() == ["funky", "bassline"]
    assert take_rhythm("tom fill")[2] == "tom fill"


@pytest.mark.parametrize(
    ("words", "swing"),
    [
        ("16th hats", 0.0),
        ("swung hats", 0.66),
        ("shuffled hats", 0.66),
        ("hats with a bit of swing", 0.33),
        ("heavy swing", 1.0),
        ("hats, 62% swing", 0.72),
        ("50% swing", 0.0),
        ("swing 58%", 0.48),
        ("swing", 0.66),
        ("jazz swing ride", 0.0),
    ],
)
def test_swing_is_as_strong_as_it_is_said(words: str, swing: float) -> None:
    assert take_rhythm(words)[1] == pytest.approx(swing)


def test_a_kick_loop_is_four_on_the_floor_and_a_clap_answers_it() -> None:
    assert beats_of("loop", "kick", beats=8) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert beats_of("backbeat", "clap") == [1, 3]
    assert beats_of("offbeats", "open hat") == [0.5, 1.5, 2.5, 3.5]


def test_triplets_divide_the_beat_in_three() -> None:
    assert beats_of("triplets", "closed hat", beats=2) == pytest.approx([0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3])


def test_swing_delays_every_other_sixteenth_and_leaves_the_beat() -> None:
    assert beats_of("sixteenths", "shaker", beats=1, swing=1.0) == pytest.approx([0, 1 / 3, 0.5, 5 / 6])
    assert beats_of("eighths", "ride", beats=2, swing=1.0) == pytest.approx([0, 2 / 3, 1, 5 / 3])
    assert beats_of("triplets", "ride", swing=1.0) == beats_of("triplets", "ride")


def test_a_pattern_begins_anew_with_each_bar_of_three() -> None:
    played = hits("four on the floor", "kick", beats=6, beats_per_bar=3)
    backbeat = hits("backbeat", "snare", beats=6, beats_per_bar=3)

    assert [hit.beat for hit in played] == [0, 1, 2, 3, 4, 5]
    assert [hit.beat for hit in backbeat] == [1, 4]


def test_an_accent_is_louder_than_what_it_leads() -> None:
    first, ghost, *_ = hits("gallop", "snare", beats=4)

    assert first.velocity > ghost.velocity + 0.2


@pytest.mark.parametrize("kind", [*GROUPS["effects"], *GROUPS["textures"], "drone"])
def test_textures_and_effects_last_instead_of_looping(kind: str) -> None:
    assert hits("loop", kind, beats=8) == ()
    assert hits("offbeats", kind, beats=4), "but they play a rhythm that is asked for"


@pytest.mark.parametrize("kind", ["pad", "strings", "choir", "organ"])
def test_chords_change_with_the_bar(kind: str) -> None:
    assert beats_of("loop", kind, beats=16) == [0, 4, 8, 12]


@pytest.mark.parametrize("kind", ["sub bass", "bass", "acid bass"])
def test_basslines_stand_on_the_root_and_differ_by_seed(kind: str) -> None:
    lines = {hits("bassline", kind, beats=8, seed=seed) for seed in range(40)}
    figures = {tuple((hit.beat, hit.degree) for hit in line) for line in lines}

    assert len(figures) >= 4
    for figure in figures:
        degrees = [degree for _, degree in figure]
        assert degrees[0] == 0
        assert all(-1 <= degree <= 11 for degree in degrees)
        assert len(set(degrees)) > 1, "some other note leads back"


def test_an_arpeggio_climbs_through_the_chord() -> None:
    degrees = {hit.degree for seed in range(20) for hit in hits("arpeggio", "pluck", beats=4, seed=seed)}

    assert degrees <= {0, 2, 4, 7, 9}
    assert len({tuple(h.degree for h in hits("arpeggio", "pluck", beats=4, seed=seed)) for seed in range(20)}) >= 4


@given(
    rhythm=st.sampled_from(sorted(RHYTHMS)),
    kind=st.sampled_from(KINDS),
    beats=st.floats(0.25, 40),
    swing=st.floats(0, 1),
    seed=st.integers(0, 2**32),
    beats_per_bar=st.sampled_from([2.0, 3.0, 3.5, 4.0, 5.0, 7.0]),
)
def test_hits_lie_sorted_within_their_beats_and_follow_from_the_seed(
    rhythm: str, kind: str, beats: float, swing: float, seed: int, beats_per_bar: float
) -> None:
    def play() -> tuple[Hit, ...]:
        return hits(rhythm, kind, beats=beats, swing=swing, seed=seed, beats_per_bar=beats_per_bar)

    played = play()

    assert played == play()
    assert all(0 <= hit.beat < beats and 0 < hit.velocity <= 1 for hit in played)
    assert [hit.beat for hit in played] == sorted({hit.beat for hit in played})


@given(rhythm=st.sampled_from(sorted(RHYTHMS)), kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32))
def test_what_plays_at_all_plays_within_two_bars(rhythm: str, kind: str, seed: int) -> None:
    lasts = rhythm not in ("loop", "house", "techno", "trap", "drum and bass", "disco", "rock", "lofi")
    if lasts or kind not in {*GROUPS["effects"], *GROUPS["textures"], "drone"}:
        assert hits(rhythm, kind, beats=8, seed=seed)


def test_every_bar_written_has_a_length_that_divides_it_and_known_signs() -> None:
    drummed = [*patterns._RHYTHMS.values(), *patterns._LOOPS.values()]
    drummed += [part for parts in patterns._DRUMMERS.values() for part in parts.values()]
    for written in drummed:
        for bar in "|".join(written).split("|"):
            assert len(bar) in (12, 16, 32)
            assert set(bar) <= set("Xxo-.")
    for written in patterns._MELODIES.values():
        for bar in "|".join(written).split("|"):
            assert len(bar.split()) == 16


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("drum loop", "kick snare closed hat"),
        ("house beat", "kick clap closed hat open hat"),
        ("a groovy house beat", "kick clap closed hat open hat"),
        ("techno beat", "kick clap closed hat open hat"),
        ("trap beat", "kick snare closed hat open hat"),
        ("boom bap beat", "kick snare closed hat open hat"),
        ("boom-bap drums", "kick snare closed hat open hat"),
        ("hip hop beat", "kick snare closed hat open hat"),
        ("drum and bass beat", "kick snare closed hat ride"),
        ("drum & bass break", "kick snare closed hat ride"),
        ("d&b beat", "kick snare closed hat ride"),
        ("breakbeat", "kick snare ride"),
        ("amen break", "kick snare ride"),
        ("disco beat", "kick snare closed hat open hat"),
        ("reggaeton beat", "kick snare closed hat"),
        ("rock beat", "kick snare closed hat crash"),
        ("lofi beat", "kick snare closed hat vinyl"),
        ("drums", "kick snare closed hat"),
        ("a beat", "kick snare closed hat"),
    ],
)
def test_a_beat_is_played_by_a_kit(words: str, kinds: str) -> None:
    kit = kit_for(words)

    assert kit is not None
    assert " ".join(part.kind for part in kit) == kinds
    for part in kit:
        assert part.rhythm in RHYTHMS
        assert part.kind in KINDS
        assert part.rhythm == "loop" or hits(part.rhythm, part.kind, beats=8)


@pytest.mark.parametrize(
    "words",
    [
        *("kick", "kick loop", "kick beat", "bass beat", "heart beat", "heartbeat", "trap hats", "breakbeat snare"),
        *(
            "drum",
            "bass drum",
            "drum and bass bass",
            "steel drums",
            "drum roll",
            "808 beat",
            "war drums",
            "hand drums",
            "techno pad",
            "",
            "!",
        ),
    ],
)
def test_a_single_sound_is_no_kit(words: str) -> None:
    assert kit_for(words) is None


def test_a_kit_leaves_out_what_is_not_wanted() -> None:
    def kinds(*without: str) -> list[str]:
        return [part.kind for part in kit_for("house beat", without) or ()]

    assert kinds("kick") == ["clap", "closed hat", "open hat"]
    assert kinds("hats") == ["kick", "clap"]
    assert kinds("open hats", "claps") == ["kick", "closed hat"]


def test_a_backbeat_of_a_house_kit_falls_on_its_kick() -> None:
    kit = {part.kind: beats_of(part.rhythm, part.kind, seed=3) for part in kit_for("house beat") or ()}

    assert set(kit["clap"]) <= set(kit["kick"])
    assert not set(kit["open hat"]) & set(kit["kick"])


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(patterns).failed == doctest.testmod(rhythms).failed == 0
