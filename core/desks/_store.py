"""The desks' table and statements: users' holds and stops outlive a restart."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, select

from core.store.tables import integers, metadata, texts, upsert

desks = Table(
    "desks",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("mode", "actor"),
    *integers("since_ms"),
)

ALL = select(desks)
SET = upsert(desks)
