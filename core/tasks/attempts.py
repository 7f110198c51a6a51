"""The attempts: one row for each lease of a task, from its begin to how it ended and how Octet knows that."""

from __future__ import annotations

import json
from collections.abc import Mapping

from core.deliveries.model import Usage
from core.reasons import NEVER_FITS, AnyReason, BlockCause, ParkCause, Reason, WaitReason
from core.security.model import Actor, ActorKind
from core.store.engine import Executable, Store, Tx
from core.tasks import _store
from core.tasks.model import (
    ENDED,
    RECORD_SIZE,
    AgentRecord,
    AttemptOutcome,
    KnownBy,
    Task,
    TaskAttempt,
    TaskId,
    TaskState,
)

_END = {
    TaskState.DONE: AttemptOutcome.DONE,
    TaskState.FAILED: AttemptOutcome.FAILED,
    TaskState.EXPIRED: AttemptOutcome.EXPIRED,
    TaskState.CANCELLED: AttemptOutcome.CANCELLED,
}
_NEVER_ARRIVED = frozenset({ParkCause.WINDOW, ParkCause.WORKER})
_USERS = frozenset({ActorKind.PERSON, ActorKind.OPERATOR})


class Attempts:
    """Writes the rows where a task's lease begins and ends, and reads what they say about agents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_for_task(self, task: TaskId) -> tuple[TaskAttempt, ...]:
        """List the attempts at a task, oldest first."""
        return tuple(map(_store.attempt_of, await self._store.fetch(_store.ATTEMPTS, _of(task))))

    async def list_newest(self, *, limit: int) -> tuple[TaskAttempt, ...]:
        """List the attempts of all agents that began last, oldest first."""
        rows = await self._store.fetch(_store.RECENT_ATTEMPTS, {"size": limit})
        return tuple(map(_store.attempt_of, reversed(rows)))

    def find(self, tx: Tx, task: TaskId) -> list[TaskAttempt]:
        return [_store.attempt_of(row) for row in tx.execute(_store.ATTEMPTS, _of(task))]

    def records(self, tx: Tx, since_ms: Mapping[str, int]) -> dict[str, AgentRecord]:
        """Return the records of these agents, without new ones; failures before an agent's `since_ms` make no row."""
        found = dict[str, AgentRecord]()
        for row in tx.execute(_store.RECORDS, {"asked": json.dumps([*since_ms.items()])}) if since_ms else ():
            if ends := row.ends:
                success, failures = RECORD_SIZE - len(ends) + ends.count("s"), len(ends) - len(ends.lstrip("f"))
                found[row.agent] = AgentRecord(success=success, failures=failures, last_ms=row.last_ms)
        return found

    def begin(self, tx: Tx, task: Task, *, at_ms: int) -> None:
        """Note that the task's agent has it now, under its present fence."""
        row = {"fence": task.fence, "agent": task.agent, "category": task.category, "began_ms": at_ms}
        tx.execute(_store.BEGIN_ATTEMPT, {"task": task.number, **row})

    def follow(self, tx: Tx, was: Task, now: Task, *, by: Actor) -> None:
        """Settle the attempt with a step that ends the lease; reopen it where an undone end continues it."""
        if now.state in ENDED:
            how = AttemptOutcome.BLOCKED if _is_question(was) and now.state in _UNANSWERED else _END[now.state]
            if now.state is TaskState.FAILED and now.reason in NEVER_FITS:
                how = AttemptOutcome.RETURNED  # the text is to blame
            statement = _store.ANSWER_ATTEMPT if now.state is TaskState.DONE else _store.SETTLE_ATTEMPT
            self._settle(tx, now, how, _known_by(now, how, by), at_ms=now.changed_ms, statement=statement)
        elif was.state in ENDED and now.state is TaskState.WORKING:
            tx.execute(_store.REOPEN_ATTEMPT, {**_of(now.id), "lease": now.fence})
        elif was.state in {TaskState.ASSIGNED, TaskState.DELIVERING} and _is_back(now.state, now.reason):
            self._settle(tx, now, AttemptOutcome.RETURNED, KnownBy.OCTET, at_ms=now.changed_ms)

    def revoke(self, tx: Tx, task: Task, *, at_ms: int) -> None:
        """Settle the attempt of the lease that the task loses now; `task` is as it was with it."""
        how = AttemptOutcome.RETRIED
        if task.reason == ParkCause.SILENT or task.state is TaskState.WORKING:
            how = AttemptOutcome.SILENT  # a task at work is taken only from a silent agent
        elif _is_question(task):
            how = AttemptOutcome.BLOCKED
        elif task.state in {TaskState.ASSIGNED, TaskState.DELIVERING} or task.reason in _NEVER_ARRIVED:
            how = AttemptOutcome.RETURNED
        known = KnownBy.USER if how is AttemptOutcome.RETRIED else KnownBy.OCTET
        self._settle(tx, task, how, known, at_ms=at_ms)

    def confirm(self, tx: Tx, task: Task) -> None:
        """Note that the agent itself sent the answer that Octet had read in its window."""
        tx.execute(_store.CONFIRM_ATTEMPT, {**_of(task.id), "lease": task.fence, "by": KnownBy.AGENT.value})

    def disown(self, tx: Tx, task: TaskId, *, since_ms: int = 0) -> None:
        """Note that a user does not accept the task's result, if it ended since then: it counts as a failure."""
        tx.execute(_store.DISOWN_ATTEMPT, {**_of(task), "since": since_ms})

    def charge(self, tx: Tx, task: Task, usage: Usage) -> None:
        """Note what the answer to the task's present lease used."""
        used = {"used": usage.input_tokens + usage.output_tokens, "cost": usage.cost_micros}
        tx.execute(_store.CHARGE_ATTEMPT, {**_of(task.id), "lease": task.fence, **used})

    def _settle(
        self,
        tx: Tx,
        task: Task,
        how: AttemptOutcome,
        known: KnownBy,
        *,
        at_ms: int,
        statement: Executable = _store.SETTLE_ATTEMPT,
    ) -> None:
        values = {"lease": task.fence, "at": at_ms, "how": how.value, "by": known.value}
        tx.execute(statement, {**_of(task.id), **values})


_UNANSWERED = frozenset({TaskState.CANCELLED, TaskState.EXPIRED})


def _of(task: TaskId) -> Mapping[str, object]:
    return {"of_task": int(task.removeprefix("T-"))}


def _is_question(task: Task) -> bool:
    return (task.state, task.reason) == (TaskState.BLOCKED, BlockCause.QUESTION)


def _is_back(state: TaskState, reason: AnyReason | None) -> bool:
    """Return whether no agent has the task; in a dry run the user plays the agent."""
    return state is TaskState.READY or (state is TaskState.WAITING and reason != WaitReason.DRY_RUN)


def _known_by(task: Task, how: AttemptOutcome, by: Actor) -> KnownBy:
    if by.kind in _USERS:
        return KnownBy.USER
    if how is AttemptOutcome.DONE:
        return KnownBy.WINDOW if task.cause is Reason.READ_IN_WINDOW else KnownBy.AGENT
    return KnownBy.AGENT if task.reason is Reason.AGENT_FAILED else KnownBy.OCTET
