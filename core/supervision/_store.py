"""The table of locked screens and its statements."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, bindparam, insert, select, text

from core.store.tables import integers, metadata, partial_index

_OPEN = text("over_ms IS NULL")

locks = Table(
    "locks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("desk", Text, nullable=False),
    *integers("since_ms", "waiting"),
    *integers("over_ms", nullable=True),
    partial_index("ix_locks_open", "desk", unique=True, where=_OPEN),
)

ADD = insert(locks)
ONE = select(locks).where(locks.c.id == bindparam("lock"))
OPEN = select(locks).where(_OPEN).order_by(locks.c.since_ms, locks.c.desk)
OPEN_OF = select(locks).where(_OPEN, locks.c.desk == bindparam("of_desk"))
