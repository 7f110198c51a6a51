"""The notices' table and statements."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.store.tables import integers, metadata, partial_index, texts, upsert

_ASKED = sa.text("about != ''")
_HAS_SUBJECT = sa.text("subject != ''")
_HAS_THREAD = sa.text("thread != ''")
_DROPPED = sa.text("state = 'dropped'")
_IS_NO_CARD = sa.text("kind != 'card'")

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *texts("kind", "task", "subject", "detail", "place_channel", "place_guild", "state"),
    *integers("revision", "created_ms"),
    *texts("posted_channel", "posted_message", "thread", default=""),
    *integers("attempts", "not_before_ms", default=0),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("about", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_notices_task", "task"),
    sa.Index("ix_notices_state", "state", "id"),
    partial_index("ix_notices_about", "about", where=_ASKED),
    sa.Index("ix_notices_due", "state", "not_before_ms"),
    partial_index("ix_notices_subject", "subject", where=_HAS_SUBJECT),
    partial_index("ix_notices_thread", "thread", where=_HAS_THREAD),
    partial_index("ix_notices_old", "created_ms", where=_IS_NO_CARD),
    partial_index("ix_notices_dropped", "state", "created_ms", where=_DROPPED),
    sqlite_autoincrement=True,
)
choices = sa.Table(
    "mention_choices",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    *texts("mode", "missed", "place_channel", "place_guild"),
    *integers("since_ms"),
)
CHOICES = sa.select(choices)
CHOOSE = upsert(choices)
_row = notices.c
_card = notices.alias("card")
_WAITS = sa.text("notices.state IN ('pending', 'no_access')")
_CHANGED = sa.case((_row.state == "no_access", "no_access"), else_="pending")
"""The state after a change: what Discord's channel refuses stays refused."""

ADD = sa.insert(notices).returning(_row.id)
_is_card_of = sa.and_(_row.task == sa.bindparam("of_task"), _row.kind == "card")
_one_card = sa.update(notices).where(_is_card_of)
BUMP_CARD = _one_card.values(
    revision=_row.revision + 1,
    state=_CHANGED,
    attempts=sa.case((_row.state == "dropped", 0), else_=_row.attempts),  # a dropped card starts again
    # A new card waits only until its task's first step.
    not_before_ms=sa.case(
        (sa.or_(_row.state == "dropped", sa.and_(_row.state == "pending", _row.attempts == 0)), 0),
        else_=_row.not_before_ms,
    ),
)
CARD = sa.select(notices).where(_is_card_of)
_is_of_subject = sa.and_(_HAS_SUBJECT, _row.subject == sa.bindparam("of_subject"))
BUMP_WORDS = (
    sa.update(notices)
    .where(_is_of_subject, _row.kind == "words", _row.state != "dropped")
    .values(revision=_row.revision + 1, state=_CHANGED)
)
OF_SUBJECT = sa.select(notices).where(_is_of_subject, _row.kind == sa.bindparam("sort"))
OF_TASK = sa.select(_row.detail).where(_row.task == sa.bindparam("of_task"), _row.kind == sa.bindparam("sort"))
PROGRESS = sa.select(notices).where(_row.task == sa.bindparam("of_task"), _is_of_subject, _row.kind == "progress")
OF_THREAD = sa.select(_row.task).where(_HAS_THREAD, _row.thread == sa.bindparam("made"), _row.kind == "card")
SETTLED = (
    sa.update(notices)
    .where(_ASKED, _row.about == sa.bindparam("asked"), _row.state != "dropped")
    .values(detail=sa.bindparam("how"), revision=_row.revision + 1, state=_CHANGED)
)
ONE = sa.select(notices).where(_row.id == sa.bindparam("notice"))


def _due() -> sa.Select[Any]:
    """Select one notice of each strand (a task, or a subject without one): the most urgent strands first, oldest first.
    Octet posts a task's card first, unless it has dropped it. It posts news in their order: one that rests after a
    failure delays the later ones. Questions, and edits of posted messages, neither wait for news nor delay them."""
    one = notices.c
    strand = sa.case((one.task != "", one.task), else_=one.subject)
    asks = sa.and_(one.about != "", one.kind.not_in(("locked", "blocked")))
    rests = one.not_before_ms > sa.bindparam("now")
    is_news = sa.and_(one.kind != "card", one.posted_message == "", ~asks)
    urgency = sa.case((asks, 0), (one.kind.in_(("held", "undelivered", "locked", "blocked")), 2), else_=1)
    waiting = (
        sa.select(
            one.id,
            one.task,
            strand.label("strand"),
            sa.case((sa.and_(one.kind == "card", one.posted_message == ""), 0), (asks, 1), else_=2).label("turn"),
            is_news.label("is_news"),
            sa.or_(
                rests,
                one.id.in_(sa.bindparam("resting", expanding=True)),
                sa.and_(one.posted_message != "", one.posted_channel.in_(sa.bindparam("full", expanding=True))),
            ).label("rests"),
            sa.func.min(urgency).over(partition_by=strand).label("urgency"),
            sa.func.min(sa.case((sa.and_(is_news, rests), one.id))).over(partition_by=strand).label("held_up"),
        )
        .where(_WAITS)
        .cte("waiting")
    )
    able = (
        sa.select(
            waiting.c.id,
            waiting.c.urgency,
            sa.func.coalesce(_card.c.thread, "").label("card_thread"),
            sa.func.row_number()
            .over(partition_by=waiting.c.strand, order_by=(waiting.c.turn, waiting.c.id))
            .label("place"),
        )
        .outerjoin(_card, sa.and_(_card.c.task == waiting.c.task, _card.c.kind == "card"))
        .where(
            ~waiting.c.rests,
            sa.or_(
                _card.c.id == waiting.c.id,
                waiting.c.task == "",
                _card.c.posted_message != "",
                _card.c.state == "dropped",
            ),
            sa.or_(~waiting.c.is_news, waiting.c.held_up.is_(None), waiting.c.id < waiting.c.held_up),
        )
        .cte("able")
    )
    return (
        sa.select(notices, able.c.card_thread)
        .join(able, able.c.id == _row.id)
        .where(able.c.place == 1)
        .order_by(able.c.urgency, _row.id)
        .limit(sa.bindparam("size"))
    )


