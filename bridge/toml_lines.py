"""Where each key of a TOML text stands: tomllib gives the values and forgets the lines that a musician needs."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]  # such as ("cues", "kick", "track"), or ("timeline", 0, "beat")


_TOKEN = re.compile(
    r'''
      (?P<string> """(?:\\.|[^\\])*?"""(?:"{0,2})   # up to two quotes may stand before the closing three
                | \'\'\'.*?\'\'\'(?:'{0,2})
                | "(?:\\.|[^"\\\n])*"
                | '[^'\n]*' )
    | (?P<mark> [\[\]{}=,.\n] )
    | (?P<skip> [ \t\r]+ | \#[^\n]* )
    | (?P<bare> [^\s\[\]{}=,."'\#]+ )
    ''',
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    is_mark: bool
    start: int  # the place of its first character in the text

    @property
    def key(self) -> str:
        """The part of a key that this token is, without quotes and escapes."""
        return str(tomllib.loads(f"x = {self.text}")["x"]) if self.text[0] in "\"'" else self.text


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of each table, key and array element of a text that tomllib accepts.

    >>> key_lines("[cues.kick]\\nprompt = 'kick'")
    {('cues',): 1, ('cues', 'kick'): 1, ('cues', 'kick', 'prompt'): 2}
    """
    return _Walk(text).lines


@dataclass(frozen=True, slots=True)
class ArraySpan:
    """Where an array in brackets stands in a text: the places of its brackets, and of what lies next to them."""

    opening: int
    first: int  # the first value's first character; `closing` if there is none
    last_end: int  # behind the last value, or behind the comma after it; behind the opening bracket if there is none
    closing: int


def array_spans(text: str) -> dict[KeyPath, ArraySpan]:
    """The place of each array of a text that tomllib accepts; an array of tables with headers has none.

    >>> array_spans("x = [1, 2]")[("x",)]
    ArraySpan(opening=4, first=5, last_end=9, closing=9)
    """
    return _Walk(text).spans


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            yield _Token(match[0], line, match.lastgroup == "mark", match.start())
        line += match[0].count("\n")


class _Walk:
    """One pass over the tokens of a valid text, noting paths on the way."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.spans: dict[KeyPath, ArraySpan] = {}
        self._lengths: dict[KeyPath, int] = {}  # of the arrays of tables so far
        self._tokens = [*_tokens(text), _Token("\n", 0, True, len(text))]
        self._at = 0
        table: KeyPath = ()
        while self._skip_newlines():
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)

    def _sees(self, mark: str) -> bool:
        token = self._tokens[self._at]
        return token.is_mark and token.text == mark

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip_newlines(self) -> bool:
        """False at the end of the text."""
        while self._at < len(self._tokens) and self._sees("\n"):
            self._at += 1
        return self._at < len(self._tokens)

    def _note(self, path: KeyPath, line: int) -> None:
        self.lines.setdefault(path, line)

    def _header(self) -> KeyPath:
        opening = 0
        while self._sees("["):
            line = self._take().line
            opening += 1
        *above, last = self._key()
        path: KeyPath = ()
        for part in above:
            path = self._newest((*path, part))
            self._note(path, line)
        path = (*path, last)
        self._note(path, line)
        if opening == 2:
            self._lengths[path] = self._lengths.get(path, 0) + 1
            path = self._newest(path)
            self._note(path, line)
        while not self._sees("\n"):
            self._at += 1
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """`path` itself, or for an array of tables its latest element: that is what a header below it means."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _key(self) -> list[str]:
        parts = []
        while not (self._sees("=") or self._sees("]")):
            token = self._take()
            if not token.is_mark:
                parts.append(token.key)
        return parts

    def _pair(self, table: KeyPath) -> None:
        line = self._tokens[self._at].line
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._sees("["):
            self._array(path)
        elif self._sees("{"):
            self._inline_table(path)
        else:  # a date has a space in it and a number a dot, so a plain value may be several tokens
            while not any(self._sees(mark) for mark in (",", "]", "}", "\n")):
                self._at += 1

    def _array(self, path: KeyPath) -> None:
        opening_at = self._at
        self._at += 1
        index = 0
        while self._skip_newlines() and not self._sees("]"):
            if self._sees(","):
                self._at += 1
                continue
            self._note((*path, index), self._tokens[self._at].line)
            self._value((*path, index))
            index += 1
        self.spans[path] = self._span(opening_at, self._at)
        self._at += 1

    def _span(self, opening_at: int, closing_at: int) -> ArraySpan:
        """The span between two brackets, given by their places among the tokens."""
        inner = [token for token in self._tokens[opening_at : closing_at + 1] if token.text != "\n"]
        opening, last, closing = inner[0], inner[-2], inner[-1]
        return ArraySpan(opening.start, inner[1].start, last.start + len(last.text), closing.start)

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._skip_newlines() and not self._sees("}"):
            if self._sees(","):
                self._at += 1
            else:
                self._pair(path)
        self._at += 1
