"""The table of locked screens and its statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, bindparam, insert, select, text

from core.store.tables import integers, metadata

_OPEN = text("over_ms IS NULL")

locks = Table(
    "locks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("desk", Text, nullable=False),
    *integers("since_ms", "waiting"),
    Column("over_ms", Integer),
    Index("ix_locks_open", "desk", unique=True, sqlite_where=_OPEN),
)

ADD = insert(locks)
ONE = select(locks).where(locks.c.id == bindparam("lock"))
OPEN = select(locks).where(_OPEN).order_by(locks.c.since_ms, locks.c.desk)
OPEN_OF = select(locks).where(_OPEN, locks.c.desk == bindparam("of_desk"))
