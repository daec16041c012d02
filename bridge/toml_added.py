"""One more table in a TOML text, with every line and comment of it as it was."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from bridge.toml_lines import ArraySpan, array_spans, key_lines


class NoPlaceError(ValueError):
    """A text is written in a way that leaves no place where a table could be added."""


def with_table_added(text: str, where: tuple[str, str], table: Mapping[str, Any]) -> str:
    """`text` with `table` as the last one of the array of tables at `where`; the array is made if it is not there.

    Only a comma may come to a line that was there: the one behind the last value of an array. What comes of it was read
    back: it says what `text` says, and one table more. Raises `NoPlaceError`, and `TOMLDecodeError` for no TOML.

    >>> print(with_table_added("[triggers]\\nmidi = []  # pads", ("triggers", "midi"), {"note": 36, "cue": "kick"}))
    [triggers]
    midi = [{ note = 36, cue = "kick" }]  # pads
    """
    document = tomllib.loads(text)
    above, name = where
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [f"{name} = [", f"  {inline(table)},", "]"]
    outer = document.get(above)
    if (span := array_spans(text).get(where)) is not None:
        added = _in_array(text, span, inline(table), newline)
    elif isinstance(outer, dict) and name in outer:
        entries = [f"{key} = {inline(value)}" for key, value in table.items()]
        added = _at_the_end(text, [f"[[{above}.{name}]]", *entries], newline)
    elif isinstance(outer, dict):
        added = _below_line(text, key_lines(text)[above,], lines, newline)
    else:
        added = _at_the_end(text, [f"[{above}]", *lines], newline)
    wanted = tomllib.loads(text)
    try:
        wanted.setdefault(above, {}).setdefault(name, []).append(dict(table))
        if tomllib.loads(added) == wanted:
            return added
    except (AttributeError, tomllib.TOMLDecodeError):
        pass
    raise NoPlaceError(f"{above}.{name} is written in a way that nothing can be added to; add {inline(table)} by hand")


def inline(value: Any) -> str:
    """A value as TOML writes it on one line; keys are bare words. Numbers that are whole have no point."""
    match value:
        case Mapping():
            return "{ " + ", ".join(f"{key} = {inline(inner)}" for key, inner in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(inline, value)) + "]"
        case float() if value.is_integer():
            return str(int(value))
        case str() | bool():
            return json.dumps(value, ensure_ascii=False)  # whose escapes TOML has too
    return repr(value)


def _in_array(text: str, span: ArraySpan, element: str, newline: str) -> str:
    is_empty, has_comma = span.first == span.closing, text[span.last_end - 1] == ","
    before, between = text[: span.last_end], text[span.last_end : span.closing]
    line_start = text.rfind("\n", 0, span.closing) + 1
    if line_start > span.opening and not text[line_start : span.closing].strip():  # the bracket has a line of its own
        indent = _indent(text, span.first) if not is_empty else _indent(text, span.closing) + "  "
        comma = "" if is_empty or has_comma else ","
        return f"{before}{comma}{text[span.last_end : line_start]}{indent}{element},{newline}{text[line_start:]}"
    if is_empty:
        return f"{before}{element}{between}{text[span.closing :]}"
    return f"{before}{' ' if has_comma else ', '}{element}{',' if has_comma else ''}{between}{text[span.closing :]}"


def _indent(text: str, place: int) -> str:
    """What stands before the first character of the line that `place` is on."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip())]


def _below_line(text: str, line: int, added: list[str], newline: str) -> str:
    lines = text.split("\n")
    head, rest = "\n".join(lines[:line]), "\n".join(["", *lines[line:]])
    return _ended(head.removesuffix("\r"), newline) + newline.join(added) + (newline + rest[1:] if rest else newline)


def _at_the_end(text: str, added: list[str], newline: str) -> str:
    return _ended(text, newline) + newline + newline.join(added) + newline


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline
