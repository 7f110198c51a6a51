"""Tables and statements of users, the home's own facts, and agents' answer codes."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, bindparam, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from core.store.tables import metadata, texts

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    *texts("name", "role"),
    Column("since_ms", Integer, nullable=False),
)
facts = Table("facts", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
task_codes = Table(
    "task_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("task", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("agent", Text, nullable=False, server_default=""),
)
message_codes = Table(
    "message_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    *texts("message", "agent"),
    Column("expires_ms", Integer, nullable=False),
    Index("ix_message_codes_agent", "agent", "expires_ms"),
    Index("ix_message_codes_valid", "expires_ms"),
)

PEOPLE = select(people)
OWNER = select(people.c.id).where(people.c.role == "owner").limit(1)
ADD_PERSON = insert(people)
FACT = select(facts.c.value).where(facts.c.name == bindparam("name"))
ADD_FACT = insert(facts)
ADD_CODE = upsert(task_codes).on_conflict_do_nothing()
CODE = select(task_codes).where(task_codes.c.hash == bindparam("hash"))
_granted = upsert(message_codes)
ADD_MESSAGE_CODE = _granted.on_conflict_do_update(
    index_elements=["hash"], set_={"expires_ms": _granted.excluded.expires_ms}
)
MESSAGE_CODE = select(message_codes).where(message_codes.c.hash == bindparam("hash"))
SHIFT = (
    update(message_codes)
    .where(message_codes.c.expires_ms >= bindparam("since"))
    .values(expires_ms=message_codes.c.expires_ms + bindparam("by"))
)
VALID_FOR = (
    select(message_codes)
    .where(message_codes.c.agent == bindparam("of_agent"), message_codes.c.expires_ms >= bindparam("now"))
    .order_by(message_codes.c.message.desc())
)
