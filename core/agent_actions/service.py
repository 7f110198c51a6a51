"""Interrupting an agent, and answering what its window asks: a user asks, the owner allows, Octet acts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from core.agent_actions.dialogs import AgentDialogs, mark_hash
from core.agent_actions.model import (
    ACTION_TTL_MS,
    ANSWERS,
    NOTHING_PRESSED,
    ActionResult,
    AgentDialog,
    AgentDialogView,
    DialogEnding,
    check_allowed,
)
from core.agents.model import Agent, AgentEvent
from core.deliveries.model import OPEN_STATES, Delivery, DeliveryId, DeliveryMoved, DeliveryState, asked_about
from core.journal.model import Entry
from core.messages.model import MessageKind, NewMessage, address_of, source_of
from core.notices.model import NoticeKind
from core.profiles.model import Act, Driven
from core.reasons import AnyReason, ParkCause, Reason
from core.remedies import refused
from core.security.model import HUB, Actor, Permission, require
from core.store.engine import Tx
from core.tasks.model import TaskState
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

_S = DeliveryState
_OVER = NOTHING_PRESSED | {_S.DELIVERED, _S.SENT, _S.UNKNOWN}
_UNDER_WAY = OPEN_STATES - {_S.UNKNOWN}
_WAIT_S = 90.0  # how long the user waits for the end of an act; every act ends before, unless the disk refuses
_STOPS_S = 10.0  # how long an interrupted agent may take to stop before its task is parked
_HIGHEST = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequested(AgentEvent):
    """A user asked for an act."""

    delivery: str
    act: str
    mark_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEnded(AgentEvent):
    """An act was done, was not done, or Octet does not know which."""

    delivery: str
    act: str
    mark_hash: str
    result: str
    reason: AnyReason | None


class AgentActions:
    """What users do to agents without a text. An act is done within seconds or given up, and never done twice."""

    def __init__(
        self, services: TaskServices, tasks: TaskRepository, profile_of: Callable[[str], Driven | None]
    ) -> None:
        """`profile_of` returns the profile of an agent's window by the agent's name, None where there is none."""
        self._store, self._journal, self._clock = services.store, services.journal, services.clock
        self._agents, self._deliveries, self._messages = services.agents, services.deliveries, services.messages
        self._desks, self._notices, self._tasks = services.desks, services.notices, tasks
        self._profile_of = profile_of
        self.dialogs = AgentDialogs(services, tasks, profile_of)
        self._waiting: dict[DeliveryId, asyncio.Event] = {}
        services.journal.listen(DeliveryMoved, self._delivery_moved)
        services.journal.follow(DeliveryMoved, self._delivery_failed)

    async def interrupt(self, agent: str, *, by: Actor) -> ActionResult:
        """Stop what the agent does now, before all that waits for its window, and park its task; return how that ended.
        Raises agent_not_found, no_window_for_action, action_not_allowed, desk_not_ready or action_underway."""
        require(by, Permission.AGENT_INTERRUPT)
        who = self._find_agent(agent, Act.INTERRUPT)
        of = next((one.task or "" for one in await self._agents.list(by=HUB) if one.agent == who), "")
        done = await self._perform(lambda tx: self._queue(tx, who, Act.INTERRUPT, None, by), by)
        if done.delivery.state in {_S.DELIVERED, _S.SENT}:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOPS_S):
                    await self.dialogs.wait_while_busy(who)
            await self._store.write(lambda tx: self._park_interrupted(tx, who.name, of, by))
        return done

    async def interrupt_task(self, task: str, *, by: Actor) -> ActionResult:
        """Interrupt the agent that works on this task, also after the task was cancelled. Raises not_worked_on, or as
        `interrupt`."""
        require(by, Permission.AGENT_INTERRUPT)
        agent = next((one.agent.name for one in await self._agents.list(by=HUB) if one.task == task), None)
        if agent is None:
            raise refused("not_worked_on", id=task)
        return await self.interrupt(agent, by=by)

    async def new_chat(self, agent: str, *, by: Actor) -> ActionResult:
        """Begin a new conversation with an idle agent; return how that ended. Raises as `interrupt`, or agent_busy."""
        require(by, Permission.AGENT_NEW_CHAT)
        who = self._find_agent(agent, Act.NEW_CHAT)

        def ask(tx: Tx) -> Delivery:
            if why := self._why_at_work(tx, who.name):
                raise refused("agent_busy", agent=who.name, why=why)
            return self._queue(tx, who, Act.NEW_CHAT, None, by)

        return await self._perform(ask, by)

    async def answer_agent(self, agent: str, act: Act, *, by: Actor) -> ActionResult:
        """Answer what the agent's window asks now; return how that ended. Raises as `interrupt`, or no_open_dialog."""
        require(by, Permission.AGENT_ANSWER)
        who = self._find_agent(agent, act)

        def ask(tx: Tx) -> Delivery:
            now = self.dialogs.open_for(tx, who.name)
            if now is None:
                raise refused("no_open_dialog", agent=who.name)
            return self._queue(tx, who, act, now, by)

        return await self._perform(ask, by)

    async def answer_dialog(self, dialog: str, act: Act, *, by: Actor) -> ActionResult:
        """Answer this dialog, which the user was shown. As `answer_agent`; raises dialog_not_found or dialog_closed."""
        require(by, Permission.AGENT_ANSWER)

        def ask(tx: Tx) -> Delivery:
            now = self.dialogs.find(tx, dialog)
            if now.ending is not None:
                raise refused("dialog_closed", agent=now.agent, how=now.ending.value)
            return self._queue(tx, self._find_agent(now.agent, act), act, now, by)

        return await self._perform(ask, by)

    async def show_dialog(self, dialog: str, *, by: Actor) -> AgentDialogView:
        """Show a dialog with all that a user needs to decide. Raises dialog_not_found."""
        require(by, Permission.TASK_READ)
        found, png = await self.dialogs.get(dialog)
        press = None if found.press is None else await self._deliveries.get(found.press)
        asker = "" if press is None else (await self._messages.get(press.message)).sender
        agent = self._agents.named(found.agent)
        return AgentDialogView(
            dialog=found,
            png=png,
            allowed_actions=frozenset(act for act in Act if agent is not None and act.value in agent.allowed_actions),
            press=press,
            asker=asker.removeprefix("person:"),
            wakes="" if found.task is None else (await self._tasks.get(found.task)).requester,
        )

    async def show_action(self, message: str, *, by: Actor) -> ActionResult:
        """Show the act that this control message asked for, as it is now."""
        require(by, Permission.TASK_READ)
        found = await self._messages.get(message)
        (delivery,) = await self._deliveries.list_for_message(found.id)
        asker = found.sender.removeprefix("person:")
        return ActionResult(act=Act(found.body), agent=delivery.agent, delivery=delivery, asker=asker)

    def recover_after_restart(self, tx: Tx) -> None:
        """End what a former process left: an act is done once or not at all."""
        agents = list({one.agent for one in self._deliveries.find_in_states(tx, _UNDER_WAY) if one.act is not None})
        for delivery in self._deliveries.find_actions(tx, agents, _UNDER_WAY):
            to, when = _S.CANCELLED, "before it pressed anything"
            if delivery.state is _S.SUBMITTING:
                to, when = _S.UNKNOWN, "around the press"
            self._end(tx, delivery, to, Reason.RESTARTED, f"Octet restarted {when}")
        self.dialogs.follow_config(tx, is_restart=True)

    def follow_config(self, tx: Tx, agents: Sequence[str]) -> None:
        """Cancel queued acts for these agents, which were removed or have another window."""
        for delivery in self._deliveries.find_actions(tx, list(agents), {_S.QUEUED}):
            note = "the config changed before Octet pressed anything"
            self._end(tx, delivery, _S.CANCELLED, Reason.CONFIG_CHANGED, note)
        self.dialogs.follow_config(tx)

    def next_due(
        self, tx: Tx, agents: Sequence[str], *, why_closed: str, why_waits: Reason | None
    ) -> tuple[Delivery | None, int | None]:
        """Return the next due act for these agents, if any, and when to look again, None for never. `why_closed` and
        `why_waits` keep all of them waiting; acts that are too old expire."""
        closed = Reason.DESK_UNUSABLE if why_closed else why_waits
        now, again = self._clock.now_ms(), list[int]()
        due: Delivery | None = None
        for delivery in self._deliveries.find_actions(tx, agents, {_S.QUEUED}):
            if self.is_expired(delivery):
                reason, note = (closed, why_closed) if closed else (delivery.reason or Reason.EXPIRED, delivery.note)
                self._end(tx, delivery, _S.EXPIRED, reason, note)
            elif delivery.act is Act.NEW_CHAT and (why := self._why_at_work(tx, delivery.agent)):
                self._end(tx, delivery, _S.CANCELLED, Reason.AGENT_AT_WORK, f"{delivery.agent} {why}")
            else:
                again += [delivery.created_ms + ACTION_TTL_MS, delivery.not_before_ms]
                if due is None and not closed and delivery.not_before_ms <= now:
                    due = delivery
        return due, min((at_ms for at_ms in again if at_ms > now), default=None)

    def is_expired(self, delivery: Delivery) -> bool:
        return delivery.created_ms + ACTION_TTL_MS <= self._clock.now_ms()

    def record_end(self, tx: Tx, delivery: Delivery) -> None:
        """Note that the act ended, or may have been done: update its dialog, and ask users about the unknown."""
        assert delivery.act is not None
        event = ActionEnded(
            delivery=delivery.id,
            agent=delivery.agent,
            act=delivery.act.value,
            mark_hash=mark_hash(delivery.expects),
            result=delivery.state.value,
            reason=delivery.reason,
        )
        self._journal.append(tx, event, by=HUB.id)
        now = self.dialogs.open_for(tx, delivery.agent)
        if now is not None and now.press == delivery.id:
            self._end_dialog(tx, now, delivery)
        if delivery.state is _S.UNKNOWN:
            task, about = self._messages.find(tx, delivery.message).task, asked_about(delivery)
            self._notices.notify(tx, NoticeKind.IN_DOUBT, task, subject=delivery.message, about=about)

    def _end_dialog(self, tx: Tx, now: AgentDialog, delivery: Delivery) -> None:
        if delivery.state in NOTHING_PRESSED:
            self.dialogs.set_press(tx, now, None)
            if delivery.reason == Reason.CHANGED:
                self.dialogs.end(tx, now, DialogEnding.CHANGED)
            else:
                self.dialogs.recheck_window(tx, now.agent)
        else:
            self.dialogs.end(tx, now, DialogEnding.IN_DOUBT if delivery.state is _S.UNKNOWN else DialogEnding.ANSWERED)

    def _park_interrupted(self, tx: Tx, agent: str, of: str, by: Actor) -> None:
        before = self._tasks.find(tx, of) if of else None
        held = self._agents.status(tx, agent).task
        task = self._tasks.find(tx, held) if held is not None else None
        if task is not None and task.state in {TaskState.WORKING, TaskState.BLOCKED}:
            cause = ParkCause.INTERRUPTED
            self._tasks.suspend(tx, task.id, TaskState.PARKED, reason=cause, note=f"{by.name} interrupted it")
            self._agents.free(tx, agent, task=task.id)
        elif before is not None and before.state is TaskState.PARKED and before.reason is ParkCause.INTERRUPTED:
            self._tasks.set_note(tx, before.id, f"{by.name} interrupted it")  # the end of its turn came first

    def _why_at_work(self, tx: Tx, agent: str) -> str:
        """Return why a new conversation would disturb the agent; empty if it would not."""
        if task := self._agents.status(tx, agent).task:
            return f"has {task}"
        return "is getting a message" if self._deliveries.open_for_agent(tx, agent) else ""

    def _find_agent(self, name: str, act: Act) -> Agent:
        agent = self._agents.get(name)
        if agent.abilities.has_turns and act not in ANSWERS:
            return agent  # its program does it; nothing is pressed
        if not agent.abilities.has_window or not (agent.desk and agent.window):
            raise refused("no_window_for_action", agent=agent.name)
        profile = self._profile_of(agent.name)
        if profile is not None and act not in ANSWERS and act not in profile.acts:  # an answer may be the dialog's own
            raise refused("action_without_key", agent=agent.name, act=act.value, profile=profile.name)
        check_allowed(act, agent.name, agent.allowed_actions)
        if why := self._desks.state(agent.desk).describe(agent.desk):
            raise refused("desk_not_ready", why=why)
        return agent

    def _queue(self, tx: Tx, agent: Agent, act: Act, answers: AgentDialog | None, by: Actor) -> Delivery:
        if answers is not None and act not in answers.answers:
            takes = ", ".join(answers.answers) or "nothing that its profile knows"
            raise refused("answer_not_offered", act=act.value, agent=agent.name, answers=takes)
        for other in self._deliveries.find_actions(tx, [agent.name], OPEN_STATES):
            if other.state is _S.UNKNOWN:
                self._deliveries.step(tx, other, _S.CANCELLED, reason=Reason.SUPERSEDED, note=other.note)
            elif other.act is act or act in ANSWERS:
                raise refused("action_underway", act=(other.act or act).value, agent=agent.name)
        task = self._agents.status(tx, agent.name).task
        new = NewMessage(
            kind=MessageKind.CONTROL,
            sender=address_of(by),
            sender_name=by.name,
            recipient=f"agent:{agent.name}",
            task=task,
            source=source_of(by),
            body=act.value,
            expires_at_ms=self._clock.now_ms() + ACTION_TTL_MS,
        )
        message = self._messages.add(tx, new, by=by.id)
        expects = "" if answers is None else answers.mark
        delivery = self._deliveries.queue(tx, agent, message=message.id, priority=_HIGHEST, act=act, expects=expects)
        if answers is not None:
            self.dialogs.set_press(tx, answers, delivery.id)
        event = ActionRequested(delivery=delivery.id, agent=agent.name, act=act.value, mark_hash=mark_hash(expects))
        self._journal.append(tx, event, by=by.id)
        return delivery

    async def _perform(self, ask: Callable[[Tx], Delivery], by: Actor) -> ActionResult:
        now = delivery = await self._store.write(ask)
        over = self._waiting.setdefault(delivery.id, asyncio.Event())
        try:
            async with asyncio.timeout(_WAIT_S):
                while (now := await self._deliveries.get(delivery.id) or delivery).state not in _OVER:
                    await over.wait()
                    over.clear()
        except TimeoutError:
            log.warning("act_not_over", delivery=delivery.id, agent=delivery.agent)
            now = await self._deliveries.get(delivery.id) or delivery
        finally:
            self._waiting.pop(delivery.id, None)
        assert now.act is not None
        return ActionResult(act=now.act, agent=now.agent, delivery=now, asker=by.id)

    def _end(self, tx: Tx, delivery: Delivery, to: DeliveryState, reason: AnyReason, note: str) -> None:
        self.record_end(tx, self._deliveries.step(tx, delivery, to, reason=reason, note=note))

    def _delivery_moved(self, entry: Entry[DeliveryMoved]) -> None:
        if entry.event.now in _OVER and (over := self._waiting.get(DeliveryId(entry.event.delivery))):
            over.set()

    def _delivery_failed(self, tx: Tx, entry: Entry[DeliveryMoved]) -> None:
        """Record the end of an act that Octet's own error ended."""
        if entry.event.reason is Reason.INTERNAL_ERROR:
            delivery = self._deliveries.find(tx, DeliveryId(entry.event.delivery))
            if delivery.act is not None:
                self.record_end(tx, delivery)
