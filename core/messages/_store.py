"""The messages' table and statements."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, func, insert, select, update

from core.store.tables import metadata

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("sender_name", Text, nullable=False, server_default=""),
    Column("recipient", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("task", Text),
    Column("in_reply_to", Text),
    Column("supersedes", Text),
    Column("idempotency_key", Text, unique=True),
    Column("priority", Integer, nullable=False),
    Column("not_before_ms", Integer),
    Column("expires_at_ms", Integer),
    Column("requires", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Column("hop", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("marker", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Index("ix_messages_task", "task", "id"),
)

ADD = insert(messages)
ONE = select(messages).where(messages.c.id == bindparam("message"))
BY_KEY = select(messages).where(messages.c.idempotency_key == bindparam("key"))
LAST_END = (
    select(messages)
    .where(
        messages.c.task == bindparam("of_task"),
        messages.c.kind == "reply",
        messages.c.final.is_(True),
        messages.c.late.is_(False),
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)
NEWEST_ID = select(func.max(messages.c.id).label("id"))
SHIFT = (
    update(messages)
    .where(messages.c.id.in_(bindparam("names", expanding=True)))
    .values(expires_at_ms=messages.c.expires_at_ms + bindparam("by"))
)
OF_TASK = select(messages).where(messages.c.task == bindparam("of_task")).order_by(messages.c.id)
