"""The agents' table and statements: state only; config/agents.toml defines the agents."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from core.agents.model import ALL_DONE
from core.store.tables import metadata, texts

agents = Table(
    "agents",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("state", "reason"),
    Column("note", Text, nullable=False, server_default=""),
    Column("task", Text),
    Column("since_ms", Integer, nullable=False),
    Column("until_ms", Integer),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("success", Integer, nullable=False, server_default=str(ALL_DONE)),
    Column("failed_ms", Integer),
)

ADD = upsert(agents).on_conflict_do_nothing()
ALL = select(agents)
ONE = select(agents).where(agents.c.name == bindparam("agent"))
