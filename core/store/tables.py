"""The one MetaData that holds all tables. Each package declares its own in its `_store`."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, CompoundSelect, MetaData, bindparam, select, union_all

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Constraints have names, so that a later migration can drop them on SQLite."""


@cache
def newest_of_each(state: Column[str], order: Column[Any], count: int) -> CompoundSelect[tuple[object, ...]]:
    """Select the newest rows by `order` of each of `count` states, named `stands_0` and so on, `size` of each; only
    those before `before`. One statement, so that a row which changes its state meanwhile is neither missed nor found
    twice; one head per state, so that no other state is scanned."""
    heads = [
        select(state.table)
        .where(state == bindparam(f"stands_{place}"), order < bindparam("before"))
        .order_by(order.desc())
        .limit(bindparam("size"))
        .subquery()
        for place in range(count)
    ]
    return union_all(*(select(head) for head in heads))
