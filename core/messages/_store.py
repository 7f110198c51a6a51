"""The messages' table and statements."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, func, insert, select, text, update

from core.store.tables import metadata, texts

_HAS_TEXT = text("expired_ms IS NULL AND kind != 'control'")
"""The body of a control message names an act and is not a text."""

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    *texts("kind", "sender"),
    Column("sender_name", Text, nullable=False, server_default=""),
    *texts("recipient", "thread"),
    Column("task", Text),
    Column("supersedes", Text),
    Column("in_reply_to", Text),
    Column("idempotency_key", Text, unique=True),
    Column("priority", Integer, nullable=False),
    Column("expires_at_ms", Integer),
    *texts("source", "marker", "body"),
    Column("final", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("expired_ms", Integer),
    Index("ix_messages_task", "task", "id"),
    Index("ix_messages_text", "created_ms", sqlite_where=_HAS_TEXT),
)
_row = messages.c
_of_code = _row.idempotency_key.startswith(bindparam("of_code"))

ADD = insert(messages)
ONE = select(messages).where(_row.id == bindparam("message"))
BY_KEY = select(messages).where(_row.idempotency_key == bindparam("key"))
LAST_END = (
    select(messages)
    .where(_row.task == bindparam("of_task"), _row.kind == "reply", _row.final.is_(True), _row.late.is_(False))
    .order_by(_row.id.desc())
    .limit(1)
)
LAST_WORDS = (
    select(_row.body)
    .where(_row.task == bindparam("of_task"), _row.late.is_(False), _of_code)
    .order_by(_row.id.desc())
    .limit(1)
)
SHIFT = (
    update(messages)
    .where(_row.id.in_(bindparam("names", expanding=True)))
    .values(expires_at_ms=_row.expires_at_ms + bindparam("by"))
)
_in_time = _row.late.is_(False)
_recent = _row.created_ms.between(bindparam("since"), bindparam("now"))
SENT = select(
    func.count().filter(_in_time).label("texts"),
    func.coalesce(func.sum(text("length(CAST(body AS BLOB))")).filter(_in_time), 0).label("size"),
    func.count().filter(_recent).label("recent"),
    func.min(_row.created_ms).filter(_recent).label("first_ms"),
    func.count().filter(_row.late.is_(True), _of_code).label("late"),
).where(_row.task == bindparam("of_task"), _row.kind == "reply", _row.source == "agent")
OF_TASK = select(messages).where(_row.task == bindparam("of_task")).order_by(_row.id)
_old = (
    select(_row.id)
    .where(
        _HAS_TEXT,
        _row.created_ms < bindparam("before"),
        text(
            "(task IS NULL OR EXISTS (SELECT 1 FROM tasks WHERE number = CAST(substr(messages.task, 3) AS INTEGER) "
            "AND text_expired_ms IS NOT NULL))"
        ),
        text(
            "NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.id AND +state IN "
            "('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown'))"
        ),
        text("NOT EXISTS (SELECT 1 FROM notices WHERE message = messages.id AND message != '' AND +state = 'pending')"),
    )
    .order_by(_row.created_ms)
    .limit(bindparam("size_of_batch"))
)
EXPIRE = update(messages).where(_row.id.in_(_old)).values(body="", expired_ms=bindparam("at"))
