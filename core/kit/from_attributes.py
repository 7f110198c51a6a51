"""Makes dataclasses of what has fields of the same names, such as the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")


def alike(kind: type[T], source: object, /, **given: object) -> T:
    """Make a `kind`: take the fields that are not `given` from the attributes of `source` with the same names; make
    members of enums, and bools, of what a row has in their place."""
    same = {name: getattr(source, name) for name in _parsers_of(kind) if name not in given}
    for name, value in same.items():
        if value is not None and (parser := _parsers_of(kind)[name]) is not None:
            same[name] = parser(value)
    return kind(**same, **given)


@cache
def _parsers_of(kind: Any) -> Mapping[str, type | None]:
    """Name the fields of a dataclass, each with its enum, or bool, if its values are of one."""
    hints, found = get_type_hints(kind), dict[str, type | None]()
    for field in fields(kind):
        hint = hints[field.name]
        options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kinds = (one for one in options if isinstance(one, type) and issubclass(one, Enum | bool))
        found[field.name] = next(kinds, None)
    return found
