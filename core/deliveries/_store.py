"""The deliveries' table and statements, a row as a delivery, and a delivery as a row."""

from __future__ import annotations

import json
from functools import partial

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from core.deliveries.message_parts import MessagePart
from core.deliveries.model import Delivery
from core.kit.from_attributes import from_attributes
from core.store.engine import Row
from core.store.tables import metadata, newest_of_each

_IS_OPEN = text("state IN ('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown')")
_HAS_DRAFT, _IS_ACT = text("drafts != '[]'"), text("act IS NOT NULL")
"""Written out, not bound: SQLite uses a partial index only for a condition that it can read."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("message", Text, ForeignKey("messages.id"), nullable=False),
    Column("task", Text),
    Column("agent", Text, nullable=False),
    Column("desk", Text),
    Column("window", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("assurance", Text),
    Column("fence", Integer, nullable=False, default=0),
    Column("bounces", Integer, nullable=False, default=0),
    Column("bounced_since_ms", Integer),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("not_before_ms", Integer, nullable=False, default=0),
    Column("priority", Integer, nullable=False),
    Column("sha256", Text, nullable=False, default=""),
    Column("timings", Text, nullable=False, default="{}"),
    Column("drafts", Text, nullable=False, server_default="[]"),
    Column("may_have_arrived", Boolean, nullable=False, server_default="0"),
    Column("act", Text),
    Column("expects", Text, nullable=False, server_default=""),
    Column("part", Integer, nullable=False, server_default="1"),
    Column("cuts", Text, nullable=False, server_default="[]"),
    Column("created_ms", Integer, nullable=False),
    Column("changed_ms", Integer, nullable=False),
    Index("ix_deliveries_state", "state", "id"),
    Index("ix_deliveries_open", "agent", "id", sqlite_where=_IS_OPEN),
    Index("ix_deliveries_task", "task", "id"),
    Index("ix_deliveries_message", "message", "id"),
    Index("ix_deliveries_drafts", "desk", "window", sqlite_where=_HAS_DRAFT),
    Index("ix_deliveries_acts", "agent", "state", sqlite_where=_IS_ACT),
)

rehearsals = Table(
    "rehearsals",
    metadata,
    Column("desk", Text, primary_key=True),
    Column("window", Text, primary_key=True),
    Column("drafts", Text, nullable=False),
)

_row = deliveries.c
ADD = insert(deliveries).returning(deliveries)
ONE = select(deliveries).where(_row.id == bindparam("delivery"))
OF_TASK = select(deliveries).where(_row.task == bindparam("of_task")).order_by(_row.id)
_open = select(deliveries).where(_IS_OPEN)
_open_words = _open.where(_row.act.is_(None))
_in_states = _row.state.in_(bindparam("states", expanding=True))
_of_agents = _row.agent.in_(bindparam("agents", expanding=True))
IN_STATES = _open.where(_in_states).order_by(_row.priority, _row.id)
"""Of open states only."""
OPEN_ACTS = select(deliveries).where(_IS_ACT, _in_states, _of_agents).order_by(_row.id)
# Here and below, the plus keeps SQLite from an index that would find more than the other conditions do.
QUEUED = _open_words.where(text("+state = 'queued'"), _of_agents).order_by(_row.priority, _row.id)
INTERRUPTED = _open_words.where(text("+state = 'submitting'"), _of_agents).order_by(_row.id)
LATER_PARTS = _open.where(_row.state == "queued", _row.part > 1).order_by(_row.id)
OF_MESSAGE = select(deliveries).where(_row.message == bindparam("of_message")).order_by(_row.id)
OPEN_TO = _open_words.where(_row.agent == bindparam("to_agent")).order_by(_row.id)
OPEN_WORDS = _open_words.where(text("+task IS NULL")).order_by(_row.id)
_is_recent = _row.changed_ms.between(bindparam("since"), bindparam("now"))
REFUSALS = select(func.count()).where(_row.task == bindparam("of_task"), text("+state = 'refused'"), _is_recent)
DRAFTS = select(deliveries).where(_HAS_DRAFT, _row.desk == bindparam("place")).order_by(_row.id)
DRAFTS_OF_WINDOW = DRAFTS.where(_row.window == bindparam("which"))
REHEARSALS = select(rehearsals).where(rehearsals.c.desk == bindparam("place"))
REHEARSAL_IN = REHEARSALS.where(rehearsals.c.window == bindparam("which"))
_added = upsert(rehearsals)
REHEARSES = _added.on_conflict_do_update(
    index_elements=[rehearsals.c.desk, rehearsals.c.window], set_={"drafts": _added.excluded.drafts}
)
FORGET_REHEARSAL = delete(rehearsals).where(
    rehearsals.c.desk == bindparam("place"), rehearsals.c.window == bindparam("which")
)
_BY = bindparam("by", type_=Integer)
SHIFT = (
    update(deliveries)
    .where(_IS_OPEN)
    .values(
        not_before_ms=case((_row.not_before_ms == 0, 0), else_=_row.not_before_ms + bindparam("by")),
        bounced_since_ms=_row.bounced_since_ms + bindparam("by"),
        # The machine may have been suspended: a person who asked for an act hours ago does not mean what is there now.
        created_ms=_row.created_ms + case((_row.act.is_(None), _BY), else_=func.min(_BY, 0)),
    )
)
SHIFT_BOUNCES = (
    update(deliveries)
    .where(_IS_OPEN, _row.bounced_since_ms.is_not(None))
    .values(bounced_since_ms=_row.bounced_since_ms + bindparam("by"))
)
FORGET_FAR_PAUSES = update(deliveries).where(_IS_OPEN, _row.not_before_ms > bindparam("latest")).values(not_before_ms=0)
newest_in = partial(newest_of_each, _row.state, _row.id)


def delivery_of(row: Row) -> Delivery:
    share = MessagePart(number=row.part, cuts=tuple(json.loads(row.cuts)))
    drafts = tuple(json.loads(row.drafts))
    return from_attributes(Delivery, row, timings_ms=json.loads(row.timings), drafts=drafts, share=share)


def standing_of(delivery: Delivery) -> dict[str, object]:
    """The columns that change while a delivery goes on."""
    return {
        **{name: getattr(delivery, name) for name in _STANDING},
        "reason": delivery.reason or "",
        "timings": json.dumps(delivery.timings_ms),
        "drafts": json.dumps(delivery.drafts),
        "cuts": json.dumps(delivery.share.cuts),
    }


_STANDING = (
    *("state", "note", "assurance", "fence", "bounces", "bounced_since_ms", "deaths", "not_before_ms"),
    *("sha256", "may_have_arrived", "changed_ms"),
)
