"""Saying something to an agent, to whoever has a task, or to all; and what dispatch needs to bring it."""

from __future__ import annotations

from collections.abc import Sequence

from core.agent_messages.model import (
    LONG_WAIT_MS,
    MESSAGE_TTL_MS,
    AgentMessageView,
    AgentMismatch,
    NewAgentMessage,
    NoReachableAgent,
    RecipientMissing,
    RecipientTaskEnded,
    TaskUnassigned,
    undelivered_text,
)
from core.agents.model import OFF_DUTY, Agent, AgentState, AgentTakesNoMessages, AgentWithoutWindow
from core.deliveries.message_parts import MessagePart
from core.deliveries.model import Delivery, DeliveryState, asked_about
from core.messages.model import MAX_BRIEF_CHARS, Message, MessageKind, NewMessage, address_of, clean_text, source_of
from core.messages.prompt_files import Prompt, PromptFiles
from core.messages.service import MessageNotFound
from core.notices.model import NoticeKind, Place
from core.reasons import Reason, WaitReason
from core.remedies import explain, sentence
from core.security.codes import TaskCodes
from core.security.model import HUB, Actor, NotAllowed, Permission, allows, require
from core.store.engine import Tx, at_row
from core.tasks.model import ENDED, Task, TaskId, TaskState, parse_task_id
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

_NORMAL = 2
_EVERYBODY = "all"
_WORKED_ON = frozenset({TaskState.WORKING, TaskState.BLOCKED, TaskState.REVIEW})
_GIVEN = _WORKED_ON | {TaskState.ASSIGNED, TaskState.DELIVERING}
_NEEDS_A_PERSON = frozenset(
    {DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.EXPIRED, DeliveryState.CANCELLED}
)
_SHOWN = _NEEDS_A_PERSON | {DeliveryState.QUEUED, DeliveryState.SUBMITTING, DeliveryState.DELIVERED, DeliveryState.SENT}


