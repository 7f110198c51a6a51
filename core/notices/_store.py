"""The tables and statements of notices and of how far each route got with them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, get_args

import sqlalchemy as sa
from pydantic import TypeAdapter

from core.kit.from_attributes import from_attributes
from core.notices.model import Notice, NoticeDetail, Place
from core.store.engine import Row
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
    *texts("kind", "task", "subject", "detail", "place_channel", "place_guild"),
    *integers("revision", "created_ms"),
    sa.Column("about", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_notices_task", "task"),
    partial_index("ix_notices_about", "about", where=_ASKED),
    partial_index("ix_notices_subject", "subject", where=_HAS_SUBJECT),
    partial_index("ix_notices_old", "created_ms", where=_IS_NO_CARD),
    sqlite_autoincrement=True,
)
posts = sa.Table(
    "notice_posts",
    metadata,
    sa.Column("notice", sa.Integer, sa.ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("route", sa.Text, primary_key=True),
    *texts("state"),
    *integers("revision", "attempts", "not_before_ms", "since_ms"),
    *texts("posted_channel", "posted_message", "thread", "error"),
    sa.Index("ix_notice_posts_due", "state", "route", "not_before_ms"),
    partial_index("ix_notice_posts_thread", "thread", where=_HAS_THREAD),
    partial_index("ix_notice_posts_dropped", "route", "since_ms", "notice", where=_DROPPED),
)
choices = sa.Table(
    "mention_choices",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    *texts("mode", "missed", "place_channel", "place_guild"),
    *integers("since_ms"),
    *texts("zone", server_default=""),
    sa.Column("has_replied", sa.Boolean, nullable=False, server_default="0"),
)
CHOICES = sa.select(choices)
CHOOSE = upsert(choices)
_row, _post = notices.c, posts.c
_card, _card_post = notices.alias("card"), posts.alias("card_post")
_WAITS = sa.text("notice_posts.state IN ('pending', 'no_access')")
_on_route = _post.route == sa.bindparam("on_route")
_this = sa.and_(_post.notice == sa.bindparam("of_notice"), _on_route)
_is_posted = _post.revision > 0
_own = [one for one in _post if one.name not in {"notice", "route", "revision"}]
_both = (
    sa.select(notices, _post.revision.label("posted_revision"), *_own)
    .join_from(posts, notices, _row.id == _post.notice)
    .where(_on_route)
)

ADD = sa.insert(notices).returning(_row.id)
ADD_POST = sa.insert(posts).values(
    notice=sa.bindparam("of_notice"),
    route=sa.bindparam("on_route"),
    since_ms=sa.bindparam("now"),
    not_before_ms=sa.bindparam("due"),
    **dict.fromkeys(("revision", "attempts"), 0),
    **dict.fromkeys(("posted_channel", "posted_message", "thread", "error"), ""),
    state="pending",
)
_is_card_of = sa.and_(_row.task == sa.bindparam("of_task"), _row.kind == "card")
_is_of_subject = sa.and_(_HAS_SUBJECT, _row.subject == sa.bindparam("of_subject"))
_bump = sa.update(notices).values(revision=_row.revision + 1).returning(_row.id)
BUMP_CARD = _bump.where(_is_card_of)
BUMP_BUTTONS = _bump.where(
    _row.task == sa.bindparam("of_task"), _row.kind.in_(("held", "report", "progress")), _row.about == ""
)
BUMP_PARTS = _bump.where(_row.task == sa.bindparam("of_task"), _row.kind == "parts")
BUMP_WORDS = _bump.where(_is_of_subject, _row.kind.in_(("words", "ended", "answer")))
CHANGE = _bump.where(_row.id == sa.bindparam("of_notice")).values(
    detail=sa.bindparam("now"), about=sa.bindparam("asks_about")
)
SETTLED = _bump.where(_ASKED, _row.about == sa.bindparam("asked")).values(detail=sa.bindparam("how"))
# What a route refuses stays refused.
CHANGED = (
    sa.update(posts)
    .where(_post.notice == sa.bindparam("of_notice"), _post.state != "dropped")
    .values(state=sa.case((_post.state == "no_access", "no_access"), else_="pending"))
)
CARD_CHANGED = (
    sa.update(posts)
    .where(_post.notice == sa.bindparam("of_notice"))
    .values(
        state=sa.case((_post.state == "no_access", "no_access"), else_="pending"),
        attempts=sa.case((_post.state == "dropped", 0), else_=_post.attempts),  # a dropped card starts again
        # A new card waits only until its task's first step.
        not_before_ms=sa.case(
            (sa.or_(_post.state == "dropped", sa.and_(_post.state == "pending", _post.attempts == 0)), 0),
            else_=_post.not_before_ms,
        ),
    )
)
CARD = sa.select(notices).where(_is_card_of)
OF_SUBJECT = sa.select(notices).where(_is_of_subject, _row.kind == sa.bindparam("sort"))
OF_TASK = sa.select(_row.detail).where(_row.task == sa.bindparam("of_task"), _row.kind == sa.bindparam("sort"))
PROGRESS = sa.select(notices).where(_row.task == sa.bindparam("of_task"), _is_of_subject, _row.kind == "progress")
OF_THREAD = (
    sa.select(_row.task)
    .join_from(posts, notices, _row.id == _post.notice)
    .where(_on_route, _HAS_THREAD, _post.thread == sa.bindparam("made"), _row.kind == "card")
)
ABOUT = sa.select(notices).where(_ASKED, _row.about == sa.bindparam("asked"))
REVISION = sa.select(_row.revision).where(_row.id == sa.bindparam("of_notice"))


def _due() -> sa.Select[Any]:
    """Select one notice of each strand (a task, or a subject without one): the most urgent strands first, oldest
    first. The route posts a task's card first, unless it has dropped it. It posts news in their order: one that rests
    after a failure delays the later ones. Questions, and edits of posted messages, neither wait for news nor delay
    them."""
    strand = sa.case((_row.task != "", _row.task), else_=_row.subject)
    asks = sa.and_(_row.about != "", _row.kind.not_in(("locked", "blocked")))
    rests = _post.not_before_ms > sa.bindparam("now")
    is_news = sa.and_(_row.kind != "card", ~_is_posted, ~asks)
    urgency = sa.case((asks, 0), (_row.kind.in_(("held", "undelivered", "locked", "blocked")), 2), else_=1)
    waiting = (
        sa.select(
            _row.id,
            _row.task,
            strand.label("strand"),
            sa.case((sa.and_(_row.kind == "card", ~_is_posted), 0), (asks, 1), else_=2).label("turn"),
            is_news.label("is_news"),
            sa.or_(
                rests,
                _row.id.in_(sa.bindparam("resting", expanding=True)),
                sa.and_(_is_posted, _post.posted_channel.in_(sa.bindparam("full", expanding=True))),
            ).label("rests"),
            sa.func.min(urgency).over(partition_by=strand).label("urgency"),
            sa.func.min(sa.case((sa.and_(is_news, rests), _row.id))).over(partition_by=strand).label("held_up"),
        )
        .join_from(posts, notices, _row.id == _post.notice)
        .where(_on_route, _WAITS)
        .cte("waiting")
    )
    able = (
        sa.select(
            waiting.c.id,
            waiting.c.urgency,
            sa.func.coalesce(_card_post.c.thread, "").label("card_thread"),
            sa.func.row_number()
            .over(partition_by=waiting.c.strand, order_by=(waiting.c.turn, waiting.c.id))
            .label("place"),
        )
        .outerjoin(_card, sa.and_(_card.c.task == waiting.c.task, _card.c.kind == "card"))
        .outerjoin(
            _card_post, sa.and_(_card_post.c.notice == _card.c.id, _card_post.c.route == sa.bindparam("on_route"))
        )
        .where(
            ~waiting.c.rests,
            sa.or_(
                _card.c.id == waiting.c.id,
                waiting.c.task == "",
                _card_post.c.notice.is_(None),  # the task is older than the route
                _card_post.c.revision > 0,
                _card_post.c.state == "dropped",
            ),
            sa.or_(~waiting.c.is_news, waiting.c.held_up.is_(None), waiting.c.id < waiting.c.held_up),
        )
        .cte("able")
    )
    return (
        _both.add_columns(able.c.card_thread)
        .join(able, able.c.id == _row.id)
        .where(able.c.place == 1)
        .order_by(able.c.urgency, _row.id)
        .limit(sa.bindparam("size"))
    )


DUE = _due()
NEXT_DUE = sa.select(sa.func.min(_post.not_before_ms).label("due")).where(
    _on_route, _WAITS, _post.not_before_ms > sa.bindparam("looked")
)
TOLD_OF = _both.where(_ASKED, _row.about.in_(sa.bindparam("asked", expanding=True)))
BLOCKED = sa.select(notices).where(_ASKED, _row.about.between("window:", "window;"), _row.about == _row.subject)
CARDS = _both.where(_row.task.in_(sa.bindparam("tasks", expanding=True)), _row.kind == "card")
DROPPED = (
    _both.where(_DROPPED, _post.since_ms > sa.bindparam("since"))
    .order_by(_post.since_ms.desc(), _post.notice.desc())
    .limit(sa.bindparam("size"))
)
STUCK = (
    _both.where(_post.state == "pending", _post.not_before_ms > 0, _post.attempts >= sa.bindparam("tries"))
    .order_by(_post.not_before_ms)
    .limit(sa.bindparam("size"))
)
NO_ACCESS = _both.where(_post.state == "no_access").order_by(_row.id).limit(sa.bindparam("size"))
SET_NO_ACCESS = (
    sa.update(posts)
    .where(
        _on_route,
        _WAITS,
        sa.exists().where(_row.id == _post.notice, _row.place_channel == sa.bindparam("place")),
    )
    .values(state="no_access", not_before_ms=sa.bindparam("due"), error=sa.bindparam("why"))
)
RETRY_NO_ACCESS = sa.update(posts).where(_on_route, _post.state == "no_access").values(not_before_ms=0)
THREAD = (
    sa.update(posts)
    .where(_on_route, _post.notice.in_(sa.select(_row.id).where(_is_card_of)))
    .values(thread=sa.bindparam("made"))
)
POSTED = (
    sa.update(posts)
    .where(_this)
    .values(
        state=sa.bindparam("now"),
        revision=sa.bindparam("shown"),
        posted_channel=sa.bindparam("at"),
        posted_message=sa.bindparam("as_message"),
        attempts=0,
        error="",
    )
)
SHIFT = (
    sa.update(posts)
    .where(_WAITS)
    .values(
        not_before_ms=sa.case((_post.not_before_ms == 0, 0), else_=_post.not_before_ms + sa.bindparam("by")),
        # The outbox looks for their messages from here on. Discord's clock ran while this machine was suspended.
        since_ms=_post.since_ms + sa.func.min(sa.bindparam("by", type_=sa.Integer), 0),
    )
)
FORGET_FAR_PAUSES = sa.update(posts).where(_WAITS, _post.not_before_ms > sa.bindparam("latest")).values(not_before_ms=0)
NEVER_POSTED = (
    sa.select(_row.task)
    .join_from(posts, notices, _row.id == _post.notice)
    .where(_on_route, _WAITS, ~_is_posted, _row.kind == "card", _row.place_channel == "")
    .where(_post.since_ms < sa.bindparam("before"))
    .order_by(_row.id)
)
WAITING = sa.select(_post.route, _post.state, sa.func.count().label("size")).where(_WAITS).group_by("state", "route")
DROP = sa.update(posts).where(_this).values(state="dropped", error=sa.bindparam("why"))
DROP_ALL = (
    sa.update(posts)
    .where(
        _on_route,
        _WAITS,
        _post.notice.in_(sa.select(_row.id).where(_row.task.in_(sa.bindparam("tasks", expanding=True)))),
    )
    .values(state="dropped", error=sa.bindparam("why"))
)
LOOK_AGAIN = (
    sa.update(posts).where(_this, _post.state == "sent").values(state="pending", not_before_ms=sa.bindparam("due"))
)
AGAIN = (
    sa.update(posts)
    .where(_this)
    .values(state="pending", attempts=_post.attempts + 1, not_before_ms=sa.bindparam("due"), error=sa.bindparam("why"))
)
_is_unposted = sa.exists().where(_post.notice == _row.id, sa.text("+notice_posts.state IN ('pending', 'no_access')"))
_old = (
    sa.select(_row.id)
    .where(
        _IS_NO_CARD,
        _row.created_ms < sa.bindparam("before"),
        ~_is_unposted,
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


def waits_for_post(subject: Any) -> sa.ColumnElement[bool]:
    """Make the condition that a route has still to post a notice about the subject in this column."""
    pending = sa.exists().where(_post.notice == _row.id, sa.text("+notice_posts.state = 'pending'"))
    return sa.exists().where(_HAS_SUBJECT, _row.subject == subject, pending)


_DETAILS = {kind.__name__: TypeAdapter[NoticeDetail](kind) for kind in get_args(NoticeDetail)}


def packed(detail: NoticeDetail | None) -> str:
    return "" if detail is None else json.dumps({"is": type(detail).__name__, **asdict(detail)})


def is_same(text: str, detail: NoticeDetail) -> bool:
    """Return whether a stored detail is this one, also where Octet cannot read it."""
    return bool(text) and json.loads(text) == json.loads(packed(detail))


def unpacked(text: str) -> NoticeDetail | None:
    if not text:
        return None
    fields = json.loads(text)
    return _DETAILS[fields.pop("is")].validate_python(fields)


def notice_of(row: Row) -> Notice:
    return from_attributes(Notice, row, detail=unpacked(row.detail), place=place_of(row))


def place_of(row: Row) -> Place:
    return Place(channel=row.place_channel, guild=row.place_guild)
