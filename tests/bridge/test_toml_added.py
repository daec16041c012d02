"""One more table in texts that people wrote by hand: nothing else of them may change."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.toml_added import NoPlaceError, with_table_added
from bridge.toml_lines import array_spans

WHERE = ("triggers", "midi")
PAD = {"note": 36, "cue": "kick"}
LINE = '{ note = 36, cue = "kick" }'


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("[triggers]\nmidi = [\n    {a=1}, # x\n]\n", f"[triggers]\nmidi = [\n    {{a=1}}, # x\n    {LINE},\n]\n"),
        ("midi = 1 # ]\n", f"midi = 1 # ]\n\n[triggers]\nmidi = [\n  {LINE},\n]\n"),
        (
            "[triggers]\nmidi = [\n  {a=1}, # one\n  {b=1} # two\n  # [\n] # end\n[x]",
            f"[triggers]\nmidi = [\n  {{a=1}}, # one\n  {{b=1}}, # two\n  # [\n  {LINE},\n] # end\n[x]",
        ),
        ("[triggers]\nmidi = [ # none yet\n]", f"[triggers]\nmidi = [ # none yet\n  {LINE},\n]"),
        ("triggers.midi = []", f"triggers.midi = [{LINE}]"),
        ("triggers = { midi = [{a=1}] }", f"triggers = {{ midi = [{{a=1}}, {LINE}] }}"),
        ("[triggers]\nmidi = [{a=1}, ]", f"[triggers]\nmidi = [{{a=1}}, {LINE}, ]"),
        ("[triggers]\nmidi = [{a=1},\n {b=2} ] # x", f"[triggers]\nmidi = [{{a=1}},\n {{b=2}}, {LINE} ] # x"),
        ("[triggers]", f"[triggers]\nmidi = [\n  {LINE},\n]\n"),
        ("[triggers] # \u2028 x\n\n[a]\n", f"[triggers] # \u2028 x\nmidi = [\n  {LINE},\n]\n\n[a]\n"),
        (
            "[[triggers.midi]]\na=1\n[b]\nc=1",
            '[[triggers.midi]]\na=1\n[b]\nc=1\n\n[[triggers.midi]]\nnote = 36\ncue = "kick"\n',
        ),
        ("", f"\n[triggers]\nmidi = [\n  {LINE},\n]\n"),
    ],
)
def test_a_table_is_added_and_every_line_stays(text: str, added: str) -> None:
    assert with_table_added(text, WHERE, PAD) == added


def test_the_line_ends_of_the_text_are_kept() -> None:
    for text in ("[triggers]\r\nmidi = [\r\n  {a=1}\r\n]\r\n", "[triggers]\r\n\r\n[x]\r\n", "x = 1\r\n"):
        added = with_table_added(text, WHERE, PAD)

        assert re.findall("(?<!\r)\n", added) == []
        assert tomllib.loads(added)["triggers"]["midi"][-1] == PAD


def test_values_are_written_as_people_write_them() -> None:
    table = {"cue": 'a "b" \\ é', "velocity": {"gain_db": [-18.0, 0.5]}, "on": True}

    added = with_table_added("triggers.midi = []", WHERE, table)

    assert added == (r'triggers.midi = [{ cue = "a \"b\" \\ é", velocity = { gain_db = [-18, 0.5] }, on = true }]')


@pytest.mark.parametrize(
    "text", ["triggers = {}", "triggers = 3", "[triggers]\nmidi = 3", "[[triggers]]", "[triggers.x]"]
)
def test_where_there_is_no_place_it_says_what_to_write(text: str) -> None:
    with pytest.raises(NoPlaceError, match=r"triggers\.midi is written in a way .*; add { note = 36, .* by hand"):
        with_table_added(text, WHERE, PAD)


def test_the_place_of_an_array_is_that_of_its_brackets() -> None:
    text = 'a = "[" # [\nb.c = [ 1, [2], # ]\n]'
    spans = array_spans(text)

    assert spans.keys() == {("b", "c"), ("b", "c", 1)}
    outer = spans["b", "c"]
    assert (text[outer.opening], text[outer.first], text[: outer.last_end][-4:], text[outer.closing]) == (
        "[",
        "1",
        "[2],",
        "]",
    )
    assert outer.closing == len(text) - 1


elements = st.lists(st.sampled_from(["{a=1}", "{ b = [1, 2] }", "{ c = '] #' }"]), max_size=3)
gaps = st.sampled_from(["", " ", "\n", " # ] [ {\n", '\n\t# "\n  ', "\r\n"])


@given(elements, st.lists(gaps, min_size=8, max_size=8), st.booleans(), st.sampled_from(["", "\n", "\n[x]\ny = 1\n"]))
def test_however_an_array_is_laid_out_one_table_comes_to_it(
    tables: list[str], spaces: list[str], comma: bool, rest: str
) -> None:
    inner = "".join(
        f"{spaces[2 * i]}{table}{spaces[2 * i + 1]}{',' if comma or i + 1 < len(tables) else ''}"
        for i, table in enumerate(tables)
    )
    text = f"[triggers]\nmidi = [{inner}{spaces[-1]}]{rest}"

    added = with_table_added(text, WHERE, PAD)

    assert tomllib.loads(added)["triggers"]["midi"] == [*tomllib.loads(text)["triggers"]["midi"], PAD]
    without = added.replace(LINE, "", 1)
    kept = iter(without)
    assert all(character in kept for character in text)  # in this order, nothing is lost
    assert set(without) - set(text) <= set(", \n")
