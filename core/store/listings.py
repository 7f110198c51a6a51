"""Makes SQL of a list's filter (`core.kit.filters`): the one place that does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from core.kit.errors import Invalid
from core.kit.filters import InvalidCursor, Page, Query, order_of
from core.store.engine import Row, Store

T = TypeVar("T")
Column = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Listing:
    """A table as a list: what its filter looks at. Without a sort the rows with the highest key come first."""

    table: sa.Table
    key: Column
    id_of: Callable[[Any], str]  # writes a key as users know it
    key_of: Callable[[str], int | str]  # reads it; raises ValueError or Invalid
    fields: Mapping[str, tuple[Column, ...]]  # one of these columns must have one of the values
    lists: Mapping[str, Column]  # the same of columns that hold a list in JSON
    texts: tuple[Column, ...]  # one of them must contain each word
    sorts: Mapping[str, Column]  # none of them is NULL
    where: sa.ColumnElement[bool] = sa.true()  # noqa: RUF009 - it never changes

    async def page(self, store: Store, query: Query, read: Callable[[Row], T]) -> Page[T]:
        """Fetch one page. Raises UnknownSort and InvalidCursor."""
        sort, is_descending = order_of(query.sort, self.sorts) if query.sort else ("", True)
        names = tuple(name for name, _ in query.terms)
        statement = _select(
            self, names, len(query.phrases), sort, is_descending=is_descending, is_first=not query.after
        )
        given: dict[str, object] = {f"word_{place}": word for place, word in enumerate(query.phrases)}
        given |= {f"term_{place}": sorted(values) for place, (_, values) in enumerate(query.terms)}
        given |= self._after(query.after, sort) if query.after else {}
        rows = await store.fetch(statement, {**given, "size": query.limit + 1})
        shown = rows[: query.limit]
        last = shown[-1] if len(rows) > query.limit else None
        after = f"{self.id_of(last.key_of_row)}{f':{last.sorted_by}' if sort else ''}" if last else ""
        return Page(items=tuple(map(read, shown)), next=after)

    def _after(self, cursor: str, sort: str) -> dict[str, object]:
        """Read a cursor: the id of a row, and what it was sorted by."""
        name, _, value = cursor.partition(":")
        try:
            key = self.key_of(name)
            at = key if not sort else as_number(value) if isinstance(self.sorts[sort].type, sa.Integer) else value
        except (ValueError, Invalid):
            raise InvalidCursor(cursor=cursor[:80]) from None
        return {"after_key": key, "after_at": at}


def as_number(text: str) -> int:
    """Read a number that SQLite can hold. Raises ValueError."""
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)


@cache
def _select(
    of: Listing, names: tuple[str, ...], words: int, sort: str, *, is_descending: bool, is_first: bool
) -> sa.Select[Any]:
    """Select the rows of a query of this shape."""
    order = of.sorts[sort] if sort else of.key
    found = sa.select(of.table, of.key.label("key_of_row"), order.label("sorted_by")).where(of.where)
    for place, name in enumerate(names):
        values: sa.BindParameter[Any] = sa.bindparam(f"term_{place}", expanding=True)
        if name in of.lists:
            is_json = sa.func.json_valid(of.lists[name]) == 1  # the row may be damaged
            known = sa.case((is_json, of.lists[name]), else_="[]")
            each = sa.func.json_each(known).table_valued("value").c.value
            found = found.where(sa.select(each).where(each.collate("NOCASE").in_(values)).exists())
        else:
            found = found.where(sa.or_(*(one.collate("NOCASE").in_(values) for one in of.fields[name])))
    for place in range(words):
        word = sa.func.lower(sa.bindparam(f"word_{place}"))
        found = found.where(sa.or_(*(sa.func.instr(sa.func.lower(one), word) > 0 for one in of.texts)))
    if not is_first:
        here, there = sa.tuple_(order, of.key), sa.tuple_(sa.bindparam("after_at"), sa.bindparam("after_key"))
        found = found.where(here < there if is_descending else here > there)
    by = (order.desc(), of.key.desc()) if is_descending else (order, of.key)
    return found.order_by(*by).limit(sa.bindparam("size"))
