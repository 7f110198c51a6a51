"""The receipts' tables and statements."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    delete,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from core.store.tables import metadata

receipts = Table(
    "receipts",
    metadata,
    Column("delivery", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("fence", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("assurance", Text),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("timings", Text, nullable=False),
    Column("evidence", Text, nullable=False, server_default=""),
    Column("settled", Text, nullable=False, server_default=""),
    Column("settled_ms", Integer),
    Column("at_ms", Integer, nullable=False),
    Index("ix_receipts_at", "at_ms"),
)
pictures = Table(
    "receipt_pictures",
    metadata,
    Column("delivery", Text, primary_key=True),
    Column("fence", Integer, primary_key=True),
    Column("moment", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("png", LargeBinary),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("at_ms", Integer, nullable=False),
    Column("deleted_ms", Integer),
    ForeignKeyConstraint(["delivery", "fence"], ["receipts.delivery", "receipts.fence"], ondelete="CASCADE"),
    Index("ix_receipt_pictures_kept", "at_ms", sqlite_where=text("png IS NOT NULL")),
)
_row, _picture = receipts.c, pictures.c

PASSED_ENTER = insert(receipts).on_conflict_do_nothing()
"""What stands there already stays: a receipt says what was claimed when the hands had ended."""
OUTCOME = (
    update(receipts)
    .where(_row.delivery == bindparam("of_delivery"), _row.fence == bindparam("of_fence"))
    .values(timings=bindparam("stages"), evidence=bindparam("rests_on"))
)
SETTLED = (
    update(receipts)
    .where(_row.delivery == bindparam("of_delivery"), _row.fence == bindparam("of_fence"))
    .values(settled=bindparam("how"), settled_ms=bindparam("at"))
)
ADD_PICTURE = insert(pictures).on_conflict_do_nothing()
OF_DELIVERY = select(receipts).where(_row.delivery == bindparam("of_delivery")).order_by(_row.fence)
_SHOWN = [column for column in pictures.c if column.name != "png"]
PICTURES = select(*_SHOWN).where(_picture.delivery == bindparam("of_delivery")).order_by(_picture.fence, _picture.place)
PICTURES_WHOLE = (
    select(pictures).where(_picture.delivery == bindparam("of_delivery")).order_by(_picture.fence, _picture.place)
)
_HAS_PNG = text("png IS NOT NULL")
"""Written out, not bound: SQLite uses a partial index only for a condition that it can read."""
_DECIDED = text("delivery NOT IN (SELECT id FROM deliveries WHERE state = 'unknown')")
"""What a person has still to decide about keeps its receipt and pictures."""
_ROW = literal_column("rowid", Integer)
_OLD_PICTURES = (
    select(_ROW)
    .select_from(pictures)
    .where(_HAS_PNG, _picture.at_ms < bindparam("before"), _DECIDED)
    .order_by(_picture.at_ms)
    .limit(bindparam("size_of_batch"))
)
DELETE_PICTURES = update(pictures).where(_ROW.in_(_OLD_PICTURES)).values(png=None, deleted_ms=bindparam("now"))
FORGET_PICTURES = (
    update(pictures)
    .where(_picture.delivery == bindparam("of_delivery"), _HAS_PNG)
    .values(png=None, deleted_ms=bindparam("now"))
)
_OLD = (
    select(_ROW)
    .select_from(receipts)
    .where(_row.at_ms < bindparam("before"), _DECIDED)
    .order_by(_row.at_ms)
    .limit(bindparam("size_of_batch"))
)
DELETE = delete(receipts).where(_ROW.in_(_OLD))
