"""Giving ready tasks to free agents, and keeping couriers at work. Woken by what happens, never by a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from core.agents.model import OFF_DUTY, Agent, AgentState, Route
from core.deliveries.model import Assurance, DeliveryId, DeliveryState
from core.deliveries.ports import LanePort
from core.desks.model import DeskState, LearnedFact, Shown, WindowStatus
from core.desks.ports import DeskNews
from core.dispatch.assigner import OUT_OF_REACH, Assigning
from core.dispatch.couriers import Couriers
from core.dispatch.crash_recovery import Restart, mend
from core.dispatch.outcomes import Verdict
from core.dispatch.services import Services
from core.dispatch.unknown_deliveries import Unknowns
from core.journal.model import Entry
from core.kit import faults
from core.kit.errors import NotFound, Unavailable
from core.kit.supervise import supervise
from core.store.engine import Tx, at_row
from core.supervision.agent_availability import AgentAvailability
from core.supervision.answer_scraper import AnswerScraper
from core.supervision.stalled_agents import StalledAgents
from core.tasks.model import ENDED, TaskState

log = structlog.get_logger(__name__)

_MAKES_WORK = frozenset({AgentState.IDLE}) | OUT_OF_REACH | OFF_DUTY
"""An agent that becomes one of these can take a task, or leaves tasks that must say why they stand."""
_STIRS = frozenset({TaskState.READY, TaskState.ASSIGNED, *ENDED})
"""A task that becomes one of these can be taken, or words about it must follow it or end with it."""
_STORE_PAUSE_S = 1.0


class Dispatch(DeskNews):
    """The scheduler. It also hears from the desks."""

    def __init__(
        self,
        services: Services,
        *,
        agents: Sequence[Agent],
        lanes: Mapping[Route, LanePort],
    ) -> None:
        """`lanes` has one lane per route; agents without a lane stay offline. Call `load`, then `run`."""
        self._services = services
        self._places = {str(agent.name): (agent.desk, agent.window) for agent in agents}
        self._verdict = verdict = Verdict(services)
        self._assigning = Assigning(
            services=services,
            configured=agents,
            why_unreachable=self._why_unreachable,
        )
        self.roster = AgentAvailability(services, services.tasks.ledger, why_unreachable=self._why_unreachable)
        """Who is on duty, for those who take agents off it."""
        self.silence = StalledAgents(services, services.tasks, services.agent_messages, services.policy)
        """The watch over agents at work."""
        self.reading = AnswerScraper(services, services.tasks)
        """Answers in the windows of agents that came to rest."""
        self.unknowns = Unknowns(services=services, places=self._places, hold_agents=verdict.hold_agents)
        """What waits for a person's word."""
        self.couriers = Couriers(
            services=services,
            verdict=verdict,
            why_unusable=self._why_unusable,
            window_is_back=self._window_is_back,
            look=self._look,
        )
        """Who carries the deliveries out."""
        self.couriers.serve(agents, lanes)
        self._served = set(lanes)
        self._restart = Restart(services=services, agents=agents, served=self._served, verdict=verdict)
        self._news = asyncio.Event()
        self._look_again_ms: int | None = None
        """When words on their way must be looked at even if nothing happens: they expire, or wait for long."""
        self._ended: dict[DeliveryId, bool] = {}  # cancelled, or (true) proven by an answer: their lanes must learn it
        self._has_ended = asyncio.Event()
        services.tasks.quarantine.act_ended = services.agent_actions.record_end
        services.journal.listen(self._hear)
        services.desks.on_change(self.wake)

    async def load(self) -> None:
        """Put back what a former process left under way: see docs/architecture.md, "After a restart"."""

        def recover(tx: Tx) -> None:
            self._restart.put_back(tx)
            self._restart.follow_config(tx)
            self.roster.requeue_for_paused(tx)
            if mended := mend(tx, self._services):
                log.error("stranded", mended=mended)

        await self._services.tasks.quarantine.write(recover)

    async def run(self) -> None:
        """Dispatch until cancelled, as soon as the database was read whole: nothing is typed by a damaged one."""
        await self._services.store.sound()
        async with asyncio.TaskGroup() as group:
            self.couriers.work_in(group)
            supervise(group, "stop ended deliveries", self._stop_ended())
            supervise(group, "silence", self.silence.run())
            supervise(group, "reading", self.reading.run())
            supervise(group, "assign", self._assign_for_ever())

    async def take(
        self,
        agents: Sequence[Agent],
        lanes: Mapping[Route, LanePort],
        retired: Collection[Route],
        *,
        note: Callable[[Tx], None] = lambda _: None,
    ) -> None:
        """The config has these agents and lanes from now on. `retired` are the routes that were; those that there still
        are get a courier again. What the change moved is dispatched anew, and `note` written down with that, however
        long the store refuses."""
        moved = self._restart.take(agents)
        places = {str(agent.name): (agent.desk, agent.window) for agent in agents}

        def follow(tx: Tx) -> None:
            # All here, on the writer's thread: no round that is under way there sees a part of it.
            self._services.agents.take(agents)
            self._assigning.take(agents)
            self._places.clear()
            self._places.update(places)
            self._served.clear()
            self._served.update(lanes)
            self._restart.follow_change(tx, moved)
            note(tx)

        while True:
            try:
                await self._services.tasks.quarantine.write(follow)
                break
            except Unavailable as error:  # nothing goes out on these routes meanwhile
                log.warning("config_change_waits_for_the_store", why=error.message)
                await asyncio.sleep(_STORE_PAUSE_S)
                await self._services.store.until_back()
        self.couriers.serve(agents, lanes, anew=retired)
        self.wake()

    async def desk_changed(self, desk: str, state: DeskState, reason: str) -> None:
        """The desk's hands came up or went away: its agents come online or go offline with them."""
        self._services.desks.worker_is(desk, state, reason)

    async def desk_waits(self, desk: str, why: str) -> None:
        """Deliveries on this desk wait for `why`, which passes by itself; or they may begin again."""
        self._services.desks.waits_are(desk, why)

    async def desk_locked(self, desk: str, *, is_locked: bool) -> None:
        """The desk's screen is locked, or is not any more."""
        await self._services.store.write(
            lambda tx: self._services.screen_locks.update_desk(tx, desk, is_locked=is_locked)
        )

    async def desk_stopped(self, desk: str, how: str) -> None:
        """Somebody stopped the desk at its own machine."""
        await self._services.desks.stopped_at_machine(desk, how)

    async def window_usable(self, desk: str, window: str) -> None:
        """A refused window can be used again: its agent is back, and with it what waits for it."""
        self.couriers.came_back(desk, window)  # first: a refusal is either stored before our own writing, or heeds this
        await self._services.store.write(lambda tx: self._window_is_back(tx, desk, window))

    async def window_seen(self, desk: str, status: WindowStatus) -> None:
        """Whether a window can be used changed, and has lasted."""
        await self._services.store.write(lambda tx: self._services.blocked_windows.update_window(tx, desk, status))

    async def window_shows(self, desk: str, shown: Shown) -> None:
        """A window shows another activity, or another dialog."""
        self._services.desks.window_shows(desk, shown)
        self.reading.window_shows(desk, shown)

        def note(tx: Tx) -> None:
            self._services.desks.note_shown(tx, desk, shown)
            self._services.agent_actions.dialogs.update_window(tx, desk, shown)

        await self._services.store.write(note)

    async def _look(self, desk: str, window: str) -> None:
        """Take in what a window shows now; what cannot be looked at is told by itself later."""
        try:
            await self.window_shows(desk, await self._services.desks.look_at(desk, window))
        except (NotFound, Unavailable) as error:  # a reload may have removed the desk
            log.info("not_looked_at", desk=desk, window=window, why=error.message)

    async def window_stirred(self, desk: str, window: str) -> None:
        """Something goes on in a window: a sign of its agent, if that is at work."""
        agents = self._services.agents.at(desk, window)
        if agents:
            write = self._services.tasks.quarantine.write
            await write(lambda tx: [self._is_seen_at_work(tx, agent) for agent in agents])

    async def window_learned(self, fact: LearnedFact) -> None:
        """Keep what a worker learned of a window."""
        await self._services.desks.learn(fact)

    def _is_seen_at_work(self, tx: Tx, agent: Agent) -> None:
        status = self._services.agents.status(tx, agent.name)
        if status.task is not None and status.state in {AgentState.BUSY, AgentState.DRAINING, AgentState.PAUSED}:
            with at_row(status.task):
                self._services.tasks.seen_at_work(tx, status.task)

    def _window_is_back(self, tx: Tx, desk: str, window: str) -> None:
        self._services.deliveries.drafts.forget_all(tx, desk, window)
        for agent in self._services.agents.at(desk, window):
            if self._services.agents.status(tx, agent.name).state is AgentState.OFFLINE:
                why = self._why_unreachable(agent)
                to = AgentState.OFFLINE if why else AgentState.IDLE
                self._services.agents.move(tx, agent.name, to, reason=why)
        self._services.agent_messages.resume_for(tx, self._services.agents.at(desk, window))
        self._verdict.usable(tx, self._services.agents.at(desk, window))
        tx.after_commit(self.couriers.wake)

    def assign_ready(self, tx: Tx) -> bool:
        """One round: let go on what may, give tasks to free agents, say why the others stand. True if more is left."""
        self.roster.requeue_for_paused(tx)
        self._assigning.follow_desks(tx)
        self._assigning.follow_windows(tx)
        self._verdict.hold_agents(tx)
        self._services.screen_locks.notify_waiting(tx)
        self._services.blocked_windows.end_orphaned(tx)
        limits = [self._services.agents.limited_until_ms(tx, agent.name) for agent in self._services.agents.all()]
        again = (self._services.agent_messages.review_queue(tx), *limits)
        self._look_again_ms = min((at_ms for at_ms in again if at_ms is not None), default=None)
        return self._assigning.round(tx)

    def _why_unreachable(self, agent: Agent) -> str:
        if agent.desk is None:
            return "" if agent.route in self._served else f"no lane for {agent.lane.value}"
        return self._why_unusable(agent.desk)

    def _why_unusable(self, desk: str) -> str:
        state, reason = self._services.desks.state(desk)
        return "" if state is DeskState.READY else f"desk {desk} is {state.value} ({reason})"

    def _hear(self, entry: Entry) -> None:
        """Something was committed: look whether it makes work."""
        now = entry.data.get("now")
        match entry.name:
            case "TaskMoved" if now in _STIRS:
                self._news.set()
            case "TaskMoved" if now == TaskState.WORKING.value and self._assigning.somebody_stands_still:
                self._news.set()  # perhaps it has that agent: its card says so from now on
            case "TaskChanged":
                self._news.set()
            case "AgentMoved" if now in _MAKES_WORK or entry.data.get("was") in _MAKES_WORK - {AgentState.IDLE}:
                self._news.set()
            case "DeliveryMoved" if now == DeliveryState.QUEUED.value:
                if entry.data.get("was") or not entry.data.get("task"):
                    self._news.set()  # it came back; perhaps its desk was held meanwhile. Or it is words, for a while
                self.couriers.wake()
            case "DeliveryMoved" if entry.data.get("was") == DeliveryState.UNKNOWN.value:
                self._news.set()  # its agent may go on
            case "DeliveryMoved" if now == DeliveryState.CANCELLED.value or _is_answered(entry):
                self._ended[DeliveryId(str(entry.data["delivery"]))] = now != DeliveryState.CANCELLED.value
                self._has_ended.set()
            case _:
                return

    def wake(self) -> None:
        """Look at everything again: something that was waited for may be there, or its time may have come."""
        self._news.set()
        self.couriers.wake()

    async def _assign_for_ever(self) -> None:
        while True:
            self._news.clear()
            late_at_s = self._late_at_s()  # before the round: a desk that is late from just afterwards on is not missed
            try:
                is_more_left = await self._services.tasks.quarantine.write(self.assign_ready)
                faults.point("dispatch.assigned")
            except Unavailable as error:
                log.debug("dispatch_waits_for_the_store", why=error.message)
                await asyncio.sleep(_STORE_PAUSE_S)
                await self._services.store.until_back()
                continue
            if self._look_again_ms is not None:
                self.couriers.wake()  # what words waited for may have passed
            if not is_more_left:
                await self._rest(late_at_s)

    def _late_at_s(self) -> float | None:
        """When, in monotonic time, the next desk that is starting will have been at it for too long."""
        late_s = self._services.desks.late_in_s()
        return None if late_s is None else self._services.clock.monotonic_s() + late_s

    async def _rest(self, late_at_s: float | None) -> None:
        """Until something happens, words on their way must be looked at, or a desk has been starting for too long."""
        again_ms, clock = self._look_again_ms, self._services.clock
        again_s = None if again_ms is None else max(0.0, (again_ms - clock.now_ms()) / 1000)
        late_s = None if late_at_s is None else max(0.0, late_at_s - clock.monotonic_s())
        limit_s = min((limit for limit in (again_s, late_s) if limit is not None), default=None)
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _stop_ended(self) -> None:
        while True:
            await self._has_ended.wait()
            self._has_ended.clear()
            while self._ended:
                delivery, answered = self._ended.popitem()
                await self.couriers.stop(delivery, answered=answered)


def _is_answered(entry: Entry) -> bool:
    """Whether an answer proves a delivery whose lane still watches for a proof."""
    data = entry.data
    return (data.get("was"), data.get("assurance")) == (DeliveryState.SUBMITTING.value, Assurance.ANSWERED.value)
