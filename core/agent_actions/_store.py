"""The dialogs' table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, Text, bindparam, insert, select, text

from core.store.tables import integers, metadata, partial_index, texts

_OPEN = text("ending = ''")

standstills = Table(
    "standstills",
    metadata,
    Column("id", Text, primary_key=True),
    *texts("agent", "desk", "window", "activity", "mark", "answers", "text"),
    Column("png", LargeBinary),
    Column("task", Text),
    Column("press", Text),
    Column("ending", Text, nullable=False),
    *integers("since_ms"),
    partial_index("ix_standstills_open", "agent", where=_OPEN),
    Index("ix_standstills_told", "agent", "mark"),
)
_row = standstills.c

ADD = insert(standstills)
ONE = select(standstills).where(_row.id == bindparam("dialog"))
OPEN = select(standstills).where(_OPEN).order_by(_row.since_ms, _row.id)
ACTIVITIES = select(_row.agent, _row.activity).where(_OPEN)
OPEN_OF = OPEN.where(_row.agent == bindparam("of_agent"))
TOLD = select(_row.id).where(
    _row.agent == bindparam("of_agent"),
    _row.activity == bindparam("shows"),
    _row.mark == bindparam("marked"),
    _row.task.is_not_distinct_from(bindparam("of_task")),
)
