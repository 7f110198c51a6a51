"""The live boards' table and statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, bindparam, delete, insert, select, update

from core.store.tables import metadata, texts

boards = Table(
    "boards",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *texts("channel", "guild", "posted_message", "state", "error", "actor"),
    Column("since_ms", Integer, nullable=False),
    Index("ix_boards_channel", "channel"),
    sqlite_autoincrement=True,
)
_row = boards.c

ADD = insert(boards).returning(boards)
ALL = select(boards).order_by(_row.id)
ONE = select(boards).where(_row.id == bindparam("board"))
STANDING = select(boards).where(_row.channel == bindparam("place"), _row.state == "stands")
POSTED = update(boards).where(_row.id == bindparam("board")).values(posted_message=bindparam("posted"))
NO_ACCESS = update(boards).where(_row.id == bindparam("board")).values(error=bindparam("why"))
LEAVE = update(boards).where(_row.channel == bindparam("place"), _row.state == "stands").values(state="leaves")
FORGET_GIVEN_UP = delete(boards).where(_row.channel == bindparam("place"), _row.state == "given_up")
FORGET = delete(boards).where(_row.id == bindparam("board"))
