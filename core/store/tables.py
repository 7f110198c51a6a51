"""The one MetaData that holds all tables. Each package declares its own in its `_store`, and writes the conditions of
partial indexes as text, not bound: SQLite uses such an index only for a condition that it can read."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import Insert, insert

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Constraints have names, so that a later migration can drop them on SQLite."""


def texts(*names: str, **options: Any) -> list[sa.Column[str]]:
    """Make columns of text that are never NULL."""
    return [sa.Column(name, sa.Text, nullable=False, **options) for name in names]


_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite's INTEGER has 64 bits


def integers(*names: str, nullable: bool = False, **options: Any) -> list[sa.Column[int]]:
    """Make columns of integers: of 64 bits for times in ms and ranks."""
    return [
        sa.Column(name, _BIG if name == "rank" or name.endswith("_ms") else sa.Integer, nullable=nullable, **options)
        for name in names
    ]


def partial_index(name: str, *columns: str, where: sa.TextClause, unique: bool = False) -> sa.Index:
    return sa.Index(name, *columns, unique=unique, sqlite_where=where)


def upsert(table: sa.Table, *columns: str) -> Insert:
    """Make the statement that adds a row, and that writes `columns`, else all, over those of a row with its key."""
    added = insert(table)
    names = columns or [column.name for column in table.c if not column.primary_key]
    return added.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={name: added.excluded[name] for name in names}
    )


def add_missing(table: sa.Table) -> Insert:
    """Make the statement that adds a row unless one with its key exists."""
    return insert(table).on_conflict_do_nothing()


@cache
def newest_of_each(state: sa.Column[str], order: sa.Column[Any], count: int) -> sa.CompoundSelect[tuple[object, ...]]:
    """Select the newest rows by `order` in each of `count` states, named `stands_0` and so on: `size` of each, before
    `before`. In one statement, so that a row whose state changes meanwhile is found exactly once."""
    heads = [
        sa.select(state.table)
        .where(state == sa.bindparam(f"stands_{place}"), order < sa.bindparam("before"))
        .order_by(order.desc())
        .limit(sa.bindparam("size"))
        .subquery()
        for place in range(count)
    ]
    return sa.union_all(*(sa.select(head) for head in heads))
