"""The live boards' table and statements."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, delete, insert, select, update

from core.store.tables import integers, metadata, texts

boards = Table(
    "boards",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *texts("channel", "guild", "posted_message", "state", "error", "actor"),
    *integers("since_ms"),
    Column("kind", Text, nullable=False, server_default="fleet"),
    Column("is_pinned", Boolean, nullable=False, server_default="0"),
    Index("ix_boards_channel", "channel"),
    sqlite_autoincrement=True,
)
_row = boards.c

ADD = insert(boards).returning(boards)
ALL = select(boards).order_by(_row.id)
ONE = select(boards).where(_row.id == bindparam("board"))
_here = (_row.channel == bindparam("place"), _row.kind == bindparam("of_kind"))
STANDING = select(boards).where(*_here, _row.state == "stands")
POSTED = update(boards).where(_row.id == bindparam("board")).values(posted_message=bindparam("posted"))
PINNED = update(boards).where(_row.id == bindparam("board")).values(is_pinned=True)
NO_ACCESS = update(boards).where(_row.id == bindparam("board")).values(error=bindparam("why"))
LEAVE = update(boards).where(*_here, _row.state == "stands").values(state="leaves")
FORGET_GIVEN_UP = delete(boards).where(*_here, _row.state == "given_up")
FORGET = delete(boards).where(_row.id == bindparam("board"))
