"""The journal's table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, bindparam, func, insert, select

from core.store.listings import Listing, as_number
from core.store.tables import integers, metadata, texts

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    *integers("at_ms"),
    *texts("name", "subject", "actor", "data", "hash"),
)
_row = journal.c
_colon = func.instr(_row.subject, ":")
LISTING = Listing(
    table=journal,
    key=_row.seq,
    id_of=str,
    key_of=as_number,
    fields={
        "event": (_row.name,),
        "about": (func.substr(_row.subject, 1, _colon - 1), func.substr(_row.subject, _colon + 1)),
        "subject": (_row.subject,),
        "by": (_row.actor,),
    },
    lists={},
    texts=(_row.name, _row.subject, _row.actor, _row.data),
    sorts={"seq": _row.seq},
)
"""It scans the whole journal, from its end on."""

INSERT = insert(journal)
LAST = select(journal.c.seq, journal.c.hash, journal.c.at_ms).order_by(journal.c.seq.desc()).limit(1)
RECENT = select(journal).where(
    journal.c.seq > bindparam("after"),
    journal.c.at_ms >= bindparam("since"),
    journal.c.name.in_(bindparam("names", expanding=True)),
    func.instr(journal.c.data, bindparam("having")) > 0,
)
PAGE = select(journal).where(journal.c.seq > bindparam("after")).order_by(journal.c.seq).limit(bindparam("size"))
