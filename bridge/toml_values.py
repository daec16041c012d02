"""A table of a TOML document -> a dataclass: its keys, types and checks are the table's, and an error has its key."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from bridge.set_words import SetError, nearest
from bridge.toml_lines import KeyPath
from osc_schemas.errors import SchemaError

Table = dict[str, Any]
T = typing.TypeVar("T")

_WORDS = {str: "a text in quotes", float: "a number", int: "a whole number", bool: "true or false"}


def table_at(document: Table, name: str, above: KeyPath = ()) -> Table:
    """The table under `name`, empty if there is none. Raises `SetError` for anything but a table."""
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise SetError(f"{name} is {_shown(value)}; it must be a table", key=(*above, name))
    return value


def tables_at(document: Table, name: str, above: KeyPath = ()) -> list[Table]:
    """The list of tables under `name`, empty if there is none. Raises `SetError` for anything else."""
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise SetError(f"{name} is {_shown(value)}; it must be a list of tables", key=(*above, name))
    return value


def check_keys(table: Table, known: Sequence[str], key: KeyPath) -> None:
    """Raise `SetError` for the first key of the table at `key` that is not one of `known`."""
    for name in table:
        if name not in known:
            raise SetError(f"the key {name[:80]} is not known" + nearest(name, known), key=(*key, name))


def values_for(kind: type, table: Table, key: KeyPath, *, names: Sequence[str]) -> Table:
    """The values under `names`, fields of the dataclass `kind`, each of its field's type.

    Raises `SetError` for an unknown key, a wrong type, or a field without default that is missing.
    """
    check_keys(table, names, key)
    for field in fields(kind):
        if field.name in names and field.name not in table and field.default is field.default_factory is MISSING:
            raise SetError(f"{field.name} is missing", key=(*key, field.name))
    hints = typing.get_type_hints(kind)
    return {name: fitted(name, value, hints[name], (*key, name)) for name, value in table.items()}


def built(kind: type[T], values: Mapping[str, Any], key: KeyPath, *, sound: Mapping[str, Any]) -> T:
    """`kind(**values)`; if that raises, `SetError` with the key of the value that spoils the `sound` ones alone."""
    try:
        return kind(**values)
    except SchemaError as error:
        if isinstance(error, SetError) and error.key:
            raise
        raise SetError(str(error), key=(*key, *_at_fault(kind, values, sound))) from error


def _at_fault(kind: type, values: Mapping[str, Any], sound: Mapping[str, Any]) -> KeyPath:
    for name, value in values.items():
        try:
            kind(**{**sound, name: value})
        except SchemaError:
            return (name,)
    return tuple(values)[:1]  # they do not go together; any of them leads to the place


def fitted(name: str, value: object, hint: Any, key: KeyPath) -> Any:
    """`value` as the type that `hint` says, a whole number for any number. Raises `SetError` if it is of another."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):  # T | None; TOML has no None, one leaves the key out
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is typing.Literal:  # the class itself says which texts
        hint = str
    if typing.get_origin(hint) is tuple:
        return _fitted_list(name, value, typing.get_args(hint), key)
    fits = isinstance(value, (int, float) if hint is float else hint) and isinstance(value, bool) == (hint is bool)
    if not fits or _is_huge(value):
        raise SetError(f"{name} is {_shown(value)}; it must be {_WORDS[hint]}", key=key)
    return float(typing.cast(float, value)) if hint is float else value


def _fitted_list(name: str, value: object, kinds: tuple[Any, ...], key: KeyPath) -> tuple[Any, ...]:
    any_length = kinds[-1] is Ellipsis
    if not isinstance(value, list) or not (any_length or len(value) == len(kinds)):
        wanted = "a list" if any_length else f"a list of {len(kinds)}"
        raise SetError(f"{name} is {_shown(value)}; it must be {wanted}", key=key)
    return tuple(fitted(name, entry, kinds[0], (*key, index)) for index, entry in enumerate(value))


def _is_huge(value: object) -> bool:
    """TOML promises whole numbers of 64 bits; Python reads longer ones, which float() and format() cannot take."""
    return isinstance(value, int) and abs(value) >= 2**63


def _shown(value: object) -> str:
    match value:
        case str():
            return repr(value[:80])
        case bool():
            return str(value).lower()
        case int() if _is_huge(value):
            return "a number of more than 64 bits"
        case dict():
            return "a table"
        case list():
            return f"a list of {len(value)}"
    return str(value)
