"""Owns dispatch: starts its parts, listens to the desks, and follows a changed config."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from core.agents.model import Agent, AgentState, Route
from core.deliveries.model import Outcome
from core.deliveries.ports import LanePort
from core.desks.model import DeskNow, DeskState, LearnedFact, Shown, WindowStatus
from core.desks.ports import DeskNews
from core.dispatch.assigner import Assigner
from core.dispatch.crash_recovery import CrashRecovery
from core.dispatch.delivery_worker import DeliveryWorkers
from core.dispatch.hooks import Hooks
from core.dispatch.outcomes import Outcomes
from core.dispatch.services import DispatchServices, Reachability
from core.dispatch.turns import Turns
from core.dispatch.unknown_deliveries import UnknownDeliveries
from core.kit.errors import NotFound, Unavailable
from core.kit.supervise import supervise
from core.profiles.model import Act
from core.reasons import Reason
from core.security.codes import ReplyKeys
from core.store.engine import Tx, at_row
from core.supervision.agent_availability import AgentAvailability
from core.supervision.answer_scraper import AnswerScraper
from core.supervision.idle_agents import IdleAgents
from core.supervision.nudges import Nudges
from core.supervision.stalled_agents import StalledAgents
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

_AT_WORK = frozenset({AgentState.BUSY, AgentState.DRAINING, AgentState.PAUSED})


class Dispatch(DeskNews):
    """Gives ready tasks to free agents and delivers their prompts. The desks' workers report to it."""

    def __init__(
        self, services: TaskServices, work: DispatchServices, *, lanes: Mapping[Route, LanePort], keys: ReplyKeys
    ) -> None:
        """`lanes` has one lane per route; agents without a lane stay offline. Call `load`, then `run`."""
        self._services, self._tasks, self._dialogs = services, work.tasks, work.agent_actions.dialogs
        self._blocked_windows, self._screen_locks = work.blocked_windows, work.screen_locks
        tasks, messages = work.tasks, work.agent_messages
        self._reachability = reachability = Reachability(services.desks, lanes)
        self._outcomes = outcomes = Outcomes(services, work, reachability)
        self.availability = AgentAvailability(services, tasks, why_unreachable=reachability.why_unreachable)
        self.nudges = Nudges(services, tasks, messages)
        self.silence = StalledAgents(services, tasks, self.nudges, work.policy)
        self.idle = IdleAgents(services, tasks, self.nudges, work.policy)
        self.reading = AnswerScraper(services, tasks, messages.answers)
        self.unknowns = UnknownDeliveries(services, work, hold_agents=outcomes.hold_agents)
        self.hooks = Hooks(services, work, self.unknowns, self.idle, self.reading)
        self.workers = DeliveryWorkers(services, work, outcomes, reachability, look=self._look, do_act=self._do_act)
        self.workers.serve(lanes)
        self.turns = Turns(services, work, self.idle, keys, lanes=self.workers.lanes, wake=self.workers.wake)
        self.assigner = Assigner(
            services, work, reachability, self.availability, outcomes, wake_workers=self.workers.wake
        )
        self._restart = CrashRecovery(services, work, reachability, outcomes)
        services.desks.on_change(self.wake)

    async def load(self) -> None:
        """Recover what a former process left under way: see docs/architecture.md, "After a restart"."""

        def recover(tx: Tx) -> None:
            for step in (
                self._restart.requeue_interrupted,
                self._restart.follow_config,
                self.availability.requeue_for_paused,
                self._restart.repair_orphans,
            ):
                self._tasks.quarantine.part(tx, step, None)

        await self._tasks.quarantine.write(recover)

    async def run(self) -> None:
        """Dispatch until cancelled, once the database was read whole: Octet types nothing from a damaged one."""
        await self._services.store.examination.wait()
        async with asyncio.TaskGroup() as group:
            self.workers.work_in(group)
            supervise(group, "silence", self.silence.run())
            supervise(group, "idle", self.idle.run())
            supervise(group, "reading", self.reading.run())
            supervise(group, "hooks", self.hooks.run())
            supervise(group, "assign", self.assigner.run())

    def wake(self) -> None:
        self.assigner.wake()
        self.workers.wake()

    async def follow_config(
        self,
        agents: Sequence[Agent],
        lanes: Mapping[Route, LanePort],
        retired: Collection[Route],
        *,
        note: Callable[[Tx], None] = lambda _: None,
    ) -> None:
        """Take over these agents and lanes. Routes in `retired` get a worker again if they still exist. Octet
        dispatches again what the change moved, and writes `note` with that, however long the store refuses."""
        moved = self._restart.moved_by(agents)

        def follow(tx: Tx) -> None:
            # All here, on the writer's thread: no round sees only a part of it.
            self._services.agents.set_agents(agents)
            self._reachability.use(lanes)
            self._restart.follow_change(tx, moved)
            note(tx)

        await self._tasks.quarantine.write_when_back(follow)  # nothing goes out on these routes meanwhile
        self.workers.serve(lanes, replaced=retired)
        self.wake()

    async def desk_changed(self, desk: str, now: DeskNow) -> None:
        self._services.desks.worker_is(desk, now)
        if now.state is not DeskState.READY:
            self.idle.desk_lost(desk)

    async def desk_waits(self, desk: str, why: Reason | None) -> None:
        self._services.desks.waits_are(desk, why)

    async def desk_locked(self, desk: str, *, is_locked: bool) -> None:
        locks = self._screen_locks
        await self._services.store.write(lambda tx: locks.update_desk(tx, desk, is_locked=is_locked))

    async def desk_stopped(self, desk: str, how: str) -> None:
        await self._services.desks.stopped_at_machine(desk, how)

    async def window_usable(self, desk: str, window: str) -> None:
        self.workers.came_back(desk, window)  # first: a refusal that is not stored yet must see this
        await self._tasks.quarantine.write(lambda tx: self.workers.window_is_back(tx, desk, window))

    async def window_seen(self, desk: str, status: WindowStatus) -> None:
        await self._services.store.write(lambda tx: self._blocked_windows.update_window(tx, desk, status))

    async def window_shows(self, desk: str, shown: Shown) -> None:
        self._services.desks.window_shows(desk, shown)
        self.reading.window_shows(desk, shown)
        self.idle.window_shows(desk, shown)

        def note(tx: Tx) -> None:
            self._services.desks.note_shown(tx, desk, shown)
            self.idle.take_back(tx, desk, shown)
            self._dialogs.update_window(tx, desk, shown)
            self._tasks.release_idle(tx)

        await self._services.store.write(note)

    async def _do_act(self, act: Act, agent: str) -> Outcome:
        return await self.turns.do_act(act, agent)

    async def _look(self, desk: str, window: str) -> None:
        """Note what a window shows now; if it cannot be seen, its worker reports it later."""
        try:
            await self.window_shows(desk, await self._services.desks.answering(desk).shows(window))
        except (NotFound, Unavailable) as error:  # a reload may have removed the desk
            log.info("window_check_failed", desk=desk, window=window, why=error.message)

    async def window_stirred(self, desk: str, window: str) -> None:
        def note(tx: Tx) -> None:
            for agent in agents:
                status = self._services.agents.status(tx, agent.name)
                if status.task is not None and status.state in _AT_WORK:
                    with at_row(status.task):
                        self._tasks.record_window_activity(tx, status.task)

        if agents := self._services.agents.at(desk, window):
            await self._tasks.quarantine.write(note)

    async def window_learned(self, fact: LearnedFact) -> None:
        await self._services.desks.learn(fact)
