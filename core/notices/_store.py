"""The notices' table and statements."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
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
    Column("sent_revision", Integer, nullable=False),
    Column("posted_channel", Text, nullable=False),
    Column("posted_message", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before_ms", Integer, nullable=False),
    Column("error", Text, nullable=False),
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
_earlier = notices.alias("earlier")

ADD = insert(notices).returning(notices.c.id)
BUMP_CARD = (
    update(notices)
    .where(notices.c.task == bindparam("of_task"), notices.c.kind == "card", notices.c.state != "dropped")
    .values(revision=notices.c.revision + 1, state="pending")
)
CARD = select(notices).where(notices.c.task == bindparam("of_task"), notices.c.kind == "card")
BUMP_WORDS = (
    update(notices)
    .where(_OF_MESSAGE, notices.c.message == bindparam("of_message"))
    .where(notices.c.kind == "words", notices.c.state != "dropped")
    .values(revision=notices.c.revision + 1, state="pending")
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
    notices.c.task == bindparam("of_task"),
    notices.c.kind == bindparam("sort"),
    notices.c.text == bindparam("words"),
)
SETTLED = (
    update(notices)
    .where(_ASKED, notices.c.about == bindparam("asked"), notices.c.state != "dropped")
    .values(text=bindparam("words"), revision=notices.c.revision + 1, state="pending")
)
ONE = select(notices).where(notices.c.id == bindparam("notice"))
DUE = (
    select(notices, func.coalesce(_card.c.thread, "").label("card_thread"))
    .outerjoin(_card, and_(_card.c.task == notices.c.task, _card.c.kind == "card"))
    .where(
        notices.c.state == "pending",
        notices.c.not_before_ms <= bindparam("now"),
        # Nothing about a task is told before its card stands; if the card cannot stand, the rest need not wait for it.
        # Words without a task have no card to wait for.
        or_(notices.c.kind == "card", notices.c.task == "", _card.c.posted_message != "", _card.c.state == "dropped"),
        # Nor before what happened earlier: an answer that has to be tried again later still comes before the end.
        # An edit of what stands already is no news: it neither waits nor is waited for.
        or_(
            notices.c.kind == "card",
            notices.c.posted_message != "",
            ~exists().where(
                _earlier.c.task == notices.c.task,
                or_(notices.c.task != "", _earlier.c.message == notices.c.message),
                _earlier.c.id < notices.c.id,
                _earlier.c.kind != "card",
                _earlier.c.posted_message == "",
                _earlier.c.state == "pending",
                _earlier.c.not_before_ms > bindparam("now"),
            ),
        ),
    )
    .order_by(notices.c.id)
    .limit(bindparam("size"))
)
NEXT_DUE = select(func.min(notices.c.not_before_ms).label("due")).where(
    notices.c.state == "pending", notices.c.not_before_ms > bindparam("looked")
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
POSTED = (
    update(notices)
    .where(notices.c.id == bindparam("notice"))
    .values(
        posted_channel=bindparam("channel"),
        posted_message=bindparam("posted"),
        sent_revision=bindparam("sent"),
        state=bindparam("to"),
        attempts=0,
        error="",
    )
)
THREAD = (
    update(notices)
    .where(notices.c.task == bindparam("of_task"), notices.c.kind == "card")
    .values(thread=bindparam("made"))
)
SHIFT = (
    update(notices)
    .where(notices.c.state == "pending")
    .values(
        not_before_ms=case((notices.c.not_before_ms == 0, 0), else_=notices.c.not_before_ms + bindparam("by")),
        # Their messages are looked for from here on. Discord's time went on while this machine was suspended.
        created_ms=notices.c.created_ms + func.min(bindparam("by", type_=Integer), 0),
    )
)
FORGET_FAR_PAUSES = (
    update(notices)
    .where(notices.c.state == "pending", notices.c.not_before_ms > bindparam("latest"))
    .values(not_before_ms=0)
)
NEWEST_ID = select(func.max(notices.c.id).label("id"))
AGAIN = (
    update(notices)
    .where(notices.c.id == bindparam("notice"))
    .values(attempts=notices.c.attempts + 1, not_before_ms=bindparam("due"), error=bindparam("why"))
)
DROP = update(notices).where(notices.c.id == bindparam("notice")).values(state="dropped", error=bindparam("why"))
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
"""Cards stay: whatever is told of a task later is told where its card is."""
