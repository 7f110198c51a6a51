"""The notices' table and statements."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from core.store.tables import metadata

_ASKED = text("about != ''")
_OF_MESSAGE = text("message != ''")
_HAS_THREAD = text("thread != ''")
_DROPPED = text("state = 'dropped'")
_IS_NO_CARD = text("kind != 'card'")
"""Written out, not bound: SQLite uses a partial index only for a condition that it can read."""

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("place_channel", Text, nullable=False),
    Column("place_guild", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("posted_channel", Text, nullable=False, default=""),
    Column("posted_message", Text, nullable=False, default=""),
    Column("thread", Text, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before_ms", Integer, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
    Column("created_ms", Integer, nullable=False),
    Column("about", Text, nullable=False, server_default=""),
    Index("ix_notices_task", "task"),
    Index("ix_notices_state", "state", "id"),
    Index("ix_notices_about", "about", sqlite_where=_ASKED),
    Index("ix_notices_due", "state", "not_before_ms"),
    Index("ix_notices_message", "message", sqlite_where=_OF_MESSAGE),
    Index("ix_notices_thread", "thread", sqlite_where=_HAS_THREAD),
    Index("ix_notices_old", "created_ms", sqlite_where=_IS_NO_CARD),
    Index("ix_notices_dropped", "state", "created_ms", sqlite_where=_DROPPED),
    sqlite_autoincrement=True,
)
_row = notices.c
_card = notices.alias("card")
_WAITS = text("notices.state IN ('pending', 'no_access')")
_CHANGED = case((_row.state == "no_access", "no_access"), else_="pending")
"""The state after a change: what Discord's channel refuses stays refused."""

ADD = insert(notices).returning(_row.id)
_is_card_of = and_(_row.task == bindparam("of_task"), _row.kind == "card")
_one_card = update(notices).where(_is_card_of)
BUMP_CARD = _one_card.values(
    revision=_row.revision + 1,
    state=_CHANGED,
    attempts=case((_row.state == "dropped", 0), else_=_row.attempts),  # a dropped card begins anew
    not_before_ms=case((_row.state == "dropped", 0), else_=_row.not_before_ms),
)
CARD = select(notices).where(_is_card_of)
BUMP_WORDS = (
    update(notices)
    .where(_OF_MESSAGE, _row.message == bindparam("of_message"))
    .where(_row.kind == "words", _row.state != "dropped")
    .values(revision=_row.revision + 1, state=_CHANGED)
)
WORDS = select(notices).where(_OF_MESSAGE, _row.message == bindparam("of_message"), _row.kind == "words")
TOLD_OF_WORDS = select(_row.id).where(
    _OF_MESSAGE,
    _row.message == bindparam("of_message"),
    _row.kind == "undelivered",
    _row.text == bindparam("words"),
)
OF_THREAD = select(_row.task).where(_HAS_THREAD, _row.thread == bindparam("made"), _row.kind == "card")
TOLD = select(_row.id).where(
    _row.task == bindparam("of_task"), _row.kind == bindparam("sort"), _row.text == bindparam("words")
)
SETTLED = (
    update(notices)
    .where(_ASKED, _row.about == bindparam("asked"), _row.state != "dropped")
    .values(text=bindparam("words"), revision=_row.revision + 1, state=_CHANGED)
)
ONE = select(notices).where(_row.id == bindparam("notice"))


def _due() -> Select[Any]:
    """Select one notice of each strand (a task, or words without one): the most urgent strands first, oldest first.

    Octet posts a task's card first; if it has dropped the card, the other notices do not wait for it. It posts news in
    their order, so that one which rests after a failure delays the later ones. Questions, and edits of posted messages,
    neither wait for news nor delay them."""
    one = notices.c
    strand = case((one.task != "", one.task), else_=one.message)
    asks = and_(one.about != "", one.kind.not_in(("locked", "blocked")))
    rests = one.not_before_ms > bindparam("now")
    is_news = and_(one.kind != "card", one.posted_message == "", ~asks)
    urgency = case((asks, 0), (one.kind.in_(("held", "undelivered", "locked", "blocked")), 2), else_=1)
    waiting = (
        select(
            one.id,
            one.task,
            strand.label("strand"),
            case((and_(one.kind == "card", one.posted_message == ""), 0), (asks, 1), else_=2).label("turn"),
            is_news.label("is_news"),
            or_(
                rests,
                one.id.in_(bindparam("resting", expanding=True)),
                and_(one.posted_message != "", one.posted_channel.in_(bindparam("full", expanding=True))),
            ).label("rests"),
            func.min(urgency).over(partition_by=strand).label("urgency"),
            func.min(case((and_(is_news, rests), one.id))).over(partition_by=strand).label("held_up"),
        )
        .where(_WAITS)
        .cte("waiting")
    )
    able = (
        select(
            waiting.c.id,
            waiting.c.urgency,
            func.coalesce(_card.c.thread, "").label("card_thread"),
            func.row_number()
            .over(partition_by=waiting.c.strand, order_by=(waiting.c.turn, waiting.c.id))
            .label("place"),
        )
        .outerjoin(_card, and_(_card.c.task == waiting.c.task, _card.c.kind == "card"))
        .where(
            ~waiting.c.rests,
            or_(
                _card.c.id == waiting.c.id,
                waiting.c.task == "",
                _card.c.posted_message != "",
                _card.c.state == "dropped",
            ),
            or_(~waiting.c.is_news, waiting.c.held_up.is_(None), waiting.c.id < waiting.c.held_up),
        )
        .cte("able")
    )
    return (
        select(notices, able.c.card_thread)
        .join(able, able.c.id == _row.id)
        .where(able.c.place == 1)
        .order_by(able.c.urgency, _row.id)
        .limit(bindparam("size"))
    )


