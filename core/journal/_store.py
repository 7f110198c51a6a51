"""The journal's table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, bindparam, func, insert, select

from core.store.tables import integers, metadata, texts

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    *integers("at_ms"),
    *texts("name", "subject", "actor", "data", "hash"),
)

INSERT = insert(journal)
LAST = select(journal.c.seq, journal.c.hash, journal.c.at_ms).order_by(journal.c.seq.desc()).limit(1)
RECENT = select(journal).where(
    journal.c.seq > bindparam("after"),
    journal.c.at_ms >= bindparam("since"),
    journal.c.name.in_(bindparam("names", expanding=True)),
    func.instr(journal.c.data, bindparam("having")) > 0,
)
PAGE = select(journal).where(journal.c.seq > bindparam("after")).order_by(journal.c.seq).limit(bindparam("size"))
