"""Tasks as users and agents use them: created, shown, cancelled, answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from functools import partial

from core import limits
from core.agents.model import STANDING_STILL, AgentState, AgentStatus
from core.deliveries.model import DeliveryState
from core.journal.model import Entry
from core.kit.clock import DAY_MS, as_datetime
from core.kit.filters import Page, Query
from core.kit.from_attributes import from_attributes
from core.limits import BestOfOutOfRange, clean_text
from core.messages.answer_markers import MarkedAnswer
from core.messages.attachments import planned_files
from core.messages.model import EvidenceItem, Message, MessageKind, NewFile, Source, source_of
from core.messages.prompts import PromptRenderer
from core.notices.model import DISCORD, NoticeKind, UserAct
from core.profiles.model import Activity
from core.reasons import ParkCause, Reason
from core.remedies import refused
from core.security.model import (
    EVERY_AGENT,
    HUB,
    Actor,
    ActorKind,
    Permission,
    allows,
    require,
    require_or_own,
)
from core.settings.model import AnswerLimits
from core.store.engine import Tx
from core.tasks.answers import AcceptedAnswer, Answers, SubmittedAnswer
from core.tasks.briefs import Briefs, MakeParts
from core.tasks.model import (
    ASSIGNABLE,
    ENDED,
    UNDO_MS,
    AgentTrouble,
    NewTask,
    OnFailure,
    PartsKind,
    PendingAnswer,
    ProgressTooLate,
    Task,
    TaskChanges,
    TaskId,
    TaskMoved,
    TaskPart,
    TaskState,
    TaskView,
    parse_task_id,
    title_of,
)
from core.tasks.quarantine import Quarantine
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices
from core.tasks.texts import is_grammar, read_grammar
from core.workspaces.plans import with_project

_LABEL = re.compile(r"""[^,"'\\\s][^,"'\\]*""")
_TOGETHER_MS = 1_000  # the parts of a task are cancelled within this time after it
_ACCEPTED_AFTER_MS = 7 * DAY_MS  # a result that a user has done again sooner counts as a failure
_STOPPED = frozenset({TaskState.FAILED, TaskState.EXPIRED, TaskState.PARKED, TaskState.CANCELLED})
_AT_WORK = frozenset({TaskState.WORKING, TaskState.BLOCKED})
_SAID = frozenset({MessageKind.MESSAGE, MessageKind.REPLY, MessageKind.FOLLOW_UP})


class Tasks:
    """The verbs of tasks, for every interface, and what dispatch needs to give a task to an agent."""

    def __init__(
        self,
        services: TaskServices,
        *,
        briefs: PromptRenderer,
        silent_after_ms: int,
        limits: AnswerLimits,
        parts: Sequence[MakeParts] = (),
    ) -> None:
        """Call `load` first. `parts` make what other packages add to briefs."""
        self._store, self._services = services.store, services
        self._clock, self.prompts = services.clock, briefs
        self.repository = TaskRepository(services, silent_after_ms=silent_after_ms)
        self.activity_seen = asyncio.Event()  # set by each activity of an agent; its reader clears it
        self.quarantine = Quarantine(services, repository=self.repository)  # how the loops write
        self.briefs = Briefs(services, briefs, repository=self.repository, parts=parts)
        self.answers = Answers(services, repository=self.repository, limits=limits)
        self._looked_ms = 2**62  # until when dispatch has looked for agents for ready tasks, once it runs
        self._left: dict[str, TaskId] = {}  # agents that were seen at work when their task was cancelled
        self._resting: dict[TaskId, object] = {}  # the latest report of each task that rests after another one
        services.journal.listen(TaskMoved, self._task_moved)

    async def load(self) -> None:
        """Fill the cache; delete files of briefs that are half written or of ended tasks."""
        await self.repository.load()
        self.prompts.delete_partial()
        for line in (await self.repository.summaries(self.prompts.list_tasks())).values():
            if line.state in ENDED:
                self.prompts.delete_for_task(line.id)
        self.prompts.delete_old(self._clock.now_ms())

    async def new(self, draft: NewTask, *, by: Actor) -> Task:
        """Create a task; when this returns it is durable and its card is on its way. Raises EmptyText, TextTooLong,
        too_long_for_agent, ControlCharacters, OutOfRange, invalid_label, agent_not_found, agent_without_window,
        no_capable_agent, too_few_agents, unreadable_tasks, several_tasks, TaskNotFound, files_too_large, or as `split`
        for its parent and as `Plans.of_task` for its project and checks."""
        require(by, Permission.TASK_CREATE)
        if is_grammar(draft.brief):
            first, *others = read_grammar(draft.brief)
            if others:
                raise refused("several_tasks", count=len(others) + 1)
            draft = replace(draft, brief=first.brief, priority=first.priority)
        draft = self.checked(draft, by=by)
        known = partial(self._store.write, lambda tx: draft.key and self.repository.find_by_key(tx, draft.key))
        async with self._services.messages.attachments.stored(filter(None, [draft.attach]), known=known) as files:
            named = replace(draft, attachments=files)
            return await self._store.write(lambda tx: self.add(tx, named, by=by))

    def checked(self, draft: NewTask, *, by: Actor) -> NewTask:
        """Return the draft as Octet stores it. Raises as `new` for what needs no database."""
        brief = clean_text(draft.brief, limits.BRIEF)
        checks = self._services.workspaces.plans.of_task(draft.project, draft.checks)
        draft = replace(draft, checks=checks, needs=with_project(draft.needs, draft.project))
        wanted = self.check_new(draft, by=by)
        self.prompts.check_length(brief, self._able(draft.needs, wanted))
        return replace(draft, brief=brief, agent=wanted)

    def _able(self, needs: frozenset[str], wanted: str | None) -> list[str]:
        return [str(agent.name) for agent in self._services.agents.who_can(needs, wanted)]

    def add(self, tx: Tx, draft: NewTask, *, by: Actor) -> Task:
        source = draft.source or source_of(by)
        if draft.key is not None and (known := self.repository.find_by_key(tx, draft.key)):
            return known
        if draft.parent is not None:
            parent = self._allowed(tx, draft.parent, Permission.TASK_CHANGE, by=by)
            return self.add_parts(tx, parent, [draft], by=by)[0]
        task = self.repository.add(tx, draft, brief=draft.brief, wanted=draft.agent, source=source, by=by)
        if not draft.best_of:
            return task
        able = self._able(draft.needs, draft.agent)
        if len(able) < draft.best_of:
            raise refused("too_few_agents", wanted=draft.best_of, found=len(able))
        states = self._services.agents.states(tx)
        able.sort(key=lambda name: (states[name] is not AgentState.IDLE, states[name] is not AgentState.BUSY))
        siblings = [replace(draft, agent=agent, key=None, best_of=0) for agent in able[: draft.best_of]]
        self.repository.add_parts(tx, task, PartsKind.BEST_OF, siblings, source=source, by=by)
        return self.repository.find(tx, task.id)

    def delegate(self, tx: Tx, parent: Task, draft: NewTask, *, by: Actor) -> Task:
        """Create a task that the agent of `parent` gives to others; the same key counts once. Raises OutOfRange,
        no_capable_agent, too_long_for_agent, TaskNotFound or as clean_text."""
        brief = clean_text(draft.brief, limits.BRIEF)
        limits.check("priority", draft.priority, limits.PRIORITY)
        self._check_capable(draft.needs, draft.agent)
        self.prompts.check_length(brief, self._able(draft.needs, draft.agent))
        return self.repository.add_subtask(tx, parent, replace(draft, brief=brief), source=Source.AGENT, by=by)

    def add_parts(self, tx: Tx, parent: Task, drafts: Sequence[NewTask], *, by: Actor) -> Sequence[Task]:
        _check_not_begun(parent)
        if parent.parts not in {None, PartsKind.SPLIT}:
            raise refused("not_a_parent", id=parent.id)
        source = drafts[0].source or source_of(by)
        return self.repository.add_parts(tx, parent, PartsKind.SPLIT, drafts, source=source, by=by)

    def check_new(self, draft: NewTask, *, by: Actor) -> str | None:
        """Return the agent that `draft` names. Raises, from memory, as `new` except for the text."""
        require(by, Permission.TASK_CREATE)
        limits.check("priority", draft.priority, limits.PRIORITY)
        _check_labels(draft.labels)
        check_links("a new task", draft.after)
        wanted = self._services.agents.reachable(draft.agent).name if draft.agent else None
        self._check_capable(draft.needs, wanted)
        found = len(self._able(draft.needs, wanted))
        if draft.best_of and not 2 <= draft.best_of <= found:
            if found < 2:
                raise refused("too_few_agents", wanted=draft.best_of, found=found)
            raise BestOfOutOfRange(least=2, most=min(found, limits.BEST_OF.most))
        return wanted

    async def list(self, query: Query = Query(), *, by: Actor) -> Page[Task]:  # noqa: B008 - it is frozen
        """List tasks, the newest first unless sorted. Raises UnknownSort and InvalidCursor."""
        require(by, Permission.TASK_READ)
        return await self.quarantine.read(lambda: self.repository.list(query))

    async def file(self, task: TaskId, number: int, *, by: Actor) -> tuple[str, bytes]:
        """Return a file that came with a task, as `Attachments.download`. Raises TaskNotFound, too."""
        require(by, Permission.TASK_READ)
        found = await self.repository.get(parse_task_id(task))
        return await self._services.messages.attachments.download(found.id, found.attachments, number)

    async def show(self, task: TaskId, *, by: Actor) -> TaskView:
        """Show one task with its prompt, deliveries and answers. Masks the prompt's code, except in the dry-run lane,
        where a user answers. Raises TaskNotFound."""
        require(by, Permission.TASK_READ)
        task = parse_task_id(task)
        found = await self.quarantine.read(lambda: self.repository.get(task))
        messages = await self._services.messages.list_for_task(task)
        card = await self._services.notices.on(DISCORD).card_of(task)
        briefs = [message for message in messages if message.kind is MessageKind.TASK]
        is_shown = briefs and found.agent and found.text_expired_ms is None
        parts = await self.repository.list_parts(task) if found.parts is not None else ()
        after = await self.repository.dependencies.list_for_task(task)
        return TaskView(
            task=found,
            parts=tuple([await self._part(part, of=found) for part in parts]),
            prompt=self.briefs.masked(found, briefs[-1]) if is_shown else "",
            deliveries=await self._services.deliveries.list_for_task(task),
            answers=tuple(message for message in messages if message.kind is MessageKind.REPLY),
            thread=card.thread if card else "",
            after=tuple(one for one in after if one.needs not in {part.id for part in parts}),
            attempts=await self.repository.attempts.list_for_task(task),
            left_with=next((agent for agent, left in self._left.items() if left == task), ""),
            is_starting=found.state is TaskState.READY and found.changed_ms > self._looked_ms,
            held_up_by=await self._held_up_by(found) if found.state is TaskState.READY else (),
        )

    async def show_current(self, *, by: Actor) -> tuple[Task, tuple[TaskPart, ...], tuple[Message, ...]]:
        """Show an agent the task that it has now, the parts that it gave to others, and what was said about it to Octet
        or to this agent, oldest first. Raises agent_unnamed, agent_not_found or no_current_task."""
        if by.kind is not ActorKind.AGENT or by.name == EVERY_AGENT:  # a user may bear an agent's name
            raise refused("agent_unnamed")
        found = (await self._services.agents.show(by.name, by=HUB)).task
        if found is None:
            raise refused("no_current_task", agent=by.name)
        texts = await self._services.messages.list_for_task(found)
        mine = tuple(one for one in texts if one.kind in _SAID and one.recipient in {"hub", f"agent:{by.name}"})
        task = await self.repository.get(found)
        parts = await self.repository.list_parts(task.id) if task.parts is PartsKind.DELEGATED else ()
        return task, tuple([await self._part(part, of=task) for part in parts]), mine

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
        """End the task; cancel its deliveries that are not submitted yet. Raises TaskNotFound or task_already_ended.

        Its agent gets nothing new as long as its window shows that it works on."""
        return await self.change(task, Permission.TASK_END, partial(self.cancel_in, by=by), by=by)

    def cancel_in(self, tx: Tx, found: Task, *, by: Actor) -> Task:
        """Cancel the task as `cancel` does; the caller knows that `by` may."""
        check_open(found)
        self._cancel_delivery(tx, found.id, by=by)
        after = self.repository.cancel(tx, found, by=by)
        if found.agent is not None and found.state in _AT_WORK and self._is_seen_at_work(found.agent):
            self._leave(tx, found.agent, found.id)
        self._report(tx, after, "cancelled" if found.follow_up is None else "stopped", by)
        return after

    async def undo(self, task: TaskId, *, by: Actor) -> Task:
        """Put back a task that was cancelled less than a minute ago, and what was cancelled because of that. Raises
        TaskNotFound, undo_too_late or delivery_unresolved.

        An agent that still works on it keeps it under its old lease; otherwise the task becomes ready."""

        def put_back(tx: Tx, found: Task) -> Task:
            age_ms = self._clock.now_ms() - found.changed_ms
            if found.state is not TaskState.CANCELLED or not 0 <= age_ms < UNDO_MS:
                raise refused("undo_too_late", id=found.id, state=found.state.value)
            agent, others = found.agent, self.repository.find_cancelled_with(tx, found)
            if agent is not None and self._left.get(agent) == found.id and self._is_seen_at_work(agent):
                after = self.repository.move(tx, found.id, TaskState.WORKING, by=by)
                self._services.agents.move(tx, agent, AgentState.BUSY, task=found.id)
                tx.after_commit(partial(self._forget_left, agent))
            else:
                after = self._reopen(tx, found, is_undone=True, by=by)
            for part in self.repository.find_subtasks(tx, found):
                if part.state is TaskState.CANCELLED and 0 <= part.changed_ms - found.changed_ms < _TOGETHER_MS:
                    self._reopen(tx, part, is_undone=True, by=by)
            for one in others:
                self._reopen(tx, one, is_undone=True, by=by)
            self._report(tx, after, "undone", by)
            return after

        return await self.change(task, Permission.TASK_END, put_back, by=by)

    def release_idle(self, tx: Tx) -> None:
        """Free the agents that have stopped working on their cancelled tasks."""
        for agent, task in list(self._left.items()):
            if not self._is_seen_at_work(agent):
                self._services.agents.free(tx, agent, task=task)
                self._services.notices.card_changed(tx, task)
                self._services.notices.buttons_changed(tx, task)
                tx.after_commit(partial(self._forget_left, agent))

    async def done(self, task: TaskId, text: str, *, by: Actor) -> Task:
        """End the task with a user's answer. Raises TaskNotFound, task_already_ended, task_never_started or as
        clean_text."""

        def end(tx: Tx, found: Task) -> Task:
            result = clean_text(text, limits.BRIEF)
            check_open(found)
            if not self.answers.may_have_prompt(tx, found):
                raise refused("task_never_started", id=found.id, state=found.state.value)
            self._cancel_delivery(tx, found.id, by=by)
            source = source_of(by)
            sender = f"person:{by.id}"
            kept = self.answers.keep(tx, found, body=result, by=sender, source=source, final=True, key=None)
            return self.repository.finish(tx, found, by=by, answer=kept.id)

        return await self.change(task, Permission.TASK_END, end, by=by)

    async def retry(self, task: TaskId, *, by: Actor) -> Task:
        """Make a task ready again that failed, expired, was cancelled or is parked, or whose agent looks idle, with a
        new code; of a task that is done make a new one. Raises TaskNotFound, task_not_stopped, text_expired, or
        delivery_unresolved: what may have arrived is never delivered again by this."""

        def again(tx: Tx, found: Task) -> Task:
            if found.state not in _STOPPED | {TaskState.DONE} and found.idle_ms is None:
                raise refused("task_not_stopped", id=found.id, state=found.state.value)
            _check_text(found)
            if found.state is TaskState.DONE:
                self.repository.attempts.disown(tx, found.id, since_ms=self._clock.now_ms() - _ACCEPTED_AFTER_MS)
                return self.add(tx, replace(self.copy_of(tx, found), again_of=found.id), by=by)
            return self._reopen(tx, found, by=by)

        return await self.change(task, Permission.TASK_CHANGE, again, by=by)

    def follow_up_in(self, tx: Tx, found: Task, message: Message, wanted: str, *, by: Actor) -> Task:
        """Continue a task that is done with this message of a user: a new attempt for this agent. Raises has_parts,
        text_expired, no_capable_agent, too_long_for_agent or delivery_unresolved."""
        require_or_own(by, Permission.TASK_CHANGE, owner=found.requester)
        if not found.is_whole:
            raise refused("has_parts", id=found.id)
        _check_text(found)
        self._check_capable(found.needs, wanted)
        self.prompts.check_length(f"{found.brief}\n\n{message.body}", [wanted])
        self._check_delivery_resolved(tx, found)
        return self.repository.follow_up(tx, found, message.id, wanted=wanted, by=by)

    async def assign_to(self, task: TaskId, agent: str, *, by: Actor) -> Task:
        """Give a task that is ready, waiting or parked to this agent only. Raises TaskNotFound, agent_not_found,
        agent_without_window, no_capable_agent, task_already_ended, task_already_running, has_parts or
        delivery_unresolved."""
        require_or_own(by, Permission.TASK_CHANGE)
        wanted = self._services.agents.reachable(agent).name
        return await self.change(task, Permission.TASK_CHANGE, partial(self.assign_in, wanted=wanted, by=by), by=by)

    def assign_in(self, tx: Tx, found: Task, *, wanted: str, by: Actor) -> Task:
        """Give the task to this agent only, as `assign_to` does; the caller knows that `by` may."""
        self._check_assignable(tx, found, wanted)
        return self.repository.reassign(tx, found, wanted, by=by)

    async def list_assignees(self, task: TaskId, *, by: Actor) -> tuple[AgentStatus, ...]:
        """List the agents to which `assign_to` can give the task. Raises as it does."""

        def check(tx: Tx, found: Task) -> Task:
            self._check_assignable(tx, found, None)
            return found

        found = await self.change(task, Permission.TASK_CHANGE, check, by=by)
        able = self._services.agents.who_can(found.needs)
        return tuple(one for one in await self._services.agents.list(by=HUB) if one.agent in able)

    async def depend(self, task: TaskId, needs: TaskId, on_failure: OnFailure | None, *, by: Actor) -> Task:
        """Have a task that has not begun wait for another one; None: no longer. Raises TaskNotFound,
        task_already_ended, task_already_running or dependency_cycle."""

        def link(tx: Tx, found: Task) -> Task:
            _check_not_begun(found)
            return self.repository.depend(tx, found, parse_task_id(needs), on_failure, by=by)

        return await self.change(task, Permission.TASK_CHANGE, link, by=by)

    async def edit(self, task: TaskId, changes: TaskChanges, *, by: Actor) -> Task:
        """Change a task's fields: labels and `due_ms` until it ends, the others until it begins. Raises TaskNotFound,
        task_already_ended, task_already_running, no_capable_agent, invalid_label, too_long_for_agent or as
        clean_text."""
        require_or_own(by, Permission.TASK_CHANGE)
        _check_labels(changes.labels or frozenset())
        given = {one.name: value for one in fields(changes) if (value := getattr(changes, one.name)) is not None}
        if changes.brief is not None:
            given["brief"] = clean_text(changes.brief, limits.BRIEF)
            given["title"] = title_of(given["brief"])
            given["source"] = source_of(by).value

        def change(tx: Tx, found: Task) -> Task:
            check_open(found)
            if given.keys() - {"labels", "due_ms"}:
                _check_not_begun(found)
            needs = given.get("needs", found.needs)
            self._check_capable(needs, found.wanted)
            self.prompts.check_length(given.get("brief", ""), self._able(needs, found.wanted))
            times = {name: given[name] or None for name in ("due_ms", "not_before_ms") if name in given}
            return self.repository.edit(tx, found, by=by, **{**given, **times})

        return await self.change(task, Permission.TASK_CHANGE, change, by=by)

    async def duplicate(self, task: TaskId, *, by: Actor) -> Task:
        """Create a task like this one. Raises TaskNotFound or text_expired."""
        require(by, Permission.TASK_CREATE)
        found = await self.repository.get(parse_task_id(task))
        _check_text(found)
        return await self._store.write(lambda tx: self.add(tx, self.copy_of(tx, found), by=by))

    async def mark_wrong(self, task: TaskId, why: str, *, by: Actor) -> Task:
        """Mark the result of a task that is done as wrong; it stays done. Raises TaskNotFound, not_done or as
        clean_text."""

        def mark(tx: Tx, found: Task) -> Task:
            cleaned = clean_text(why, limits.PROGRESS) if why else ""
            if found.state is not TaskState.DONE:
                raise refused("not_done", id=found.id, state=found.state.value)
            self._report(tx, found, "wrong", by)
            self.repository.attempts.disown(tx, found.id)
            return self.repository.edit(tx, found, by=by, wrong=cleaned)

        return await self.change(task, Permission.TASK_CHANGE, mark, by=by)

    async def set_priority(self, task: TaskId, priority: int, *, by: Actor) -> Task:
        """Make a task more or less urgent. Raises TaskNotFound, InvalidPriority or task_already_ended."""

        def change(tx: Tx, found: Task) -> Task:
            limits.check("priority", priority, limits.PRIORITY)
            check_open(found)
            delivery = self._services.deliveries.open_for_task(tx, found.id)
            if delivery is not None:
                self._services.deliveries.set_priority(tx, delivery, priority)
            return found if found.priority == priority else self.repository.set_priority(tx, found, priority, by=by)

        return await self.change(task, Permission.TASK_CHANGE, change, by=by)

    async def accept_answer(
        self,
        task: str,
        code: str,
        text: str,
        *,
        final: bool,
        key: str,
        agent: str = EVERY_AGENT,
        trouble: AgentTrouble | None = None,
        evidence: tuple[EvidenceItem, ...] = (),
        files: Sequence[NewFile] = (),
    ) -> AcceptedAnswer:
        """Accept an agent's text; `final` or a failure ends the task. The same `key` again gets the same result and is
        stored once. `agent` is the one of the reply key. Raises WrongCode, WrongAgent, InvalidTaskId, EmptyText,
        files_too_large or TextTooLong and keeps nothing; TaskEnded, WrongTask, LeaseRevoked or TaskNotStarted after it
        kept the text, marked late."""
        named = parse_task_id(task)
        text, key = limits.check("text", text, limits.ANSWER), limits.check("key", key, limits.BRIEF)
        answer = SubmittedAnswer(
            task=named,
            code=code,
            agent=agent,
            text=text,
            final=final,
            key=key,
            trouble=trouble,
            evidence=evidence,
        )
        planned = replace(answer, attachments=planned_files(files))
        known = partial(self._store.write, lambda tx: self.answers.has(tx, planned))
        async with self._services.messages.attachments.stored(files, known=known) as stored:
            named_files = replace(answer, attachments=stored)
            receipt, problem = await self._store.write(lambda tx: self.answers.accept_answer(tx, named_files))
        self.activity_seen.set()
        if problem is not None:
            raise problem
        return receipt

    async def record_progress(self, task: str, code: str, text: str, *, agent: str = EVERY_AGENT) -> tuple[Task, bool]:
        """Note an agent's report of progress. Of several within a second Octet keeps the first and, when the second is
        over, the last. Return whether it kept this one. Raises WrongCode, WrongAgent, InvalidTaskId, ProgressTooLate or
        as clean_text, and keeps nothing."""
        named = parse_task_id(task)
        report = " ".join(clean_text(text, limits.PROGRESS).split())

        def keep(tx: Tx, *, may_rest: bool = True) -> tuple[Task, ProgressTooLate | None, float]:
            return self.answers.record_progress(tx, named, code, report, agent=agent, may_rest=may_rest)

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

    async def find_pending_answer(self, agent: str) -> PendingAnswer | None:
        """Return what an answer in this agent's window would be for; None where none is awaited."""
        if not self.prompts.is_scraped(agent):
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
        text = limits.storable(found.text)
        shown = text[: limits.ANSWER.most]
        found = replace(found, text=shown, is_whole=found.is_whole and shown == text)
        return await self._store.write(lambda tx: self.answers.accept_scraped_answer(tx, awaited, found)) is not None

    def record_window_activity(self, tx: Tx, task: str) -> None:
        tx.after_commit(self.activity_seen.set)
        self.answers.record_window_activity(tx, self.repository.find(tx, task))

    def suggest(self, text: str, *, by: Actor, open_only: bool = False) -> list[tuple[str, str]]:
        """Return (id, title) of the newest tasks that fit `text`, from memory; at most 25."""
        return self.repository.cache.find(text, open_only=open_only) if allows(by, Permission.TASK_READ) else []

    def _task_moved(self, entry: Entry[TaskMoved]) -> None:
        if entry.event.now in ENDED:
            self.prompts.delete_for_task(entry.event.task)
            self.prompts.delete_old(self._clock.now_ms())

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
        self._services.notices.notify(tx, NoticeKind.REPORT, task.id, detail=UserAct(act=what, by=by.id))

    def _cancel_delivery(self, tx: Tx, task: str, *, by: Actor) -> None:
        """Cancel its deliveries that are not submitted yet. One that is being submitted cannot be cancelled."""
        delivery = self._services.deliveries.open_for_task(tx, task)
        if delivery is not None and delivery.state is not DeliveryState.SUBMITTING:
            self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.TASK_ENDED, by=by)

    async def change(self, task: str, permission: Permission, change: Callable[[Tx, Task], Task], *, by: Actor) -> Task:
        """Call `change` with the task: those with the permission may touch any, others what they asked for."""
        require_or_own(by, permission)
        name = parse_task_id(task)
        return await self._store.write(lambda tx: change(tx, self._allowed(tx, name, permission, by=by)))

    def _allowed(self, tx: Tx, task: TaskId, permission: Permission, *, by: Actor) -> Task:
        found = self.repository.find(tx, task)
        require_or_own(by, permission, owner=found.requester)
        return found

    async def _part(self, part: Task, *, of: Task) -> TaskPart:
        answer = ""
        if of.parts is not PartsKind.SPLIT and part.state is TaskState.DONE:
            final = [one for one in await self._services.messages.list_for_task(part.id) if one.final and not one.late]
            answer = final[-1].body if final else ""
        return from_attributes(TaskPart, part, answer=answer)

    def copy_of(self, tx: Tx, task: Task) -> NewTask:
        """Copy what a user chose of a task; its text stays that of who wrote it."""
        same = {"brief", "needs", "priority", "place", "labels", "source", "attachments", "project", "checks"}
        best_of = len(self.repository.find_parts(tx, task.id)) if task.parts is PartsKind.BEST_OF else 0
        return NewTask(**{name: getattr(task, name) for name in same}, agent=task.wanted, best_of=best_of)

    def _check_assignable(self, tx: Tx, task: Task, wanted: str | None) -> None:
        check_open(task)
        if not task.is_whole:
            raise refused("has_parts", id=task.id)
        self._check_capable(task.needs, wanted)
        if task.state not in ASSIGNABLE:
            raise refused("task_already_running", id=task.id, state=task.state.value, agent=task.agent or "an agent")
        self._check_delivery_resolved(tx, task)

    def _check_capable(self, needs: frozenset[str], wanted: str | None) -> None:
        if not self._services.agents.who_can(needs, wanted):
            asked = ", ".join(sorted(needs)) or "any"
            raise refused(
                "no_capable_agent", why=f"{wanted or 'every agent'} lacks the capabilities {asked}, or is not available"
            )

    def _check_delivery_resolved(self, tx: Tx, task: Task) -> None:
        """Check that no prompt of the task may have arrived: it would arrive twice."""
        if self._services.deliveries.open_for_task(tx, task.id) is not None:
            raise refused("delivery_unresolved", id=task.id)


def check_open(task: Task) -> None:
    if task.state in ENDED:
        raise refused("task_already_ended", id=task.id, state=task.state.value)


def _check_text(task: Task) -> None:
    if task.text_expired_ms is not None:
        raise refused("text_expired", id=task.id, when=f"{as_datetime(task.text_expired_ms):%Y-%m-%d}")


def check_links(task: str, others: Collection[object]) -> None:
    if len(others) > limits.LINKS.most:
        raise refused("too_many_links", id=task, most=limits.LINKS.most)


def _check_labels(labels: frozenset[str]) -> None:
    """Check that labels can be typed with commas between them."""
    if any(not _LABEL.fullmatch(one) for one in limits.check("labels", labels, limits.LABELS)):
        raise refused("invalid_label")


def _check_not_begun(task: Task) -> None:
    check_open(task)
    if not task.has_not_begun:
        raise refused("task_already_running", id=task.id, state=task.state.value, agent=task.agent or "an agent")
