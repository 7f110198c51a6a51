"""The journal's table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, bindparam, insert, select

from core.store.tables import metadata

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at_ms", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

INSERT = insert(journal)
LAST = select(journal.c.seq, journal.c.hash, journal.c.at_ms).order_by(journal.c.seq.desc()).limit(1)
PAGE = select(journal).where(journal.c.seq > bindparam("after")).order_by(journal.c.seq).limit(bindparam("size"))
