"""The desks' table and statements: users' holds and stops outlive a restart."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, select
from sqlalchemy.dialects.sqlite import insert as upsert

from core.store.tables import metadata, texts

desks = Table(
    "desks",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("wish", "actor"),
    Column("since_ms", Integer, nullable=False),
)

ALL = select(desks)
_added = upsert(desks)
SET = _added.on_conflict_do_update(
    index_elements=[desks.c.name],
    set_={"wish": _added.excluded.wish, "actor": _added.excluded.actor, "since_ms": _added.excluded.since_ms},
)
