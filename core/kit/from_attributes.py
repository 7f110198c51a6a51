"""Makes dataclasses from objects with fields of the same names, such as the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")


def from_attributes(kind: type[T], source: object, /, **given: object) -> T:
    """Make a `kind`: take the fields that are not `given` from the attributes of `source`, and convert them to enums
    and bools. An empty text becomes None for an enum. Raises ValueError for a value that its enums do not have."""
    names, converted = _fields_of(kind, *given)
    found = {name: getattr(source, name) for name in names}
    for name, member in converted:
        value = found[name]
        if value is not None:
            try:
                found[name] = None if value == "" else member(value)
            except (KeyError, ValueError):
                raise ValueError(f"{kind.__name__}.{name} cannot be {value!r}") from None
    return kind(**found, **given)


def attributes_of(source: object) -> dict[str, object]:
    """Return the fields of a dataclass by name, uncopied: `asdict` copies each value."""
    return {name: getattr(source, name) for name in _readers_of(type(source))}


@cache
def _fields_of(kind: Any, *given: str) -> tuple[list[str], list[tuple[str, Callable[[Any], object]]]]:
    """Name the fields that are not `given`, and those of them to convert."""
    read = {name: member for name, member in _readers_of(kind).items() if name not in given}
    return [*read], [(name, member) for name, member in read.items() if member]


@cache
def _readers_of(kind: Any) -> Mapping[str, Callable[[Any], object] | None]:
    """Name the fields of a dataclass, each with what makes a member of its enums, or a bool, of a value."""
    hints, found = get_type_hints(kind), dict[str, Callable[[Any], object] | None]()
    for field in fields(kind):
        hint = hints[field.name]
        options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kinds: list[Any] = [one for one in options if isinstance(one, type) and issubclass(one, Enum | bool)]
        enums = [one for one in reversed(kinds) if one is not bool]
        members = {value: one for each in enums for one in each for value in (one, one.value)}
        found[field.name] = members.__getitem__ if members else kinds[0] if kinds else None
    return found
