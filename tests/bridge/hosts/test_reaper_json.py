"""The script's own JSON reader, against Python's: what one takes the other takes, and with the same value."""

import json
from typing import Any

import lupa.lua54
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.hosts.reaper_places import OURS

LUA = lupa.lua54.LuaRuntime(unpack_returned_tuples=True)
JSON = LUA.globals().dofile(str(OURS / "json.lua"))
ECHO = LUA.eval("function(json, text) return json.write(json.read(text)) end")

LEAVES = st.none() | st.booleans() | st.text(max_size=20) | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
VALUES = st.recursive(
    LEAVES.filter(lambda leaf: leaf not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(value=VALUES, escaped=st.booleans())
def test_what_python_writes_comes_back_as_it_was(value: Any, escaped: bool) -> None:
    assert json.loads(ECHO(JSON, json.dumps(value, ensure_ascii=escaped))) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a" 1}',
        '{"a":1,}',
        "[1,]",
        "[1 2]",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x10",
        "NaN",
        "Infinity",
        "1e999",
        "nul",
        "True",
        "'a'",
        '"a',
        '"\\x41"',
        '"\\u12G4"',
        '"\\ud800"',
        '"\\udc00"',
        '"\\ud800\\u0041"',
        '"tab\there"',
        '{"a":1,"a":2}',
        "1 2",
        "[" * 17 + "]" * 17,
        "{1:2}",
        "\ufeff{}",
    ],
)
def test_what_is_not_exactly_json_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(lupa.lua54.LuaError, match="no JSON at character"):
        JSON.read(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(lupa.lua54.LuaError, match="not UTF-8"):
        LUA.eval("function(json) return json.read('\"\\xff\"') end")(JSON)
