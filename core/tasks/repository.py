"""The tasks' rows, their cache, and the one function by which a task changes its state."""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

from core.kit import faults
from core.kit.filters import Page, Query
from core.kit.from_attributes import attributes_of
from core.kit.transitions import check_step
from core.messages.attachments import NamedFiles, named_files
from core.messages.model import UNVERIFIED_SOURCES, Source
from core.notices.model import EndCause, Halt, NoticeKind, UserAct
from core.reasons import AnyReason, BlockCause, IdleSource, ParkCause, Reason, TaskActivity, WaitReason
from core.security.model import HUB, Actor
from core.store.engine import Row, Tx, at_row
from core.tasks import _store
from core.tasks._store import damaged_columns, sorted_names, summary_of, task_of
from core.tasks.attempts import Attempts
from core.tasks.cache import TaskCache
from core.tasks.dependencies import Dependencies
from core.tasks.model import (
    ENDED,
    ON_FAILURE_OF_PARTS,
    PRIORITY_STEP_MS,
    TASK_STEPS,
    UNDO_MS,
    Choice,
    DependencyChanged,
    NewTask,
    OnFailure,
    PartsKind,
    ProofOfDone,
    Task,
    TaskAssigned,
    TaskChanged,
    TaskId,
    TaskIdle,
    TaskMoved,
    TaskNotFound,
    TaskState,
    TaskSummary,
    parse_task_id,
    rank_of,
    title_of,
)
from core.tasks.queue import TaskQueue
from core.tasks.services import TaskServices

_AFTER_ALL = 2**62  # no task has such a number
_FOR_A_USER = frozenset({WaitReason.DEPENDENCY_FAILED, WaitReason.PICK})
_OFFERS = frozenset({TaskState.PARKED, TaskState.BLOCKED, TaskState.CANCELLED})  # a message offers what ends it
_FOR_OTHERS = _FOR_A_USER | {WaitReason.DEPENDENCY, WaitReason.NOT_BEFORE}
_STEPS_TO_WORKING = (TaskState.READY, TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING)
HaltFollower = Callable[[Tx, Task, Actor], None]  # gets a task that has ended or is parked, and who did that
_CHANGED, _FIRST_MS = "tasks whose dependants follow", "when the first of them changed, and all with it"
_NOT_SEEN: dict[str, Any] = {"last_seen_ms": None, "activity": None, "progress": "", "nudge": None}
_CARD_WAITS_MS = 100  # how long a new card waits for the task's first step, so that its first state is true