DUE = _due()
NEXT_DUE = select(func.min(_row.not_before_ms).label("due")).where(_WAITS, _row.not_before_ms > bindparam("looked"))
TOLD_OF = select(notices).where(_ASKED, _row.about.in_(bindparam("asked", expanding=True)))
CARDS = select(notices).where(_row.task.in_(bindparam("tasks", expanding=True)), _row.kind == "card")
DROPPED = (
    select(notices)
    .where(_DROPPED, _row.created_ms > bindparam("since"))
    .order_by(_row.created_ms.desc(), _row.id.desc())
    .limit(bindparam("size"))
)
STUCK = (
    select(notices)
    .where(_row.state == "pending", _row.not_before_ms > 0, _row.attempts >= bindparam("tries"))
    .order_by(_row.not_before_ms)
    .limit(bindparam("size"))
)
NO_ACCESS = select(notices).where(_row.state == "no_access").order_by(_row.id).limit(bindparam("size"))
SET_NO_ACCESS = (
    update(notices)
    .where(_WAITS, _row.place_channel == bindparam("place"))
    .values(state="no_access", not_before_ms=bindparam("due"), error=bindparam("why"))
)
RETRY_NO_ACCESS = update(notices).where(_row.state == "no_access").values(not_before_ms=0)
THREAD = _one_card.values(thread=bindparam("made"))
SHIFT = (
    update(notices)
    .where(_WAITS)
    .values(
        not_before_ms=case((_row.not_before_ms == 0, 0), else_=_row.not_before_ms + bindparam("by")),
        # Their messages are looked for from here on. Discord's time went on while this machine was suspended.
        created_ms=_row.created_ms + func.min(bindparam("by", type_=Integer), 0),
    )
)
FORGET_FAR_PAUSES = update(notices).where(_WAITS, _row.not_before_ms > bindparam("latest")).values(not_before_ms=0)
NEVER_POSTED = (
    select(_row.task)
    .where(_WAITS, _row.kind == "card", _row.posted_message == "", _row.place_channel == "")
    .where(_row.created_ms < bindparam("before"))
    .order_by(_row.id)
)
DROP_ALL = (
    update(notices)
    .where(_WAITS, _row.task.in_(bindparam("tasks", expanding=True)))
    .values(state="dropped", error=bindparam("why"))
)
AGAIN = (
    update(notices)
    .where(_row.id == bindparam("notice"))
    .values(state="pending", attempts=_row.attempts + 1, not_before_ms=bindparam("due"), error=bindparam("why"))
)
_old = (
    select(_row.id)
    .where(
        _IS_NO_CARD,
        _row.created_ms < bindparam("before"),
        text("+state IN ('sent', 'dropped')"),
        or_(_row.about == "", _row.revision > 1),  # what was asked has been settled
        text(
            "(task = '' OR EXISTS (SELECT 1 FROM tasks WHERE number = CAST(substr(notices.task, 3) AS INTEGER) "
            "AND text_expired_ms IS NOT NULL))"
        ),
        text(
            "NOT EXISTS (SELECT 1 FROM messages WHERE id = notices.message AND expired_ms IS NULL "
            "AND kind != 'control')"
        ),
    )
    .order_by(_row.created_ms)
    .limit(bindparam("size_of_batch"))
)
DELETE_OLD = delete(notices).where(_row.id.in_(_old))
"""Octet keeps cards: it posts late news of a task where its card is."""
