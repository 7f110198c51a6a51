"""The tasks' table and statements, and rows as tasks."""

from __future__ import annotations

import json
from functools import partial

from sqlalchemy import Column, Index, Integer, Table, Text, bindparam, case, func, insert, or_, select, text, update

from core.kit.from_attributes import from_attributes
from core.notices.model import Place
from core.reasons import WaitReason
from core.store.engine import Row
from core.store.tables import metadata, newest_of_each
from core.tasks.model import Requirements, Task, TaskId, TaskSummary

_HELD = text("state IN ('waiting', 'parked', 'blocked')")
_HAS_TEXT = text("text_expired_ms IS NULL")
"""Written out, not bound: SQLite uses a partial index only for a condition that it can read."""

tasks = Table(
    "tasks",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("title", Text, nullable=False),
    Column("brief", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("cause", Text, nullable=False, default=""),
    Column("priority", Integer, nullable=False),
    Column("needs", Text, nullable=False),
    Column("wanted", Text),
    Column("agent", Text),
    Column("attempt", Integer, nullable=False, default=1),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("last_seen_ms", Integer),
    Column("activity", Text),
    Column("progress", Text, nullable=False, server_default=""),
    Column("deadline_ms", Integer),
    Column("nudge", Text),
    Column("avoids", Text),
    Column("requester", Text, nullable=False),
    Column("requester_name", Text, nullable=False),
    Column("place_channel", Text, nullable=False),
    Column("place_guild", Text, nullable=False),
    Column("idempotency_key", Text, unique=True),
    Column("created_ms", Integer, nullable=False),
    Column("changed_ms", Integer, nullable=False),
    Column("text_expired_ms", Integer),
    Index("ix_tasks_state", "state", "number"),
    # The head of each queue is one step away, however long the others are.
    Index("ix_tasks_demand", "state", "reason", "wanted", "needs", "priority", "number"),
    Index("ix_tasks_deadline", "deadline_ms", sqlite_where=text("deadline_ms IS NOT NULL")),
    # What stands and why, without a look at the rows: their briefs may be long.
    Index("ix_tasks_held", "state", "reason", "note", "cause", "changed_ms", "number", sqlite_where=_HELD),
    Index("ix_tasks_queue", "state", "priority", "number"),
    Index("ix_tasks_text", "created_ms", sqlite_where=_HAS_TEXT),
    sqlite_autoincrement=True,
)

ADD = insert(tasks).returning(tasks)
ONE = select(tasks).where(tasks.c.number == bindparam("task"))
_summary = select(
    *tasks.c[
        "number",
        "title",
        "state",
        "priority",
        "needs",
        "wanted",
        "agent",
        "place_channel",
        "place_guild",
        "last_seen_ms",
        "created_ms",
    ]
)
SUMMARIES = _summary.where(tasks.c.number.in_(bindparam("tasks", expanding=True)))
BY_KEY = select(tasks).where(tasks.c.idempotency_key == bindparam("key"))
NEWEST = (
    select(tasks).where(tasks.c.number < bindparam("before")).order_by(tasks.c.number.desc()).limit(bindparam("size"))
)
FOUND = NEWEST.where(
    tasks.c.state.in_(bindparam("states", expanding=True)),
    or_(bindparam("agent") == "", func.coalesce(tasks.c.agent, tasks.c.wanted) == bindparam("agent")),
    or_(bindparam("text") == "", func.instr(func.lower(tasks.c.brief), bindparam("text")) > 0),
)
"""Of one agent, or with a text. It looks through all tasks: a user asks for it now and then."""
REQUIREMENTS = (
    select(tasks.c.wanted, tasks.c.needs).where(tasks.c.state.in_(bindparam("states", expanding=True))).distinct()
)
COUNTS = select(tasks.c.state, func.count().label("size")).group_by(tasks.c.state)
QUEUE = _summary.where(tasks.c.state == "ready").order_by(tasks.c.priority, tasks.c.number).limit(bindparam("size"))
_is_own_entry = or_(tasks.c.state != "waiting", tasks.c.reason == WaitReason.DRY_RUN.value)
_place = func.row_number().over(
    partition_by=(tasks.c.state, tasks.c.reason), order_by=(tasks.c.changed_ms, tasks.c.number)
)
_held = (
    select(
        *tasks.c["state", "reason", "note", "cause", "number", "changed_ms"],
        case((_is_own_entry, _place), else_=0).label("place"),
    )
    .where(_HELD)
    .subquery()
)
_is_rest = _held.c.place > bindparam("most")
_note = case((_is_rest, ""), else_=_held.c.note)
_cause = case((_is_rest, ""), else_=_held.c.cause)
BLOCKED = select(
    _held.c.state,
    _held.c.reason,
    _note.label("note"),
    _cause.label("cause"),
    func.min(_held.c.number).label("number"),
    func.min(_held.c.changed_ms).label("since_ms"),
    func.count().label("size"),
    func.max(_is_rest).label("is_rest"),
).group_by(
    _held.c.state, _held.c.reason, _note, _cause, case((_is_rest, -1), (_held.c.place > 0, _held.c.number), else_=0)
)
"""Tasks that are entries of their own are listed up to `most` of each state and reason; the rest is one row."""
ANY_WAITING = (
    select(tasks.c.number).where(tasks.c.state == bindparam("stands"), tasks.c.reason == bindparam("why")).limit(1)
)
"""Whether anything stands so, whoever it is for."""
OF_REQUIREMENTS = (
    select(tasks)
    .where(
        tasks.c.state == bindparam("stands"),
        tasks.c.reason == bindparam("why"),
        tasks.c.wanted.is_not_distinct_from(bindparam("by")),
        tasks.c.needs == bindparam("skills"),
    )
    .order_by(tasks.c.priority, tasks.c.number)
    .limit(bindparam("size"))
)
WAITING_PER_REQUIREMENTS = (
    select(tasks.c.wanted, tasks.c.needs, func.count().label("size"))
    .where(tasks.c.state == "waiting", tasks.c.reason == bindparam("why"))
    .group_by(tasks.c.wanted, tasks.c.needs)
)
WAITING_FOR_REMOVED = select(tasks).where(
    tasks.c.state == "waiting",
    tasks.c.reason == WaitReason.WINDOW.value,
    tasks.c.agent.not_in(bindparam("agents", expanding=True)),
)
STALLED = (
    select(tasks).where(tasks.c.deadline_ms <= bindparam("now")).order_by(tasks.c.deadline_ms).limit(bindparam("size"))
)
NEXT_DEADLINE = select(func.min(tasks.c.deadline_ms).label("at")).where(tasks.c.deadline_ms.is_not(None))
WORKING = select(tasks).where(tasks.c.state == "working")
IN_STATES = select(tasks).where(tasks.c.state.in_(bindparam("states", expanding=True))).order_by(tasks.c.number)
SHIFT_DEADLINES = (
    update(tasks).where(tasks.c.deadline_ms.is_not(None)).values(deadline_ms=tasks.c.deadline_ms + bindparam("by"))
)
_old = (
    select(tasks.c.number)
    .where(
        _HAS_TEXT,
        tasks.c.created_ms < bindparam("before"),
        tasks.c.changed_ms < bindparam("before"),
        text("+state IN ('done', 'cancelled', 'failed', 'expired')"),
        # An Enter that was asked for may still come to be something that a person has to decide about.
        text(
            "NOT EXISTS (SELECT 1 FROM deliveries WHERE task = 'T-' || tasks.number AND +state IN "
            "('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown'))"
        ),
    )
    .order_by(tasks.c.created_ms)
    .limit(bindparam("size_of_batch"))
)
EXPIRE = update(tasks).where(tasks.c.number.in_(_old)).values(brief="", text_expired_ms=bindparam("at"))


newest_in = partial(newest_of_each, tasks.c.state, tasks.c.number)


def task_of(row: Row) -> Task:
    """A row as a task."""
    place = Place(channel=row.place_channel, guild=row.place_guild)
    return from_attributes(Task, row, id=TaskId(f"T-{row.number}"), needs=frozenset(json.loads(row.needs)), place=place)


def requirements_of(row: Row) -> Requirements:
    """What a row's task asks of an agent."""
    return Requirements(wanted=row.wanted, needs=frozenset(json.loads(row.needs)))


def summary_of(row: Row) -> TaskSummary:
    """A row as the line of a list."""
    place = Place(channel=row.place_channel, guild=row.place_guild)
    return from_attributes(
        TaskSummary, row, id=TaskId(f"T-{row.number}"), requirements=requirements_of(row), place=place
    )