class TaskRepository:
    """Every task's row. Verbs that change take the open transaction; a task's card follows each of its steps."""

    def __init__(self, services: TaskServices, *, silent_after_ms: int) -> None:
        """Call `load` first. `silent_after_ms` is the time without activity after which an agent counts as silent."""
        self._store, self._journal, self._agents = services.store, services.journal, services.agents
        self._notices, self._clock, self._silent_after_ms = services.notices, services.clock, silent_after_ms
        self.attempts, self.dependencies = Attempts(services.store), Dependencies(services.store)
        self.queue = TaskQueue(services.store)
        self._messages, self._attachments = services.messages, services.messages.attachments
        self.cache = TaskCache()  # for questions that are too frequent, or too urgent, for the rows
        self._halt_followers: list[HaltFollower] = []

    def follow_halts(self, call: HaltFollower) -> None:
        """Call this in every later transaction in which a task ends or is parked."""
        self._halt_followers.append(call)

    async def load(self) -> None:
        await self._attachments.follow_home(self._store, _store.tasks.c.number, await self.attached())
        newest = await self._store.fetch(_store.NEWEST, {"size": TaskCache.SIZE, "before": _AFTER_ALL})
        counts, readable = await self._store.fetch(_store.COUNTS), self._store.aside.readable
        self.cache.load(
            newest=self._readable(reversed(newest)),
            demands=await self.queue.requirements_in(*(state for state in TaskState if state not in ENDED)),
            counts=dict(readable("tasks", counts, lambda row: (TaskState(row.state), row.size), key="state")),
        )

    def _readable(self, rows: Iterable[Row]) -> list[Task]:
        return self._store.aside.readable("task", rows, task_of, key="number")

    def find_by_key(self, tx: Tx, key: str) -> Task | None:
        row = tx.execute(_store.BY_KEY, {"key": key}).first()
        return task_of(row) if row is not None else None

    def add(
        self,
        tx: Tx,
        draft: NewTask,
        *,
        brief: str,
        wanted: str | None,
        source: Source,
        by: Actor,
        requester: tuple[str, str] | None = None,
    ) -> Task:
        """Add a task with its card, ready or waiting for others; its key must be new. `requester` is the id and name of
        the user for whom an agent adds it. Raises TaskNotFound for one that should come first."""
        now = self._clock.now_ms()
        asked_by, name = requester or (by.id, by.name)
        row = {
            "title": title_of(brief),
            "brief": brief,
            "source": source.value,
            "state": TaskState.READY.value,
            "priority": draft.priority,
            "rank": self._next_rank(tx, asked_by, draft.priority),
            "needs": sorted_names(draft.needs),
            "wanted": wanted,
            "requester": asked_by,
            "requester_name": name,
            "place_channel": draft.place.channel,
            "place_guild": draft.place.guild,
            "idempotency_key": draft.key,
            "again_of": draft.again_of,
            "labels": sorted_names(draft.labels),
            "attachments": json.dumps([asdict(one) for one in draft.attachments], ensure_ascii=False),
            "project": draft.project,
            "checks": json.dumps([] if draft.best_of else draft.checks),
            "due_ms": draft.due_ms,
            "not_before_ms": draft.not_before_ms,
            "is_delay": int(draft.is_delay),
            "parent": _number(draft.parent) if draft.parent else None,
            "parts": "",
            "created_ms": now,
            "changed_ms": now,
        }
        task = task_of(tx.execute(_store.ADD, row).one())
        self._record_step(tx, task, was="", by=by)
        self._notices.notify(tx, NoticeKind.CARD, task.id, place=task.place, after_ms=_CARD_WAITS_MS)
        faults.arrow("task", "", task.state, tx.after_commit)
        needed = [self.find(tx, first) for first in sorted(draft.after, key=_number)]
        self._link(tx, {task.id: {one.id: draft.on_failure for one in needed}}, by=by)
        return self._follow(tx, task, needed, draft.on_failure) if needed or draft.not_before_ms else task

    async def list(self, query: Query) -> Page[Task]:
        """Fetch one page of tasks. Raises UnknownSort and InvalidCursor; RowFailed for one that no list could show."""
        if query.phrases or query.sort or [name for name, _ in query.terms] != ["state"]:
            return await _store.LISTING.page(self._store, query, _readable)
        ((_, states),) = query.terms
        asked = {f"stands_{place}": state for place, state in enumerate(states)}
        page = {"size": query.limit + 1, "before": _number(query.after) if query.after else _AFTER_ALL}
        found = await self._store.fetch(_store.newest_in(len(states)), {**asked, **page})
        rows = sorted(found, key=lambda row: row.number, reverse=True)[: query.limit + 1]
        shown = tuple(map(_readable, rows[: query.limit]))
        return Page(items=shown, next=shown[-1].id if len(rows) > query.limit else "")

    async def get(self, task: str) -> Task:
        """Fetch one task as of the last commit. Raises TaskNotFound; RowFailed for one that nothing could show."""
        rows = await self._store.fetch(_store.ONE, {"task": _number(task)})
        if not rows:
            raise TaskNotFound(id=task)
        return _readable(rows[0])

    def repair(self, tx: Tx, task: str) -> None:
        """Empty the columns that cannot be read, so that the row can be set aside."""
        row = tx.execute(_store.ONE, {"task": _number(task)}).first()
        if row is not None and (damaged := damaged_columns(row)):
            tx.execute(_store.REPAIR.values(**damaged), {"damaged": row.number})

    async def summaries(self, tasks: Iterable[str]) -> dict[str, TaskSummary]:
        """Fetch these tasks by their ids, without unknown ones."""
        rows = await self._store.fetch(_store.SUMMARIES, {"tasks": [_number(task) for task in tasks]})
        return {line.id: line for line in map(summary_of, rows)}

    def expire_texts(self, tx: Tx, *, before_ms: int, now_ms: int, most: int) -> int:
        """Clear the briefs of at most `most` tasks that ended before `before_ms`; return how many."""
        return tx.execute(_store.EXPIRE, {"before": before_ms, "at": now_ms, "size_of_batch": most}).rowcount

    async def attached(self) -> NamedFiles:
        """List the files of all tasks whose texts have not expired."""
        return await named_files(self._store, _store.ATTACHED)

    def find(self, tx: Tx, task: str) -> Task:
        """Find one task as this transaction sees it. Raises TaskNotFound."""
        rows = tx.execute(_store.ONE, {"task": _number(task)})
        if not rows:
            raise TaskNotFound(id=task)
        return task_of(rows[0])

    def advance_to_working(self, tx: Tx, task: Task, *, by: Actor) -> Task:
        """Bring the task to `working` by legal steps: an answer shows that an agent worked on it."""
        if task.state in {TaskState.WORKING, TaskState.REVIEW}:
            return task
        if task.state in {TaskState.PARKED, TaskState.BLOCKED}:
            return self.move(tx, task.id, TaskState.WORKING, by=by)
        if task.state is TaskState.WAITING:
            task = self.move(tx, task.id, TaskState.READY, keeps_lease=True, by=by)
        for state in _STEPS_TO_WORKING[_STEPS_TO_WORKING.index(task.state) + 1 :]:
            task = self.move(tx, task.id, state, by=by)
        return task

    def find_in_states(self, tx: Tx, states: Collection[TaskState]) -> list[Task]:
        return self._readable(tx.execute(_store.IN_STATES, {"states": [one.value for one in states]}))

    def move(
        self,
        tx: Tx,
        task: str,
        to: TaskState,
        *,
        reason: AnyReason | None = None,
        note: str = "",
        cause: Reason | BlockCause | None = None,
        agent: str | None = None,
        is_again: bool = False,
        keeps_lease: bool = False,
        by: Actor = HUB,
        **also: object,
    ) -> Task:
        """Take a step, if the table allows it; update the card. `agent` None keeps the agent; `is_again` counts another
        attempt; `keeps_lease`: the task only passes this state, and its agent keeps it. `also` is written with it."""
        now = self.find(tx, task)
        check_step(TASK_STEPS, "task", task, now.state, to)
        self.set_idle(tx, now, None)
        rank = 0 if to is TaskState.WAITING and reason in _FOR_OTHERS else now.rank
        if to is TaskState.READY and not rank:
            rank = self._next_rank(tx, now.requester, now.priority)
        after = self._update(
            tx,
            task,
            state=to.value,
            reason=reason or "",
            note=note,
            cause=cause or "",
            agent=agent or now.agent,
            attempt=now.attempt + is_again,
            rank=rank,
            deadline_ms=self._new_deadline_ms() if to is TaskState.WORKING else None,
            changed_ms=cast("int", tx.scratch.get(_FIRST_MS, self._clock.now_ms())),
            **also,
        )
        self._record_step(tx, after, was=now.state.value, by=by)
        self._notices.card_changed(tx, task)
        if now.state in _OFFERS or to in ENDED:
            self._notices.buttons_changed(tx, task)
        if after.parent is not None:
            self._notices.card_changed(tx, after.parent)
            if after.source is Source.AGENT:
                self._notices.parts_changed(tx, after.parent)
        faults.arrow("task", now.state, to, tx.after_commit)
        if keeps_lease:
            return after
        self.attempts.follow(tx, now, after, by=by)
        if (to in ENDED and now.state not in ENDED) or to is TaskState.PARKED:
            for call in self._halt_followers:
                call(tx, after, by)
        if after.follow_up is not None and to in ENDED - {TaskState.DONE}:
            return self._keep_answer(tx, after, by=by)
        if (now.result_state in ENDED) != (after.result_state in ENDED):
            self._follow_dependants(tx, after)
        return self._hold(tx, after) if to is TaskState.READY else after

    def add_parts(
        self, tx: Tx, parent: Task, kind: PartsKind, drafts: Iterable[NewTask], *, source: Source, by: Actor
    ) -> list[Task]:
        """Add tasks that the parent waits for, which has not begun. Raises too_many_links or dependency_cycle."""
        parts = [
            self.add(tx, replace(draft, parent=parent.id), brief=draft.brief, wanted=draft.agent, source=source, by=by)
            for draft in drafts
        ]
        self.dependencies.check_circle(tx, parent.id, [part.id for part in parts])
        self._link(tx, {parent.id: {part.id: ON_FAILURE_OF_PARTS[kind] for part in parts}}, by=by)
        self._hold_again(tx, self._change_fields(tx, parent, parts=kind.value))
        return parts

    def add_subtask(self, tx: Tx, parent: Task, draft: NewTask, *, source: Source, by: Actor) -> Task:
        """Add a task that the parent's agent gives to others, for the same user. The parent does not wait for it. The
        same key again returns the same task."""
        if draft.key is not None and (known := self.find_by_key(tx, draft.key)):
            return known
        draft, asked_by = replace(draft, parent=parent.id), (parent.requester, parent.requester_name)
        part = self.add(tx, draft, brief=draft.brief, wanted=draft.agent, source=source, by=by, requester=asked_by)
        self._change_fields(tx, parent, parts=PartsKind.DELEGATED.value)
        return part

    def find_open_subtasks(self, tx: Tx, parent: Task, *, most: int = -1) -> list[Task]:
        """Find the tasks that the parent's agent gave to others and that have not ended, oldest first."""
        if parent.parts is not PartsKind.DELEGATED:
            return []
        return [*map(task_of, tx.execute(_store.OPEN_PARTS, {"of_task": _number(parent.id), "size": most}))]

    def find_subtasks(self, tx: Tx, parent: Task) -> list[Task]:
        """Find the tasks that the parent's agent gave to others, oldest first."""
        return self.find_parts(tx, parent.id) if parent.parts is PartsKind.DELEGATED else []

    def find_giver(self, tx: Tx, task: Task) -> Task | None:
        """Find the task whose agent created this one; None for a task of a user."""
        above = self.find(tx, task.parent) if task.parent is not None else None
        return above if above is not None and above.parts is PartsKind.DELEGATED else None

    def count_below(self, tx: Tx, goal: TaskId) -> int:
        """Count the parts of a task, and their parts."""
        return int(tx.execute(_store.SIZE_BELOW, {"of_task": _number(goal)}).scalar_one())

    def find_parts(self, tx: Tx, parent: TaskId) -> list[Task]:
        return [task_of(row) for row in tx.execute(_store.PARTS, {"of_task": _number(parent)})]

    async def list_parts(self, parent: TaskId) -> tuple[Task, ...]:
        return tuple(map(task_of, await self._store.fetch(_store.PARTS, {"of_task": _number(parent)})))

    def mark_chosen(self, tx: Tx, part: Task, *, is_chosen: bool) -> None:
        self._update(tx, part.id, is_chosen=int(is_chosen))
        self._notices.card_changed(tx, part.id)

    def edit(self, tx: Tx, task: Task, *, by: Actor, **changes: object) -> Task:
        """Write fields that a user changes, and hold or release the task by them."""
        for name in changes.keys() & {"needs", "labels"}:
            changes[name] = sorted_names(cast("frozenset[str]", changes[name]))
        return self._hold_again(tx, self._change_fields(tx, task, by=by, **changes))

    def link_all(
        self,
        tx: Tx,
        links: Mapping[TaskId, Mapping[TaskId, OnFailure]],
        parts: Mapping[TaskId, tuple[PartsKind, Sequence[TaskId]]],
        *,
        by: Actor,
    ) -> None:
        """Link new tasks to those that they need, and parents to their parts. Raises too_many_links."""
        for parent, (kind, children) in parts.items():
            self._update(tx, parent, parts=kind.value)
            for one in children:
                self._update(tx, one, parent=_number(parent))
        self._link(tx, links, by=by)
        for task in links:
            self._hold_again(tx, self.find(tx, task))

    def depend(self, tx: Tx, task: Task, needs: TaskId, on_failure: OnFailure | None, *, by: Actor) -> Task:
        """Have a task that has not begun wait for another one, or no longer where `on_failure` is None. Raises
        too_many_links or dependency_cycle."""
        needed = self.find(tx, needs)
        if on_failure is not None:
            self.dependencies.check_circle(tx, task.id, [needed.id])
            self._link(tx, {task.id: {needed.id: on_failure}}, by=by)
            return self._follow(tx, self._change_fields(tx, task), [needed], on_failure)
        self.dependencies.drop(tx, task.id, needed.id)
        self._journal.append(tx, DependencyChanged(task=task.id, needs=needed.id, on_failure=None), by=by.id)
        if needed.parent == task.id:
            self._update(tx, needed.id, parent=None)
            if not self.find_parts(tx, task.id):
                self._update(tx, task.id, parts="")
        return self._hold_again(tx, self._change_fields(tx, task))

    def start_due(self, tx: Tx, *, limit: int) -> int:
        """Make at most `limit` tasks ready whose time has come; return how many."""
        found = tx.execute(_store.LATER, {"now": self._clock.now_ms(), "size": limit})
        for task in map(task_of, found):
            with at_row(task.id):
                self.move(tx, task.id, TaskState.READY)
        return len(found)

    def _link(self, tx: Tx, links: Mapping[TaskId, Mapping[TaskId, OnFailure]], *, by: Actor) -> None:
        self.dependencies.put(tx, links)
        for task, others in links.items():
            for needs, on_failure in others.items():
                self._journal.append(tx, DependencyChanged(task=task, needs=needs, on_failure=on_failure), by=by.id)

    def _hold(self, tx: Tx, ready: Task) -> Task:
        """Make a ready task wait for what users ordered before it; end a parent whose parts are all done."""
        if ready.follow_up is not None:
            return ready
        held = self.dependencies.why_held(tx, ready, now_ms=self._clock.now_ms())
        if held is None:
            return self.finish(tx, ready, by=HUB) if ready.parts is PartsKind.SPLIT else ready
        reason, note = held
        if reason in _FOR_A_USER:
            return self.suspend(tx, ready.id, TaskState.WAITING, reason=reason, note=note)
        return self.move(tx, ready.id, TaskState.WAITING, reason=reason, note=note)

    def _hold_again(self, tx: Tx, task: Task) -> Task:
        """Hold or release a task that has not begun, after what it waits for changed."""
        if task.state is TaskState.READY:
            return self._hold(tx, task)
        if task.state is not TaskState.WAITING or not task.has_not_begun:
            return task
        held = self.dependencies.why_held(tx, task, now_ms=self._clock.now_ms())
        waits_for_others = task.reason in _FOR_OTHERS
        is_right = held == (task.reason, task.note) if waits_for_others else held is None
        return task if is_right else self.move(tx, task.id, TaskState.READY)

    def _follow_dependants(self, tx: Tx, task: Task) -> None:
        """Cancel the tasks that need this one, and those that need these, however many there are; then start or hold
        the others, each once."""
        if (at_work := tx.scratch.get(_CHANGED)) is not None:
            cast("deque[Task]", at_work).append(task)
            return
        changed, others = deque([task]), OrderedDict[TaskId, None]()
        tx.scratch |= {_CHANGED: changed, _FIRST_MS: task.changed_ms}
        while changed or others:
            if changed:
                needed = changed.popleft()
                for dependant, on_failure in self.dependencies.find_dependants(tx, needed.id):
                    with at_row(dependant.id):
                        self._cancel_after(tx, dependant, [needed], on_failure)
                    others[dependant.id] = None
            else:
                name, _ = others.popitem(last=False)
                with at_row(name):
                    self._hold_again(tx, self.find(tx, name))
                    self._notices.card_changed(tx, name)
        del tx.scratch[_CHANGED], tx.scratch[_FIRST_MS]

    def find_cancelled_with(self, tx: Tx, first: Task) -> list[Task]:
        """Find the tasks that were cancelled because this one was, each after one that it needs."""
        found, names = [first], {first.id}
        for needed in found:
            for one, on_failure in self.dependencies.find_dependants(tx, needed.id):
                is_with_it = (one.state, one.changed_ms) == (TaskState.CANCELLED, first.changed_ms)
                if on_failure is OnFailure.CANCEL and is_with_it and one.id not in names:
                    found.append(one)
                    names.add(one.id)
        return found[1:]

    def _follow(self, tx: Tx, task: Task, needed: Iterable[Task], on_failure: OnFailure) -> Task:
        """Start, hold or cancel a task that waits for these from now on."""
        return self._cancel_after(tx, task, needed, on_failure) or self._hold_again(tx, task)

    def _cancel_after(self, tx: Tx, task: Task, needed: Iterable[Task], on_failure: OnFailure) -> Task | None:
        """Cancel a task that has not begun if one of these has failed and users want that then."""
        has_failed = any(one.state in ENDED - {TaskState.DONE} for one in needed)
        if on_failure is not OnFailure.CANCEL or not has_failed or not task.has_not_begun:
            return None
        return self.abandon(tx, task, by=HUB, why=EndCause(reason=WaitReason.DEPENDENCY_FAILED))

    def lease(self, tx: Tx, task: Task, choice: Choice) -> Task:
        """Give the task to the chosen agent: a lease with a higher fence and no activity yet."""
        if task.agent is not None:
            self.attempts.revoke(tx, task, at_ms=self._clock.now_ms())
        new: dict[str, Any] = {
            "fence": task.fence + 1,
            "choice": json.dumps(attributes_of(choice), default=attributes_of),
        }
        leased = self.move(tx, task.id, TaskState.ASSIGNED, agent=choice.agent, **new, **_NOT_SEEN)
        self.attempts.begin(tx, leased, at_ms=leased.changed_ms)
        self._journal.append(tx, TaskAssigned(task=task.id, fence=leased.fence, choice=choice), by=HUB.id)
        return leased

    def record_activity(
        self, tx: Tx, task: Task, activity: TaskActivity, *, progress: str = "", asked: str | None = None
    ) -> Task:
        """Note that the task's agent was active; `asked` becomes its `nudge`."""
        self.set_idle(tx, task, None)
        deadline_ms = self._new_deadline_ms() if task.state is TaskState.WORKING else None
        seen = {"last_seen_ms": self._clock.now_ms(), "activity": activity, "progress": progress}
        after = self._update(tx, task.id, **seen, deadline_ms=deadline_ms, nudge=asked)
        self._notices.card_changed(tx, task.id)
        return after

    def record_window_activity(self, tx: Tx, task: Task, *, asked: str | None) -> None:
        """Note that the window of the agent at work changed; its last report stays on the card."""
        if task.state is not TaskState.WORKING:
            return
        if task.last_seen_ms is None or task.activity is TaskActivity.WINDOW_CHANGED:
            self.record_activity(tx, task, TaskActivity.WINDOW_CHANGED, asked=asked)
        else:
            self.set_idle(tx, task, None)
            self._update(tx, task.id, deadline_ms=self._new_deadline_ms(), nudge=asked)

    def record_nudge(self, tx: Tx, task: Task, message: str) -> None:
        """Note that Octet asks the agent by `message` whether it still works, and set a new deadline."""
        self._update(tx, task.id, nudge=message, deadline_ms=self._new_deadline_ms())

    def set_idle(self, tx: Tx, task: Task, source: IdleSource | None, *, since_ms: int | None = None) -> None:
        """Note that the agent at work looks idle, or that it no longer does (None): its card, the board and the one
        message about this lease follow."""
        if source is None and task.idle_ms is None:
            return
        self._update(tx, task.id, idle_by=source, idle_ms=since_ms)
        self._journal.append(tx, TaskIdle(task=task.id, agent=task.agent or "", source=source), by=HUB.id)
        self._notices.card_changed(tx, task.id)
        if source is None:
            self._notices.settled(tx, about=task.idle_notice, how="over")
        else:
            self._notices.ask_again(tx, NoticeKind.IDLE, task.id, subject=task.agent or "", about=task.idle_notice)

    def list_idle(self, tx: Tx) -> list[Task]:
        """List the tasks whose agents look idle, oldest first."""
        return [self.find(tx, summary_of(row).id) for row in tx.execute(_store.IDLE)]

    async def idle(self) -> tuple[TaskSummary, ...]:
        """Fetch the tasks whose agents look idle, oldest first."""
        return tuple(map(summary_of, await self._store.fetch(_store.IDLE)))

    def extend_deadline(self, tx: Tx, task: Task) -> None:
        """Let the agent at work be silent for as long again: it waited for others."""
        if task.state is TaskState.WORKING:
            self._update(tx, task.id, deadline_ms=self._new_deadline_ms())

    def list_stalled(self, tx: Tx, *, limit: int) -> list[Task]:
        """List tasks whose agents have been silent for too long, longest first."""
        return self._readable(tx.execute(_store.STALLED, {"now": self._clock.now_ms(), "size": limit}))

    def next_deadline_in_s(self, tx: Tx) -> float | None:
        """Return the seconds until the next deadline; None while no agent works."""
        at_ms = tx.execute(_store.NEXT_DEADLINE).scalar_one()
        return None if at_ms is None else max(0.0, (at_ms - self._clock.now_ms()) / 1000)

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move all times that decide something, and the places in the queue, with a clock that was set by `by_ms`."""
        for statement in (_store.SHIFT_RANKS, _store.SHIFT_DEADLINES, _store.SHIFT_STARTS):
            tx.execute(statement, {"by": by_ms})
        tx.execute(_store.SHIFT_GOALS, {"by": by_ms, "states": [one.value for one in TaskState if one not in ENDED]})
        since_ms = self._clock.now_ms() - max(by_ms, 0) - UNDO_MS
        ended = [_number(task) for task in self.cache.ended()]
        tx.execute(_store.SHIFT_CANCELS, {"by": by_ms, "since": since_ms, "numbers": ended})

    def extend_deadlines(self, tx: Tx, *, away_ms: int, grace_ms: int) -> int:
        """Give each agent at work the time that it had left `away_ms` ago, at least `grace_ms`; return their number."""
        now = self._clock.now_ms()
        tasks = self._readable(tx.execute(_store.WORKING))
        for task in tasks:
            with at_row(task.id):
                left_ms = self._silent_after_ms if task.deadline_ms is None else task.deadline_ms + away_ms - now
                left_ms = min(self._silent_after_ms, max(grace_ms, left_ms))
                self._update(tx, task.id, deadline_ms=now + left_ms)
        return len(tasks)

    def reopen(self, tx: Tx, task: Task, *, is_undone: bool = False, by: Actor = HUB) -> Task:
        """Make a stopped task ready again, without an agent; its old code becomes invalid.

        One that ended begins another attempt, unless its end `is_undone`."""
        self._revoke_lease(tx, task)
        is_again = task.state in {TaskState.FAILED, TaskState.EXPIRED, TaskState.CANCELLED} and not is_undone
        rank = self._next_rank(tx, task.requester, task.priority) if is_again else task.rank
        self._change_fields(tx, task, agent=None, avoids=None, rank=rank)
        return self.move(tx, task.id, TaskState.READY, is_again=is_again, by=by)

    def follow_up(self, tx: Tx, task: Task, message: str, *, wanted: str, by: Actor) -> Task:
        """Make a task that is done ready for another attempt, by this agent, at what the message says; the old code
        stays invalid, and what used the result keeps it."""
        self._revoke_lease(tx, task)
        rank = self._next_rank(tx, task.requester, task.priority)
        self._change_fields(tx, task, avoids=None, wanted=wanted, rank=rank, follow_up=message, by=by)
        return self.move(tx, task.id, TaskState.READY, is_again=True, by=by)

    def _keep_answer(self, tx: Tx, task: Task, *, by: Actor) -> Task:
        """Put a task whose follow-up ended without an answer back to done; the follow-up's code becomes invalid."""
        self._revoke_lease(tx, task)
        last = self._messages.last_final_answer(tx, task.id)
        cause = None if last is None else UNVERIFIED_SOURCES.get(last.source)
        return self.move(tx, task.id, TaskState.DONE, cause=cause, by=by)

    def release(self, tx: Tx, task: Task, *, note: str) -> Task:
        """Take the task from its silent agent and make it ready for others; notify users."""
        self._change_fields(tx, task, agent=None, avoids=task.agent)
        self._renew_lease(tx, task)
        after = self.move(tx, task.id, TaskState.READY, note=note)
        self._notices.notify(tx, NoticeKind.HELD, task.id, detail=Halt(state=after.state, reason=ParkCause.SILENT))
        return after

    def reassign(self, tx: Tx, task: Task, wanted: str, *, by: Actor) -> Task:
        self._revoke_lease(tx, task)
        after = self._change_fields(tx, task, agent=None, avoids=None, wanted=wanted, by=by)
        return after if after.state is TaskState.READY else self.move(tx, task.id, TaskState.READY, by=by)

    def set_priority(self, tx: Tx, task: Task, priority: int, *, by: Actor) -> Task:
        rank = task.rank + (priority - task.priority) * PRIORITY_STEP_MS  # it keeps its turn
        return self._change_fields(tx, task, priority=priority, rank=rank, by=by)

    def suspend(
        self,
        tx: Tx,
        task: str,
        to: TaskState,
        *,
        reason: WaitReason | ParkCause,
        note: str,
        cause: Reason | BlockCause | None = None,
        about: str = "",
    ) -> Task:
        """Make the task wait, or park it, and notify its thread: of a reason to wait once, of each parking. `about`
        names what a user has to decide, `cause` why its agent's window was refused."""
        after = self.move(tx, task, to, reason=reason, note=note, cause=cause)
        detail = Halt(state=after.state, reason=reason)
        if to is TaskState.PARKED:
            self._notices.notify(tx, NoticeKind.HELD, task, detail=detail, about=about)
        else:
            self._notices.notify_once(tx, NoticeKind.HELD, task, detail=detail)
        return after

    def block(self, tx: Tx, task: Task, *, question: str = "") -> Task:
        """Have the task wait for its requester's answer to its agent's question, a message, and notify its thread."""
        after = self.move(tx, task.id, TaskState.BLOCKED, reason=BlockCause.QUESTION)
        detail = Halt(state=after.state, reason=BlockCause.QUESTION)
        self._notices.notify(tx, NoticeKind.HELD, task.id, subject=question, detail=detail)
        return after

    def notify_reason(self, tx: Tx, task: str, why: Reason) -> None:
        """Notify the task's thread of the reason, once; the task keeps its state."""
        detail = Halt(state=self.find(tx, task).state, reason=why)
        self._notices.notify_once(tx, NoticeKind.HELD, task, detail=detail)

    def set_note(self, tx: Tx, task: str, note: str, *, cause: Reason | BlockCause | None = None) -> None:
        """Set the note on the task's card until the next step."""
        self.cache.update(tx, self._update(tx, task, note=note, cause=cause or "", changed_ms=self._clock.now_ms()))
        self._notices.card_changed(tx, task)

    def abandon(self, tx: Tx, task: Task, *, by: Actor, why: EndCause) -> Task:
        """Cancel the task at a user's request, and notify the requester."""
        after = self.cancel(tx, task, by=by)
        self._notices.notify(tx, NoticeKind.ENDED, task.id, detail=why)
        return after

    def fail(self, tx: Tx, task: str, *, reason: Reason, note: str, answer: str = "") -> Task:
        """Fail the task, and notify its requester in one message with the agent's words, the message `answer`."""
        after = self.move(tx, task, TaskState.FAILED, reason=reason, note=note)
        self._free_agent(tx, after)
        self._notices.notify(tx, NoticeKind.ENDED, task, subject=answer, detail=EndCause(reason=reason))
        return after

    def finish(
        self,
        tx: Tx,
        task: Task,
        *,
        by: Actor,
        cause: Reason | None = None,
        answer: str = "",
        proof: ProofOfDone | None = None,
    ) -> Task:
        """End the task as done and notify the requester in one message with the `answer`: the only way to `done`. One
        with checks only goes to `review` where neither a `proof` nor a user says that it is done."""
        self.advance_to_working(tx, task, by=by)
        if task.checks and task.is_whole and proof is None:
            if by is HUB:
                is_new = task.state is not TaskState.REVIEW
                return self.move(tx, task.id, TaskState.REVIEW, cause=cause, by=by) if is_new else task
            proof = ProofOfDone.ACCEPTED
        after = self.move(tx, task.id, TaskState.DONE, cause=cause, wrong=None, proof=proof, by=by)
        self._free_agent(tx, after)
        detail = None if by is HUB else UserAct(act="done", by=by.id)
        self._notices.notify(tx, NoticeKind.ENDED, task.id, subject=answer, detail=detail)
        return after

    def cancel(self, tx: Tx, task: Task, *, by: Actor) -> Task:
        after = self.move(tx, task.id, TaskState.CANCELLED, by=by)
        self._free_agent(tx, after)
        return after

    def _revoke_lease(self, tx: Tx, task: Task) -> None:
        self._free_agent(tx, task)
        self._renew_lease(tx, task)

    def _renew_lease(self, tx: Tx, task: Task) -> None:
        now = self.find(tx, task.id)
        self.set_idle(tx, now, None)
        if task.agent is not None:
            self.attempts.revoke(tx, task, at_ms=self._clock.now_ms())
        self._update(tx, task.id, fence=now.fence + 1, choice=None, **_NOT_SEEN)

    def _update(self, tx: Tx, task: str, **values: object) -> Task:
        return task_of(tx.update_row(_store.tasks.c.number, _number(task), **values))

    def _next_rank(self, tx: Tx, requester: str, priority: int) -> int:
        (last,) = tx.execute(_store.LAST_RANK, {"who": requester, "urgency": priority})
        return rank_of(now_ms=self._clock.now_ms(), priority=priority, last=last.rank)

    def _new_deadline_ms(self) -> int:
        return self._clock.now_ms() + self._silent_after_ms

    def _free_agent(self, tx: Tx, task: Task) -> None:
        if task.agent is not None:
            self._agents.free(tx, task.agent, task=task.id)

    def _change_fields(self, tx: Tx, task: Task, *, by: Actor | None = None, **changes: object) -> Task:
        """Write fields outside a step. With `by` it is a user's act, which the journal records."""
        after = self._update(tx, task.id, **changes, changed_ms=self._clock.now_ms())
        if by is not None:
            event = TaskChanged(task=after.id, wanted=after.wanted or "", priority=after.priority)
            self._journal.append(tx, event, by=by.id)
        self.cache.update(tx, after)
        self._notices.card_changed(tx, after.id)
        return after

    def _record_step(self, tx: Tx, task: Task, *, was: str, by: Actor) -> None:
        to, agent = task.state.value, task.agent or ""
        event = TaskMoved(task=task.id, was=was, now=to, reason=task.reason, agent=agent, fence=task.fence)
        self.cache.record_step(tx, was, task.state)  # first: listeners see the step counted
        self._journal.append(tx, event, by=by.id)
        self.cache.update(tx, task)


def _readable(row: Row) -> Task:
    with at_row(f"T-{row.number}"):
        if damaged := damaged_columns(row):
            raise ValueError(f"{', '.join(damaged)} cannot be read")
        return task_of(row)


def _number(task: str) -> int:
    return int(parse_task_id(task).removeprefix("T-"))
