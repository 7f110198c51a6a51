"""Whether anything is lost, doubled, garbled or guessed while Octet is killed again and again in its worst moments.

A real `octet run`, a real desk worker and eight demo windows on a virtual display; what a window says that it heard is
the truth. Each kill is `kill -9` at a named fault point, of the coordinator, of the worker, or of both. At the end
the kills stop, everything must drain, and the invariants I1 to I7 are held against database, journal and windows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.measure.octet import until
from bench.measure.person import help_out
from bench.measure.report import Report, at_least, below
from bench.measure.tickets import NobodyCame
from bench.measure.town import Town, open_town
from bench.measure.truth import left_behind, violations
from bench.outbox import text_of
from core.kit.supervise import supervise
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox

N = int(os.environ.get("N", "40"))
SEED = int(os.environ.get("SEED", "1"))
COORDINATOR, WORKER, BOTH = "coordinator", "worker", "both"
VICTIMS = (COORDINATOR, WORKER, BOTH)
MOMENTS = {
    "leased": ("dispatch.taken", "worker.staging-asked", "delivery.queued-leased.committed"),
    "staging": ("worker.pasted", "delivery.leased-staging.committed", "worker.clicked"),
    "staged": ("delivery.staging-staged.committed", "worker.staged-granted"),
    "submitting, key not pressed": ("worker.submitting-granted", "delivery.staged-submitting.committed"),
    "submitting, key pressed": ("worker.key-pressed",),
    "delivered, not committed": ("delivery.submitting-delivered.written", "worker.confirmed"),
}
"""The six moments that every run must hit three times, and the points that lie in them."""
STANDS = {
    "leased": "leased",
    "staging": "staging",
    "staged": "staged",
    "submitting, key not pressed": "submitting",
    "submitting, key pressed": "submitting",
    "delivered, not committed": "submitting",
}
"""What a delivery's row says in that moment."""
ELSEWHERE = (
    ("worker.key-down", WORKER),
    ("start.recovered", COORDINATOR),
    ("outbox.posted", COORDINATOR),
    ("task.new-ready.committed", COORDINATOR),
    ("dispatch.noted", BOTH),
    ("worker.key-down", BOTH),
    ("outbox.thread_made", COORDINATOR),
    ("task.working-done.written", COORDINATOR),
    ("start.opened", COORDINATOR),
    ("dispatch.assigned", COORDINATOR),
    ("worker.read-back", COORDINATOR),
    ("outbox.noted", COORDINATOR),
    ("agent.idle-busy.committed", BOTH),
    ("worker.submitting-asked", BOTH),
    ("delivery.new-queued.written", COORDINATOR),
    ("start.announced", COORDINATOR),
    ("worker.done-sent", WORKER),
    ("outbox.edited", COORDINATOR),
    ("task.new-ready.written", COORDINATOR),
    ("worker.key-down", COORDINATOR),
    ("delivery.submitting-delivered.committed", WORKER),
    ("task.ready-assigned.committed", COORDINATOR),
    ("outbox.post", COORDINATOR),
    ("agent.busy-idle.written", COORDINATOR),
    ("delivery.submitting-delivered.committed", BOTH),
    ("start.ready", COORDINATOR),
    ("outbox.edit", COORDINATOR),
    ("task.delivering-working.committed", COORDINATOR),
    ("outbox.thread", COORDINATOR),
    ("start.listening", COORDINATOR),
    ("worker.staged-asked", BOTH),
    ("outbox.thread_noted", COORDINATOR),
)
"""Where the other kills fall, in this order."""
PASSED_S = 90.0
"""The longest wait for somebody to pass a point."""
DEAD_S = 90.0
"""The longest wait until Octet has noticed the death of its worker."""
DRAINED_S = 240.0
SILENT_S = 8.0
"""How long a town whose agents never answer may go on after the last kill: enough to be settled, or to do harm."""
OPEN_TASKS = "select 1 from tasks where state not in ('done', 'cancelled', 'failed', 'expired')"
OPEN_DELIVERIES = (
    "select 1 from deliveries where state in ('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown')"
)
UNTOLD = "select 1 from notice_posts where state = 'pending'"
UNDER_WAY = "select state from deliveries where state in ('leased', 'staging', 'staged', 'submitting')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Who dies where. `moment` is one of MOMENTS, or empty."""

    point: str
    victim: str
    moment: str = ""

    @property
    def act(self) -> str:
        """What the ticket says to the process that passes the point."""
        passes = WORKER if self.point.startswith("worker.") else COORDINATOR
        return {passes: "kill", BOTH: "kill both"}.get(self.victim, "kill other")


