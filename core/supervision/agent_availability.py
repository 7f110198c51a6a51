"""Takes agents off duty and back on; what was only queued for them goes to others."""

from __future__ import annotations

from collections.abc import Callable

from core.agents.model import OFF_DUTY, Agent, AgentState, AgentStatus
from core.deliveries.model import DeliveryState
from core.reasons import AnyReason, ParkCause, Reason, WaitReason
from core.security.model import Actor, Permission, require
from core.store.engine import Tx
from core.tasks.model import TaskState
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

_AT_WORK = frozenset({AgentState.BUSY, AgentState.NEEDS_INPUT, AgentState.LIMITED})


class AgentAvailability:
    """Pauses, drains and resumes agents. It survives restarts as the agent's state."""

    def __init__(self, services: TaskServices, tasks: Tasks, *, why_unreachable: Callable[[Agent], str]) -> None:
        """`why_unreachable` says why no prompt can reach an agent now; empty if one can."""
        self._agents, self._deliveries, self._store = services.agents, services.deliveries, services.store
        self._tasks, self._why_unreachable = tasks, why_unreachable

    async def pause(self, name: str, *, by: Actor) -> AgentStatus:
        """Give the agent nothing new. It keeps what it has begun; its queued task goes back. Raises agent_not_found."""
        require(by, Permission.AGENT_USE)

        def pause(tx: Tx, now: AgentStatus) -> None:
            if now.state is not AgentState.PAUSED:
                self._agents.set_duty(tx, now, AgentState.PAUSED, note=f"by {by.name}", by=by)
            self._tasks.briefs.requeue(tx, now.agent.name, reason=WaitReason.PAUSED)

        return await self._change(name, pause)

    async def drain(self, name: str, *, by: Actor) -> AgentStatus:
        """Pause the agent once it has finished its queued and begun work. Raises agent_not_found."""
        require(by, Permission.AGENT_USE)

        def drain(tx: Tx, now: AgentStatus) -> None:
            if now.state not in OFF_DUTY:
                to = AgentState.DRAINING if now.state in _AT_WORK and now.task else AgentState.PAUSED
                self._agents.set_duty(tx, now, to, note=f"by {by.name}", by=by)

        return await self._change(name, drain)

    async def resume(self, name: str, *, by: Actor) -> AgentStatus:
        """Put the agent back on duty, or end its rest; a silent agent works after all, with a new deadline. Raises
        agent_not_found."""
        require(by, Permission.AGENT_USE)

        def resume(tx: Tx, now: AgentStatus) -> None:
            if now.state in OFF_DUTY:
                to, reason, note = self._state_on_duty(tx, now.agent, now.task)
                self._agents.set_duty(tx, now, to, reason=reason, note=note, by=by)
            elif now.state is AgentState.LIMITED and now.until_ms is not None:
                self._agents.end_rest(tx, now.agent.name, by=by)
            elif now.state is AgentState.UNKNOWN and now.task is not None:
                self._tasks.repository.move(tx, now.task, TaskState.WORKING, by=by)
                self._agents.move(tx, now.agent.name, AgentState.BUSY, task=now.task, by=by)
            elif now.state is AgentState.UNKNOWN:
                to, reason, note = self._state_on_duty(tx, now.agent, None)
                self._agents.move(tx, now.agent.name, to, reason=reason, note=note, by=by)

        return await self._change(name, resume)

    async def _change(self, name: str, change: Callable[[Tx, AgentStatus], None]) -> AgentStatus:
        agent = self._agents.get(name)

        def write(tx: Tx) -> AgentStatus:
            change(tx, self._agents.status(tx, agent.name))
            return self._agents.status(tx, agent.name)

        return await self._store.write(write)

    def requeue_for_paused(self, tx: Tx) -> None:
        """Offer to others what came back to the queue of a paused agent, by a bounce or a restart."""
        for name, state in self._agents.states(tx).items():
            if state is AgentState.PAUSED:
                self._tasks.briefs.requeue(tx, name, reason=WaitReason.PAUSED)

    def _state_on_duty(self, tx: Tx, agent: Agent, task: str | None) -> tuple[AgentState, AnyReason | None, str]:
        """Return what the agent would be if no user had taken it off duty."""
        if task is None:
            why = self._why_unreachable(agent)
            return (AgentState.OFFLINE, Reason.DESK_UNUSABLE, why) if why else (AgentState.IDLE, None, "")
        delivery = self._deliveries.open_for_task(tx, task)
        if delivery is not None and delivery.state is DeliveryState.UNKNOWN:
            return AgentState.HELD, ParkCause.DELIVERY_UNKNOWN, ""
        if self._tasks.repository.find(tx, task).reason == ParkCause.SILENT:
            return AgentState.UNKNOWN, ParkCause.SILENT, ""
        return AgentState.BUSY, None, ""
