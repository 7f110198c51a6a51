"""The parameters of all lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from bot.verbs.declare import ParameterKind
from bot.verbs.types import AgentName
from core.kit.filters import Fields, Query, parse, term
from core.limits import ROWS, SEARCH

Limit = Annotated[int, ParameterKind(help="How many at most, 1 to 500", for_programs=True), ROWS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Which rows of a list."""

    filter: Annotated[str | None, ParameterKind(help="Words and fields, such as `state:failed agent:A,B`"), SEARCH] = (
        None
    )

    def query(self, known: Fields, **usual: str) -> Query:
        """Read all of it by the fields that the list has; a parameter with the name of a field is short for it. `usual`
        has values of fields that the user does not name. Raises UnknownField and UnknownFieldValue."""
        terms, words = parse(self.filter or "", known)
        given = {name: value for name in known if (value := getattr(self, name, None))}
        named = {name for name, _ in terms}
        given |= {name: value for name, value in usual.items() if name not in named | given.keys()}
        terms += [term(name, [value], known) for name, value in given.items()]
        return Query(terms=tuple(terms), phrases=tuple(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Selected):
    """Which rows of a list, in which order, and which page of them."""

    sort: Annotated[str | None, ParameterKind(help="By what to sort; a minus before it reverses the order")] = None
    limit: Limit = 50
    cursor: Annotated[str | None, ParameterKind(help="The `next` of the page before", for_programs=True)] = None

    def query(self, known: Fields, **usual: str) -> Query:
        """Read all of it, as `Selected.query`."""
        found = Selected.query(self, known, **usual)
        return replace(found, sort=self.sort or "", after=self.cursor or "", limit=self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Listed):
    """Which rows of a list. A verb takes it as `where: Annotated[Filter, States]`, where `States` is an enum."""

    state: Annotated[str | None, ParameterKind(help="Only those in this state")] = None
    agent: Annotated[AgentName | None, "Only those of this agent"] = None
    text: Annotated[str | None, ParameterKind(help="Only those that contain this text"), SEARCH] = None

    def query(self, known: Fields, **usual: str) -> Query:
        """Read all of it, as `Selected.query`."""
        found = Listed.query(self, known, **usual)
        return replace(found, phrases=(*found.phrases, self.text)) if self.text else found
