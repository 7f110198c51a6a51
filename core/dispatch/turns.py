"""What Octet does with an agent's turn: shows it, counts what it used, and settles its task when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from core import limits
from core.agents.model import Agent, AgentState
from core.deliveries.model import Delivery, DeliveryState, StopReason, TurnAct, TurnEnd, TurnFact, TurnText
from core.deliveries.ports import TurnNews
from core.dispatch.model import ArrivalUnclear
from core.dispatch.services import DispatchServices
from core.kit.errors import Unavailable
from core.reasons import IdleSource, ParkCause, Reason
from core.security.model import HUB
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
    text: str = ""

    @property
    def line(self) -> str:
        return " · ".join(filter(None, (self.act, f"…{self.text}" if self.text else "")))


class Turns(TurnNews):
    """Listens to the turns of agents whose programs report them, and to what models write."""

    def __init__(
        self, services: TaskServices, work: DispatchServices, idle: IdleAgents, *, wake: Callable[[str], None]
    ) -> None:
        """`wake` has the worker of an agent look for its next delivery."""
        self._agents, self._deliveries, self._messages = services.agents, services.deliveries, services.messages
        self._store, self._notices = services.store, services.notices
        self._tasks, self._repository, self._policy = work.tasks, work.tasks.repository, work.policy
        self._agent_messages, self._idle, self._wake = work.agent_messages, idle, wake
        self._shown: dict[str, _Shown] = {}  # by agent

    async def turn_text(self, text: TurnText) -> None:
        """Show the last words of the agent's message so far in the thread of its task."""
        shown = " ".join(limits.visible(limits.storable(text.text)).split())
        if shown:
            self._turn(text).text = shown[-_SHOWN_CHARS:]
            await self._show(text)

    async def turn_act(self, act: TurnAct) -> None:
        """Show what the agent does now; an act that is over stays until the next one begins."""
        title = " ".join(limits.visible(limits.storable(act.title)).split())[:_TITLE_CHARS]
        self._turn(act).act = f"{act.done}/{act.total} {title}" if act.total else title or act.kind[:_TITLE_CHARS]
        await self._show(act)

    async def turn_ended(self, end: TurnEnd) -> None:
        """Settle the task or the message of the turn, once."""

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
                self._tasks.answers.record_turn(tx, task, line)

        try:
            await self._store.write(show)
        except Unavailable as error:  # it proves nothing, and the next one says more
            log.info("turn_not_shown", delivery=fact.delivery, why=error.message)

    def _settle(self, tx: Tx, end: TurnEnd) -> None:
        delivery, agent = self._deliveries.known(tx, end.delivery), self._agents.named(end.agent)
        if delivery is None:
            return
        if end.stop is StopReason.LOST and delivery.state is not DeliveryState.DELIVERED:
            if delivery.state is DeliveryState.SUBMITTING:
                raise ArrivalUnclear(id=delivery.id)
            return  # the prompt did not arrive, and goes again; or a user decides
        if agent is not None:
            self._agent_messages.resume_for(tx, [agent])  # they waited for this end
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
        if answers.find_turn(tx, task, delivery.id) is not None or (is_end and not delivery.share.is_last):
            return  # it is settled, or the agent said "ok" to a part of its prompt
        if end.said.usage is not None:
            self._repository.attempts.charge(tx, task, end.said.usage)
        if is_end:
            ends_task = agent is not None and agent.end_of_turn == "answer"
            answers.accept_turn(tx, task, end.said, of=delivery.id, ends_task=ends_task)
        elif task.state is not TaskState.PARKED:
            fails = end.stop in _FAILS
            said = answers.accept_turn(tx, task, end.said, of=delivery.id, ends_task=False, is_shown=not fails)
            self._repository.advance_to_working(tx, task, by=HUB)
            if fails:
                self._repository.fail(tx, task.id, reason=_FAILS[end.stop], note=end.note, answer=said)
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
