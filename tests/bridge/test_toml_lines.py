"""The line of every key, in texts that try hard to hide it."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.toml_lines import KeyPath, key_lines

CUNNING = '''\
title = "x" # = [a]
a.b."c.d" = """
e = 1 \\"""
"quoted"""""
day = 1979-05-27 07:32:00
[[timeline]]
beat = -1.5e+3
[timeline.sub]
x = [1, # two = 2
  2, { y.z = [3, 4], w = '}' },
  [],
]
[[timeline]]
beat = 0
[cues."open hat"]
prompt = \'\'\'a
b = 'c'\'\'\'
seed = 1
["]"]
"\\u00e9" = "#"
'''


def paths_in(value: Any, above: KeyPath = ()) -> set[KeyPath]:
    """The path of everything in a document."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path for key, below in inner for path in ({(*above, key)} | paths_in(below, (*above, key)))}


def test_every_key_of_a_text_has_its_line() -> None:
    lines = key_lines(CUNNING)

    assert lines.keys() == paths_in(tomllib.loads(CUNNING))
    assert lines["a", "b", "c.d"] == 2
    assert lines["day",] == 5
    assert lines["timeline", 0, "sub", "x", 2, "y", "z"] == 10
    assert lines["timeline", 0, "sub", "x", 3] == 11
    assert lines["timeline", 1, "beat"] == 14
    assert lines["cues", "open hat", "seed"] == 18
    assert lines["]", "é"] == 20


keys = st.text("ab.]#='\"\n é", max_size=4)
values = st.recursive(
    st.integers() | st.floats(allow_nan=False) | st.booleans() | st.text("a\"'\\\n#[]{}=, ", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\u{ord(letter):04x}" if letter in '\\"\n' else letter for letter in text) + '"'


def as_toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return "[\n" + ",\n".join(map(as_toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{quoted(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    return str(value)


@given(st.dictionaries(keys, values, max_size=4), st.dictionaries(keys, values, max_size=4))
def test_every_key_of_any_document_is_found(head: dict[str, Any], table: dict[str, Any]) -> None:
    pairs = [f"{quoted(key)} = {as_toml(value)} # {key!r}" for key, value in head.items()]
    below = [f"\t{quoted(key)}={as_toml(value)}" for key, value in table.items()]
    text = "\n".join([*pairs, "[[zz.list]]", *below, "[[zz.list]]", "[zz.list.'in']", *below])

    assert key_lines(text).keys() == paths_in(tomllib.loads(text))
