"""The agents' table and statements: state only; who the agents are stands in config/agents.toml."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from core.store.tables import metadata

agents = Table(
    "agents",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("task", Text),
    Column("since_ms", Integer, nullable=False),
    Column("until_ms", Integer),
)

ADD = upsert(agents).on_conflict_do_nothing()
ALL = select(agents)
ONE = select(agents).where(agents.c.name == bindparam("agent"))
