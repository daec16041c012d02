"""Helping someone who mistyped a word: the end of an error's sentence."""

import difflib
from collections.abc import Iterable


def nearest_only(found: str, known: Iterable[str]) -> str:
    """The known word that `found` was perhaps meant to be, as "; the nearest is WORD"; "" if none is near.

    >>> nearest_only("kik", ["kick", "snare"])
    '; the nearest is kick'
    """
    near = difflib.get_close_matches(found, list(known), n=1)
    return f"; the nearest is {near[0]}" if near else ""
