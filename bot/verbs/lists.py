"""The parameters of all lists, and one page of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from bot.verbs.declare import ParameterKind
from bot.verbs.types import AgentName
from core.limits import ROWS, SEARCH

T = TypeVar("T")


Limit = Annotated[int, ParameterKind(help="How many at most, 1 to 500", for_programs=True), ROWS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows of a list. A verb takes it as `where: Annotated[Filter, States]`, where `States` is an enum."""

    state: Annotated[str | None, ParameterKind(help="Only those in this state")] = None
    agent: Annotated[AgentName | None, "Only those of this agent"] = None
    text: Annotated[str | None, ParameterKind(help="Only those that contain this text"), SEARCH] = None
    limit: Limit = 50
    cursor: Annotated[str | None, ParameterKind(help="The `next` of the page before", for_programs=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows of a list."""

    items: tuple[T, ...]
    next: str = ""  # the cursor of the next page; empty: this is the last one


def paged(rows: Iterable[T], where: Filter, *, id_of: Callable[[T], str], text_of: Callable[[T], str]) -> Page[T]:
    """Return one page of rows that are in memory; `id_of` names the row after which the next page begins."""
    fit = [row for row in rows if not where.text or where.text.casefold() in text_of(row).casefold()]
    ids = [id_of(row) for row in fit]
    begin = ids.index(where.cursor) + 1 if where.cursor in ids else 0
    shown = tuple(fit[begin : begin + where.limit])
    return Page(items=shown, next=id_of(shown[-1]) if begin + len(shown) < len(fit) else "")
