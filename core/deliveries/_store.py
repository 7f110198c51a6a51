"""The deliveries' table and statements; converts rows to deliveries and back."""

from __future__ import annotations

import json
from functools import partial

import sqlalchemy as sa

from core.deliveries.message_parts import MessagePart
from core.deliveries.model import Delivery
from core.kit.from_attributes import from_attributes
from core.store.engine import Row
from core.store.tables import integers, metadata, newest_of_each, partial_index, texts, upsert

_IS_OPEN = sa.text("state IN ('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown')")
_HAS_DRAFT, _IS_ACT = sa.text("drafts != '[]'"), sa.text("act IS NOT NULL")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("message", sa.Text, sa.ForeignKey("messages.id"), nullable=False),
    sa.Column("task", sa.Text),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("desk", sa.Text),
    sa.Column("window", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    *texts("reason", "note", default=""),
    sa.Column("assurance", sa.Text),
    *integers("fence", "bounces", default=0),
    *integers("bounced_since_ms", nullable=True),
    *integers("deaths", server_default="0"),
    *integers("not_before_ms", default=0),
    *integers("priority"),
    sa.Column("sha256", sa.Text, nullable=False, default=""),
    sa.Column("timings", sa.Text, nullable=False, default="{}"),
    sa.Column("drafts", sa.Text, nullable=False, server_default="[]"),
    sa.Column("may_have_arrived", sa.Boolean, nullable=False, server_default="0"),
    sa.Column("act", sa.Text),
    sa.Column("expects", sa.Text, nullable=False, server_default=""),
    *integers("part", server_default="1"),
    sa.Column("cuts", sa.Text, nullable=False, server_default="[]"),
    *integers("created_ms", "changed_ms"),
    sa.Index("ix_deliveries_state", "state", "id"),
    partial_index("ix_deliveries_open", "agent", "id", where=_IS_OPEN),
    sa.Index("ix_deliveries_task", "task", "id"),
    sa.Index("ix_deliveries_message", "message", "id"),
    partial_index("ix_deliveries_drafts", "desk", "window", where=_HAS_DRAFT),
    partial_index("ix_deliveries_acts", "agent", "state", where=_IS_ACT),
)

rehearsals = sa.Table(
    "rehearsals",
    metadata,
    sa.Column("desk", sa.Text, primary_key=True),
    sa.Column("window", sa.Text, primary_key=True),
    sa.Column("drafts", sa.Text, nullable=False),
)

_row = deliveries.c
ADD = sa.insert(deliveries).returning(deliveries)
ONE = sa.select(deliveries).where(_row.id == sa.bindparam("delivery"))
_is_of_task = _row.task == sa.bindparam("of_task")
OF_TASK = sa.select(deliveries).where(_is_of_task).order_by(_row.id)
_open = sa.select(deliveries).where(_IS_OPEN)
_open_words = _open.where(_row.act.is_(None))
_in_states = _row.state.in_(sa.bindparam("states", expanding=True))
_of_agents = _row.agent.in_(sa.bindparam("agents", expanding=True))
IN_STATES = _open.where(_in_states).order_by(_row.priority, _row.id)
"""Of open states only."""
OPEN_ACTS = sa.select(deliveries).where(_IS_ACT, _in_states, _of_agents).order_by(_row.id)
# Here and below, the plus keeps SQLite from an index that finds more rows than the other conditions do.
QUEUED = _open_words.where(sa.text("+state = 'queued'"), _of_agents).order_by(_row.priority, _row.id)
INTERRUPTED = _open_words.where(sa.text("+state = 'submitting'"), _of_agents).order_by(_row.id)
LATER_PARTS = _open.where(_row.state == "queued", _row.part > 1).order_by(_row.id)
OF_MESSAGE = sa.select(deliveries).where(_row.message == sa.bindparam("of_message")).order_by(_row.id)
OPEN_TO = _open_words.where(_row.agent == sa.bindparam("to_agent")).order_by(_row.id)
WAITING = (
    sa.select(_row.agent, sa.func.count().label("size"))
    .where(_IS_OPEN, _row.act.is_(None), sa.text("+task IS NULL"), _of_agents)
    .group_by(_row.agent)
)
OPEN_TEXTS = _open_words.order_by(_row.id)
_is_recent = _row.changed_ms.between(sa.bindparam("since"), sa.bindparam("now"))
REFUSALS = sa.select(sa.func.count()).where(_is_of_task, sa.text("+state = 'refused'"), _is_recent)
DRAFTS = sa.select(deliveries).where(_HAS_DRAFT, _row.desk == sa.bindparam("place")).order_by(_row.id)
DRAFTS_OF_WINDOW = DRAFTS.where(_row.window == sa.bindparam("which"))
REHEARSALS = sa.select(rehearsals).where(rehearsals.c.desk == sa.bindparam("place"))
REHEARSAL_IN = REHEARSALS.where(rehearsals.c.window == sa.bindparam("which"))
REHEARSES = upsert(rehearsals)
FORGET_REHEARSAL = sa.delete(rehearsals).where(
    rehearsals.c.desk == sa.bindparam("place"), rehearsals.c.window == sa.bindparam("which")
)
_BY = sa.bindparam("by", type_=sa.Integer)
_update_open = sa.update(deliveries).where(_IS_OPEN)
_shift_bounces = _update_open.values(bounced_since_ms=_row.bounced_since_ms + _BY)
SHIFT = _shift_bounces.values(
    not_before_ms=sa.case((_row.not_before_ms == 0, 0), else_=_row.not_before_ms + _BY),
    # The machine may have been suspended: a user who asked for an act hours ago did not mean the present dialog.
    created_ms=_row.created_ms + sa.case((_row.act.is_(None), _BY), else_=sa.func.min(_BY, 0)),
)
SHIFT_BOUNCES = _shift_bounces.where(_row.bounced_since_ms.is_not(None))
FORGET_FAR_PAUSES = _update_open.where(_row.not_before_ms > sa.bindparam("latest")).values(not_before_ms=0)
newest_in = partial(newest_of_each, _row.state, _row.id)


def delivery_of(row: Row) -> Delivery:
    share = MessagePart(number=row.part, cuts=tuple(json.loads(row.cuts)))
    drafts = tuple(json.loads(row.drafts))
    return from_attributes(Delivery, row, timings_ms=json.loads(row.timings), drafts=drafts, share=share)


def columns_of(delivery: Delivery) -> dict[str, object]:
    """Return the columns that change while a delivery proceeds."""
    return {
        **{name: getattr(delivery, name) for name in _CHANGING},
        "reason": delivery.reason or "",
        "timings": json.dumps(delivery.timings_ms),
        "drafts": json.dumps(delivery.drafts),
        "cuts": json.dumps(delivery.share.cuts),
    }


_CHANGING = (
    *("state", "note", "assurance", "fence", "bounces", "bounced_since_ms", "deaths", "not_before_ms"),
    *("sha256", "may_have_arrived", "changed_ms"),
)
