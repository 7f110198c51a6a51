"""Tasks as users and agents use them: created, shown, cancelled, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from core.agents.model import STANDING_STILL, AgentState, AgentStatus
from core.deliveries.message_parts import MessagePart
from core.deliveries.model import DeliveryId, DeliveryState, LaneAnswer
from core.journal.model import Entry
from core.kit.clock import as_datetime
from core.messages.answer_markers import MarkedAnswer
from core.messages.model import (
    MAX_ANSWER_CHARS,
    MAX_BRIEF_CHARS,
    MAX_PROGRESS_CHARS,
    EmptyText,
    Message,
    MessageKind,
    Source,
    TextTooLong,
    check_encoding,
    clean_text,
)
from core.messages.prompt_files import Prompt, PromptFiles
from core.notices.model import NoticeKind
from core.profiles.model import Activity
from core.reasons import AnyReason, ParkCause, Reason
from core.security.codes import TaskCodes
from core.security.model import EVERY_AGENT, HUB, Actor, ActorKind, AgentUnnamed, Permission, allows, require
from core.settings.model import AnswerLimits
from core.store.engine import Tx, at_row
from core.tasks.answers import AcceptedAnswer, Answers, SubmittedAnswer
from core.tasks.model import (
    ASSIGNABLE,
    ENDED,
    UNDO_MS,
    DeliveryUnresolved,
    InvalidPriority,
    NewTask,
    NoCapableAgent,
    NoCurrentTask,
    PendingAnswer,
    ProgressTooLate,
    Task,
    TaskAlreadyEnded,
    TaskAlreadyRunning,
    TaskId,
    TaskNeverStarted,
    TaskNotStopped,
    TaskState,
    TaskView,
    TextExpired,
    UndoTooLate,
    parse_task_id,
)
from core.tasks.quarantine import Quarantine
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

_LOWEST_PRIORITY = 4
_SOURCES = {ActorKind.PERSON: Source.MEMBER, ActorKind.AGENT: Source.AGENT, ActorKind.OPERATOR: Source.OPERATOR}
_STOPPED = frozenset({TaskState.FAILED, TaskState.EXPIRED, TaskState.PARKED, TaskState.CANCELLED})
_AT_WORK = frozenset({TaskState.WORKING, TaskState.BLOCKED})
_SAID = frozenset({MessageKind.MESSAGE, MessageKind.REPLY})


class Tasks:
    """The verbs of tasks, for every interface, and what dispatch needs to give a task to an agent."""

    def __init__(
        self,
        services: TaskServices,
        *,
        codes: TaskCodes,
        briefs: PromptFiles,
        silent_after_ms: int,
        limits: AnswerLimits,
    ) -> None:
        """Call `load` first."""
        self._store, self._services, self._codes = services.store, services, codes
        self._clock, self.prompt_files = services.clock, briefs
        self.repository = TaskRepository(services, silent_after_ms=silent_after_ms)
        self.activity_seen = asyncio.Event()  # set by each activity of an agent; its reader clears it
        self.quarantine = Quarantine(services, repository=self.repository)  # how the loops write
        self._answers = Answers(services, repository=self.repository, codes=codes, limits=limits)
        self._looked_ms = 2**62  # until when dispatch has looked for agents for ready tasks, once it runs
        self._left: dict[str, TaskId] = {}  # agents that were seen at work when their task was cancelled
        self._resting: dict[TaskId, object] = {}  # the latest report of each task that rests after another one
        services.journal.listen(self._on_event)

    async def load(self) -> None:
        """Fill the cache; delete files of briefs that are half written or of ended tasks."""
        await self.repository.load()
        self.prompt_files.delete_partial()
        for line in (await self.repository.summaries(self.prompt_files.list_tasks())).values():
            if line.state in ENDED:
                self.prompt_files.delete_for_task(line.id)
        self.prompt_files.delete_old(self._clock.now_ms())

    async def new(self, draft: NewTask, *, by: Actor) -> Task:
        """Create a task; when this returns it is durable and its card is on its way. Raises EmptyText, TextTooLong,
        TooLongForAgent, ControlCharacters, InvalidPriority, AgentNotFound, AgentWithoutWindow or NoCapableAgent."""
        require(by, Permission.TASK_CREATE)
        brief = clean_text(draft.brief, limit=MAX_BRIEF_CHARS)
        wanted = self.check_new(draft, by=by)
        able = [agent.name for agent in self._services.agents.who_can(draft.needs, wanted)]
        self.prompt_files.check_length(brief, able)
        add, source = self.repository.add, _SOURCES.get(by.kind, Source.OPERATOR).value
        return await self._store.write(lambda tx: add(tx, draft, brief=brief, wanted=wanted, source=source, by=by))

    def check_new(self, draft: NewTask, *, by: Actor) -> str | None:
        """Return the agent that `draft` names. Raises, from memory, as `new` except for the text."""
        require(by, Permission.TASK_CREATE)
        _check_priority(draft.priority)
        wanted = self._services.agents.reachable(draft.agent).name if draft.agent else None
        self._check_capable(draft.needs, wanted)
        return wanted

    async def list(
        self,
        *,
        by: Actor,
        states: frozenset[TaskState] | None = None,
        limit: int = 50,
        before: TaskId | None = None,
        agent: str = "",
        text: str = "",
    ) -> tuple[Task, ...]:
        """List the newest tasks: in `states`, older than `before`, of this agent and with this text, where given."""
        require(by, Permission.TASK_READ)
        return await self.repository.list_newest(states, limit=limit, before=before, agent=agent, text=text)

    async def show(self, task: TaskId, *, by: Actor) -> TaskView:
        """Show one task with its prompt, deliveries and answers. Masks the prompt's code, except in the dry-run lane,
        where a user answers. Raises TaskNotFound."""
        require(by, Permission.TASK_READ)
        task = parse_task_id(task)
        found = await self.repository.get(task)
        messages = await self._services.messages.list_for_task(task)
        card = await self._services.notices.card_of(task)
        briefs = [message for message in messages if message.kind is MessageKind.TASK]
        is_shown = briefs and found.agent and found.text_expired_ms is None
        return TaskView(
            task=found,
            prompt=self._masked_prompt(found, briefs[-1]) if is_shown else "",
            deliveries=await self._services.deliveries.list_for_task(task),
            answers=tuple(message for message in messages if message.kind is MessageKind.REPLY),
            thread=card.thread if card else "",
            left_with=next((agent for agent, left in self._left.items() if left == task), ""),
            is_starting=found.state is TaskState.READY and found.changed_ms > self._looked_ms,
            held_up_by=await self._held_up_by(found) if found.state is TaskState.READY else (),
        )

    async def show_current(self, *, by: Actor) -> tuple[Task, tuple[Message, ...]]:
        """Show an agent the task that it has now, and what was said about it to Octet or to this agent, oldest first.
        Raises AgentUnnamed, AgentNotFound or NoCurrentTask."""
        if by.name == EVERY_AGENT:
            raise AgentUnnamed
        found = (await self._services.agents.show(by.name, by=HUB)).task
        if found is None:
            raise NoCurrentTask(agent=by.name)
        texts = await self._services.messages.list_for_task(found)
        mine = tuple(one for one in texts if one.kind in _SAID and one.recipient in {"hub", f"agent:{by.name}"})
        return await self.repository.get(found), mine

    async def _held_up_by(self, ready: Task) -> tuple[AgentStatus, ...]:
        able = {agent.name for agent in self._services.agents.who_can(ready.needs, ready.wanted)}
        known = [one for one in await self._services.agents.list(by=HUB) if one.agent.name in able]
        if ready.wanted and all(one.state is not AgentState.IDLE for one in known):
            return tuple(known)
        return tuple(known) if all(one.state in STANDING_STILL for one in known) else ()

    def ready_considered(self, tx: Tx) -> None:
        """Note that dispatch looked in this transaction for agents for all ready tasks."""
        now_ms = self._clock.now_ms()

        def note() -> None:
            self._looked_ms = now_ms

        tx.after_commit(note)

    async def cancel(self, task: TaskId, *, by: Actor) -> Task:
        """End the task; cancel its deliveries that are not submitted yet. Raises TaskNotFound or TaskAlreadyEnded.

        Its agent gets nothing new as long as its window shows that it works on."""
        _require_or_own(by, Permission.TASK_END)

        def end(tx: Tx, found: Task) -> Task:
            _check_open(found)
            self._cancel_delivery(tx, found.id, by=by)
            after = self.repository.end(tx, found, TaskState.CANCELLED, by=by)
            if found.agent is not None and found.state in _AT_WORK and self._is_seen_at_work(found.agent):
                self._leave(tx, found.agent, found.id)
            self._report(tx, after, "cancelled", by)
            return after

        return await self._change(task, Permission.TASK_END, end, by=by)

    async def undo(self, task: TaskId, *, by: Actor) -> Task:
        """Put back a task that was cancelled less than a minute ago. Raises TaskNotFound, UndoTooLate or
        DeliveryUnresolved.

        An agent that still works on it keeps it under its old lease; otherwise the task becomes ready."""
        _require_or_own(by, Permission.TASK_END)

        def put_back(tx: Tx, found: Task) -> Task:
            age_ms = self._clock.now_ms() - found.changed_ms
            if found.state is not TaskState.CANCELLED or not 0 <= age_ms < UNDO_MS:
                raise UndoTooLate(id=found.id, state=found.state.value)
            agent = found.agent
            if agent is not None and self._left.get(agent) == found.id and self._is_seen_at_work(agent):
                after = self.repository.move(tx, found.id, TaskState.WORKING, by=by)
                self._services.agents.move(tx, agent, AgentState.BUSY, task=found.id)
                tx.after_commit(partial(self._forget_left, agent))
            else:
                after = self._reopen(tx, found, is_undone=True, by=by)
            self._report(tx, after, "undone", by)
            return after

        return await self._change(task, Permission.TASK_END, put_back, by=by)

    def release_idle(self, tx: Tx) -> None:
        """Free the agents that have stopped working on their cancelled tasks."""
        for agent, task in list(self._left.items()):
            if not self._is_seen_at_work(agent):
                self._services.agents.free(tx, agent, task=task)
                self._services.notices.card_changed(tx, task)
                tx.after_commit(partial(self._forget_left, agent))

    async def done(self, task: TaskId, text: str, *, by: Actor) -> Task:
        """End the task with a user's answer. Raises TaskNotFound, TaskAlreadyEnded, TaskNeverStarted or as
        clean_text."""
        _require_or_own(by, Permission.TASK_END)
        result = clean_text(text, limit=MAX_BRIEF_CHARS)

        def end(tx: Tx, found: Task) -> Task:
            _check_open(found)
            if not self._answers.may_have_prompt(tx, found):
                raise TaskNeverStarted(id=found.id, state=found.state.value)
            self._cancel_delivery(tx, found.id, by=by)
            source = _SOURCES.get(by.kind, Source.OPERATOR)
            self._answers.keep(tx, found, result, by=f"person:{by.id}", source=source, final=True, key=None)
            return self.repository.end(tx, self._answers.advance_to_working(tx, found, by=by), TaskState.DONE, by=by)

        return await self._change(task, Permission.TASK_END, end, by=by)

    async def retry(self, task: TaskId, *, by: Actor) -> Task:
        """Make a task ready again that failed, expired, was cancelled or is parked, with a new code; of a task that is
        done make a new one. Raises TaskNotFound, TaskNotStopped, TextExpired, or DeliveryUnresolved: what may have
        arrived is never delivered again by this."""
        _require_or_own(by, Permission.TASK_CHANGE)

        def again(tx: Tx, found: Task) -> Task:
            if found.state not in _STOPPED | {TaskState.DONE}:
                raise TaskNotStopped(id=found.id, state=found.state.value)
            if found.text_expired_ms is not None:
                raise TextExpired(id=found.id, when=f"{as_datetime(found.text_expired_ms):%Y-%m-%d}")
            if found.state is TaskState.DONE:
                return self._repeat(tx, found, by=by)
            return self._reopen(tx, found, by=by)

        return await self._change(task, Permission.TASK_CHANGE, again, by=by)

    async def assign_to(self, task: TaskId, agent: str, *, by: Actor) -> Task:
        """Give a task that is ready, waiting or parked to this agent only. Raises TaskNotFound, AgentNotFound,
        AgentWithoutWindow, NoCapableAgent, TaskAlreadyEnded, TaskAlreadyRunning or DeliveryUnresolved."""
        _require_or_own(by, Permission.TASK_CHANGE)
        wanted = self._services.agents.reachable(agent).name

        def give(tx: Tx, found: Task) -> Task:
            self._check_assignable(tx, found, wanted)
            return self.repository.reassign(tx, found, wanted, by=by)

        return await self._change(task, Permission.TASK_CHANGE, give, by=by)

    async def list_assignees(self, task: TaskId, *, by: Actor) -> tuple[AgentStatus, ...]:
        """List the agents to which `assign_to` can give the task. Raises as it does."""
        _require_or_own(by, Permission.TASK_CHANGE)

        def check(tx: Tx, found: Task) -> Task:
            self._check_assignable(tx, found, None)
            return found

        found = await self._change(task, Permission.TASK_CHANGE, check, by=by)
        able = self._services.agents.who_can(found.needs)
        return tuple(one for one in await self._services.agents.list(by=HUB) if one.agent in able)

    async def set_priority(self, task: TaskId, priority: int, *, by: Actor) -> Task:
        """Make a task more or less urgent. Raises TaskNotFound, InvalidPriority or TaskAlreadyEnded."""
        _require_or_own(by, Permission.TASK_CHANGE)
        _check_priority(priority)

        def change(tx: Tx, found: Task) -> Task:
            _check_open(found)
            delivery = self._services.deliveries.open_for_task(tx, found.id)
            if delivery is not None:
                self._services.deliveries.set_priority(tx, delivery, priority)
            return found if found.priority == priority else self.repository.set_priority(tx, found, priority, by=by)

        return await self._change(task, Permission.TASK_CHANGE, change, by=by)

    async def accept_answer(
        self, task: str, code: str, text: str, *, final: bool, key: str, agent: str = EVERY_AGENT
    ) -> AcceptedAnswer:
        """Accept an agent's text; `final` ends the task. The same `key` again gets the same result and is stored once.
        `agent` is the one of the reply key. Raises WrongCode, WrongAgent, InvalidTaskId, EmptyText or TextTooLong and
        keeps nothing; TaskEnded, WrongTask, LeaseRevoked or TaskNotStarted after it kept the text, marked late."""
        named = parse_task_id(task)
        if not text.strip():
            raise EmptyText
        if len(text) > MAX_ANSWER_CHARS:
            raise TextTooLong(length=len(text), limit=MAX_ANSWER_CHARS)
        check_encoding(text)
        check_encoding(key)
        answer = SubmittedAnswer(task=named, code=code, agent=agent, text=text, final=final, key=key)
        receipt, problem = await self._store.write(lambda tx: self._answers.accept_answer(tx, answer))
        self.activity_seen.set()
        if problem is not None:
            raise problem
        return receipt

    async def record_progress(self, task: str, code: str, text: str, *, agent: str = EVERY_AGENT) -> tuple[Task, bool]:
        """Note an agent's report of progress. Of several within a second Octet keeps the first and, when the second is
        over, the last. Return whether it kept this one. Raises WrongCode, WrongAgent, InvalidTaskId, ProgressTooLate or
        as clean_text, and keeps nothing."""
        named = parse_task_id(task)
        report = " ".join(clean_text(text, limit=MAX_PROGRESS_CHARS).split())

        def keep(tx: Tx, *, may_rest: bool = True) -> tuple[Task, ProgressTooLate | None, float]:
            return self._answers.record_progress(tx, named, code, report, agent=agent, may_rest=may_rest)

        found, problem, rest_s = await self._store.write(keep)
        if rest_s:
            self._resting[found.id] = mine = object()
            await asyncio.sleep(rest_s)
            if self._resting.get(found.id) is not mine:
                return found, False
            found, problem, _ = await self._store.write(partial(keep, may_rest=False))
        self._resting.pop(found.id, None)
        self.activity_seen.set()
        if problem is not None:
            raise problem
        return found, True

    def reads_answers_of(self, agent: str) -> bool:
        """Return whether Octet reads answers in this agent's window."""
        return self.prompt_files.is_scraped(agent)

    async def find_pending_answer(self, agent: str) -> PendingAnswer | None:
        """Return what an answer in this agent's window would be for; None where none is awaited."""
        if not self.reads_answers_of(agent):
            return None
        status = next((one for one in await self._services.agents.list(by=HUB) if one.agent.name == agent), None)
        if status is None or status.task is None:
            return None
        task = await self.repository.get(status.task)
        if task.agent != agent or not (task.state is TaskState.WORKING or task.reason == ParkCause.SILENT):
            return None
        briefs = [one for one in await self._services.messages.list_for_task(task.id) if one.kind is MessageKind.TASK]
        return PendingAnswer(task=task.id, fence=task.fence, marker=briefs[-1].marker) if briefs else None

    async def accept_scraped_answer(self, awaited: PendingAnswer, found: MarkedAnswer) -> bool:
        """Accept what was read in the window of the task's agent; return whether it was new and awaited."""
        if len(found.text) > MAX_ANSWER_CHARS:
            found = MarkedAnswer(text=found.text[:MAX_ANSWER_CHARS], is_whole=False)
        return await self._store.write(lambda tx: self._answers.accept_scraped_answer(tx, awaited, found)) is not None

    def accept_lane_answer(self, tx: Tx, task: str, answer: LaneAnswer, *, of: DeliveryId, note: str) -> None:
        """Store an answer that came with the outcome of the task's delivery `of`, and end the task by it."""
        self._answers.accept_lane_answer(tx, self.repository.find(tx, task), answer, of=of, note=note)

    def record_window_activity(self, tx: Tx, task: str) -> None:
        tx.after_commit(self.activity_seen.set)
        self._answers.record_window_activity(tx, self.repository.find(tx, task))

    def suggest(self, text: str, *, by: Actor, open_only: bool = False) -> list[tuple[str, str]]:
        """Return (id, title) of the newest tasks that fit `text`, from memory; at most 25."""
        return self.repository.cache.find(text, open_only=open_only) if allows(by, Permission.TASK_READ) else []

    def _on_event(self, entry: Entry) -> None:
        if entry.name == "TaskMoved" and TaskState(str(entry.data["now"])) in ENDED:
            self.prompt_files.delete_for_task(str(entry.data["task"]))
            self.prompt_files.delete_old(self._clock.now_ms())

    def assign(self, tx: Tx, task: Task, agent: str) -> Message:
        """Lease the task to the agent; its code is valid from now on. Return the message to deliver."""
        leased = self.repository.lease(tx, task, agent)
        self._codes.grant(tx, task.id, leased.fence, agent=agent)
        source = Source(self.repository.source_of(tx, task.id))
        return self._services.messages.add_brief(
            tx, task=task.id, agent=agent, body=task.brief, priority=task.priority, source=source, by=HUB.id
        )

    def requeue_brief(self, tx: Tx, agent: str, *, reason: AnyReason) -> None:
        """Give the agent's task to others if its brief is only queued. A prompt in parts stays: the agent has one."""
        agents, deliveries = self._services.agents, self._services.deliveries
        task = agents.status(tx, agent).task
        brief = deliveries.open_for_task(tx, task) if task is not None else None
        if task is None or brief is None or brief.state is not DeliveryState.QUEUED or brief.share.is_later:
            return
        with at_row(task):
            deliveries.step(tx, brief, DeliveryState.SUPERSEDED, reason=reason)
            agents.free(tx, agent, task=task)
            self.repository.reopen(tx, self.repository.find(tx, task))

    def make_prompt(self, tx: Tx, task: str, message: str, *, share: MessagePart | None = None) -> Prompt:
        """Return the text for the task's agent, with its code; Octet never stores or logs it. A long brief is then in
        its file, or this is one part of it: `share` where that is fixed. Raises BriefNotWritten."""
        found = self.repository.find(tx, task)
        agent = found.agent or ""
        self._codes.grant(tx, found.id, found.fence, agent=agent)  # again: the home's key may have been lost meanwhile
        code = "" if self._services.agents.abilities(agent).answers_itself else self._codes.code(found.id, found.fence)
        brief = self._services.messages.find(tx, message)
        return self.prompt_files.make_prompt(brief, agent=agent, code=code, share=share)

    def _repeat(self, tx: Tx, done: Task, *, by: Actor) -> Task:
        draft = NewTask(brief=done.brief, needs=done.needs, priority=done.priority, place=done.place, again_of=done.id)
        source = _SOURCES.get(by.kind, Source.OPERATOR).value
        return self.repository.add(tx, draft, brief=done.brief, wanted=done.wanted, source=source, by=by)

    def _reopen(self, tx: Tx, found: Task, *, is_undone: bool = False, by: Actor) -> Task:
        self._check_delivery_resolved(tx, found)
        after = self.repository.reopen(tx, found, is_undone=is_undone, by=by)
        if found.agent is not None and self._left.get(found.agent) == found.id:
            self._leave(tx, found.agent, found.id)
        return after

    def _leave(self, tx: Tx, agent: str, task: TaskId) -> None:
        """Keep the agent busy with a task that it no longer has, until `release_idle` sees it idle."""
        self._services.agents.move(tx, agent, AgentState.BUSY, reason=Reason.STILL_ON_CANCELLED, task=task)
        tx.after_commit(lambda: self._left.update({agent: task}))

    def _forget_left(self, agent: str) -> None:
        self._left.pop(agent, None)

    def _is_seen_at_work(self, agent: str) -> bool:
        """Return whether the agent's window shows that it works, or asks something in the middle of its work."""
        known = self._services.agents.named(agent)
        if known is None or known.desk is None or known.window is None:
            return False
        return self._services.desks.shown(known.desk, known.window).activity in {Activity.BUSY, Activity.NEEDS_INPUT}

    def _report(self, tx: Tx, task: Task, what: str, by: Actor) -> None:
        self._services.notices.notify(tx, NoticeKind.REPORT, task.id, text=f"{what} by {by.id}")

    def _cancel_delivery(self, tx: Tx, task: str, *, by: Actor) -> None:
        """Cancel its deliveries that are not submitted yet. One that is being submitted cannot be cancelled."""
        delivery = self._services.deliveries.open_for_task(tx, task)
        if delivery is not None and delivery.state is not DeliveryState.SUBMITTING:
            self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.TASK_ENDED, by=by)

    async def _change(
        self, task: str, permission: Permission, change: Callable[[Tx, Task], Task], *, by: Actor
    ) -> Task:
        """Call `change` with the task: those with the permission may touch any, others what they asked for."""
        name = parse_task_id(task)

        def work(tx: Tx) -> Task:
            found = self.repository.find(tx, name)
            if found.requester != by.id or not allows(by, Permission.TASK_CREATE):
                require(by, permission)
            return change(tx, found)

        return await self._store.write(work)

    def _check_assignable(self, tx: Tx, task: Task, wanted: str | None) -> None:
        _check_open(task)
        self._check_capable(task.needs, wanted)
        if task.state not in ASSIGNABLE:
            raise TaskAlreadyRunning(id=task.id, state=task.state.value, agent=task.agent or "an agent")
        self._check_delivery_resolved(tx, task)

    def _check_capable(self, needs: frozenset[str], wanted: str | None) -> None:
        if not self._services.agents.who_can(needs, wanted):
            asked = ", ".join(sorted(needs)) or "any"
            raise NoCapableAgent(why=f"{wanted or 'every agent'} lacks the capabilities {asked}, or is not available")

    def _check_delivery_resolved(self, tx: Tx, task: Task) -> None:
        """Check that no prompt of the task may have arrived: it would arrive twice."""
        if self._services.deliveries.open_for_task(tx, task.id) is not None:
            raise DeliveryUnresolved(id=task.id)

    def _masked_prompt(self, task: Task, brief: Message) -> str:
        name = task.agent or ""
        abilities = self._services.agents.abilities(name)
        code = "" if abilities.answers_itself else self._codes.code(task.id, task.fence)
        shown = code if abilities.is_dry or not code else self._codes.masked()
        return self.prompt_files.render(brief, agent=name, code=code, shown_code=shown)


def _require_or_own(by: Actor, permission: Permission) -> None:
    """Check that the user may do this to some task at all, before anything is looked up."""
    if not allows(by, Permission.TASK_CREATE):
        require(by, permission)


def _check_open(task: Task) -> None:
    if task.state in ENDED:
        raise TaskAlreadyEnded(id=task.id, state=task.state.value)


def _check_priority(priority: int) -> None:
    if not 0 <= priority <= _LOWEST_PRIORITY:
        raise InvalidPriority(value=priority)