class AgentMessages:
    """What people say to agents. Nothing of it is given up silently: it arrives, or its sender is told why not."""

    def __init__(
        self,
        services: TaskServices,
        *,
        tasks: TaskRepository,
        codes: TaskCodes,
        briefs: PromptFiles,
    ) -> None:
        self._store, self._services, self._tasks = services.store, services, tasks
        self._codes, self._clock, self._briefs = codes, services.clock, briefs
        services.deliveries.follow(self._follow)

    async def send(self, draft: NewAgentMessage, *, by: Actor) -> AgentMessageView:
        """Say it to an agent, or to whoever has a task; when this returns it is durable.

        Raises EmptyText, TextTooLong, ControlCharacters, InvalidTaskId, TaskNotFound, AgentNotFound,
        AgentWithoutWindow, AgentTakesNoMessages, RecipientMissing, TaskUnassigned, RecipientTaskEnded or
        AgentMismatch."""
        if not allows(by, Permission.TASK_CREATE):
            require(by, Permission.MESSAGE_SEND)
        body = clean_text(draft.text, limit=MAX_BRIEF_CHARS)
        named = self._services.agents.reachable(draft.agent) if draft.agent else None
        asked = parse_task_id(draft.task) if draft.task else None
        key = f"send:{draft.key}" if draft.key is not None else None

        def send(tx: Tx) -> AgentMessageView:
            if key is not None and (known := self._services.messages.find_by_key(tx, key)):
                self._check_may(by, self._task_of(tx, known))
                return self._view(tx, known)  # whoever has the task by now
            task = self._task(tx, draft, asked, named)
            self._check_may(by, task)
            agent = named or self._services.agents.reachable(self._holder(task))
            if not agent.abilities.queues:
                raise AgentTakesNoMessages(id=agent.name)
            to = f"agent:{agent.name}"
            return self._put(tx, body, [agent], to=to, task=task, place=draft.place, key=key, by=by)

        return await self._store.write(send)

    async def broadcast(
        self, draft: NewAgentMessage, *, needs: frozenset[str] = frozenset(), by: Actor
    ) -> AgentMessageView:
        """Say it to every agent that has all of `needs` and can be reached at all. Raises what is wrong with the
        text, or NoReachableAgent."""
        require(by, Permission.MESSAGE_BROADCAST)
        body = clean_text(draft.text, limit=MAX_BRIEF_CHARS)
        meant = [agent for agent in self._services.agents.all() if needs <= agent.capabilities]
        out = tuple((str(agent.name), why) for agent in meant if (why := _why_never(agent)))
        reached = [agent for agent in meant if not _why_never(agent)]
        if not reached:
            asked = ", ".join(sorted(needs))
            why = "; ".join(f"{name}: {words}" for name, words in out) or f"nobody has the capabilities {asked}"
            raise NoReachableAgent(why=why)
        key = f"broadcast:{draft.key}" if draft.key is not None else None

        def send(tx: Tx) -> AgentMessageView:
            if key is not None and (known := self._services.messages.find_by_key(tx, key)):
                return self._view(tx, known, left_out=out)
            place = draft.place
            return self._put(tx, body, reached, to=_EVERYBODY, task=None, place=place, key=key, by=by, left_out=out)

        return await self._store.write(send)

    async def show(self, message: str, *, by: Actor) -> AgentMessageView:
        """Words and how far they have come. Raises MessageNotFound, also for other messages than words."""
        require(by, Permission.MESSAGE_READ)
        found = await self._services.messages.get(message)
        deliveries = await self._services.deliveries.list_for_message(found.id)
        if found.expires_at_ms is None or not deliveries:
            raise MessageNotFound(id=message[:40])
        return AgentMessageView(message=found, deliveries=_latest_per_agent(deliveries), known=tuple(deliveries))

    # for dispatch

    def queue_message(self, tx: Tx, text: str, agent: Agent, *, task: Task) -> Message:
        """Say something to the agent about the task it has, as Octet itself."""
        to = f"agent:{agent.name}"
        return self._put(tx, text, [agent], to=to, task=task, place=task.place, key=None, by=HUB).message

    def make_prompt(self, tx: Tx, delivery: Delivery, *, share: MessagePart | None = None) -> Prompt:
        """The text to be brought to the agent: all of it, or this `share` where that is fixed already. It is never
        stored or logged. Raises BriefNotWritten."""
        message = self._services.messages.find(tx, delivery.message)
        code = ""
        if message.task is not None:
            task = self._tasks.find(tx, message.task)
            if task.agent == delivery.agent:
                self._codes.grant(tx, task.id, task.fence, agent=delivery.agent)
                code = self._codes.code(task.id, task.fence)
        return self._briefs.make_prompt(message, agent=delivery.agent, code=code, share=share)

    def may_send_while_busy(self, tx: Tx, delivery: Delivery) -> bool:
        """Whether these words may come while the agent works: a person's may, what the hub says by itself may not."""
        return not self._services.messages.find(tx, delivery.message).sender.startswith("system:")

    def is_deliverable(self, tx: Tx, delivery: Delivery) -> bool:
        """Whether these queued words may be brought now; if not, the next `review_queue` says why, or ends them."""
        message = self._services.messages.find(tx, delivery.message)
        task = self._task_of(tx, message)
        if task is not None and task.state in ENDED:
            return False
        is_late = message.expires_at_ms is not None and message.expires_at_ms <= self._clock.now_ms()
        return not is_late and self._why(tx, delivery, task) is None

    def has_task_ended(self, tx: Tx, delivery: Delivery) -> bool:
        """Whether the task that these words are about has ended: then they are never tried again."""
        task = self._task_of(tx, self._services.messages.find(tx, delivery.message))
        return task is not None and task.state in ENDED

    def review_queue(self, tx: Tx) -> int | None:
        """Look at all words that are on their way: end what is worth nothing any more, follow tasks to their new
        agents, say why the others wait. Returns when to look again at the latest, None for never."""
        now, again = self._clock.now_ms(), list[int]()
        for delivery in self._services.deliveries.open_messages(tx):
            with at_row(delivery=delivery.id):
                message = self._services.messages.find(tx, delivery.message)
                task = self._task_of(tx, message)
                if task is not None and task.state in ENDED:
                    if delivery.state is not DeliveryState.SUBMITTING:  # that cannot be called back
                        reason = Reason.TASK_ENDED
                        self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=reason)
                elif delivery.state is DeliveryState.QUEUED:
                    again += self._review(tx, delivery, message, task, now)
        return min(again, default=None)

    def resume_for(self, tx: Tx, agents: Sequence[Agent]) -> None:
        """The windows of these agents can be used again: what waits for them may go now."""
        for agent in agents:
            for delivery in self._services.deliveries.open_for_agent(tx, agent.name):
                if not delivery.is_brief and delivery.state is DeliveryState.QUEUED and delivery.not_before_ms:
                    task = self._task_of(tx, self._services.messages.find(tx, delivery.message))
                    self._say_why(tx, delivery, self._why(tx, delivery, task), anew=True)

    def readdress(self, tx: Tx, delivery: Delivery, agent: Agent | None) -> None:
        """The config changed: the agent stands elsewhere now, or is gone (None) and the words with it."""
        if agent is None:
            self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.AGENT_GONE)
        else:
            self._services.deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.CONFIG_CHANGED)
            self._queue(tx, self._services.messages.find(tx, delivery.message), agent)

    # who, and whether

    def _task(self, tx: Tx, draft: NewAgentMessage, asked: TaskId | None, named: Agent | None) -> Task | None:
        """The task they are about: the named one, or that of the thread, unless another agent is named there."""
        if asked is not None:
            task = self._tasks.find(tx, asked)
            if named is not None and task.agent != named.name:
                raise AgentMismatch(id=asked, holder=task.agent or "nobody yet", agent=named.name)
            return task
        here = self._services.notices.task_of(tx, draft.thread)
        task = self._tasks.find(tx, here) if here else None
        if task is None and named is None:
            raise RecipientMissing
        if named is None or (task is not None and task.agent == named.name and task.state not in ENDED):
            return task
        return None

    def _check_may(self, by: Actor, task: Task | None) -> None:
        """Those with the permission may speak to any agent, others to whoever has a task they asked for."""
        if not allows(by, Permission.MESSAGE_SEND) and (task is None or task.requester != by.id):
            raise NotAllowed(permission=Permission.MESSAGE_SEND.value)

    def _holder(self, task: Task | None) -> str:
        """Who has the task, or had it last and waits to go on."""
        assert task is not None
        if task.state in ENDED:
            raise RecipientTaskEnded(id=task.id, state=task.state.value)
        if task.agent is None or task.state in {TaskState.DRAFT, TaskState.READY}:
            raise TaskUnassigned(id=task.id, state=task.state.value)
        return task.agent

    def _put(
        self,
        tx: Tx,
        body: str,
        agents: Sequence[Agent],
        *,
        to: str,
        task: Task | None,
        place: Place,
        key: str | None,
        by: Actor,
        left_out: tuple[tuple[str, str], ...] = (),
    ) -> AgentMessageView:
        if task is not None:
            self._holder(task)
        new = NewMessage(
            kind=MessageKind.MESSAGE,
            sender=address_of(by),
            sender_name=by.name,
            recipient=to,
            task=task.id if task else None,
            source=source_of(by),
            body=body,
            priority=task.priority if task else _NORMAL,
            expires_at_ms=self._clock.now_ms() + MESSAGE_TTL_MS,
            idempotency_key=key,
        )
        message = self._services.messages.add(tx, new, by=by.id)
        for agent in agents:
            self._queue(tx, message, agent)
        shown_at = None if message.task else place
        self._services.notices.notify(tx, NoticeKind.WORDS, message.task, message=message.id, place=shown_at)
        return self._view(tx, message, left_out=left_out)

    def _queue(self, tx: Tx, message: Message, agent: Agent) -> None:
        delivery = self._services.deliveries.queue(tx, agent, message=message.id, priority=message.priority)
        self._say_why(tx, delivery, self._why(tx, delivery, self._task_of(tx, message)))

    def _view(self, tx: Tx, message: Message, *, left_out: tuple[tuple[str, str], ...] = ()) -> AgentMessageView:
        found = self._services.deliveries.find_for_message(tx, message.id)
        stand = _latest_per_agent(found)
        return AgentMessageView(message=message, deliveries=stand, known=tuple(found), left_out=left_out)

    # how they stand

    def _task_of(self, tx: Tx, message: Message) -> Task | None:
        return self._tasks.find(tx, message.task) if message.task is not None else None

    def _why(self, tx: Tx, delivery: Delivery, task: Task | None) -> tuple[Reason, str] | None:
        """Return why this message must still wait, and what exactly is so; None when it may go now."""
        status = self._services.agents.status(tx, delivery.agent)
        others = [one for one in self._services.deliveries.open_for_agent(tx, delivery.agent) if one.id != delivery.id]
        # In the order in which they were sent; and nothing comes between two parts of one text.
        earlier = [one for one in others if one.id < delivery.id or one.share.is_later]
        about_its_task = task is not None and status.task == task.id
        if task is not None and (task.agent != delivery.agent or task.state is TaskState.READY):
            return Reason.TASK_UNASSIGNED, f"it is {task.state.value}"
        if status.state is AgentState.PAUSED or (status.state in OFF_DUTY and not about_its_task):
            return Reason.OFF_DUTY, f"{status.state.value} {status.note}".strip()
        if status.state is AgentState.HELD or any(one.state is DeliveryState.UNKNOWN for one in others):
            return Reason.EARLIER_UNKNOWN, ""
        if desk := self._why_desk(delivery):
            return Reason.DESK_UNUSABLE, desk
        if task is not None and not _has_brief(task, about_its_task=about_its_task):
            return Reason.BRIEF_FIRST, ""
        if delivery.share.is_later or not earlier:
            return None
        return (Reason.BRIEF_FIRST if any(one.is_brief for one in earlier) else Reason.EARLIER_FIRST), ""

    def _why_desk(self, delivery: Delivery) -> str:
        if delivery.desk is None:
            return ""
        now = self._services.desks.state(delivery.desk)
        return now.describe(delivery.desk) or (f"{sentence(now.reason)} at {delivery.desk}" if now.reason else "")

    def _say_why(self, tx: Tx, delivery: Delivery, wait: tuple[Reason, str] | None, *, anew: bool = False) -> None:
        """Write down why these words wait. What the window itself was seen to lack stands until it is tried again."""
        if wait is None and not anew and delivery.not_before_ms:
            return
        reason, note = wait or (None, "")
        if (delivery.reason, delivery.note, delivery.not_before_ms) != (reason, note, 0):
            self._services.deliveries.waits(tx, delivery, reason=reason, note=note, not_before_ms=0)
            self._services.notices.words_changed(tx, delivery.message)

    def _review(self, tx: Tx, delivery: Delivery, message: Message, task: Task | None, now: int) -> list[int]:
        """One delivery that is queued; the times at which it must be looked at again."""
        expires_at_ms = message.expires_at_ms or now
        if expires_at_ms <= now:
            self._services.deliveries.step(
                tx, delivery, DeliveryState.EXPIRED, reason=Reason.EXPIRED, note=explain(delivery.reason, delivery.note)
            )
            return []
        holder = self._services.agents.named(task.agent) if task is not None and task.state in _GIVEN else None
        if task is not None and holder is not None and holder.name != delivery.agent:
            note = f"{task.id} is with {holder.name} now"
            if not holder.abilities.queues:
                note = f"{note}. {AgentTakesNoMessages(id=holder.name).message}"
                self._services.deliveries.step(
                    tx, delivery, DeliveryState.CANCELLED, reason=Reason.TASK_MOVED, note=note
                )
                return []
            self._services.deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.TASK_MOVED, note=note)
            self._queue(tx, message, holder)
            return [expires_at_ms]
        self._say_why(tx, delivery, self._why(tx, delivery, task))
        long_ms = delivery.created_ms + LONG_WAIT_MS
        if long_ms > now:
            return [long_ms, expires_at_ms]
        self._services.notices.undelivered(tx, message.id, text=f"{delivery.agent}: queued: ", once=True)
        return [expires_at_ms]

    def _follow(self, tx: Tx, was: DeliveryState, delivery: Delivery) -> None:
        """Words took a step: what people see of them follows, and whoever sent them hears of what did not arrive."""
        if delivery.is_brief or delivery.act is not None or delivery.state not in _SHOWN:
            return
        self._services.notices.words_changed(tx, delivery.message)
        dropped = delivery.state is DeliveryState.CANCELLED and self._is_ours(tx, delivery)
        if delivery.state in _NEEDS_A_PERSON and was is not DeliveryState.UNKNOWN and not dropped:
            about = asked_about(delivery) if delivery.state is DeliveryState.UNKNOWN else ""
            self._services.notices.undelivered(tx, delivery.message, text=undelivered_text(delivery), about=about)

    def _is_ours(self, tx: Tx, delivery: Delivery) -> bool:
        """Octet itself says this: nobody waits for it to arrive."""
        return self._services.messages.find(tx, delivery.message).sender == address_of(HUB)


def _has_brief(task: Task, *, about_its_task: bool) -> bool:
    """Whether the agent that the task is with was given it: only then do words about it make sense there."""
    if task.state is TaskState.WAITING:
        return task.reason == WaitReason.DRY_RUN
    return task.state in _WORKED_ON or (task.state is TaskState.PARKED and about_its_task)


def _why_never(agent: Agent) -> str:
    """Why nothing can ever be brought to this agent; empty if it can."""
    if not agent.is_reachable:
        return AgentWithoutWindow(id=agent.name).message
    return "" if agent.abilities.queues else AgentTakesNoMessages(id=agent.name).message


def _latest_per_agent(deliveries: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """The newest to each agent, which says how far they came there; none where another one's took its place."""
    newest = {one.agent: one for one in deliveries}.values()
    stand = (one for one in newest if one.state is not DeliveryState.SUPERSEDED)
    return tuple(sorted(stand, key=lambda one: one.id))
