"""Tasks as people and agents use them: asked for, looked at, cancelled, answered."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain

from core.agents.service import Agents
from core.deliveries.model import Assurance, DeliveryState
from core.deliveries.service import Deliveries
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.errors import Conflict
from core.kit.states import check_step
from core.messages import prompt
from core.messages.model import (
    MAX_ANSWER_CHARS,
    MAX_BRIEF_CHARS,
    EmptyText,
    Message,
    MessageId,
    MessageKind,
    Source,
    TextTooLong,
    check_whole,
    clean_text,
)
from core.messages.service import Messages
from core.notices.model import NoticeKind, Place
from core.notices.service import Notices
from core.security.codes import TaskCodes
from core.security.model import HUB, Actor, ActorKind, Permission, allows, require
from core.store.engine import Row, Store, Tx
from core.tasks import _store
from core.tasks.index import TaskIndex
from core.tasks.model import (
    ENDED,
    TASK_STEPS,
    BadPriority,
    Demand,
    NewTask,
    NobodyCan,
    NotWorking,
    ParkCause,
    Task,
    TaskEnded,
    TaskId,
    TaskIsOver,
    TaskMoved,
    TaskNotFound,
    TaskState,
    TaskView,
    WaitReason,
    WrongTask,
    parse_task_id,
    title_of,
)

_LOWEST_PRIORITY = 4
_SOURCES = {ActorKind.PERSON: Source.MEMBER, ActorKind.AGENT: Source.AGENT, ActorKind.OPERATOR: Source.OPERATOR}
_ON_THE_WAY_TO_WORK = (TaskState.READY, TaskState.ASSIGNED, TaskState.DELIVERING, TaskState.WORKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """That an agent's words were taken in."""

    task: Task
    message: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What an agent brought: for which task, with which code."""

    task: TaskId
    code: str
    text: str
    final: bool
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The lower rooms that a task's steps reach into."""

    agents: Agents
    messages: Messages
    deliveries: Deliveries
    notices: Notices


