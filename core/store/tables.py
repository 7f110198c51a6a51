"""The one MetaData that holds all tables. Each package declares its own in its `_store`, and writes the conditions of
partial indexes as text, not bound: SQLite uses such an index only for a condition that it can read."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, CompoundSelect, Integer, MetaData, Text, bindparam, select, union_all

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Constraints have names, so that a later migration can drop them on SQLite."""


def texts(*names: str, **options: Any) -> list[Column[str]]:
    """Make columns of text that are never NULL."""
    return [Column(name, Text, nullable=False, **options) for name in names]


def integers(*names: str, **options: Any) -> list[Column[int]]:
    return [Column(name, Integer, nullable=False, **options) for name in names]


@cache
def newest_of_each(state: Column[str], order: Column[Any], count: int) -> CompoundSelect[tuple[object, ...]]:
    """Select the newest rows by `order` in each of `count` states, named `stands_0` and so on: `size` of each, before
    `before`. In one statement, so that a row whose state changes meanwhile is found exactly once."""
    heads = [
        select(state.table)
        .where(state == bindparam(f"stands_{place}"), order < bindparam("before"))
        .order_by(order.desc())
        .limit(bindparam("size"))
        .subquery()
        for place in range(count)
    ]
    return union_all(*(select(head) for head in heads))
