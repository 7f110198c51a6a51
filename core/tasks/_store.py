"""The tasks' table and statements, and rows as tasks."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from core.kit.from_attributes import from_attributes
from core.messages.model import files_of
from core.notices.model import Place
from core.reasons import WaitReason
from core.store.engine import Row
from core.store.listings import Listing
from core.store.tables import integers, metadata, newest_of_each, partial_index, texts, upsert
from core.tasks.model import (
    RECORD_SIZE,
    AgentCandidate,
    Choice,
    QueuedTask,
    Requirements,
    Task,
    TaskAttempt,
    TaskId,
    TaskSummary,
    parse_task_id,
)

_HAS_FILES = text("attachments != '[]'")
_HELD = text("state IN ('waiting', 'parked', 'blocked')")
_IS_QUEUED = text("state IN ('ready', 'waiting')")
_COUNTS = text("outcome IN ('done', 'failed', 'silent', 'blocked', 'retried')")
_IS_LATER = text("state = 'waiting' AND reason = 'not_before'")
_HAS_TEXT = text("text_expired_ms IS NULL")

tasks = Table(
    "tasks",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    *texts("title", "brief", "source", "state"),
    *texts("reason", "note", "cause", default=""),
    *integers("priority"),
    Column("needs", Text, nullable=False),
    Column("wanted", Text),
    Column("agent", Text),
    *integers("attempt", default=1),
    *integers("fence", server_default="0"),
    *integers("last_seen_ms", nullable=True),
    Column("activity", Text),
    Column("progress", Text, nullable=False, server_default=""),
    *integers("deadline_ms", nullable=True),
    Column("nudge", Text),
    *integers("idle_ms", nullable=True),
    Column("idle_by", Text),
    Column("avoids", Text),
    *texts("requester", "requester_name", "place_channel", "place_guild"),
    Column("idempotency_key", Text, unique=True),
    *integers("created_ms", "changed_ms"),
    *integers("text_expired_ms", nullable=True),
    Column("again_of", Text),
    Column("labels", Text, nullable=False, server_default="[]"),
    *integers("due_ms", "not_before_ms", "parent", "is_chosen", nullable=True),
    *integers("is_delay", server_default="0"),  # whether a user gave that time as a duration
    Column("parts", Text, nullable=False, server_default=""),
    Column("wrong", Text),
    Column("follow_up", Text),
    *integers("rank", server_default="0"),
    Column("choice", Text),
    Column("attachments", Text, nullable=False, server_default="[]"),  # a list in JSON
    Column("project", Text),
    Column("checks", Text, nullable=False, server_default="[]"),
    Column("proof", Text),
    partial_index("ix_tasks_attached", "number", where=_HAS_FILES),
    Index("ix_tasks_state", "state", "number"),
    # Finds the head of each queue directly, however long the others are.
    Index("ix_tasks_demand", "state", "reason", "wanted", "needs", "rank", "number", "requester"),
    partial_index("ix_tasks_deadline", "deadline_ms", where=text("deadline_ms IS NOT NULL")),
    # Answers what waits and why without reading the rows: their briefs may be long.
    partial_index("ix_tasks_held", "state", "reason", "note", "cause", "changed_ms", "number", where=_HELD),
    Index("ix_tasks_queue", "state", "rank", "number"),
    partial_index("ix_tasks_turn", "requester", "priority", "rank", where=_IS_QUEUED),
    partial_index("ix_tasks_parent", "parent", where=text("parent IS NOT NULL")),
    partial_index("ix_tasks_start", "not_before_ms", where=_IS_LATER),
    partial_index("ix_tasks_text", "created_ms", where=_HAS_TEXT),
    sqlite_autoincrement=True,
)
_row = tasks.c
dependencies = Table(
    "dependencies",
    metadata,
    Column("task", Integer, primary_key=True),
    Column("needs", Integer, primary_key=True),
    *texts("on_failure"),
    Index("ix_dependencies_needs", "needs"),
)
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    *integers("task", "fence", "began_ms"),
    *texts("agent", "category"),
    *texts("outcome", "known_by", default=""),
    *integers("ended_ms", "tokens", "cost_micros", nullable=True),
    *integers("is_disowned", server_default="0"),
    UniqueConstraint("task", "fence"),
    # Answers what an agent's last attempts were without reading the rows.
    partial_index("ix_attempts_record", "agent", "ended_ms", "outcome", "is_disowned", where=_COUNTS),
)

BEGIN_ATTEMPT = insert(attempts)
_attempt = update(attempts).where(attempts.c.task == bindparam("of_task"), attempts.c.fence == bindparam("lease"))
ANSWER_ATTEMPT = _attempt.values(ended_ms=bindparam("at"), outcome=bindparam("how"), known_by=bindparam("by"))
"""Also one that ended as never arrived: its answer shows that it had."""
SETTLE_ATTEMPT = ANSWER_ATTEMPT.where(attempts.c.ended_ms.is_(None))
REOPEN_ATTEMPT = _attempt.values(ended_ms=None, outcome="", known_by="")
CHARGE_ATTEMPT = _attempt.values(tokens=bindparam("used"), cost_micros=bindparam("cost"))
CONFIRM_ATTEMPT = _attempt.values(known_by=bindparam("by"))
DISOWN_ATTEMPT = (
    update(attempts)
    .where(attempts.c.task == bindparam("of_task"), attempts.c.ended_ms >= bindparam("since"))
    .values(is_disowned=1)
)
ADD_DEPENDENCY = upsert(dependencies)
_link = dependencies.c
DROP_DEPENDENCY = delete(dependencies).where(_link.task == bindparam("of_task"), _link.needs == bindparam("other"))
_result_state = case((_row.follow_up.is_(None), _row.state), else_="done")
DEPENDENCIES = (
    select(_link.needs, _link.on_failure, _result_state.label("state"), _row.title)
    .join_from(dependencies, tasks, _row.number == _link.needs)
    .where(_link.task == bindparam("of_task"))
    .order_by(_link.needs)
)
_IS_OPEN = text("(tasks.state NOT IN ('done', 'failed', 'expired', 'cancelled') AND tasks.follow_up IS NULL)")
HOLDING = (
    DEPENDENCIES.where(_result_state != "done", or_(_IS_OPEN, _link.on_failure != "start"))
    .order_by(None)
    .order_by(case((_IS_OPEN, 1), else_=0), _link.needs)
    .limit(bindparam("size"))
)
"""What holds a task, the first few, failed ones first."""
COUNT_DEPENDENCIES = select(func.count().label("size")).where(_link.task == bindparam("of_task"))
DEPENDANTS = (
    select(tasks, _link.on_failure)
    .join_from(dependencies, tasks, _row.number == _link.task)
    .where(_link.needs == bindparam("of_task"))
    .order_by(_link.task)
)
PARTS = select(tasks).where(_row.parent == bindparam("of_task")).order_by(_row.number)
OPEN_PARTS = PARTS.where(_IS_OPEN).limit(bindparam("size"))
_below = select(_row.number).where(_row.parent == bindparam("of_task")).cte("below", recursive=True)
_below = _below.union_all(select(tasks.c.number).where(tasks.c.parent == _below.c.number))
SIZE_BELOW = select(func.count()).select_from(_below)
LATER = select(tasks).where(_IS_LATER, _row.not_before_ms <= bindparam("now")).limit(bindparam("size"))
NEXT_LATER = select(func.min(_row.not_before_ms).label("at")).where(_IS_LATER)
ATTEMPTS = select(attempts).where(attempts.c.task == bindparam("of_task")).order_by(attempts.c.fence)
RECENT_ATTEMPTS = select(attempts).order_by(attempts.c.id.desc()).limit(bindparam("size"))
ADD = insert(tasks).returning(tasks)
ONE = select(tasks).where(_row.number == bindparam("task"))
_LINE = ("number", "title", "state", "priority", "needs", "wanted", "agent", "requester", "last_seen_ms", "created_ms")
_summary = select(*tasks.c[(*_LINE, "idle_ms", "idle_by", "place_channel", "place_guild")])
SUMMARIES = _summary.where(_row.number.in_(bindparam("tasks", expanding=True)))
BY_KEY = select(tasks).where(_row.idempotency_key == bindparam("key"))
NEWEST = select(tasks).where(_row.number < bindparam("before")).order_by(_row.number.desc()).limit(bindparam("size"))
_agent = func.coalesce(_row.agent, _row.wanted, "")
LISTING = Listing(
    table=tasks,
    key=_row.number,
    id_of="T-{}".format,
    key_of=lambda name: int(parse_task_id(name).removeprefix("T-")),
    fields={
        "state": (_row.state,),
        "agent": (_agent,),
        "priority": (cast(_row.priority, Text),),
        "requester": (_row.requester, _row.requester_name),
        "source": (_row.source,),
        "reason": (_row.reason,),
        "parent": (literal("T-") + cast(_row.parent, Text),),
    },
    lists={"label": _row.labels, "needs": _row.needs},
    texts=(_row.brief, _row.title),  # its brief may have expired
    sorts={
        "created": _row.number,
        "changed": _row.changed_ms,
        "priority": _row.priority,
        "state": _row.state,
        "agent": _agent,
        "title": _row.title,
    },
)
"""It scans all tasks, unless only states are asked for (`newest_in`)."""
REQUIREMENTS = select(_row.wanted, _row.needs).where(_row.state.in_(bindparam("states", expanding=True))).distinct()
COUNTS = select(_row.state, func.count().label("size")).group_by(_row.state)
QUEUE = _summary.where(_row.state == "ready").order_by(_row.rank, _row.number).limit(bindparam("size"))
OLDEST_READY = select(_row.created_ms).where(_row.state == "ready").order_by(_row.number).limit(1)
_is_own_entry = or_(_row.state != "waiting", _row.reason == WaitReason.DRY_RUN.value)
WANTED = (
    _summary.where(
        _row.state == bindparam("stands"),
        _row.reason != WaitReason.DRY_RUN.value,
        _row.wanted == bindparam("by"),
    )
    .order_by(_row.rank, _row.number)
    .limit(bindparam("size"))
)
"""Tasks that wait for this agent; of a dry run the agent has the prompt."""
_place = func.row_number().over(partition_by=(_row.state, _row.reason), order_by=(_row.changed_ms, _row.number))
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
"""Tasks with separate entries are listed up to `most` of each state and reason; the rest is one row."""
_asked = func.json_each(bindparam("asked")).table_valued("key", "value")
WAIT_REASONS = select(_asked.c.value).where(
    select(_row.number).where(_row.state == "waiting", _row.reason == _asked.c.value).exists()
)
"""Those of the `asked` reasons for which any task waits."""
_needing = dependencies.alias("needing")
_below_it = (
    select(_asked.c.value.label("number"))
    .where(select(_needing.c.task).where(_needing.c.needs == bindparam("of_task")).exists())
    .cte("needed", recursive=True)
)
_below_it = _below_it.union(select(_link.needs).join_from(dependencies, _below_it, _link.task == _below_it.c.number))
NEEDED_BELOW = select(_link.task, _link.needs).join_from(_below_it, dependencies, _link.task == _below_it.c.number)
"""All links below the tasks `asked`; none where nothing needs the task, which can then be in no circle."""
_recorded = attempts.alias("recorded")
_end = _recorded.c
_last = (
    select(_end.outcome, _end.is_disowned, _end.ended_ms)
    .where(_end.agent == func.json_extract(_asked.c.value, "$[0]"), _COUNTS)
    .order_by(_end.ended_ms.desc())
    .limit(RECORD_SIZE)  # it also keeps the order
    .correlate(_asked)
    .subquery()
)
_how = case(
    (_last.c.outcome == "done", case((_last.c.is_disowned == 0, "s"), else_="d")),
    (_last.c.ended_ms > func.json_extract(_asked.c.value, "$[1]"), "f"),
    else_="o",
)
RECORDS = select(
    func.json_extract(_asked.c.value, "$[0]").label("agent"),
    select(func.group_concat(_how, "")).select_from(_last).correlate(_asked).scalar_subquery().label("ends"),
    select(func.max(_last.c.ended_ms)).correlate(_asked).scalar_subquery().label("last_ms"),
).select_from(_asked)
"""How the last attempts of agents ended that count, the newest first: `asked` is a list of [agent, since], and in
`ends` s is a success, d a disowned result, f a failure, o one before `since`."""
_queued = tasks.alias("queued")
_head = (
    select(_queued.c.number)
    .where(
        _queued.c.state == bindparam("stands"),
        _queued.c.reason == func.json_extract(_asked.c.value, "$[0]"),
        _queued.c.wanted.is_not_distinct_from(func.json_extract(_asked.c.value, "$[1]")),
        _queued.c.needs == func.json_extract(_asked.c.value, "$[2]"),
        _queued.c.requester.not_in(select(func.json_each(bindparam("full")).table_valued("value").c.value)),
    )
    .order_by(_queued.c.rank, _queued.c.number)
    .limit(bindparam("size"))
    .correlate(_asked)
    .scalar_subquery()
)
HEADS = select(_asked.c.key.label("place"), *tasks.c["number", "rank", "avoids", "requester"]).select_from(
    _asked.join(tasks, _row.number.in_(_head))
)
"""The first `size` tasks of each queue, with its place in `asked`, a list of [reason, wanted, needs]."""
WAITING_PER_REQUIREMENTS = (
    select(_row.wanted, _row.needs, func.count().label("size"))
    .where(_row.state == "waiting", _row.reason == bindparam("why"))
    .group_by(_row.wanted, _row.needs)
)
WAITING_FOR_REMOVED = select(tasks).where(
    _row.state == "waiting",
    _row.reason == WaitReason.WINDOW.value,
    _row.agent.not_in(bindparam("agents", expanding=True)),
)
STALLED = select(tasks).where(_row.deadline_ms <= bindparam("now")).order_by(_row.deadline_ms).limit(bindparam("size"))
NEXT_DEADLINE = select(func.min(_row.deadline_ms).label("at")).where(_row.deadline_ms < 2**62)  # no text is
IDLE = _summary.where(_row.state == "working", _row.idle_ms.is_not(None)).order_by(_row.number)
WORKING = select(tasks).where(_row.state == "working")
IN_STATES = select(tasks).where(_row.state.in_(bindparam("states", expanding=True))).order_by(_row.number)
LAST_RANK = select(func.max(_row.rank).label("rank")).where(
    _IS_QUEUED, _row.requester == bindparam("who"), _row.priority == bindparam("urgency")
)
SHIFT_RANKS = update(tasks).where(_IS_QUEUED, _row.rank > 0).values(rank=_row.rank + bindparam("by"))
SHIFT_STARTS = (
    update(tasks).where(_IS_QUEUED, _row.is_delay == 1).values(not_before_ms=_row.not_before_ms + bindparam("by"))
)
SHIFT_GOALS = (
    update(tasks)
    .where(_row.parts == "delegated", _row.state.in_(bindparam("states", expanding=True)))
    .values(created_ms=_row.created_ms + bindparam("by"))
)
SHIFT_CANCELS = (
    update(tasks)
    .where(
        _row.number.in_(bindparam("numbers", expanding=True)),
        _row.state == "cancelled",
        _row.changed_ms > bindparam("since"),
    )
    .values(changed_ms=_row.changed_ms + bindparam("by"))
)
SHIFT_DEADLINES = (
    update(tasks).where(_row.deadline_ms.is_not(None)).values(deadline_ms=_row.deadline_ms + bindparam("by"))
)
_old = (
    select(_row.number)
    .where(
        _HAS_TEXT,
        _row.created_ms < bindparam("before"),
        _row.changed_ms < bindparam("before"),
        text("+state IN ('done', 'cancelled', 'failed', 'expired')"),
        # A user may still have to decide about an open delivery.
        text(
            "NOT EXISTS (SELECT 1 FROM deliveries WHERE task = 'T-' || tasks.number AND +state IN "
            "('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown'))"
        ),
    )
    .order_by(_row.created_ms)
    .limit(bindparam("size_of_batch"))
)
ATTACHED = select(_row.number.label("of"), _row.attachments).where(_HAS_FILES)
_no_text = {"brief": "", "attachments": "[]", "wrong": case((_row.wrong.is_not(None), ""))}
EXPIRE = update(tasks).where(_row.number.in_(_old)).values(text_expired_ms=bindparam("at"), **_no_text)
newest_in = partial(newest_of_each, _row.state, _row.number)


_JSON = {"needs": "[]", "labels": "[]", "attachments": "[]", "checks": "[]", "choice": None}
REPAIR = update(tasks).where(_row.number == bindparam("damaged"))


def task_of(row: Row) -> Task:
    sets = {"needs": frozenset(json.loads(row.needs)), "labels": frozenset(json.loads(row.labels))}
    above = TaskId(f"T-{row.parent}") if row.parent else None
    choice = _choice(json.loads(row.choice)) if row.choice else None
    lists: dict[str, Any] = {"attachments": files_of(row.attachments), "checks": tuple(json.loads(row.checks))}
    return from_attributes(Task, row, **_own(row), **sets, **lists, parent=above, choice=choice)


def damaged_columns(row: Row) -> dict[str, str | None]:
    """Return the columns of a task that no list could show, each with its empty value."""
    found = dict[str, str | None]()
    for name, empty in _JSON.items():
        try:
            json.dumps(json.loads(getattr(row, name) or "null"), ensure_ascii=False).encode()
        except ValueError:
            found[name] = empty
    return found


def attempt_of(row: Row) -> TaskAttempt:
    return from_attributes(TaskAttempt, row, task=TaskId(f"T-{row.task}"))


def _choice(found: dict[str, Any]) -> Choice:
    candidates = tuple(from_attributes(AgentCandidate, SimpleNamespace(**one)) for one in found["candidates"])
    return from_attributes(Choice, SimpleNamespace(**found), candidates=candidates)


def sorted_names(names: frozenset[str]) -> str:
    """Return a set of names as its column has it: equal sets are equal texts."""
    return json.dumps(sorted(names))


def requirements_of(row: Row) -> Requirements:
    return Requirements(wanted=row.wanted, needs=frozenset(json.loads(row.needs)))


def summary_of(row: Row) -> TaskSummary:
    return from_attributes(TaskSummary, row, **_own(row), requirements=requirements_of(row))


def queued_of(row: Row, requirements: Requirements) -> QueuedTask:
    return from_attributes(QueuedTask, row, id=TaskId(f"T-{row.number}"), requirements=requirements)


def _own(row: Row) -> dict[str, object]:
    return {"id": TaskId(f"T-{row.number}"), "place": Place(channel=row.place_channel, guild=row.place_guild)}