@dataclass(slots=True, kw_only=True)
class KillsResult:
    """What a run came to."""

    kills: Counter[str] = field(default_factory=Counter[str])
    """By moment, or by point."""
    victims: Counter[str] = field(default_factory=Counter[str])
    never_passed: list[str] = field(default_factory=list[str])
    wrong_moments: list[str] = field(default_factory=list[str])
    """Kills after which the journal did not say what the moment means."""
    violations: list[str] = field(default_factory=list[str])
    helped: Counter[str] = field(default_factory=Counter[str])
    tasks: int = 0
    share_busy: float = 0.0
    slowest_start_s: float = 0.0
    unknown: int = 0
    settled_by_looking: int = 0
    seconds: float = 0.0

    @property
    def states_hit(self) -> int:
        """The smallest count over the six moments."""
        return min(self.kills[moment] for moment in MOMENTS)


def plan(count: int, chance: random.Random) -> list[Kill]:
    """So many kills: each moment three times, once per victim, the others elsewhere; workers have time to come back."""
    six: list[Kill] = []
    for victim, (moment, points) in itertools.product(VICTIMS, MOMENTS.items()):
        six.append(Kill(point=points[VICTIMS.index(victim) % len(points)], victim=victim, moment=moment))
    others = [Kill(point=point, victim=victim) for point, victim in itertools.islice(itertools.cycle(ELSEWHERE), count)]
    rounds = max(1, count // 40)
    kills = (six * rounds)[:count]
    kills += others[: count - len(kills)]
    chance.shuffle(kills)
    return _spread(kills)


def _spread(kills: Sequence[Kill]) -> list[Kill]:
    """Evenly mixed: a worker that is killed again and again is started later each time, until its coordinator dies."""
    workers = [kill for kill in kills if kill.victim == WORKER]
    others = [kill for kill in kills if kill.victim != WORKER]
    places = range(len(kills))
    is_worker = [(place + 1) * len(workers) // len(kills) > place * len(workers) // len(kills) for place in places]
    return [workers.pop() if it_is else others.pop() for it_is in is_worker]


async def measure(
    folder: Path,
    kills: Sequence[Kill],
    *,
    module: str = "bot",
    is_answered: bool = True,
    only: str | None = None,
    shown: Callable[[Town], Awaitable[bool]] | None = None,
) -> KillsResult:
    """One run. Where no agent answers, only a look or a person tells what arrived, and nothing is expected to drain;
    `only` this agent is given work. What must be `shown` after the last kill is waited for first."""
    outcome, began = KillsResult(), time.perf_counter()
    async with (
        open_sandbox(SandboxSettings(identify_every_s=0.0)) as sandbox,
        open_town(folder, module=module, sandbox=sandbox) as town,
    ):
        town.only = only
        await town.lives.start()
        async with asyncio.TaskGroup() as group:
            work = supervise(group, "work", town.give_work(random.Random(SEED), is_answered=is_answered))
            person = supervise(group, "person", help_out(town))
            for kill in kills:
                await strike(town, kill, outcome)
            work.cancel()
            if shown is not None:
                with suppress(TimeoutError):  # what is not shown is found by those who look at the outcome
                    await until(partial(shown, town), DRAINED_S)
            await drain(town, DRAINED_S if is_answered else SILENT_S)
            person.cancel()
        outcome.violations = await violations(town, is_drained=is_answered)
        if is_answered:
            outcome.violations += told_otherwise(town, sandbox)
        summed_up(town, outcome)
    outcome.seconds = time.perf_counter() - began
    return outcome


async def strike(town: Town, kill: Kill, outcome: KillsResult) -> None:
    """Lay the ticket, see it taken and its victims die, and bring back who does not come back by itself."""
    deaths = worker_deaths(town)
    town.lives.tickets.lay(kill.point, kill.act)
    if kill.point.startswith("start."):
        await town.lives.kill()
        await town.lives.start()
        outcome.kills["any time"] += 1
        outcome.victims[COORDINATOR] += 1
    try:
        taker = await town.lives.tickets.taken(kill.point, within_s=PASSED_S)
    except NobodyCame:
        outcome.never_passed.append(kill.point)
        return
    outcome.kills[kill.moment or kill.point] += 1
    outcome.victims[kill.victim] += 1
    if kill.point.startswith("start."):
        await town.lives.died_if(taker)  # it had said already that it is ready
        await town.lives.start()
    elif kill.victim != WORKER:
        await town.lives.died()
        stand = [state for (state,) in town.lives.rows(UNDER_WAY)]
        if kill.moment and STANDS[kill.moment] not in stand:
            outcome.wrong_moments.append(f"{kill.point} ({kill.victim}): {stand}")
        await town.lives.start()
    elif kill.victim == WORKER:
        try:
            await until(partial(more_workers_died, town, deaths), DEAD_S)
        except TimeoutError:
            outcome.wrong_moments.append(f"{kill.point}: no worker died")


def worker_deaths(town: Town) -> int:
    """How many workers Octet has seen die of a signal."""
    return (town.lives.home / "octet.log").read_text(encoding="utf-8").count("ending='signal 9'")


async def more_workers_died(town: Town, before: int) -> bool:
    return worker_deaths(town) > before


async def drain(town: Town, limit_s: float, queries: Sequence[str] = (OPEN_TASKS, OPEN_DELIVERIES, UNTOLD)) -> None:
    """Faults have stopped: let everything that was accepted come to its end: until the `queries` find nothing."""
    try:
        async with asyncio.timeout(limit_s):
            await town.settle_asked()
            await until(partial(nothing_is_open, town, queries), limit_s)
            # A person clears a draft that no task waits for, once its window has been told of, some 30 s later.
            await until(partial(every_window_is_free, town), limit_s)
    except TimeoutError:
        pass  # what is left open is found by those who look for violations


async def nothing_is_open(town: Town, queries: Sequence[str]) -> bool:
    """Whether every task and every delivery has come to its end, and all of it is told."""
    return not any(town.lives.rows(query) for query in queries)


async def every_window_is_free(town: Town) -> bool:
    """Whether no window is left as no agent leaves it."""
    return not await left_behind(town)


def told_otherwise(town: Town, sandbox: Sandbox) -> list[str]:
    """Tasks whose card or whose end does not stand in Discord exactly once."""
    messages = [message for message in sandbox.world.messages.values() if message.only_for is None]
    texts = [text_of(sandbox, message) for message in messages]
    found: list[str] = []
    for (number,) in town.lives.rows("select number from tasks where state = 'done'"):
        for what, words in (("card", f"-# T-{number} ·"), ("end", f"finished T-{number}**")):
            count = sum(words in text for text in texts)
            if count != 1:
                found.append(f"told: {count} times the {what} of T-{number}")
    return found


def summed_up(town: Town, outcome: KillsResult) -> None:
    """Take over what the town knows."""
    outcome.helped = town.helped
    outcome.tasks = len(town.briefs)
    outcome.share_busy = town.share_busy
    outcome.slowest_start_s = max(town.lives.starts_s)
    retaken: set[str] = set()
    for name, data in town.lives.rows("select name, data from journal where subject like 'delivery:%' order by seq"):
        event = json.loads(data)
        if name == "DeliveryRetaken":
            retaken.add(event["delivery"])
        elif event.get("now") == "unknown":
            outcome.unknown += 1
        elif event.get("was") == "submitting" and event["delivery"] in retaken:
            outcome.settled_by_looking += event["assurance"] != "answered"
            retaken.discard(event["delivery"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How others do it, where that must fail, and the invariant it must break."""

    point: str
    breaks: str


CONTROLS = {
    "retrying": Control(point="worker.key-pressed", breaks="I3"),
    "marking": Control(point="worker.submitting-granted", breaks="I6"),
}
"""Modules in bench/measure."""


async def control(folder: Path, variant: str, *, count: int = 3) -> KillsResult:
    """Run the same with an Octet that guesses, and a few kills where it must be wrong."""
    kills = [Kill(point=CONTROLS[variant].point, victim=BOTH)] * count
    shown = partial(is_broken, CONTROLS[variant].breaks)
    return await measure(folder / variant, kills, module=f"bench.measure.{variant}", is_answered=False, shown=shown)


async def is_broken(invariant: str, town: Town) -> bool:
    """Whether this is broken now, and a moment later still."""
    for _ in range(2):
        found = await violations(town, is_drained=False, is_audited=False)
        if not any(line.startswith(invariant) for line in found):
            return False
        await asyncio.sleep(0.2)
    return True


async def is_helped(town: Town) -> bool:
    """Whether the person has done anything."""
    return bool(town.helped)


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="kills")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        outcome = await measure(Path(name) / "octet", plan(N, random.Random(SEED)))
        tell(began, "octet", outcome)
        variants = await asyncio.gather(*(control(Path(name), variant) for variant in CONTROLS))
        failed = 0
        for (variant, kind), broken in zip(CONTROLS.items(), variants, strict=True):
            tell(began, variant, broken)
            failed += any(line.startswith(kind.breaks) for line in broken.violations)
    n = outcome.kills.total()
    report.add("kills", n, "kills", n=n, target=at_least(N))
    report.add("violations", len(outcome.violations), "violations", n=n, least=N, target=below(1))
    report.add("states_hit", outcome.states_hit, "kills", n=n, least=N, target=at_least(3))
    report.add("unknown", outcome.unknown, "deliveries", n=n)
    report.add("settled_by_looking", outcome.settled_by_looking, "deliveries", n=n)
    report.add("seconds", outcome.seconds, "s", n=n)
    report.add("controls_failed", failed, "of 2 broken variants", n=n, target=at_least(2))
    for line in report.refused:
        print(line)
    print(report.line(n=n, seconds=time.perf_counter() - began))


def tell(began: float, what: str, outcome: KillsResult) -> None:
    """Everything that a person may want to know of a run, above the last line."""
    print(
        f"[{time.perf_counter() - began:5.1f} s] {what}: {outcome.kills.total()} kills {dict(outcome.victims)} over"
        f" {outcome.tasks} tasks in {outcome.seconds:.0f} s; work for every agent in {outcome.share_busy:.0%} of the"
        f" looks; slowest start {outcome.slowest_start_s:.1f} s; unknown {outcome.unknown}, settled by looking"
        f" {outcome.settled_by_looking}; a person: {dict(outcome.helped)}"
    )
    for moment in MOMENTS if outcome.states_hit else ():
        print(f"          {outcome.kills[moment]:3} × {moment}")
    elsewhere = {point: count for point, count in outcome.kills.items() if point not in MOMENTS}
    print(f"          elsewhere: {elsewhere}")
    for line in (*outcome.never_passed[:5], *outcome.wrong_moments[:5]):
        print(f"          never passed, or in another moment: {line}")
    for line in outcome.violations[:20]:
        print(f"          VIOLATION {line}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
