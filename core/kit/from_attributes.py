"""Makes dataclasses of what has fields of the same names, such as the rows of a table."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def alike(kind: type[T], source: object, /, **given: object) -> T:
    """Make a `kind`: take the fields that are not `given` from the attributes of `source` with the same names."""
    same = {name: getattr(source, name) for name in names_of(kind) if name not in given}
    return kind(**same, **given)


@cache
def names_of(kind: Any) -> tuple[str, ...]:
    """Name the fields of a dataclass."""
    return tuple(field.name for field in fields(kind))
