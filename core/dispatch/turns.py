"""What Octet does with an agent's turn: shows it, counts what it used, and settles its task when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from core import limits
from core.agent_actions.model import AgentDialog, DialogEnding
from core.agents.model import Agent, AgentState, Route
from core.deliveries.model import (
    Assurance,
    Delivery,
    DeliveryId,
    DeliveryState,
    Outcome,
    PermissionAsk,
    ProgramStatus,
    Result,
    StopReason,
    ToolAccess,
    TurnAct,
    TurnEnd,
    TurnFact,
    TurnText,
    TurnUsage,
)
from core.deliveries.ports import LanePort, TurnNews, TurnPort
from core.dispatch.model import ArrivalUnclear
from core.dispatch.services import DispatchServices
from core.kit.errors import Unavailable
from core.profiles.model import Act
from core.reasons import IdleSource, ParkCause, Reason, TaskActivity
from core.remedies import refused
from core.security.codes import ReplyKeys
from core.security.model import HUB, Actor, Permission, require
from core.store.engine import Tx, at_row
from core.supervision.idle_agents import IdleAgents
from core.tasks.model import Task, TaskState
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

_SHOWN_CHARS = 280  # of the agent's message so far
_TITLE_CHARS = 120
_HAS_BEGUN = frozenset({DeliveryState.SUBMITTING, DeliveryState.DELIVERED})
_AT_WORK = frozenset({TaskState.DELIVERING, TaskState.WORKING})
_HAS_TURN = _AT_WORK | {TaskState.BLOCKED, TaskState.PARKED}
_THIS_ONCE = frozenset({"allow_once", "reject_once"})
"""Kinds of choices that decide nothing beyond the question: all others, also unknown ones, are for owners."""
_FAILS: Mapping[StopReason, Reason] = {
    StopReason.MAX_TOKENS: Reason.ANSWER_CUT,
    StopReason.MAX_TURN_REQUESTS: Reason.TURN_TOO_LONG,
    StopReason.REFUSAL: Reason.TURN_REFUSED,
}
"""Ends of a turn after which the same prompt is of no use: the task fails."""
_PARKS: Mapping[StopReason, Reason | None] = {
    StopReason.CANCELLED: None,
    StopReason.FAILED: Reason.TURN_FAILED,
    StopReason.LOST: Reason.TURN_LOST,
    StopReason.OTHER: Reason.TURN_FAILED,
}
"""Ends after which a message can tell the agent to continue: the task is parked, and stays the agent's."""


@dataclass(slots=True)
class _Shown:
    """What users see of a turn: what the agent does, and the end of what it says."""

    delivery: str
    act: str = ""
    text: str = ""  # its message so far, as far as the lane reports it

    @property
    def line(self) -> str:
        said = " ".join(self.text.split())[-_SHOWN_CHARS:]
        return " · ".join(filter(None, (self.act, f"…{said}" if said else "")))


