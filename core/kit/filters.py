"""Filters of lists, as users write them: `state:working,blocked agent:Agent-1 "two words"`.

Each term must hold. Commas between values mean *or*. A word without a field must be part of the row's text. Quotes keep
blanks, commas and colons together. `core.store.listings` makes SQL of it; `ListInMemory` is for rows in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from core.kit.errors import Invalid

T = TypeVar("T")
Fields = Mapping[str, Mapping[str, Collection[str]] | None]
"""The fields of a list: the words that a closed one takes, each with its values; None: any text."""
Term = tuple[str, frozenset[str]]

_TOKEN = re.compile(r'(?:([A-Za-z_]+):)?((?:"[^"]*"?|[^\s"])*)')
_VALUE = re.compile(r'(?:"[^"]*"?|[^",])+')


class UnknownField(Invalid):
    """This list has no field `{field}:`. It has {known}. Write a text that contains a colon in quotes."""


class UnknownFieldValue(Invalid):
    """`{field}:` does not take `{value}`. It takes {known}."""


class UnknownSort(Invalid):
    """Octet cannot sort this list by `{sort}`. It can by {known}. A minus before the word reverses the order."""


class InvalidCursor(Invalid):
    """`{cursor}` is not the `next` of a page of this list. Begin again without a cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows of a list, in which order."""

    terms: tuple[Term, ...] = ()  # a row fits if each field has one of its values
    phrases: tuple[str, ...] = ()  # texts that the row must contain
    sort: str = ""  # a minus before it: descending; empty: the order of the list itself
    after: str = ""  # the `next` of the page before
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows of a list."""

    items: tuple[T, ...]
    next: str = ""  # the cursor of the next page; empty: this is the last one


def words_of(*kinds: type[Enum]) -> dict[str, tuple[str, ...]]:
    """Make a closed field of an enum: each value is its own word."""
    return {one.value: (one.value,) for kind in kinds for one in kind}


def parse(text: str, fields: Fields) -> tuple[list[Term], list[str]]:
    """Read a filter: its terms and its words. Raises UnknownField and UnknownFieldValue."""
    terms, words = list[Term](), list[str]()
    for name, typed in _TOKEN.findall(text):
        if name:
            terms.append(term(name, [one.replace('"', "") for one in _VALUE.findall(typed)], fields))
        elif word := typed.replace('"', ""):
            words.append(word)
    return terms, words


def term(name: str, typed: Collection[str], fields: Fields) -> Term:
    """Read the values of one field. Raises UnknownField and UnknownFieldValue."""
    field = name.lower()
    if field not in fields:
        raise UnknownField(field=name, known=", ".join(f"`{one}:`" for one in sorted(fields)))
    known = fields[field]
    takes = ", ".join(known or ["a text right after the colon"])
    if not any(typed):
        raise UnknownFieldValue(field=field, value="", known=takes)
    if known is None:
        return field, frozenset(typed)
    for value in typed:
        if value.lower() not in known:
            raise UnknownFieldValue(field=field, value=value, known=takes)
    return field, frozenset(one for word in typed for one in known[word.lower()])


def order_of(sort: str, known: Iterable[str]) -> tuple[str, bool]:
    """Return by what a list is sorted, and whether it descends. Raises UnknownSort."""
    name, names = sort.removeprefix("-"), sorted(known)
    if name not in names:
        raise UnknownSort(sort=name, known=", ".join(names))
    return name, sort.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInMemory(Generic[T]):
    """What the filter of a list looks at whose rows are in memory."""

    known: Fields
    id_of: Callable[[T], str]  # the cursor is the id of the row after which the next page begins
    fields: Mapping[str, Callable[[T], Collection[str | None]]]
    text_of: Callable[[T], str]
    sorts: Mapping[str, Callable[[T], Any]]

    def page(self, rows: Iterable[T], query: Query) -> Page[T]:
        """Return one page of the rows. Raises UnknownSort."""
        wanted = [(self.fields[name], {one.casefold() for one in values}) for name, values in query.terms]

        def fits(row: T) -> bool:
            text = self.text_of(row).casefold()
            return all(word.casefold() in text for word in query.phrases) and all(
                not values.isdisjoint(one.casefold() for one in read(row) if one) for read, values in wanted
            )

        fit = list(filter(fits, rows))
        if query.sort:
            name, is_descending = order_of(query.sort, self.sorts)
            fit.sort(key=lambda row: (self.sorts[name](row), self.id_of(row)), reverse=is_descending)
        ids = [self.id_of(row) for row in fit]
        begin = ids.index(query.after) + 1 if query.after in ids else 0
        shown = tuple(fit[begin : begin + query.limit])
        return Page(items=shown, next=ids[begin + len(shown) - 1] if begin + len(shown) < len(fit) else "")
