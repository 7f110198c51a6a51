"""Tables and statements of users, the home's own facts, and agents' answer codes."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, bindparam, insert, select
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

PEOPLE = select(people)
OWNER = select(people.c.id).where(people.c.role == "owner").limit(1)
ADD_PERSON = insert(people)
FACT = select(facts.c.value).where(facts.c.name == bindparam("name"))
ADD_FACT = insert(facts)
ADD_CODE = upsert(task_codes).on_conflict_do_nothing()
CODE = select(task_codes).where(task_codes.c.hash == bindparam("hash"))