class Turns(TurnNews):
    """Listens to the turns of agents whose programs report them, and to what models write."""

    def __init__(
        self,
        services: TaskServices,
        work: DispatchServices,
        idle: IdleAgents,
        keys: ReplyKeys,
        *,
        lanes: Callable[[], Mapping[Route, LanePort]],
        wake: Callable[[str], None],
    ) -> None:
        """`lanes` returns the present ones; `wake` has the worker of an agent look for its next delivery."""
        self._agents, self._deliveries, self._messages = services.agents, services.deliveries, services.messages
        self._store, self._notices = services.store, services.notices
        self._tasks, self._repository, self._policy = work.tasks, work.tasks.repository, work.policy
        self._agent_messages, self._idle, self._wake = work.agent_messages, idle, wake
        self._dialogs, self._lanes, self._keys = work.agent_actions.dialogs, lanes, keys
        self._url, self._command = "", tuple[str, ...]()  # where Octet serves its tools; empty: nowhere yet
        self._shown: dict[str, _Shown] = {}  # by agent
        self._asks: dict[str, list[PermissionAsk]] = {}  # by agent: its open questions; users see the first
        self._choosing = asyncio.Lock()
        self._too_expensive: dict[str, DeliveryId] = {}  # by agent: the turn that Octet cancelled for its cost

    def serve_tools(self, url: str, command: Sequence[str]) -> None:
        """Tell conversations from now on that Octet listens at `url`, and how `octet` is started."""
        self._url, self._command = url, tuple(command)

    async def tools_for(self, agent: str) -> ToolAccess | None:
        """Make an access for this conversation only."""
        if not self._url:
            return None
        token = self._keys.grant(agent)
        variables = {"OCTET_URL": self._url, "OCTET_AGENT_TOKEN": token}
        command = (*self._command, "mcp", "serve")
        return ToolAccess(url=f"{self._url}/mcp", token=token, command=command, variables=variables)

    async def about(self, agent: str) -> ProgramStatus | None:
        """Return what the agent's program says about itself; None where it has none that Octet talks to."""
        lane = self._lane_of(agent)
        return None if lane is None else await lane.about(agent)

    def said(self, agent: str) -> str:
        """Return what the agent does in its present turn, and its message so far; empty between turns."""
        now = self._shown.get(agent)
        return "" if now is None else "\n\n".join(filter(None, (now.act, now.text)))

    async def do_act(self, act: Act, agent: str) -> Outcome:
        """Interrupt the agent's turn, or have its next prompt begin a new conversation."""
        lane = self._lane_of(agent)
        if lane is None or act not in {Act.INTERRUPT, Act.NEW_CHAT}:
            return Outcome(result=Result.NOT_ARRIVED, reason=Reason.CHANGED, note="its program takes no such act")
        if act is Act.INTERRUPT:
            is_done, note = await lane.interrupt(agent), "no turn is under way"
        else:
            is_done, note = await lane.new_conversation(agent), "a turn is under way"
        if is_done and act is Act.NEW_CHAT:
            self._keys.revoke(agent)
        if is_done:
            return Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT)
        return Outcome(result=Result.NOT_ARRIVED, reason=Reason.CHANGED, note=note)

    async def turn_text(self, text: TurnText) -> None:
        """Show the last words of the agent's message so far in the thread of its task."""
        shown = "\n".join(map(limits.visible, limits.storable(text.text).split("\n"))).strip()
        if shown:
            self._turn(text).text = shown
            await self._show(text)

    async def turn_act(self, act: TurnAct) -> None:
        """Show what the agent does now; an act that is over stays until the next one begins."""
        title = " ".join(limits.visible(limits.storable(act.title)).split())[:_TITLE_CHARS]
        self._turn(act).act = f"{act.done}/{act.total} {title}" if act.total else title or act.kind[:_TITLE_CHARS]
        await self._show(act)

    async def turn_usage(self, usage: TurnUsage) -> None:
        """Cancel a turn that costs more than its agent may."""
        agent, lane = self._agents.named(usage.agent), self._lane_of(usage.agent)
        if agent is None or lane is None or agent.max_cost is None:
            return
        if usage.cost_micros > agent.max_cost * 1_000_000 and self._too_expensive.get(usage.agent) != usage.delivery:
            self._too_expensive[usage.agent] = usage.delivery
            await lane.interrupt(usage.agent)

    async def permission_asked(self, ask: PermissionAsk) -> None:
        """Ask users, one question of an agent after the other."""
        asks = self._asks.setdefault(ask.agent, [])
        if all(one.id != ask.id for one in asks):
            asks.append(ask)
        self._idle.forget(ask.agent)
        await self._store.write(lambda tx: self._ask_next(tx, ask.agent))

    async def choose(self, dialog: str, number: int, *, by: Actor) -> AgentDialog:
        """Answer this question of an agent with one of its choices, from 1; what is not clearly meant for this once is
        for owners. Raises dialog_not_found, dialog_closed, choice_not_offered or NotAllowed."""
        require(by, Permission.AGENT_ANSWER)
        async with self._choosing:  # of two users only one gets through to the agent
            found, _ = await self._dialogs.get(dialog)
            if found.ending is not None:
                raise refused("dialog_closed", agent=found.agent, how=found.ending.value)
            if not 0 < number <= len(found.choices):
                raise refused("choice_not_offered", agent=found.agent, most=len(found.choices))
            chosen = found.choices[number - 1]
            if chosen.kind not in _THIS_ONCE:
                require(by, Permission.AGENT_ALLOW)
            lane = self._lane_of(found.agent)
            is_taken = lane is not None and await lane.answer_permission(found.mark, chosen.id)
            how = DialogEnding.ANSWERED if is_taken else DialogEnding.GONE
            asks = self._asks.get(found.agent, [])
            asks[:] = [one for one in asks if one.id != found.mark]

            def note(tx: Tx) -> None:
                if (now := self._dialogs.find(tx, dialog)).ending is None:  # else the end of the turn came first
                    self._dialogs.end(tx, now, how, chosen=chosen if is_taken else None, by=by.id)
                self._ask_next(tx, found.agent)

            await self._tasks.quarantine.write_when_back(note, is_last_word=True)
        if not is_taken:
            raise refused("dialog_closed", agent=found.agent, how=how.value)
        return (await self._dialogs.get(dialog))[0]

    def _ask_next(self, tx: Tx, name: str) -> None:
        """Show the agent's next question, unless one is open."""
        asks, agent = self._asks.get(name), self._agents.named(name)
        if asks and agent is not None and self._dialogs.open_for(tx, name) is None:
            self._dialogs.ask_permission(tx, agent, asks[0])

    def _lane_of(self, name: str) -> TurnPort | None:
        agent = self._agents.named(name)
        lane = self._lanes().get(agent.route) if agent is not None and agent.abilities.has_turns else None
        return cast("TurnPort | None", lane)

    async def turn_ended(self, end: TurnEnd) -> None:
        """Settle the questions of the turn, and its task or message, once."""
        self._asks.pop(end.agent, None)

        def settle(tx: Tx) -> None:
            with at_row(delivery=end.delivery):
                self._settle(tx, end)

        await self._tasks.quarantine.write(settle)
        self._shown.pop(end.agent, None)
        self._idle.rests(end.agent, IdleSource.TURN)
        self._wake(end.agent)

    def _turn(self, fact: TurnFact) -> _Shown:
        now = self._shown.get(fact.agent)
        if now is None or now.delivery != fact.delivery:
            self._shown[fact.agent] = now = _Shown(delivery=fact.delivery)
        return now

    async def _show(self, fact: TurnFact) -> None:
        self._idle.forget(fact.agent)
        line, agent = self._turn(fact).line[: limits.PROGRESS.most], self._agents.named(fact.agent)

        def show(tx: Tx) -> None:
            delivery = self._deliveries.known(tx, fact.delivery)
            task = self._task_of(tx, delivery) if delivery is not None and delivery.state in _HAS_BEGUN else None
            if task is None or task.agent != fact.agent or task.state not in _AT_WORK:
                return
            spell = f"{fact.agent} {fact.delivery}"
            self._notices.progressed(tx, task.id, agent=fact.agent, spell=spell, report=line, replaces=True)
            if agent is not None and agent.abilities.has_turns and task.state is TaskState.WORKING:
                self._tasks.answers.record_at_work(tx, task, TaskActivity.PROGRESS, line)

        try:
            await self._store.write(show)
        except Unavailable as error:  # it proves nothing, and the next one says more
            log.info("turn_not_shown", delivery=fact.delivery, why=error.message)

    def _settle(self, tx: Tx, end: TurnEnd) -> None:
        delivery, agent = self._deliveries.known(tx, end.delivery), self._agents.named(end.agent)
        if agent is not None:
            self._agent_messages.resume_for(tx, [agent])  # they waited for this end
        asked = self._dialogs.open_for(tx, end.agent)
        if asked is not None and asked.asks_permission:
            self._dialogs.end(tx, asked, DialogEnding.GONE)
        if delivery is None:
            return
        if end.stop is StopReason.LOST and delivery.state is not DeliveryState.DELIVERED:
            if delivery.state is DeliveryState.SUBMITTING:
                raise ArrivalUnclear(id=delivery.id)
            return  # the prompt did not arrive, and goes again; or a user decides
        task = self._task_of(tx, delivery)
        if task is None:
            if end.stop is StopReason.END_TURN:
                self._agent_messages.answers.accept_turn(tx, delivery, end.said.text)
            return
        if task.agent == end.agent and task.state in _HAS_TURN and self._is_newest(tx, task, delivery):
            with at_row(task.id):
                self._settle_task(tx, task, delivery, end, agent)

    def _is_newest(self, tx: Tx, task: Task, delivery: Delivery) -> bool:
        """Return whether the turn is of the task's present lease: a brief's that was not delivered again since."""
        newest = self._deliveries.last_for_task(tx, task.id)
        return newest is not None and (not delivery.is_brief or newest.id == delivery.id)

    def _settle_task(self, tx: Tx, task: Task, delivery: Delivery, end: TurnEnd, agent: Agent | None) -> None:
        """Settle the task by how the turn ended. A repeated end finds its message, or a task that moved on."""
        answers = self._tasks.answers
        is_end = end.stop is StopReason.END_TURN
        if answers.find_turn(tx, task, delivery.id) is not None:
            return  # it is settled
        if end.said.usage is not None:
            self._repository.attempts.charge(tx, task, end.said.usage)
        if is_end:
            ends_task = agent is not None and agent.end_of_turn == "answer"
            answers.accept_turn(tx, task, end.said, of=delivery.id, ends_task=ends_task)
        elif task.state is not TaskState.PARKED:
            is_too_expensive = self._too_expensive.get(end.agent) == delivery.id and end.stop is StopReason.CANCELLED
            fails = Reason.TURN_TOO_EXPENSIVE if is_too_expensive else _FAILS.get(end.stop)
            said = answers.accept_turn(tx, task, end.said, of=delivery.id, ends_task=False, is_shown=fails is None)
            self._repository.advance_to_working(tx, task, by=HUB)
            if fails is not None:
                self._repository.fail(tx, task.id, reason=fails, note=end.note, answer=said)
            else:
                self._park(tx, task, end)

    def _park(self, tx: Tx, task: Task, end: TurnEnd) -> None:
        """Park the task as one that was interrupted: its agent is free, and a message about it continues it."""
        why, parked = end.reason or _PARKS[end.stop], ParkCause.INTERRUPTED
        self._repository.suspend(tx, task.id, TaskState.PARKED, reason=parked, cause=why, note=end.note)
        self._agents.free(tx, end.agent, task=task.id)
        if why is Reason.RATE_LIMITED and self._agents.states(tx).get(end.agent) is AgentState.IDLE:
            self._agents.limit(tx, end.agent, reason=why, for_ms=self._policy.rate_limit_ms)

    def _task_of(self, tx: Tx, delivery: Delivery) -> Task | None:
        """Return the task that the delivered prompt or message is about; None where it is about none."""
        named = delivery.task or self._messages.find(tx, delivery.message).task
        return self._repository.find(tx, named) if named else None
