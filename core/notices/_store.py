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
    Column("sent_revision", Integer, nullable=False, default=0),
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
_card = notices.alias("card")
_WAITS = text("notices.state IN ('pending', 'no_access')")
_CHANGED = case((notices.c.state == "no_access", "no_access"), else_="pending")
"""The state after a change: what Discord's channel refuses stays refused."""

ADD = insert(notices).returning(notices.c.id)
_is_card_of = and_(notices.c.task == bindparam("of_task"), notices.c.kind == "card")
_one_card = update(notices).where(_is_card_of)
BUMP_CARD = _one_card.values(
    revision=notices.c.revision + 1,
    state=_CHANGED,
    attempts=case((notices.c.state == "dropped", 0), else_=notices.c.attempts),  # a dropped card begins anew
    not_before_ms=case((notices.c.state == "dropped", 0), else_=notices.c.not_before_ms),
)
CARD = select(notices).where(_is_card_of)
BUMP_WORDS = (
    update(notices)
    .where(_OF_MESSAGE, notices.c.message == bindparam("of_message"))
    .where(notices.c.kind == "words", notices.c.state != "dropped")
    .values(revision=notices.c.revision + 1, state=_CHANGED)
)
WORDS = select(notices).where(_OF_MESSAGE, notices.c.message == bindparam("of_message"), notices.c.kind == "words")
TOLD_OF_WORDS = select(notices.c.id).where(
    _OF_MESSAGE,
    notices.c.message == bindparam("of_message"),
    notices.c.kind == "undelivered",
    notices.c.text == bindparam("words"),
)
OF_THREAD = select(notices.c.task).where(_HAS_THREAD, notices.c.thread == bindparam("made"), notices.c.kind == "card")
TOLD = select(notices.c.id).where(
    notices.c.task == bindparam("of_task"), notices.c.kind == bindparam("sort"), notices.c.text == bindparam("words")
)
SETTLED = (
    update(notices)
    .where(_ASKED, notices.c.about == bindparam("asked"), notices.c.state != "dropped")
    .values(text=bindparam("words"), revision=notices.c.revision + 1, state=_CHANGED)
)
_one_notice = update(notices).where(notices.c.id == bindparam("notice"))
CHANGE = _one_notice.values(
    text=bindparam("words"),
    about=bindparam("asked"),
    revision=notices.c.revision + 1,
    state=case((notices.c.state == "dropped", "dropped"), else_=_CHANGED),
)
ONE = select(notices).where(notices.c.id == bindparam("notice"))


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
        .join(able, able.c.id == notices.c.id)
        .where(able.c.place == 1)
        .order_by(able.c.urgency, notices.c.id)
        .limit(bindparam("size"))
    )


DUE = _due()
NEXT_DUE = select(func.min(notices.c.not_before_ms).label("due")).where(
    _WAITS, notices.c.not_before_ms > bindparam("looked")
)
TOLD_OF = select(notices).where(_ASKED, notices.c.about.in_(bindparam("asked", expanding=True)))
CARDS = select(notices).where(notices.c.task.in_(bindparam("tasks", expanding=True)), notices.c.kind == "card")
DROPPED = (
    select(notices)
    .where(_DROPPED, notices.c.created_ms > bindparam("since"))
    .order_by(notices.c.created_ms.desc(), notices.c.id.desc())
    .limit(bindparam("size"))
)
STUCK = (
    select(notices)
    .where(notices.c.state == "pending", notices.c.not_before_ms > 0, notices.c.attempts >= bindparam("tries"))
    .order_by(notices.c.not_before_ms)
    .limit(bindparam("size"))
)
NO_ACCESS = select(notices).where(notices.c.state == "no_access").order_by(notices.c.id).limit(bindparam("size"))
SET_NO_ACCESS = (
    update(notices)
    .where(_WAITS, notices.c.place_channel == bindparam("place"))
    .values(state="no_access", not_before_ms=bindparam("due"), error=bindparam("why"))
)
RETRY_NO_ACCESS = update(notices).where(notices.c.state == "no_access").values(not_before_ms=0)
POSTED = _one_notice.values(
    posted_channel=bindparam("channel"),
    posted_message=bindparam("posted"),
    sent_revision=bindparam("sent"),
    state=bindparam("to"),
    attempts=0,
    error="",
)
THREAD = _one_card.values(thread=bindparam("made"))
SHIFT = (
    update(notices)
    .where(_WAITS)
    .values(
        not_before_ms=case((notices.c.not_before_ms == 0, 0), else_=notices.c.not_before_ms + bindparam("by")),
        # Their messages are looked for from here on. Discord's time went on while this machine was suspended.
        created_ms=notices.c.created_ms + func.min(bindparam("by", type_=Integer), 0),
    )
)
FORGET_FAR_PAUSES = update(notices).where(_WAITS, notices.c.not_before_ms > bindparam("latest")).values(not_before_ms=0)
NEVER_POSTED = (
    select(notices.c.task)
    .where(_WAITS, notices.c.kind == "card", notices.c.posted_message == "", notices.c.place_channel == "")
    .where(notices.c.created_ms < bindparam("before"))
    .order_by(notices.c.id)
)
DROP_ALL = (
    update(notices)
    .where(_WAITS, notices.c.task.in_(bindparam("tasks", expanding=True)))
    .values(state="dropped", error=bindparam("why"))
)
NEWEST_ID = select(func.max(notices.c.id).label("id"))
AGAIN = _one_notice.values(
    state="pending", attempts=notices.c.attempts + 1, not_before_ms=bindparam("due"), error=bindparam("why")
)
DROP = _one_notice.values(state="dropped", error=bindparam("why"))
_old = (
    select(notices.c.id)
    .where(
        _IS_NO_CARD,
        notices.c.created_ms < bindparam("before"),
        text("+state IN ('sent', 'dropped')"),
        or_(notices.c.about == "", notices.c.revision > 1),  # what was asked has been settled
        text(
            "(task = '' OR EXISTS (SELECT 1 FROM tasks WHERE number = CAST(substr(notices.task, 3) AS INTEGER) "
            "AND text_expired_ms IS NOT NULL))"
        ),
        text(
            "NOT EXISTS (SELECT 1 FROM messages WHERE id = notices.message AND expired_ms IS NULL "
            "AND kind != 'control')"
        ),
    )
    .order_by(notices.c.created_ms)
    .limit(bindparam("size_of_batch"))
)
DELETE_OLD = delete(notices).where(notices.c.id.in_(_old))
"""Octet keeps cards: it posts late news of a task where its card is."""
