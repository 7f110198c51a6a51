"""The standstills' table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, bindparam, func, insert, select, text

from core.store.tables import metadata

_OPEN = text("ending = ''")  # written out, not bound: SQLite uses a partial index only for a condition that it can read

standstills = Table(
    "standstills",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("desk", Text, nullable=False),
    Column("window", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("answers", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("png", LargeBinary),
    Column("task", Text),
    Column("press", Text),
    Column("ending", Text, nullable=False),
    Column("since_ms", Integer, nullable=False),
    Index("ix_standstills_open", "agent", sqlite_where=_OPEN),
    Index("ix_standstills_told", "agent", "mark"),
)

ADD = insert(standstills)
ONE = select(standstills).where(standstills.c.id == bindparam("dialog"))
NEWEST_ID = select(func.max(standstills.c.id).label("id"))
OPEN = select(standstills).where(_OPEN).order_by(standstills.c.since_ms, standstills.c.id)
ACTIVITIES = select(standstills.c.agent, standstills.c.activity).where(_OPEN)
OPEN_OF = OPEN.where(standstills.c.agent == bindparam("of_agent"))
TOLD = select(standstills.c.id).where(
    standstills.c.agent == bindparam("of_agent"),
    standstills.c.activity == bindparam("shows"),
    standstills.c.mark == bindparam("marked"),
    standstills.c.task.is_not_distinct_from(bindparam("of_task")),
)
