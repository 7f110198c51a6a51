"""Messages to one agent, to the agent of a task, or to all agents; and what dispatch needs to deliver them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from core import limits
from core.agent_messages.answers import MessageAnswers
from core.agent_messages.model import (
    LONG_WAIT_MS,
    MINUTE_MS,
    AgentMessageView,
    InvalidMessageName,
    LeftOut,
    NewAgentMessage,
    RecipientMissing,
    SendOptions,
    hints,
    parse_message_name,
)
from core.agent_messages.recipients import EVERYONE, addresses, is_several, resolve
from core.agent_messages.traces import Traces
from core.agents.model import OFF_DUTY, Agent, AgentState
from core.deliveries.message_parts import MessagePart
from core.deliveries.model import Delivery, DeliveryState, asked_about
from core.kit.filters import Page, Query
from core.kit.ids import MessageId
from core.limits import clean_text
from core.messages.model import InboxEntry, Message, MessageKind, NewMessage, Requires, address_of, source_of
from core.messages.prompts import Prompt
from core.messages.service import MessageNotFound
from core.notices.model import DISCORD, NoticeKind, Place, Undelivered
from core.reasons import ParkCause, Reason, WaitReason
from core.remedies import explain, refused, sentence
from core.security.model import HUB, Actor, Permission, allows, require, require_or_own
from core.security.service import People
from core.store.engine import Tx, at_row
from core.tasks.model import ENDED, Task, TaskId, TaskState, parse_task_id
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_CUT = 50_000  # characters of one text in a conversation
_NORMAL = 2
_AFTER_ALL = "~"  # sorts after every id
_WORKED_ON = frozenset({TaskState.WORKING, TaskState.BLOCKED, TaskState.REVIEW})
_GIVEN = _WORKED_ON | {TaskState.ASSIGNED, TaskState.DELIVERING}
_NEEDS_A_PERSON = frozenset(
    {DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.EXPIRED, DeliveryState.CANCELLED}
)
_DROPPED = frozenset({DeliveryState.CANCELLED, DeliveryState.EXPIRED, DeliveryState.SUPERSEDED})
_ARRIVED = frozenset({DeliveryState.DELIVERED, DeliveryState.SENT})
_LOST = ENDED - {TaskState.DONE}
_UNDELIVERED = frozenset({MessageKind.STATUS, MessageKind.FOLLOW_UP})  # no delivery brings one alone
_SHOWN = _DROPPED | _NEEDS_A_PERSON | _ARRIVED | {DeliveryState.QUEUED, DeliveryState.SUBMITTING}


@dataclass(slots=True)
class _Line:
    """What comes before others in the line of one agent: the ids of its first delivery and of its first brief."""

    first: str = _AFTER_ALL
    first_brief: str = _AFTER_ALL
    has_unknown: bool = False

    def add(self, one: Delivery) -> None:
        """Count an open delivery. A later part of a text comes before everything else."""
        place = "" if one.share.is_later else one.id
        self.first = min(self.first, place)
        self.first_brief = min(self.first_brief, place) if one.is_brief else self.first_brief
        self.has_unknown |= one.state is DeliveryState.UNKNOWN

    @classmethod
    def of(cls, found: Iterable[Delivery]) -> _Line:
        """Make the line of these open deliveries of one agent; one that is held until a time delays no other."""
        line = cls()
        for one in found:
            if one.reason is not Reason.HELD_UNTIL:
                line.add(one)
        return line


AnswerFollower = Callable[[Tx, Message, Message], None]  # gets a message, and another agent's answer to it
SendFollower = Callable[[Tx, Message, Actor], None]  # gets a message to one agent, and the user who sent it


class AgentMessages:
    """Messages of users to agents. Octet gives none up silently: it arrives, or its sender hears why not."""

    def __init__(
        self,
        services: TaskServices,
        *,
        tasks: Tasks,
        traces: Traces,
    ) -> None:
        self._store, self._services, self._tasks = services.store, services, tasks.repository
        self._codes, self._clock, self._briefs = services.codes, services.clock, tasks.prompts
        self._follow_up_in = tasks.follow_up_in
        self._traces, self._answer_followers = traces, list[AnswerFollower]()
        self._send_followers = list[SendFollower]()
        self.answers = MessageAnswers(services, self._answer)
        services.deliveries.follow(self._follow)

    def follow_answers(self, call: AnswerFollower) -> None:
        """Call this in the transaction of every later answer from agent to agent."""
        self._answer_followers.append(call)

    def follow_sent(self, call: SendFollower) -> None:
        """Call this in the transaction of every later message of a user to one agent."""
        self._send_followers.append(call)

    async def send(self, draft: NewAgentMessage, *, by: Actor) -> AgentMessageView:
        """Send the text to an agent, or to the agent of a task; when this returns it is durable. It continues a task
        that is done, by its agent or the named one. Raises EmptyText, TextTooLong, ControlCharacters, InvalidTaskId,
        TaskNotFound, agent_not_found, agent_without_window, agent_takes_no_messages, RecipientMissing,
        task_unassigned, recipient_task_ended, agent_mismatch, MessageNotFound or as `Tasks.follow_up_in`."""
        require_or_own(by, Permission.MESSAGE_SEND)
        body = clean_text(draft.text, limits.BRIEF)
        answered = await self._services.messages.get(draft.in_reply_to) if draft.in_reply_to else None
        if answered is not None:
            is_theirs = answered.sender.startswith("agent:") and not answered.task
            agent = answered.sender.removeprefix("agent:") if is_theirs else None
            draft = replace(draft, agent=agent, task=answered.task)
        if draft.agent and is_several(draft.agent):
            return await self.broadcast(draft, by=by)
        named = resolve(self._services.agents, draft.agent)[1][0] if draft.agent else None
        asked = parse_task_id(draft.task) if draft.task else None
        key = f"send:{draft.key}" if draft.key is not None else None

        def send(tx: Tx, draft: NewAgentMessage) -> AgentMessageView:
            if key is not None and (known := self._services.messages.find_by_key(tx, key)):
                self._check_may(by, self._task_of(tx, known))
                return self.view(tx, known)  # also when another agent has the task by now
            task = self._task(tx, draft, asked, named)
            if task is not None and task.state is TaskState.DONE:
                return self._follow_up(tx, draft, body, task, named, key=key, by=by)
            self._check_may(by, task)
            to, (agent,), _ = resolve(self._services.agents, named.name if named else self._holder(task))
            self._check_room([agent], self.full(tx, [agent], draft.options.kind))
            place = Place(channel=draft.thread, guild=draft.place.guild) if draft.thread else draft.place
            new = self.envelope(draft, body, to=to, task=task, key=key, by=by)
            new = replace(new, in_reply_to=answered.id if answered else None)
            sent = self.post(tx, new, [agent], place=place, by=by)
            for call in self._send_followers:
                call(tx, sent.message, by)
            return sent

        return await self._with_file(draft, key, send)

    def _follow_up(
        self, tx: Tx, draft: NewAgentMessage, body: str, task: Task, named: Agent | None, *, key: str | None, by: Actor
    ) -> AgentMessageView:
        """Continue the task by this text. The prompt of the new attempt brings it, so that it has no delivery."""
        agent = named or self._services.agents.reachable(task.agent or task.wanted or "")
        new = self.envelope(draft, body, to=f"agent:{agent.name}", task=None, key=key, by=by)
        new = replace(new, kind=MessageKind.FOLLOW_UP, requires=Requires.NONE, task=task.id, marker="")
        sent = self.post(tx, new, [], by=by)
        self._follow_up_in(tx, task, sent.message, agent.name, by=by)
        return sent

    async def _with_file(
        self, draft: NewAgentMessage, key: str | None, send: Callable[[Tx, NewAgentMessage], AgentMessageView]
    ) -> AgentMessageView:
        known = partial(self._store.write, lambda tx: key and self._services.messages.find_by_key(tx, key))
        async with self._services.messages.attachments.stored(filter(None, [draft.attach]), known=known) as files:
            named = replace(draft, attachments=files)
            return await self._store.write(lambda tx: send(tx, named))

    def suggest(self, *, by: Actor) -> list[str]:
        """List what means several agents, for autocomplete; nothing for users who may not send to them."""
        return addresses(self._services.agents) if allows(by, Permission.MESSAGE_BROADCAST) else []

    async def broadcast(
        self, draft: NewAgentMessage, *, needs: frozenset[str] = frozenset(), by: Actor
    ) -> AgentMessageView:
        """Send the text to every reachable agent of `draft.agent` (all agents if empty) that has all of `needs`. Raises
        as `send`, no_such_recipient or no_reachable_agent."""
        require(by, Permission.MESSAGE_BROADCAST)
        body = clean_text(draft.text, limits.BRIEF)
        to, meant, out = resolve(self._services.agents, draft.agent or EVERYONE)
        reached = [agent for agent in meant if needs <= agent.levels.keys()]
        if not reached:
            raise refused("no_reachable_agent", why=f"no available agent can do {', '.join(sorted(needs))}")
        key = f"broadcast:{draft.key}" if draft.key is not None else None

        def send(tx: Tx, draft: NewAgentMessage) -> AgentMessageView:
            if key is not None and (known := self._services.messages.find_by_key(tx, key)):
                return self.view(tx, known, left_out=out)
            full = self.full(tx, reached, draft.options.kind)
            self._check_room(reached, full)
            left_out = (*out, *(LeftOut(agent=name, reason=Reason.LINE_FULL) for name in full))
            new = self.envelope(draft, body, to=to, task=None, key=key, by=by)
            agents = [one for one in reached if one.name not in full]
            return self.post(tx, new, agents, place=draft.place, by=by, left_out=left_out)

        return await self._with_file(draft, key, send)

    def full(self, tx: Tx, agents: Sequence[Agent], kind: MessageKind) -> tuple[str, ...]:
        """Return which of these agents take no more messages, or statuses, of users and agents, because so many wait
        for them. Octet's own messages and answers always have room."""
        is_status = kind is MessageKind.STATUS
        count = self._services.messages.inboxes.count_statuses if is_status else self._services.deliveries.count_waiting
        counts = count(tx, [one.name for one in agents])
        return tuple(one.name for one in agents if counts.get(one.name, 0) >= limits.WAITING.most)

    def _check_room(self, agents: Sequence[Agent], full: Sequence[str]) -> None:
        if len(full) == len(agents):
            raise refused("line_full", id=", ".join(full), most=limits.WAITING.most)

    async def list(self, query: Query, *, by: Actor) -> Page[Message]:
        """List messages of users, agents and Octet, the newest first. Raises UnknownSort and InvalidCursor."""
        require(by, Permission.MESSAGE_READ)
        return await self._services.messages.list(query)

    async def show(self, message: str, *, by: Actor) -> AgentMessageView:
        """Show a message and its deliveries. Raises MessageNotFound, also for messages of other kinds."""
        require(by, Permission.MESSAGE_READ)
        found = await self._services.messages.get(message)
        deliveries = await self._services.deliveries.list_for_message(found.id)
        if found.expires_at_ms is None or not (deliveries or found.kind in _UNDELIVERED):
            raise MessageNotFound(id=message[:40])
        return AgentMessageView(message=found, deliveries=_latest_per_agent(deliveries), known=tuple(deliveries))

    async def conversation(
        self, *, task: TaskId | None, agent: str | None, before: str, limit: int, by: Actor
    ) -> tuple[Message, ...]:
        """Return what was said about a task, or to and by an agent, newest first; long texts are cut. Raises name_one
        and agent_not_found."""
        require(by, Permission.MESSAGE_READ)
        if (task is None) == (agent is None):
            raise refused("name_one")
        named = self._services.agents.get(agent).name if agent else ""
        found = await self._services.messages.list_conversation(task=task or "", agent=named, before=before, size=limit)
        return tuple(one if len(one.body) <= _CUT else replace(one, body=f"{one.body[:_CUT]}…") for one in found)

    async def file(self, message: str, number: int, *, by: Actor) -> tuple[str, bytes]:
        """Return a file that came with a message, as `Attachments.download`. Raises MessageNotFound, too."""
        require(by, Permission.MESSAGE_READ)
        found = await self._services.messages.get(message)
        return await self._services.messages.attachments.download(f"M-{found.id}", found.attachments, number)

    async def cancel(self, message: str, *, agent: str | None = None, by: Actor) -> AgentMessageView:
        """Take the message out of the queue of `agent`, or out of all queues. Tell its sender, if another user did it.
        Raises MessageNotFound, agent_not_found, or message_not_queued where it has left the queue."""
        try:
            found = await self._services.messages.get(message)
        except MessageNotFound:
            require(by, Permission.MESSAGE_SEND)
            raise
        wanted = self._services.agents.get(agent).name if agent else None
        require_or_own(by, Permission.MESSAGE_SEND, owner=by.id if found.sender == address_of(by) else "")

        def cancel(tx: Tx) -> AgentMessageView:
            known = self._services.deliveries.find_for_message(tx, found.id)
            queued = [one for one in known if one.state is DeliveryState.QUEUED and wanted in {None, one.agent}]
            if found.kind is not MessageKind.MESSAGE or not queued:
                raise refused("message_not_queued", id=found.id, agent=wanted or "any agent")
            for one in queued:
                step, to = self._services.deliveries.step, DeliveryState.CANCELLED
                after = step(tx, one, to, reason=Reason.REMOVED, by=by)
                if found.sender not in {address_of(by), address_of(HUB)}:
                    self._services.notices.undelivered(tx, found.id, _undelivered(after))
            return self.view(tx, found)

        return await self._store.write(cancel)

    def queue_message(self, tx: Tx, text: str, agent: Agent, *, task: Task) -> Message:
        """Queue a message to the agent about its task, as Octet itself."""
        draft = NewAgentMessage(text=text)
        new = self.envelope(draft, text, to=f"agent:{agent.name}", task=task, key=None, by=HUB)
        return self.post(tx, new, [agent], by=HUB).message

    def make_prompt(
        self, tx: Tx, delivery: Delivery, *, share: MessagePart | None = None, news: Sequence[Message] = ()
    ) -> Prompt:
        """Return the text of a task's brief or of a message for the agent, with these statuses, or this `share`; Octet
        never stores or logs it. Raises BriefNotWritten."""
        message, agent = self._services.messages.find(tx, delivery.message), delivery.agent
        code = self._code(tx, message, agent)
        return self._briefs.make_prompt(message, agent=agent, code=code, share=share, news=news)

    def _code(self, tx: Tx, message: Message, agent: str) -> str:
        """Return the code with which the agent may answer; empty where it needs none."""
        if message.requires is Requires.NONE or self._services.agents.abilities(agent).answers_itself:
            return ""
        if message.task is None:
            return self.answers.grant(tx, message, agent)
        task = self._tasks.find(tx, message.task)
        if task.agent != agent:
            return ""
        self._codes.grant(tx, task.id, task.fence, agent=agent)  # again: the home's key may have been lost meanwhile
        return self._codes.code(task.id, task.fence)

    def may_send_while_busy(self, tx: Tx, delivery: Delivery) -> bool:
        """Return whether the message may arrive while the agent works: a user's and an answer may; Octet's own and
        those of other agents may not."""
        message = self._services.messages.find(tx, delivery.message)
        return message.kind is MessageKind.REPLY or not message.sender.startswith(("system:", "agent:"))

    def deliverable(self, tx: Tx) -> Callable[[Delivery], bool]:
        """Return what says whether a queued message may go now, with each agent's line read once. If it may not, the
        next `review_queue` says why, or ends it."""
        lines = dict[str, _Line]()

        def may_go(delivery: Delivery) -> bool:
            if delivery.agent not in lines:
                lines[delivery.agent] = self._line(tx, delivery.agent)
            line = lines[delivery.agent]
            if line.first < delivery.id and not delivery.share.is_later:
                return False
            message = self._services.messages.find(tx, delivery.message)
            task = self._task_of(tx, message)
            if (task is not None and task.state in ENDED) or self._traces.is_stopped(tx, message):
                return False
            is_late = message.expires_at_ms is not None and message.expires_at_ms <= self._clock.now_ms()
            return not is_late and self._wait_reason(tx, delivery, message, task, line) is None

        return may_go

    def has_task_ended(self, tx: Tx, delivery: Delivery) -> bool:
        """Return whether the task of this message has ended: then Octet never tries it again."""
        task = self._task_of(tx, self._services.messages.find(tx, delivery.message))
        return task is not None and task.state in ENDED

    def review_queue(self, tx: Tx) -> int | None:
        """Review all messages on their way: end those without use, follow tasks to their new agents, say why the others
        wait. Return when to look again, None for never."""
        messages = {one.id: one for one in self._services.messages.find_undelivered(tx)}
        if not messages:
            return None
        again, lines = list[int](), defaultdict[str, _Line](_Line)
        found = self._services.deliveries.open_texts(tx)
        for delivery in found:
            if delivery.share.is_later or delivery.state is DeliveryState.UNKNOWN:
                lines[delivery.agent].add(delivery)
        stopped = self._traces.stopped_of(tx, {one.trace for one in messages.values() if one.hop > 0})
        for delivery in found:
            if delivery.is_brief:
                lines[delivery.agent].add(delivery)
                continue
            message = messages.get(MessageId(delivery.message))
            if message is None:  # its row is left out
                continue
            with at_row(delivery=delivery.id):
                task = self._task_of(tx, message)
                if task is not None and task.state in ENDED:
                    if delivery.state is not DeliveryState.SUBMITTING:  # that cannot be called back
                        reason = Reason.TASK_ENDED
                        self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=reason)
                elif message.hop > 0 and message.trace in stopped and delivery.state is DeliveryState.QUEUED:
                    reason = Reason.TRACE_STOPPED
                    self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=reason)
                elif delivery.state is DeliveryState.QUEUED:
                    again += self._review(tx, delivery, message, task, lines)
                else:
                    lines[delivery.agent].add(delivery)
        return min(again, default=None)

    def resume_for(self, tx: Tx, agents: Sequence[Agent]) -> None:
        """Deliver again what waits for these agents, whose windows can be used again."""
        for agent in agents:
            found = self._services.deliveries.open_for_agent(tx, agent.name)
            line = _Line.of(found)
            for delivery in found:
                if not delivery.is_brief and delivery.state is DeliveryState.QUEUED and delivery.not_before_ms:
                    with at_row(delivery=delivery.id):
                        message = self._services.messages.find(tx, delivery.message)
                        wait = self._wait_reason(tx, delivery, message, self._task_of(tx, message), line)
                        self._record_wait(tx, delivery, wait, anew=True)

    def readdress(self, tx: Tx, delivery: Delivery, agent: Agent | None) -> None:
        """Queue the message for its agent's new window, or cancel it if the config has no such agent (None)."""
        if agent is None:
            self._services.deliveries.step(tx, delivery, DeliveryState.CANCELLED, reason=Reason.AGENT_GONE)
        else:
            self._services.deliveries.step(tx, delivery, DeliveryState.SUPERSEDED, reason=Reason.CONFIG_CHANGED)
            self._queue(tx, self._services.messages.find(tx, delivery.message), agent)

    def _task(self, tx: Tx, draft: NewAgentMessage, asked: TaskId | None, named: Agent | None) -> Task | None:
        """Find the task that the message is about: the named one, or the thread's, unless another agent is named."""
        if asked is not None:
            task = self._tasks.find(tx, asked)
            if named is not None and task.agent != named.name and task.state is not TaskState.DONE:
                raise refused("agent_mismatch", id=asked, holder=task.agent or "none yet", agent=named.name)
            return task
        here = self._services.notices.on(DISCORD).task_of(tx, draft.thread)
        task = self._tasks.find(tx, here) if here else None
        if task is None and named is None:
            raise RecipientMissing
        if named is None or task is None:
            return task
        is_its = task.agent == named.name or task.state is TaskState.DONE  # any agent may continue what is done
        return task if is_its and task.result_state not in _LOST else None

    def _check_may(self, by: Actor, task: Task | None) -> None:
        """Check that the user may send to any agent, or created this task."""
        require_or_own(by, Permission.MESSAGE_SEND, owner=task.requester if task else "")

    def _holder(self, task: Task | None) -> str:
        """Return the agent that has the task, or that had it last while it waits."""
        assert task is not None
        if task.state in ENDED:
            raise refused("recipient_task_ended", id=task.id, state=task.state.value)
        if task.agent is None or task.state is TaskState.READY:
            raise refused("task_unassigned", id=task.id, state=task.state.value)
        return task.agent

    def envelope(
        self, draft: NewAgentMessage, body: str, *, to: str, task: Task | None, key: str | None, by: Actor
    ) -> NewMessage:
        """Make the message of a user, which begins a new chain."""
        if task is not None:
            self._holder(task)
        return NewMessage(
            **self.chosen(draft.options, task),
            sender=address_of(by),
            sender_name=by.name,
            recipient=to,
            task=task.id if task else None,
            marker="" if task else self._services.messages.new_marker(),
            source=source_of(by),
            body=body,
            idempotency_key=key,
            attachments=draft.attachments,
        )

    def chosen(self, options: SendOptions, task: Task | None) -> dict[str, Any]:
        """Return the fields of a message that its sender chose. Raises OutOfRange or InvalidMessageName."""
        for minutes in (options.after_minutes, options.expires_minutes):
            limits.check("minutes", minutes, limits.MINUTES)
        now_ms = self._clock.now_ms()
        begins_ms = now_ms + options.after_minutes * MINUTE_MS
        normal = task.priority if task else _NORMAL
        return {
            "kind": options.kind,
            "requires": Requires.NONE if options.kind is MessageKind.STATUS else options.requires,
            "supersedes": parse_message_name(options.supersedes) if options.supersedes else None,
            "priority": normal if options.priority is None else options.priority,
            "not_before_ms": begins_ms if options.after_minutes else 0,
            "expires_at_ms": begins_ms + options.expires_minutes * MINUTE_MS,
        }

    def post(
        self,
        tx: Tx,
        new: NewMessage,
        agents: Sequence[Agent],
        *,
        place: Place | None = None,
        by: Actor,
        left_out: tuple[LeftOut, ...] = (),
        is_shown: bool = True,
    ) -> AgentMessageView:
        """Store the message, put it into the inbox of each agent, and queue a delivery where it may wake the agent.
        With `is_shown` show it in the thread of its task, or at `place`; without either nowhere."""
        if new.supersedes is not None:
            self._supersede(tx, new.supersedes, sender=new.sender)
        message = self._services.messages.add(tx, new, by=by.id)
        for agent in agents:
            self._queue(tx, message, agent)
        task = message.task or (message.thread if message.thread.startswith("T-") else None)
        if is_shown and (task is not None or place is not None):
            shown_at = None if task else place
            self._services.notices.notify(tx, NoticeKind.WORDS, task, subject=message.id, place=shown_at)
        return self.view(tx, message, left_out=left_out, hints=hints(message.body, message.requires))

    def _supersede(self, tx: Tx, earlier: MessageId, *, sender: str) -> None:
        """Drop this earlier message of the sender for the agents that do not have it yet. Raises not_your_message."""
        known = self._services.messages.known(tx, earlier)
        if known is None or known.sender != sender or known.kind not in {MessageKind.MESSAGE, MessageKind.STATUS}:
            raise refused("not_your_message", id=f"M-{earlier}")
        self._traces.withdraw(tx, earlier, Reason.SUPERSEDED, to=DeliveryState.SUPERSEDED)

    def _answer(self, tx: Tx, asked: Message, new: NewMessage) -> Message:
        """Store an agent's answer. One to another agent goes into its inbox and its window, and settles its question;
        one to a user goes where the user asked. Raises chain_stopped."""
        asker = self._services.agents.named(asked.sender.removeprefix("agent:"))
        actor = People.agent(new.sender.removeprefix("agent:"))
        if self._traces.is_stopped(tx, asked):
            raise refused("chain_stopped")
        inboxes = self._services.messages.inboxes
        if inboxes.has(tx, actor.name, asked.id):  # else it is from before there were inboxes
            inboxes.ack(tx, actor.name, asked.id, by=actor.id)
        if asker is None:
            answer = self._services.messages.add(tx, new, by=new.sender)
            is_several = not asked.recipient.startswith("agent:")
            self._services.notices.answered(tx, asked.id, answer=answer.id, is_one_of_several=is_several)
            return answer
        path = "\n".join(dict.fromkeys((*asked.agents_before, actor.name)))
        options = self.chosen(SendOptions(kind=MessageKind.REPLY, requires=Requires.NONE), None)
        chain = {"cause": asked.id, "trace": asked.trace, "path": path, "hop": asked.hop + 1}
        new = replace(new, **options, **chain, recipient=asked.sender, sender_name=actor.name)
        answer = self.post(tx, new, [asker], by=actor).message
        for call in self._answer_followers:
            call(tx, asked, answer)
        return answer

    def acknowledge(self, tx: Tx, agent: str, message: MessageId, *, by: Actor) -> None:
        """Note that the agent has the message, and stop bringing it. An agent's own acknowledgement is a message that
        wakes no agent. Raises not_in_inbox."""
        if not self._services.messages.inboxes.ack(tx, agent, message, by=by.id):
            return
        self._traces.withdraw(tx, message, Reason.ACKNOWLEDGED, agent=agent)
        asked = self._services.messages.find(tx, message)
        new = NewMessage(
            kind=MessageKind.ACK,
            sender=address_of(by),
            sender_name=by.name,
            recipient=asked.sender,
            task=None,
            in_reply_to=asked.id,
            cause=asked.id,
            trace=asked.trace,
            requires=Requires.NONE,
            source=source_of(by),
            body="",
        )
        self._services.messages.add(tx, new, by=by.id)

    async def ack(self, message: str, agent: str, *, by: Actor) -> InboxEntry:
        """Acknowledge a message for its agent, which then no longer gets it. Raises not_in_inbox."""
        require(by, Permission.MESSAGE_SEND)
        holder = self._services.agents.get(agent).name
        try:
            name = parse_message_name(message)
        except InvalidMessageName:  # its sentence is for agents
            raise refused("not_in_inbox", id=message[:40], agent=holder) from None
        await self._store.write(lambda tx: self.acknowledge(tx, holder, name, by=by))
        return await self._services.messages.inboxes.get(holder, name)

    async def inbox(self, agent: str, *, text: str = "", limit: int, by: Actor) -> tuple[InboxEntry, ...]:
        """List an agent's inbox: what is held, then the newest first."""
        require(by, Permission.MESSAGE_READ)
        return await self._services.messages.inboxes.list(self._services.agents.get(agent).name, text=text, size=limit)

    def _line(self, tx: Tx, agent: str) -> _Line:
        return _Line.of(self._services.deliveries.open_for_agent(tx, agent))

    def _queue(self, tx: Tx, message: Message, agent: Agent, line: _Line | None = None) -> None:
        self._services.messages.inboxes.add(tx, message, agent.name)
        if message.kind is MessageKind.STATUS:  # it wakes no agent
            return
        line = self._line(tx, agent.name) if line is None else line
        delivery = self._services.deliveries.queue(tx, agent, message=message.id, priority=message.priority)
        self._record_wait(tx, delivery, self._wait_reason(tx, delivery, message, self._task_of(tx, message), line))
        line.add(delivery)

    def view(
        self, tx: Tx, message: Message, *, left_out: tuple[LeftOut, ...] = (), hints: tuple[Reason, ...] = ()
    ) -> AgentMessageView:
        """Return the message and how far it has come."""
        is_status = message.kind is MessageKind.STATUS
        found = [] if is_status else self._services.deliveries.find_for_message(tx, message.id)
        stand = _latest_per_agent(found)
        return AgentMessageView(message=message, deliveries=stand, known=tuple(found), left_out=left_out, hints=hints)

    def _task_of(self, tx: Tx, message: Message) -> Task | None:
        return self._tasks.find(tx, message.task) if message.task is not None else None

    def _wait_reason(
        self, tx: Tx, delivery: Delivery, message: Message, task: Task | None, line: _Line
    ) -> tuple[Reason, str] | None:
        """Return why this message must still wait, and what exactly is so; None when it may go now. Messages go in the
        order in which users sent them, and nothing comes between two parts of one text."""
        status = self._services.agents.status(tx, delivery.agent)
        about_its_task = task is not None and status.task == task.id
        if message.not_before_ms > self._clock.now_ms():
            return Reason.HELD_UNTIL, ""
        if task is not None and (task.agent != delivery.agent or task.state is TaskState.READY):
            return Reason.TASK_UNASSIGNED, f"it is {task.state.value}"
        if status.state is AgentState.PAUSED or (status.state in OFF_DUTY and not about_its_task):
            return Reason.OFF_DUTY, f"{status.state.value} {status.note}".strip()
        if status.state is AgentState.HELD or line.has_unknown:
            return Reason.EARLIER_UNKNOWN, ""
        if desk := self._desk_reason(delivery):
            return Reason.DESK_UNUSABLE, desk
        if task is not None and not _has_brief(task, about_its_task=about_its_task):
            return Reason.BRIEF_FIRST, ""
        if delivery.share.is_later or line.first >= delivery.id:
            return None
        return (Reason.BRIEF_FIRST if line.first_brief < delivery.id else Reason.EARLIER_FIRST), ""

    def _desk_reason(self, delivery: Delivery) -> str:
        if delivery.desk is None:
            return ""
        now = self._services.desks.state(delivery.desk)
        return now.describe(delivery.desk) or (f"{sentence(now.reason)} at {delivery.desk}" if now.reason else "")

    def _record_wait(self, tx: Tx, delivery: Delivery, wait: tuple[Reason, str] | None, *, anew: bool = False) -> None:
        """Store why the message waits. A reason that the window itself gave stays until the next attempt."""
        if wait is None and not anew and delivery.not_before_ms:
            return
        reason, note = wait or (None, "")
        if (delivery.reason, delivery.note, delivery.not_before_ms) != (reason, note, 0):
            self._services.deliveries.waits(tx, delivery, reason=reason, note=note, not_before_ms=0)
            self._services.notices.words_changed(tx, delivery.message)

    def _review(
        self, tx: Tx, delivery: Delivery, message: Message, task: Task | None, lines: Mapping[str, _Line]
    ) -> list[int]:
        """Review one queued delivery behind those in `lines`; return the times at which to look again."""
        now = self._clock.now_ms()
        expires_at_ms = message.expires_at_ms or now
        if expires_at_ms <= now:
            note = explain(delivery.reason, delivery.note)
            self._services.deliveries.step(tx, delivery, DeliveryState.EXPIRED, reason=Reason.EXPIRED, note=note)
            return []
        if message.not_before_ms > now:
            self._record_wait(tx, delivery, (Reason.HELD_UNTIL, ""))
            return [message.not_before_ms, expires_at_ms]
        holder = self._services.agents.named(task.agent) if task is not None and task.state in _GIVEN else None
        if task is not None and holder is not None and holder.name != delivery.agent:
            note = f"{task.id} is with {holder.name} now"
            to = DeliveryState.SUPERSEDED
            if not holder.abilities.queues:
                to = DeliveryState.CANCELLED
                note += f". {refused('agent_takes_no_messages', id=holder.name).message}"
            self._services.deliveries.step(tx, delivery, to, reason=Reason.TASK_MOVED, note=note)
            if to is DeliveryState.CANCELLED:
                return []
            self._queue(tx, message, holder, lines[holder.name])
            return [expires_at_ms]
        self._record_wait(tx, delivery, self._wait_reason(tx, delivery, message, task, lines[delivery.agent]))
        lines[delivery.agent].add(delivery)
        long_ms = delivery.created_ms + LONG_WAIT_MS
        if long_ms > now:
            return [long_ms, expires_at_ms]
        long = Undelivered(agent=delivery.agent, state=DeliveryState.QUEUED)
        self._services.notices.undelivered(tx, message.id, long, once=True)
        return [expires_at_ms]

    def _follow(self, tx: Tx, was: DeliveryState, delivery: Delivery) -> None:
        """Update what users see of the message, and notify its sender if it did not arrive."""
        if delivery.state in _ARRIVED:
            self._services.messages.inboxes.have_arrived_with(tx, delivery.agent, delivery.id)
        if delivery.is_brief or delivery.act is not None or delivery.state not in _SHOWN:
            return
        self._services.notices.words_changed(tx, delivery.message)
        if was is delivery.state:
            return  # only what it rests on changed
        inboxes = self._services.messages.inboxes
        if delivery.state in _ARRIVED:
            if delivery.share.is_last:
                inboxes.has_arrived(tx, delivery.agent, delivery.message)
            self._continue_interrupted(tx, delivery)
        elif delivery.state in _DROPPED and delivery.reason is not Reason.CONFIG_CHANGED:
            reason = delivery.reason if isinstance(delivery.reason, Reason) else Reason.DROPPED
            inboxes.drop(tx, delivery.agent, delivery.message, reason)
        if delivery.reason in {Reason.ACKNOWLEDGED, Reason.TRACE_STOPPED}:
            return  # its agent has it, or another notice says so
        dropped, sent = delivery.state is DeliveryState.CANCELLED, self._services.messages.known(tx, delivery.message)
        if dropped and delivery.reason is not Reason.REMOVED:  # no user waits for what Octet itself sent
            is_late = sent is not None and delivery.reason is Reason.TASK_ENDED and self._ends_late(tx, sent)
            dropped = sent is None or sent.sender == address_of(HUB) or is_late
        if delivery.state in _NEEDS_A_PERSON and was is not DeliveryState.UNKNOWN and not dropped:
            about = asked_about(delivery) if delivery.state is DeliveryState.UNKNOWN else ""
            detail, thread = _undelivered(delivery), sent.thread if sent is not None else ""
            self._services.notices.undelivered(tx, delivery.message, detail, about=about, thread=thread)

    def _ends_late(self, tx: Tx, answer: Message) -> bool:
        """Have the question that this answers say that its task ended first. Return whether it answers one."""
        about, by = f"question:{answer.in_reply_to}", answer.sender.removeprefix("person:")
        return self._services.notices.settled(tx, about=about, how="late", by=by)

    def _continue_interrupted(self, tx: Tx, delivery: Delivery) -> None:
        """Note that an interrupted agent works on its task again, because a message about it arrived."""
        task = self._task_of(tx, self._services.messages.find(tx, delivery.message))
        if task is None or task.agent != delivery.agent or task.reason != ParkCause.INTERRUPTED:
            return
        if self._services.agents.takes_back(tx, delivery.agent, task=task.id):
            self._tasks.move(tx, task.id, TaskState.WORKING)


def _has_brief(task: Task, *, about_its_task: bool) -> bool:
    """Return whether the agent of the task has its brief: only then does a message about it make sense."""
    if task.state is TaskState.WAITING:
        return task.reason == WaitReason.DRY_RUN
    is_kept = about_its_task or task.reason == ParkCause.INTERRUPTED
    return task.state in _WORKED_ON or (task.state is TaskState.PARKED and is_kept)


def _undelivered(delivery: Delivery) -> Undelivered:
    return Undelivered(agent=delivery.agent, state=delivery.state, reason=delivery.reason)


def _latest_per_agent(deliveries: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """Return the newest delivery to each agent; none where another agent's delivery replaced it."""
    newest = {one.agent: one for one in deliveries}.values()
    stand = (one for one in newest if one.state is not DeliveryState.SUPERSEDED)
    return tuple(sorted(stand, key=lambda one: one.id))