class Tasks:
    """Every task, and the one function that lets it take a step."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        rooms: Neighbours,
        codes: TaskCodes,
        clock: Clock,
        agent_command: str,
    ) -> None:
        """`agent_command` is how agents call octet: it stands in every prompt. Call `load` first."""
        self._store = store
        self._journal = journal
        self._rooms = rooms
        self._codes = codes
        self._clock = clock
        self._agent_command = agent_command
        self._index = TaskIndex()
        self._demands: set[Demand] = set()

    async def load(self) -> None:
        """Fill what autocomplete answers from."""
        rows = await self._store.fetch(_store.NEWEST, {"size": TaskIndex.SIZE})
        for row in reversed(rows):
            self._index.put(_task(row))
        states = [state.value for state in TaskState if state not in ENDED]
        for row in await self._store.fetch(_store.DEMANDS, {"states": states}):
            self._demands.add(Demand(wanted=row.wanted, needs=frozenset(json.loads(row.needs))))

    async def new(self, draft: NewTask, *, by: Actor) -> Task:
        """Take in a task; when this returns it is durable and its card is on its way.

        Raises EmptyText, TextTooLong, ControlCharacters, BadPriority, AgentNotFound, AgentWithoutWindow or NobodyCan.
        """
        require(by, Permission.TASK_CREATE)
        brief = clean_text(draft.brief, limit=MAX_BRIEF_CHARS)
        if not 0 <= draft.priority <= _LOWEST_PRIORITY:
            raise BadPriority(value=draft.priority)
        wanted = self._rooms.agents.reachable(draft.agent).name if draft.agent else None
        if not self._rooms.agents.who_can(draft.needs, wanted):
            asked = ", ".join(sorted(draft.needs)) or "any"
            raise NobodyCan(why=f"{wanted or 'nobody'} has the capabilities {asked} and can be reached")

        def add(tx: Tx) -> Task:
            if draft.key is not None and (known := tx.execute(_store.BY_KEY, {"key": draft.key}).first()):
                return _task(known)
            now = self._clock.now_ms()
            row = {
                "title": title_of(brief),
                "brief": brief,
                "source": _SOURCES.get(by.kind, Source.OPERATOR).value,
                "state": TaskState.READY.value,
                "reason": "",
                "note": "",
                "priority": draft.priority,
                "needs": _needs(draft.needs),
                "wanted": wanted,
                "agent": None,
                "attempt": 1,
                "requester": by.id,
                "requester_name": by.name,
                "place_channel": draft.place.channel,
                "place_guild": draft.place.guild,
                "idempotency_key": draft.key,
                "created_ms": now,
                "changed_ms": now,
            }
            task = _task(tx.execute(_store.ADD, row).one())
            self._note(tx, task, was="", by=by)
            self._rooms.notices.card(tx, task.id, task.place)
            return task

        return await self._store.write(add)

    async def list(self, *, by: Actor, states: frozenset[TaskState] | None = None, limit: int = 50) -> tuple[Task, ...]:
        """The newest tasks, in `states` if given."""
        require(by, Permission.TASK_READ)
        if states is None:
            rows = await self._store.fetch(_store.NEWEST, {"size": limit})
        else:
            found = [await self._store.fetch(_store.NEWEST_IN, {"stands": s.value, "size": limit}) for s in states]
            rows = sorted(chain(*found), key=lambda row: row.number, reverse=True)[:limit]
        return tuple(_task(row) for row in rows)

    async def show(self, task: TaskId, *, by: Actor) -> TaskView:
        """One task with its prompt, deliveries and answers. Raises TaskNotFound.

        The prompt's code is masked, except for the dry-run lane: there a person is the one who answers.
        """
        require(by, Permission.TASK_READ)
        task = parse_task_id(task)
        rows = await self._store.fetch(_store.ONE, {"task": _number(task)})
        if not rows:
            raise TaskNotFound(id=task)
        found = _task(rows[0])
        messages = await self._rooms.messages.of_task(task)
        card = await self._rooms.notices.card_of(task)
        briefs = [message for message in messages if message.kind is MessageKind.TASK]
        return TaskView(
            task=found,
            prompt=self._prompt_for_people(found, briefs[-1]) if briefs and found.agent else "",
            deliveries=await self._rooms.deliveries.of_task(task),
            answers=tuple(message for message in messages if message.kind is MessageKind.REPLY),
            thread=card.thread if card else "",
        )

    async def cancel(self, task: TaskId, *, by: Actor) -> Task:
        """End the task; what was not submitted yet never will be. Raises TaskNotFound or TaskIsOver."""
        _require_to_end(by)
        task = parse_task_id(task)

        def end(tx: Tx) -> Task:
            found = self._ending(tx, task, by)
            self._give_up_delivery(tx, task, by=by)
            return self._end(tx, found, TaskState.CANCELLED, by=by)

        return await self._store.write(end)

    async def done(self, task: TaskId, text: str, *, by: Actor) -> Task:
        """A person ends the task with words. Raises TaskNotFound, TaskIsOver or what is wrong with the words."""
        _require_to_end(by)
        task = parse_task_id(task)
        words = clean_text(text, limit=MAX_BRIEF_CHARS)

        def end(tx: Tx) -> Task:
            found = self._ending(tx, task, by)
            if not self._was_asked(tx, found):
                raise NotWorking(id=task, state=found.state.value)
            self._give_up_delivery(tx, task, by=by)
            answer = self._rooms.messages.answer(
                tx,
                task=task,
                sender=f"person:{by.id}",
                source=_SOURCES.get(by.kind, Source.OPERATOR),
                body=words,
                final=True,
                late=False,
                key=None,
            )
            found = self._walk_to_work(tx, found, by=by)
            return self._end(tx, found, TaskState.DONE, by=by, answer=answer)

        return await self._store.write(end)

    async def report(self, task: str, code: str, text: str, *, final: bool, key: str) -> Receipt:
        """An agent's words: `final` ends the task. The same `key` again is answered the same and stored once.

        Raises WrongCode (nothing is kept), BadTaskId, EmptyText or TextTooLong; TaskEnded, WrongTask or NotWorking
        after the text was kept, marked late.
        """
        named = parse_task_id(task)
        if not text.strip():
            raise EmptyText
        if len(text) > MAX_ANSWER_CHARS:
            raise TextTooLong(length=len(text), limit=MAX_ANSWER_CHARS)
        check_whole(text)
        check_whole(key)
        words = _Words(task=named, code=code, text=text, final=final, key=key)
        receipt, problem = await self._store.write(lambda tx: self._take_in(tx, words))
        if problem is not None:
            raise problem
        return receipt

    def suggest(self, text: str, *, by: Actor, open_only: bool = False) -> list[tuple[str, str]]:
        """(id, title) of the newest tasks that fit `text`, from memory; at most 25."""
        return self._index.find(text, open_only=open_only) if allows(by, Permission.TASK_READ) else []

    def find(self, tx: Tx, task: str) -> Task:
        """One task as this transaction sees it. Raises TaskNotFound."""
        row = tx.execute(_store.ONE, {"task": _number(task)}).first()
        if row is None:
            raise TaskNotFound(id=task)
        return _task(row)

    def demands(self) -> frozenset[Demand]:
        """Every demand that a task which has not ended may have, from memory."""
        return frozenset(self._demands)

    def ready_for(self, tx: Tx, demands: Collection[Demand], *, limit: int) -> list[Task]:
        """Ready tasks with one of `demands`, most urgent and then oldest first."""
        return _first(limit, [self._queue(tx, TaskState.READY, "", demand, limit) for demand in demands])

    def stopped_for(
        self, tx: Tx, reasons: Collection[WaitReason], demands: Collection[Demand], *, limit: int
    ) -> list[Task]:
        """Tasks with one of `demands` that wait for one of `reasons`, most urgent and then oldest first."""
        asked = [(reason.value, demand) for reason in reasons for demand in demands]
        return _first(limit, [self._queue(tx, TaskState.WAITING, reason, demand, limit) for reason, demand in asked])

    def _queue(self, tx: Tx, state: TaskState, reason: str, demand: Demand, limit: int) -> Iterable[Task]:
        values = {"stands": state.value, "why": reason, "by": demand.wanted, "skills": _needs(demand.needs)}
        return [_task(row) for row in tx.execute(_store.OF_DEMAND, {**values, "size": limit})]

    def waiting_for(self, tx: Tx, *reasons: WaitReason) -> list[Task]:
        """Tasks that wait for one of `reasons`, most urgent and then oldest first."""
        return [_task(row) for row in tx.execute(_store.WAITING_FOR, {"reasons": [r.value for r in reasons]})]

    def assign(self, tx: Tx, task: Task, agent: str) -> Message:
        """Give the task to the agent: its code is valid from now on. Returns the message to be brought to it."""
        self.move(tx, task.id, TaskState.ASSIGNED, agent=agent)
        self._codes.grant(tx, task.id, task.attempt)
        source = Source(tx.execute(_store.ONE, {"task": _number(task.id)}).one().source)
        return self._rooms.messages.brief(
            tx, task=task.id, agent=agent, body=task.brief, priority=task.priority, source=source, by=HUB.id
        )

    def prompt(self, tx: Tx, task: str, message: str) -> str:
        """The whole text to be brought to the task's agent, with its code. It is never stored or logged."""
        found = self.find(tx, task)
        code = self._codes.code(found.id, found.attempt)
        brief = self._rooms.messages.find(tx, message)
        return prompt.render(brief, agent=found.agent or "", code=code, command=self._agent_command)

    def move(
        self,
        tx: Tx,
        task: str,
        to: TaskState,
        *,
        reason: str = "",
        note: str = "",
        agent: str | None = None,
        by: Actor = HUB,
    ) -> Task:
        """Let the task take a step, if the table allows it; its card follows. `agent` None keeps the agent."""
        now = self.find(tx, task)
        check_step(TASK_STEPS, "task", task, now.state, to)
        again = now.state in {TaskState.FAILED, TaskState.EXPIRED}
        values = {
            "task": _number(task),
            "to": to.value,
            "why": reason,
            "seen": note,
            "holder": agent or now.agent,
            "tries": now.attempt + 1 if again else now.attempt,
            "at": self._clock.now_ms(),
        }
        after = _task(tx.execute(_store.SET, values).one())
        self._note(tx, after, was=now.state.value, by=by)
        self._rooms.notices.card_changed(tx, task)
        return after

    def hold(self, tx: Tx, task: str, to: TaskState, *, reason: WaitReason | ParkCause, note: str) -> Task:
        """The task waits or is parked for a reason that a person should know: its thread is told, once per reason."""
        after = self.move(tx, task, to, reason=reason.value, note=note)
        self._rooms.notices.tell_once(tx, NoticeKind.HELD, task, text=f"{after.state.value}: {after.reason}")
        return after

    def fail(self, tx: Tx, task: str, *, reason: str, note: str) -> Task:
        """The task failed; its requester is told."""
        after = self.move(tx, task, TaskState.FAILED, reason=reason, note=note)
        self._free(tx, after)
        self._rooms.notices.tell(tx, NoticeKind.ENDED, task, text=reason)
        return after

    def _take_in(self, tx: Tx, words: _Words) -> tuple[Receipt, Conflict | None]:
        holder = self._codes.holder(tx, words.code)
        found = self.find(tx, holder.task)
        full_key = f"{holder.task}:{'done' if words.final else 'reply'}:{words.key}"
        known = self._rooms.messages.by_key(tx, full_key)
        problem = None if known and not known.late else self._why_late(tx, found, words.task, holder.attempt)
        if known is not None:
            return Receipt(task=found, message=known.id), problem
        answer = self._rooms.messages.answer(
            tx,
            task=found.id,
            sender=f"agent:{found.agent}",
            source=Source.AGENT,
            body=words.text,
            final=words.final,
            late=problem is not None,
            key=full_key,
        )
        if problem is not None:
            self._rooms.notices.tell(tx, NoticeKind.LATE, found.id, message=answer.id)
            return Receipt(task=found, message=answer.id), problem
        self._settle(tx, found.id)
        self._rooms.notices.tell(tx, NoticeKind.ANSWER, found.id, message=answer.id)
        if words.final or found.reason != WaitReason.DRY_RUN.value:
            found = self._walk_to_work(tx, found, by=HUB)
        if words.final:
            found = self._end(tx, found, TaskState.DONE, by=HUB)
        return Receipt(task=found, message=answer.id), None

    def _why_late(self, tx: Tx, found: Task, named: TaskId, attempt: int) -> Conflict | None:
        if found.id != named:
            return WrongTask(right=found.id, id=named)
        if found.state in ENDED or attempt != found.attempt:
            return TaskEnded(id=found.id, state=found.state.value)
        return None if self._was_asked(tx, found) else NotWorking(id=found.id, state=found.state.value)

    def _was_asked(self, tx: Tx, task: Task) -> bool:
        """Whether an agent may have the prompt: only then is there something to answer."""
        if task.state is TaskState.WAITING:
            return task.reason == WaitReason.DRY_RUN.value
        delivery = self._rooms.deliveries.open_of(tx, task.id)
        asked = delivery is not None and delivery.state in {DeliveryState.SUBMITTING, DeliveryState.UNKNOWN}
        return asked or task.state in {TaskState.WORKING, TaskState.BLOCKED, TaskState.REVIEW}

    def _settle(self, tx: Tx, task: str) -> None:
        """The answer bore the prompt's code: a prompt whose Enter was asked for did arrive."""
        delivery = self._rooms.deliveries.open_of(tx, task)
        if delivery is not None:
            self._rooms.deliveries.step(tx, delivery, DeliveryState.DELIVERED, assurance=Assurance.ANSWERED)
            self._rooms.agents.is_at_work(tx, delivery.agent, task=task)

    def _give_up_delivery(self, tx: Tx, task: str, *, by: Actor) -> None:
        """What was not submitted yet never will be. What is being submitted cannot be called back."""
        delivery = self._rooms.deliveries.open_of(tx, task)
        if delivery is not None and delivery.state is not DeliveryState.SUBMITTING:
            self._rooms.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason="the task was ended", by=by)

    def _walk_to_work(self, tx: Tx, task: Task, *, by: Actor) -> Task:
        """Bring the task to `working` by the steps of the table: an answer shows that it was worked on."""
        if task.state in {TaskState.WORKING, TaskState.REVIEW}:
            return task
        if task.state in {TaskState.PARKED, TaskState.BLOCKED}:
            return self.move(tx, task.id, TaskState.WORKING, by=by)
        if task.state is TaskState.WAITING:
            task = self.move(tx, task.id, TaskState.READY, by=by)
        for state in _ON_THE_WAY_TO_WORK[_ON_THE_WAY_TO_WORK.index(task.state) + 1 :]:
            task = self.move(tx, task.id, state, by=by)
        return task

    def _ending(self, tx: Tx, task: TaskId, by: Actor) -> Task:
        """The task that `by` wants to end: operators may end any, others what they asked for."""
        own = allows(by, Permission.TASK_CREATE) and self.find(tx, task).requester == by.id
        if not own:
            require(by, Permission.TASK_END)
        found = self.find(tx, task)
        if found.state in ENDED:
            raise TaskIsOver(id=task, state=found.state.value)
        return found

    def _end(self, tx: Tx, task: Task, to: TaskState, *, by: Actor, answer: Message | None = None) -> Task:
        after = self.move(tx, task.id, to, by=by)
        self._free(tx, after)
        if answer is not None:
            self._rooms.notices.tell(tx, NoticeKind.ANSWER, task.id, message=answer.id)
        if to is TaskState.DONE:
            self._rooms.notices.tell(tx, NoticeKind.ENDED, task.id)
        return after

    def _free(self, tx: Tx, task: Task) -> None:
        """The task's agent has nothing more to do for it."""
        if task.agent is not None:
            self._rooms.agents.free(tx, task.agent, task=task.id)

    def _prompt_for_people(self, task: Task, brief: Message) -> str:
        name = task.agent or ""
        code = self._codes.code(task.id, task.attempt) if self._rooms.agents.is_dry(name) else self._codes.masked()
        return prompt.render(brief, agent=name, code=code, command=self._agent_command)

    def _note(self, tx: Tx, task: Task, *, was: str, by: Actor) -> None:
        event = TaskMoved(task=task.id, was=was, now=task.state.value, reason=task.reason, agent=task.agent or "")
        self._journal.append(tx, event, by=by.id)
        if task.demand not in self._demands:  # copied, not added to: the event loop may be reading it
            self._demands = self._demands | {task.demand}
        tx.after_commit(lambda: self._index.put(task))


def _require_to_end(by: Actor) -> None:
    """Who may end no task at all is told so before anything is looked at."""
    if not allows(by, Permission.TASK_CREATE):
        require(by, Permission.TASK_END)


def _first(limit: int, queues: Iterable[Iterable[Task]]) -> list[Task]:
    return sorted(chain(*queues), key=lambda task: (task.priority, _number(task.id)))[:limit]


def _needs(needs: frozenset[str]) -> str:
    return json.dumps(sorted(needs))


def _number(task: str) -> int:
    return int(parse_task_id(task).removeprefix("T-"))


def _task(row: Row) -> Task:
    return Task(
        id=TaskId(f"T-{row.number}"),
        title=row.title,
        brief=row.brief,
        state=TaskState(row.state),
        reason=row.reason,
        note=row.note,
        priority=row.priority,
        needs=frozenset(json.loads(row.needs)),
        wanted=row.wanted,
        agent=row.agent,
        attempt=row.attempt,
        requester=row.requester,
        requester_name=row.requester_name,
        place=Place(channel=row.place_channel, guild=row.place_guild),
        created_ms=row.created_ms,
        changed_ms=row.changed_ms,
    )
