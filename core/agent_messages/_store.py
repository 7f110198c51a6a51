"""The tables of stopped chains of messages and of agents' questions, with their statements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, bindparam, func, insert, select, text, update

from core.store.tables import integers, metadata, partial_index, texts, upsert

traces = Table(
    "traces",
    metadata,
    Column("trace", Text, primary_key=True),
    *texts("stopped_by"),  # empty: it is not stopped
    *integers("allowance", "since_ms"),
    partial_index("ix_traces_stopped", "since_ms", where=text("stopped_by = 'hub'")),
)
questions = Table(
    "questions",
    metadata,
    Column("id", Text, primary_key=True),
    *texts("agent", "task", "asked", "choices", "at_due", "state"),
    Column("answer", Text),
    *integers("due_ms", "since_ms"),
    *integers("fence", server_default="0"),  # the lease of its task in which the agent asked
    Index("ix_questions_agent", "agent", "since_ms"),
    partial_index("ix_questions_open", "due_ms", where=text("state = 'open'")),
    partial_index("ix_questions_lease", "task", "fence", where=text("state = 'open'")),
)
TRACE = select(traces).where(traces.c.trace == bindparam("of_trace"))
SET_TRACE = upsert(traces)
STOPPED = select(traces).where(text("stopped_by = 'hub'")).order_by(traces.c.since_ms)
STOPPED_OF = select(traces.c.trace).where(
    traces.c.trace.in_(bindparam("traces", expanding=True)), traces.c.stopped_by != ""
)

ADD_QUESTION = insert(questions)
QUESTION = select(questions).where(questions.c.id == bindparam("question"))
OPEN_QUESTIONS = select(questions).where(text("state = 'open'")).order_by(questions.c.due_ms)
OPEN_WITH_TEXTS = OPEN_QUESTIONS.add_columns(text("(SELECT body FROM messages WHERE id = questions.id) AS body"))
OPEN_IN_LEASE = select(questions).where(
    text("state = 'open'"), questions.c.task == bindparam("of_task"), questions.c.fence == bindparam("lease")
)
_by_agent = select(func.count()).where(questions.c.agent == bindparam("agent"))
_open_there = _by_agent.where(text("state = 'open'"), questions.c.task == bindparam("task"))
ASKED = select(
    _by_agent.where(questions.c.since_ms > bindparam("since")).scalar_subquery().label("in_hour"),
    _open_there.scalar_subquery().label("still_open"),
)
"""How many questions an agent has asked since then, and how many of a task are still open."""
SETTLE = (
    update(questions)
    .where(questions.c.id == bindparam("question"))
    .values(state=bindparam("now_state"), answer=bindparam("by_message"))
)
POSTPONE = update(questions).where(questions.c.id == bindparam("question")).values(due_ms=bindparam("due"))
SHIFT_QUESTIONS = (
    update(questions)
    .where(text("state = 'open'"), questions.c.due_ms > 0)
    .values(due_ms=questions.c.due_ms + bindparam("by"))
)
