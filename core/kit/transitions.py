"""State machines as data: one table of allowed steps, applied by one function."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from core.kit.errors import Conflict

S = TypeVar("S", bound=StrEnum)


class IllegalStep(Conflict):
    """{what} {id} is {state} and cannot become {next}. Look at it again, then decide."""


def check_step(table: Mapping[S, frozenset[S]], what: str, name: str, state: S, to: S) -> None:
    """Raise IllegalStep unless the table allows `state` → `to`."""
    if to not in table[state]:
        raise IllegalStep(what=what, id=name, state=state.value, next=to.value)
