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
    read = _readers_of(kind)
    same = {name: getattr(source, name) for name in read if name not in given}
    for name, value in same.items():
        if value is not None and (member := read[name]):
            try:
                same[name] = None if value == "" else member(value)
            except (KeyError, ValueError):
                raise ValueError(f"{kind.__name__}.{name} cannot be {value!r}") from None
    return kind(**same, **given)


def attributes_of(source: object) -> dict[str, object]:
    """Return the fields of a dataclass by name, uncopied: `asdict` copies each value."""
    return {name: getattr(source, name) for name in _readers_of(type(source))}


@cache
def _readers_of(kind: Any) -> Mapping[str, Callable[[Any], object] | None]:
    """Name the fields of a dataclass, each with what makes a member of its enums, or a bool, of a value."""
    hints, found = get_type_hints(kind), dict[str, Callable[[Any], object] | None]()
    for field in fields(kind):
        hint = hints[field.name]
        options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kinds: list[Any] = [one for one in options if isinstance(one, type) and issubclass(one, Enum | bool)]
        several = {one.value: one for each in reversed(kinds) for one in each} if len(kinds) > 1 else {}
        found[field.name] = several.__getitem__ if several else kinds[0] if kinds else None
    return found
