"""The receipts' tables and statements."""

from __future__ import annotations

import sqlalchemy as sa

from core.store.tables import add_missing, integers, metadata, partial_index, texts

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("delivery", sa.Text, sa.ForeignKey("deliveries.id"), primary_key=True),
    sa.Column("fence", sa.Integer, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("assurance", sa.Text),
    *texts("reason", "note", "sha256", "timings"),
    *texts("evidence", "settled", server_default=""),
    *integers("settled_ms", nullable=True),
    *integers("at_ms"),
    sa.Index("ix_receipts_at", "at_ms"),
)
pictures = sa.Table(
    "receipt_pictures",
    metadata,
    sa.Column("delivery", sa.Text, primary_key=True),
    sa.Column("fence", sa.Integer, primary_key=True),
    sa.Column("moment", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("png", sa.LargeBinary),
    sa.Column("sha256", sa.Text, nullable=False),
    *integers("size", "place", "at_ms"),
    *integers("deleted_ms", nullable=True),
    sa.ForeignKeyConstraint(["delivery", "fence"], ["receipts.delivery", "receipts.fence"], ondelete="CASCADE"),
    partial_index("ix_receipt_pictures_kept", "at_ms", where=sa.text("png IS NOT NULL")),
)
_row, _picture = receipts.c, pictures.c

PASSED_ENTER = add_missing(receipts)  # The first verdict stays
_one = sa.update(receipts).where(_row.delivery == sa.bindparam("of_delivery"), _row.fence == sa.bindparam("of_fence"))
OUTCOME = _one.values(timings=sa.bindparam("stages"), evidence=sa.bindparam("rests_on"))
SETTLED = _one.values(settled=sa.bindparam("how"), settled_ms=sa.bindparam("at"))
ADD_PICTURE = add_missing(pictures)
OF_DELIVERY = sa.select(receipts).where(_row.delivery == sa.bindparam("of_delivery")).order_by(_row.fence)
PICTURES_WHOLE = (
    sa.select(pictures).where(_picture.delivery == sa.bindparam("of_delivery")).order_by(_picture.fence, _picture.place)
)
PICTURES = PICTURES_WHOLE.with_only_columns(*(column for column in pictures.c if column.name != "png"))
_HAS_PNG = sa.text("png IS NOT NULL")
_DECIDED = sa.text("delivery NOT IN (SELECT id FROM deliveries WHERE state = 'unknown')")
"""Deliveries that a user still has to decide about keep their receipts and pictures."""
_ROW = sa.literal_column("rowid", sa.Integer)
_OLD_PICTURES = (
    sa.select(_ROW)
    .select_from(pictures)
    .where(_HAS_PNG, _picture.at_ms < sa.bindparam("before"), _DECIDED)
    .order_by(_picture.at_ms)
    .limit(sa.bindparam("size_of_batch"))
)
_delete_png = sa.update(pictures).values(png=None, deleted_ms=sa.bindparam("now"))
DELETE_PICTURES = _delete_png.where(_ROW.in_(_OLD_PICTURES))
FORGET_PICTURES = _delete_png.where(_picture.delivery == sa.bindparam("of_delivery"), _HAS_PNG)
_OLD = (
    sa.select(_ROW)
    .select_from(receipts)
    .where(_row.at_ms < sa.bindparam("before"), _DECIDED)
    .order_by(_row.at_ms)
    .limit(sa.bindparam("size_of_batch"))
)
DELETE = sa.delete(receipts).where(_ROW.in_(_OLD))
