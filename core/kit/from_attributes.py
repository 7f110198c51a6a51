"""Makes dataclasses from objects with fields of the same names, such as the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")


def from_attributes(kind: type[T], source: object, /, **given: object) -> T:
    """Make a `kind`: take the fields that are not `given` from the attributes of `source`, and convert them to enums
    and bools. An empty text becomes None for an enum."""
    same = {name: getattr(source, name) for name in _kinds_of(kind) if name not in given}
    for name, value in same.items():
        if value is not None and (kinds := _kinds_of(kind)[name]):
            same[name] = None if value == "" else _member(kinds, value)
    return kind(**same, **given)


def attributes_of(source: object) -> dict[str, object]:
    """Return the fields of a dataclass by name, uncopied: `asdict` copies each value."""
    return {name: getattr(source, name) for name in _kinds_of(type(source))}


def _member(kinds: tuple[Any, ...], value: object) -> object:
    return kinds[0](value) if len(kinds) == 1 else _by_value(kinds)[value]


@cache
def _by_value(kinds: tuple[Any, ...]) -> Mapping[object, object]:
    """Return the members of these enums; the first enum of a value counts."""
    return {one.value: one for kind in reversed(kinds) for one in kind}


@cache
def _kinds_of(kind: Any) -> Mapping[str, tuple[Any, ...]]:
    """Name the fields of a dataclass, each with its enums, or bool, if its values are of one."""
    hints, found = get_type_hints(kind), dict[str, tuple[Any, ...]]()
    for field in fields(kind):
        hint = hints[field.name]
        options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        found[field.name] = tuple(one for one in options if isinstance(one, type) and issubclass(one, Enum | bool))
    return found
