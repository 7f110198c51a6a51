"""Days of a fleet in virtual time: users who ask, agents that die, lie and come back, limits, and restarts of Octet.

A seed decides everything. The coordinator is the real one; after each hour it must agree with the plain reference.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select

from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import OPEN_STATES, Assurance, DeliveryId, DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.desks.model import DeskNow, DeskState, WindowStatus
from core.dispatch.model import Decision
from core.journal import _store as journal_store
from core.journal.model import JournalRow
from core.kit.errors import Conflict
from core.kit.from_attributes import from_attributes
from core.kit.supervise import supervise
from core.profiles.model import Activity
from core.retry_policy import RetryPolicy
from core.security.model import Role
from core.settings.model import DispatchSettings
from core.tasks import _store as task_store
from core.tasks.answers import Answers
from core.tasks.model import AgentTrouble, OnFailure, TaskId
from tests.builders import make_agent, make_desk, make_new_task, make_person, open_coordinator
from tests.core.dispatch.days_reference import HOUR_MS, OVER, AskedTask, Reference
from tests.core.puppet import code_in, is_brief, name_of
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.virtual_time import run_virtually

MINUTE_S, HOUR_S = 60, 3600
HOURS_TO_THE_END = 100
"""So long after the last task all must have ended: agents do their part now, and users theirs."""
_ROWS = select(*(task_store.tasks.c[name] for name in ("number", "state", "agent", "fence", "changed_ms")))
USERS = [make_person(number, name, Role.OPERATOR) for number, name in enumerate(("Ada", "Ben", "Carol"), 1)]
NEEDS = [frozenset(needs.split()) for needs in ("", "", "python", "go", "docs", "docs python")]
SKILLS = {"Ann": "python:3 go:1", "Bob": "python:1", "Cid": "go:2 docs:1", "Dot": "docs:3 python:2", "Eve": ""}
AGENTS = [
    replace(
        make_agent(name, lane=Lane.WINDOW, desk=name.lower(), window="one", can=can),
        account="team" if name in {"Ann", "Bob"} else None,
    )
    for name, can in SKILLS.items()
]


@dataclass(slots=True)
class Given:
    """A prompt that an agent got: its code, and which lease it is of."""

    task: str
    code: str
    fence: int


@dataclass(slots=True)
class DaysAgent:
    """An agent in its window, which knows all prompts that it ever got."""

    given: list[Given] = field(default_factory=list[Given])
    at_work: asyncio.Task[None] | None = None


class DaysLane:
    """Brings prompts to the agents; some bounce, some meet a limit, and some are not seen to arrive."""

    at_once = 8

    def __init__(self, days: Days) -> None:
        self._days = days
        self._arrived: set[DeliveryId] = set()

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        days, given = self._days, None
        fate = days.draw(arrives=86, bounces=4, limited=4, unknown=3, lost=3)
        try:
            await asyncio.sleep(days.random.uniform(0.5, 10))
            if fate == "bounces":
                return Outcome(result=Result.BOUNCED, reason=Reason.FOCUS_TAKEN)
            if fate == "limited" and is_brief(order):
                return days.limit(order.agent)
            await progress.staging()
            await progress.staged(sha256=order.sha256)
            await progress.submitting()
            given = await days.lease_of(order) if is_brief(order) else None
            await asyncio.sleep(days.random.uniform(0.1, 5))
        except Conflict:
            return Outcome(result=Result.STOPPED)
        except asyncio.CancelledError:  # Octet is killed, perhaps just after Enter
            if given is not None and days.random.random() < 0.5:
                self._arrives(order, given)
            raise
        if fate == "lost":
            return Outcome(result=Result.NOT_ARRIVED, reason=Reason.FOCUS_TAKEN)
        if fate != "unknown" or days.random.random() < 0.5:
            self._arrives(order, given)
        if fate == "unknown":
            return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
        return Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT)

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        del progress
        await asyncio.sleep(self._days.random.uniform(0.5, 5))
        if self._days.random.random() < 0.3:
            return Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
        if self.has_arrived(order.delivery):
            return Outcome(result=Result.DELIVERED, assurance=Assurance.EXACT)
        return Outcome(result=Result.NOT_ARRIVED, reason=Reason.NOT_SEEN)

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        pass  # each delivery is over in seconds

    def has_arrived(self, delivery: DeliveryId) -> bool:
        return delivery in self._arrived

    def _arrives(self, order: DeliveryRequest, given: Given | None) -> None:
        self._arrived.add(order.delivery)
        if given is not None:
            self._days.prompt_arrives(order.agent, given)


class Days:
    """The world around one coordinator. Call `pass_days`."""

    def __init__(self, seed: int, home: Path, clock: FakeClock) -> None:
        self.random = random.Random(seed)
        self.said = Counter[str]()
        """How often agents spoke, by how: in time, late, as liars."""
        self._home, self._clock = home, clock
        policy: Literal["park", "nudge", "release"] = self.random.choice(["park", "nudge", "release"])
        self._policy = RetryPolicy(settings=DispatchSettings(agent_timeout_s=2 * HOUR_S, on_agent_timeout=policy))
        self._reference = Reference(AGENTS, silent_after_ms=self._policy.agent_timeout_ms)
        self._agents = {name: DaysAgent() for name in SKILLS}
        self._lane = DaysLane(self)
        self._seq = 0
        self._is_calm = False
        self._up = asyncio.Event()

    async def pass_days(self, hours: int) -> None:
        """Raise AssertionError at the end of the first hour in which something is broken."""
        async with asyncio.TaskGroup() as self._group:
            await self._start()
            try:
                for hour in range(hours + HOURS_TO_THE_END):
                    self._is_calm = hour >= hours
                    await self._an_hour()
                    if self._is_calm and not self._reference.list_open():
                        break
                await self.octet.journal.verify()
            finally:
                await self._stop()
            for agent in self._agents.values():
                if agent.at_work is not None:
                    agent.at_work.cancel()
        assert not self._reference.list_open(), f"these come to no end: {self._reference.list_open()}"

    async def _an_hour(self) -> None:
        """Let users ask now and then; Octet is killed about twice a day. At the end users look, and the reference."""
        ends_s = self._clock.monotonic_s() + HOUR_S
        asks = 0 if self._is_calm else self.draw_number(3, 6) if self.random.random() < 0.15 else self.draw_number(0, 1)
        for act in [*[self._ask] * asks, *[self._restart] * (self.random.random() < 0.08)]:
            await asyncio.sleep(self.random.uniform(0, HOUR_S / (asks + 1)))
            await act()
        await asyncio.sleep(max(0.0, ends_s - self._clock.monotonic_s()))
        await self._users_look()
        await asyncio.sleep(1)  # a round of dispatch follows
        await self._look()

    async def _start(self) -> None:
        self._stack = AsyncExitStack()
        desks = [str(agent.desk) for agent in AGENTS]
        window = WindowStatus(name="one", usable=True, activity=Activity.IDLE)
        self.octet: Coordinator = await self._stack.enter_async_context(
            open_coordinator(
                self._home,
                agents=AGENTS,
                desks=[make_desk("one", name=name) for name in desks],
                lanes={agent.route: self._lane for agent in AGENTS},
                workers={name: FakeDeskWorker(name, windows=(window,)) for name in desks},
                policy=self._policy,
                clock=self._clock,
            )
        )
        for name in desks:
            await self.octet.dispatch.desk_changed(name, DeskNow(DeskState.READY))
        self._dispatch = supervise(self._group, "dispatch", self.octet.dispatch.run())
        self._started_ms = self._clock.now_ms()
        self._up.set()

    async def _stop(self) -> None:
        self._up.clear()
        self._dispatch.cancel()
        await asyncio.wait([self._dispatch])
        await self._stack.aclose()

    async def _restart(self) -> None:
        await self._stop()
        await asyncio.sleep(self.random.choice([1, 40 * MINUTE_S]))
        await self._start()

    async def _ask(self) -> None:
        """Ask as one of the users for one task; some need earlier ones, and some go to two agents."""
        known = self._reference.tasks
        links = min(len(known), self.draw_number(1, 2)) if self.random.random() < 0.3 else 0
        after = self.random.sample([*known], k=links)
        needs, is_best_of = self.random.choice(NEEDS), self.random.random() < 0.1
        draft = make_new_task(
            priority=self.draw_number(1, 3),
            needs=needs,
            after=frozenset(map(TaskId, after)),
            on_failure=self.random.choice([*OnFailure]),
            best_of=2 if is_best_of and needs != {"docs", "python"} else 0,
        )
        user = self.random.choice(USERS)
        task = await self.octet.tasks.new(draft, by=user)
        first = dict.fromkeys(after, draft.on_failure.value)
        parts = (await self.octet.tasks.repository.list_parts(task.id)) if draft.best_of else ()
        for one in (task, *parts):
            self._reference.tasks[one.id] = AskedTask(
                id=one.id, user=user.id, priority=draft.priority, needs=needs, wanted=one.wanted, after=dict(first)
            )
        if parts:
            above = self._reference.tasks[task.id]
            above.parts = tuple(part.id for part in parts)
            above.after |= dict.fromkeys(above.parts, "start")
        await self._hear()

    async def _users_look(self) -> None:
        """Decide as users what waits for one of them."""
        for sent in [one for one in await self.octet.unknowns.list(by=USERS[0]) if not one.task]:  # a message
            decision = Decision.ARRIVED if self._lane.has_arrived(sent.id) else Decision.SEND_AGAIN
            await self.octet.unknowns.resolve(sent.id, decision, by=USERS[0])
        for task in [one for one in self._reference.tasks.values() if one.state not in OVER or one.state == "failed"]:
            await self._decide(task)
            await self._hear()
        if self._is_calm:
            return
        under_way = self._reference.list_open()
        if under_way and self.random.random() < 0.1:
            await self.octet.tasks.cancel(TaskId(self.random.choice(under_way).id), by=USERS[0])

    async def _decide(self, task: AskedTask) -> None:
        tasks, name, by = self.octet.tasks, TaskId(task.id), USERS[0]
        match task.state, task.reason:
            case "parked", "delivery_unknown":
                (sent,) = [one for one in await self.octet.deliveries.list_for_task(name) if one.state in OPEN_STATES]
                has_arrived = self._lane.has_arrived(sent.id)
                await self.octet.unknowns.resolve(name, Decision.ARRIVED if has_arrived else Decision.SEND_AGAIN, by=by)
            case (("parked" | "failed"), _) if self._is_calm or self.random.random() < 0.4:
                await tasks.retry(name, by=by)
            case "waiting", "pick":
                done = [part for part in task.parts if self._reference.tasks[part].state == "done"]
                await self.octet.task_parts.pick(TaskId(done[0]), by=by)
            case "waiting", "dependency_failed" if self._is_calm or self.random.random() < 0.3:
                failed = [one for one, policy in task.after.items() if policy != "start"]
                if not failed:
                    await tasks.cancel(name, by=by)
                for needs in failed:
                    await tasks.depend(name, TaskId(needs), None, by=by)
                    del task.after[needs]
            case _:
                pass

    async def lease_of(self, order: DeliveryRequest) -> Given:
        """Return the lease for which this prompt is under way, as its agent will know it."""
        await self._hear()
        task = name_of(order)
        return Given(task, code_in(order), self._reference.tasks[task].fence)

    def prompt_arrives(self, name: str, given: Given) -> None:
        """Put a prompt into the agent's window; the agent leaves what it did."""
        agent = self._agents[name]
        agent.given.append(given)
        if agent.at_work is not None:
            agent.at_work.cancel()
        agent.at_work = self._group.create_task(self._work(given))

    async def _work(self, given: Given) -> None:
        manner = "works" if self._is_calm else self.draw(works=66, dies=12, lies=12, fails=6, asks=4)
        if manner == "dies":
            await asyncio.sleep(self.random.uniform(3 * HOUR_S, 20 * HOUR_S))
        for _ in range(self.draw_number(1, 3)):
            await asyncio.sleep(self.random.uniform(MINUTE_S, 60 * MINUTE_S))
            await self._speak(given, "progress")
            if manner == "lies":
                await self._lie(given)
        if manner == "asks":
            await self._speak(given, "blocked")
            await asyncio.sleep(HOUR_S)
        key = await self._speak(given, "failed" if manner == "fails" else "done")
        if manner == "lies":
            await self._speak(given, "done", is_lie=True)
        elif self.random.random() < 0.2:  # it did not hear that its answer came, and sends it again
            await self._speak(given, "done", key=key)

    async def _lie(self, own: Given) -> None:
        """Answer with a code of an earlier lease, better of a task that another lease has, and for another task."""
        every = [one for agent in self._agents.values() for one in agent.given]
        stale = [one for one in every if not self._reference.may_count(one.task, one.task, one.fence)]
        taken_back = [one for one in stale if self._reference.tasks[one.task].state not in OVER]
        if stale := taken_back or stale:
            await self._speak(self.random.choice(stale), "done", is_lie=True)
        await self._speak(own, "done", named=self.random.choice([*self._reference.tasks]), is_lie=True)

    async def _speak(self, given: Given, verb: str, *, named: str = "", key: str = "", is_lie: bool = False) -> str:
        """Send words of an agent. They count exactly if the reference believes them; else they change nothing."""
        await self._up.wait()
        await self._hear()
        named, tasks = named or given.task, self.octet.tasks
        is_again, key = bool(key), key or str(self.said.total())
        is_believed = self._reference.may_count(given.task, named, given.fence)
        before = None if is_believed else await self._rows()
        try:
            if verb == "progress":
                await tasks.record_progress(named, given.code, "At it.")
            else:
                trouble = AgentTrouble(verb) if verb in {"failed", "blocked"} else None
                final = verb == "done"
                await tasks.accept_answer(named, given.code, "Seven.", final=final, key=key, trouble=trouble)
            counts = not is_again
        except Conflict:
            counts = False
        assert counts == (is_believed and not is_again), f"{verb} for {named} by the lease {given}: counts: {counts}"
        if counts:
            await self._hear()
            task = self._reference.tasks[given.task]
            task.sign_ms = self._clock.now_ms()
            assert task.state == {"progress": "working", "failed": "failed", "blocked": "blocked"}.get(verb, verb)
        else:
            assert before is None or await self._rows() == before
        self.said["counts" if counts else "lies" if is_lie else "late"] += 1
        return key

    async def _rows(self) -> dict[str, tuple[str, str | None, int, int]]:
        """Return state, agent, fence and the time of the last change of each task."""
        rows = await self.octet.store.fetch(_ROWS)
        return {f"T-{row.number}": (row.state, row.agent, row.fence, row.changed_ms) for row in rows}

    def limit(self, name: str) -> Outcome:
        """Say that the agent's account is at its limit, and when that ends."""
        for_s, now_ms = self.random.choice([20 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S]), self._clock.now_ms()
        self._reference.limits.append((self._reference.agents[name].account or name, now_ms, now_ms + for_s * 1000))
        return Outcome(result=Result.BOUNCED, reason=Reason.RATE_LIMITED, retry_after_s=for_s)

    async def _hear(self) -> None:
        """Tell the reference what the journal has that it has not heard."""
        for row in await self.octet.store.fetch(journal_store.PAGE, {"after": self._seq, "size": 10_000}):
            self._seq = row.seq
            self._reference.hear(from_attributes(JournalRow, row, data=json.loads(row.data)))

    async def _look(self) -> None:
        """Compare what the tables say with the reference: nothing is lost, on two agents, or stuck without a reason."""
        await self._hear()
        octet, now_ms, tasks = self.octet, self._clock.now_ms(), self._reference.tasks
        found = await self._rows()
        statuses = {str(one.agent.name): one for one in await octet.agents.list(by=USERS[0])}
        stored = {name: (state, fence) for name, (state, _, fence, _) in found.items()}
        assert stored == {task.id: (task.state, task.fence) for task in tasks.values()}
        holds = {name: one.task for name, one in statuses.items() if one.task}
        assert holds == self._reference.holds, f"{holds}, not {self._reference.holds}: {tasks}"
        idle = [one.agent for one in statuses.values() if one.state is AgentState.IDLE]
        held = [task for task in tasks.values() if task.state in {"waiting", "parked", "blocked"}]
        assert sum(group.size for group in await octet.tasks.repository.queue.list_blocked()) == len(held), (
            "users see each"
        )
        assert all(task.reason for task in held), "each says why"
        for task in tasks.values():
            why = self._reference.why_held(task) if task.state in {"ready", "waiting"} else None
            assert why is None or (task.state, task.reason) == ("waiting", why), f"{task} waits for {why}"
            if task.state in {"ready", "waiting"} and why is None:
                assert not [agent.name for agent in idle if task.may_go_to(agent)], f"an agent is free for {task}"
            if task.state in {"assigned", "delivering"}:
                assert now_ms - found[task.id][-1] < HOUR_MS, f"{task} does not move"
            if task.state == "working":
                since_ms = now_ms - max(task.sign_ms, self._started_ms)  # a start gives time, and a nudge as long again
                assert since_ms <= 2 * self._policy.agent_timeout_ms + 1000 * MINUTE_S, f"{task} is forgotten"

    def draw(self, **weights: int) -> str:
        return self.random.choices([*weights], [*weights.values()])[0]

    def draw_number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)


def pass_days(seed: int, home: Path, *, hours: int) -> Counter[str]:
    """Let these hours pass, and those that it takes to end; return how often agents spoke. Raises AssertionError."""
    clock = FakeClock()
    days = Days(seed, home, clock)
    run_virtually(clock, days.pass_days(hours))
    return days.said


@contextmanager
def without_fences() -> Generator[None]:
    """Break Octet: the code of any lease of a task counts as the code of the present one."""
    right = Answers._late_reason
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Answers,
            "_late_reason",
            lambda self, tx, found, named, holder: right(self, tx, found, named, replace(holder, fence=found.fence)),
        )
        yield