DUE = _due()
NEXT_DUE = sa.select(sa.func.min(_row.not_before_ms).label("due")).where(
    _WAITS, _row.not_before_ms > sa.bindparam("looked")
)
TOLD_OF = sa.select(notices).where(_ASKED, _row.about.in_(sa.bindparam("asked", expanding=True)))
BLOCKED = sa.select(notices).where(_ASKED, _row.about.between("window:", "window;"), _row.about == _row.subject)
CARDS = sa.select(notices).where(_row.task.in_(sa.bindparam("tasks", expanding=True)), _row.kind == "card")
DROPPED = (
    sa.select(notices)
    .where(_DROPPED, _row.created_ms > sa.bindparam("since"))
    .order_by(_row.created_ms.desc(), _row.id.desc())
    .limit(sa.bindparam("size"))
)
STUCK = (
    sa.select(notices)
    .where(_row.state == "pending", _row.not_before_ms > 0, _row.attempts >= sa.bindparam("tries"))
    .order_by(_row.not_before_ms)
    .limit(sa.bindparam("size"))
)
NO_ACCESS = sa.select(notices).where(_row.state == "no_access").order_by(_row.id).limit(sa.bindparam("size"))
SET_NO_ACCESS = (
    sa.update(notices)
    .where(_WAITS, _row.place_channel == sa.bindparam("place"))
    .values(state="no_access", not_before_ms=sa.bindparam("due"), error=sa.bindparam("why"))
)
RETRY_NO_ACCESS = sa.update(notices).where(_row.state == "no_access").values(not_before_ms=0)
THREAD = _one_card.values(thread=sa.bindparam("made"))
SHIFT = (
    sa.update(notices)
    .where(_WAITS)
    .values(
        not_before_ms=sa.case((_row.not_before_ms == 0, 0), else_=_row.not_before_ms + sa.bindparam("by")),
        # The outbox looks for their messages from here on. Discord's clock ran while this machine was suspended.
        created_ms=_row.created_ms + sa.func.min(sa.bindparam("by", type_=sa.Integer), 0),
    )
)
FORGET_FAR_PAUSES = (
    sa.update(notices).where(_WAITS, _row.not_before_ms > sa.bindparam("latest")).values(not_before_ms=0)
)
NEVER_POSTED = (
    sa.select(_row.task)
    .where(_WAITS, _row.kind == "card", _row.posted_message == "", _row.place_channel == "")
    .where(_row.created_ms < sa.bindparam("before"))
    .order_by(_row.id)
)
DROP_ALL = (
    sa.update(notices)
    .where(_WAITS, _row.task.in_(sa.bindparam("tasks", expanding=True)))
    .values(state="dropped", error=sa.bindparam("why"))
)
LOOK_AGAIN = (
    sa.update(notices)
    .where(_row.id == sa.bindparam("notice"), _row.state == "sent")
    .values(state="pending", not_before_ms=sa.bindparam("due"))
)
AGAIN = (
    sa.update(notices)
    .where(_row.id == sa.bindparam("notice"))
    .values(state="pending", attempts=_row.attempts + 1, not_before_ms=sa.bindparam("due"), error=sa.bindparam("why"))
)
_old = (
    sa.select(_row.id)
    .where(
        _IS_NO_CARD,
        _row.created_ms < sa.bindparam("before"),
        sa.text("+state IN ('sent', 'dropped')"),
        sa.or_(_row.about == "", _row.revision > 1),  # a question is settled
        sa.text(
            "(task = '' OR EXISTS (SELECT 1 FROM tasks WHERE number = CAST(substr(notices.task, 3) AS INTEGER) "
            "AND text_expired_ms IS NOT NULL))"
        ),
        sa.text(
            "NOT EXISTS (SELECT 1 FROM messages WHERE id = notices.subject AND expired_ms IS NULL "
            "AND kind != 'control')"
        ),
    )
    .order_by(_row.created_ms)
    .limit(sa.bindparam("size_of_batch"))
)
DELETE_OLD = sa.delete(notices).where(_row.id.in_(_old))
"""Octet keeps cards: it posts late news of a task where its card is."""
