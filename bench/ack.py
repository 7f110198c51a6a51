"""How fast an interaction is acknowledged while eight desks deliver back to back.

Measured in the sandbox's process, which is this one: from its write of the interaction into the gateway's socket to its
receipt of the callback. Of the busy phase only what was sent while at least six desks were delivering counts. The
baseline is the plainest bot with discord.py, in another local Discord of this process, beside the same busy desks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure import desks, machine
from bench.measure.octet import Octet, claimed, environment, octet, until
from bench.measure.report import LEAST_P50, LEAST_P99, Report, at_most_times, below, median, percentile
from bot.cli.children import child
from sandbox.discord.model import Interaction, InteractionKind
from sandbox.discord.server import Sandbox
from sandbox.discord.serving import open_sandbox

DESKS = 8
WINDOWS = int(os.environ.get("WINDOWS", "4"))
"""Windows on each desk, an agent in each: while one still shows that it works, the desk types into another."""
N = int(os.environ.get("N", "1000"))
"""Commands, and as many autocompletes, in each of the two phases."""
PER_SECOND = 16
"""Commands each second, and as many autocompletes; sent at their moments, however long the answers take."""
TURNS, SPARE = 4, 3
"""Octet and the bare bot in turns, until N of both were sent while six desks delivered, or three times N in all."""
PER_SECOND_IDLE = 50
"""The same while the desks are idle: the baseline need not last as long."""
BURST = 300
BURSTS = 4
WAITING = 12
"""Tasks that wait for each agent, so that its next one is there when one has ended."""
BUSY_DESKS = 6
PERSON = "Ada"
COMMANDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("agent list", {}),
    ("agent show", {"agent": "Agent-3"}),
    ("task list", {}),
    ("task show", {"task": "T-1"}),
    ("help", {}),
)
LOOKUPS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("agent show", {"agent": "age"}, "agent"),
    ("task show", {"task": "T"}, "task"),
)
WORK_S = 0.4
"""How long an agent works, and shows it. The driver must see it, or it does not call the prompt delivered."""
ANSWER_S = 0.55
"""After so long a prompt is answered: its window has come to rest by then."""
_SENTENCE = "Sort the words of this text, and say how many of them there are. "
BRIEF = f"demo: wait {WORK_S}\ndemo: silent\n{_SENTENCE * 31}"
"""About 2,000 characters, as much as a person asks for."""


@dataclass(slots=True)
class Measured:
    """Milliseconds from write to callback, with the moment of each, and what failed."""

    taken: list[tuple[float, bool, float]] = field(default_factory=list[tuple[float, bool, float]])
    failures: list[str] = field(default_factory=list[str])

    @property
    def acks(self) -> list[float]:
        return [took for _, is_lookup, took in self.taken if not is_lookup]

    @property
    def lookups(self) -> list[float]:
        return [took for _, is_lookup, took in self.taken if is_lookup]

    def during(self, spans: Sequence[tuple[float, float]]) -> Measured:
        """Return what was sent within these spans of time."""
        return Measured(taken=[one for one in self.taken if any(begin <= one[0] < end for begin, end in spans)])

    def take(self, interaction: Interaction) -> None:
        if interaction.ack_ms is None:
            self.failures.append(f"{interaction.label}: {interaction.failure}")
        else:
            sent_ms = time.time() * 1000 - interaction.ack_ms
            self.taken.append((sent_ms, interaction.kind is InteractionKind.AUTOCOMPLETE, interaction.ack_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class AckUsers:
    """Those who ask: they act through the sandbox, and their acts are measured there."""

    sandbox: Sandbox

    async def ask(self, measured: Measured, command: str, options: dict[str, Any]) -> None:
        person, home = self.sandbox.person, self.sandbox.world.home.id
        await self._settled(measured, person.slash(PERSON, home, command, options))

    async def look_up(self, measured: Measured, command: str, options: dict[str, Any], focused: str) -> None:
        person, home = self.sandbox.person, self.sandbox.world.home.id
        await self._settled(measured, person.autocomplete(PERSON, home, command, options, focused))

    async def steadily(self, n: int, per_second: float) -> Measured:
        """`n` commands and `n` autocompletes, each pair at its moment."""
        measured = Measured()
        commands, lookups = itertools.cycle(COMMANDS), itertools.cycle(LOOKUPS)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(n):
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                group.create_task(self.ask(measured, *next(commands)))
                group.create_task(self.look_up(measured, *next(lookups)))
        return measured

    async def at_once(self) -> Measured:
        """Measure a burst of commands within one turn of the loop."""
        measured = Measured()
        commands = itertools.cycle(COMMANDS)
        async with asyncio.TaskGroup() as group:
            for _ in range(BURST):
                group.create_task(self.ask(measured, *next(commands)))
        return measured

    async def _settled(self, measured: Measured, act: Awaitable[Interaction]) -> None:
        interaction = await act
        await interaction.settled.wait()
        measured.take(interaction)


class AckWork:
    """Keeps tasks waiting for every agent, and answers each task as soon as its prompt was delivered.

    The answers come from here by HTTP: an `octet done` for each would measure how fast two cores start Python.
    """

    def __init__(self, running: Octet, agents: Sequence[str]) -> None:
        self._octet = running
        self._agents = agents
        self._database = sqlite3.connect(f"file:{running.home / 'octet.db'}?mode=ro", uri=True)
        self._answered = 0

    async def keep_coming(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            group.create_task(self._fill(session))
            group.create_task(self._answer(session))

    async def _fill(self, session: aiohttp.ClientSession) -> None:
        while True:
            waiting = self._read("select wanted, count(*) from tasks where state = 'ready' group by wanted")
            counts = dict.fromkeys(self._agents, 0) | dict(waiting)
            for agent in self._agents:
                for _ in range(counts[agent], WAITING):
                    await self._octet.ask(session, "POST", "/api/v2/tasks", json={"brief": BRIEF, "agent": agent})
            await asyncio.sleep(0.25)

    async def _answer(self, session: aiohttp.ClientSession) -> None:
        while True:
            rested_ms = int((time.time() - ANSWER_S) * 1000)
            rows = self._read(f"select number from tasks where state = 'working' and changed_ms < {rested_ms}")
            for (task,) in rows:
                path = f"/api/v2/tasks/T-{task}/done"
                await self._octet.ask(session, "POST", path, json={"text": "Sixty-two sentences, sorted."})
                self._answered += 1
            await asyncio.sleep(0.02)

    async def is_flowing(self) -> bool:
        """Whether every agent has had about two prompts: the queues stand as they will stand."""
        return self._answered >= 2 * len(self._agents)

    def _read(self, query: str) -> list[Any]:
        return self._database.execute(query).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class AckDeliveries:
    """What the journal says of the deliveries in a span of time."""

    share_busy: float
    """The share of that span in which at least six desks had a delivery under way, from its lease to its end."""
    ended: dict[str, int]
    median_ms: float
    busy: Sequence[tuple[float, float]] = ()
    """When they had."""


def deliveries(database: Path, begin_ms: float, end_ms: float) -> AckDeliveries:
    """Read the journal once Octet has ended."""
    moves = "select at_ms, data from journal where name = 'DeliveryMoved' order by seq"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(moves).fetchall()
    open_since: dict[str, int] = {}
    marks: list[tuple[float, int]] = []
    ended: dict[str, int] = {}
    lasted: list[float] = []
    for at_ms, text in rows:
        event = json.loads(text)
        if event["now"] == "leased":
            open_since[event["delivery"]] = at_ms
        elif event["now"] not in {"staging", "staged", "submitting"}:
            since = open_since.pop(event["delivery"], None)
            if since is not None and since < end_ms and at_ms > begin_ms:
                marks += [(max(since, begin_ms), 1), (min(at_ms, end_ms), -1)]
                ended[event["now"]] = ended.get(event["now"], 0) + 1
                lasted.append(at_ms - since)
    marks += [(max(since, begin_ms), 1) for since in open_since.values() if since < end_ms]
    busy = [(at, end) for at, end, count in _steps(sorted(marks), end_ms) if count >= BUSY_DESKS]
    share = sum(end - at for at, end in busy) / (end_ms - begin_ms)
    return AckDeliveries(share_busy=share, ended=ended, median_ms=median(lasted or [0.0]), busy=busy)


def _steps(marks: list[tuple[float, int]], end_ms: float) -> Iterator[tuple[float, float, int]]:
    count = 0
    for (at, change), (end, _) in itertools.pairwise([*marks, (end_ms, 0)]):
        count += change
        yield at, end, count


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="ack")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        idle, everything_busy, burst, bare, bare_burst, work = await _measure(Path(folder))
    for what, measured in (("idle", idle), ("busy", everything_busy), ("burst", burst), ("bare", bare)):
        if measured.failures:
            print(f"{what}: {len(measured.failures)} failed, for example {measured.failures[0]}")
    busy, plain = everything_busy.during(work.busy), bare.during(work.busy)
    everything = [took for one in (idle, everything_busy, burst) for _, _, took in one.taken]
    if not (busy.acks and busy.lookups and plain.acks and plain.lookups):
        print("Nothing was measured: six desks never delivered at one time.")
        busy, plain = Measured(taken=[(0, False, 0.0), (0, True, 0.0)]), idle  # too few for any figure
    n, lookups = len(busy.acks), len(busy.lookups)
    report.add("p50_ms", median(busy.acks), "ms", n=n, least=LEAST_P50, baseline=median(plain.acks))
    base, target = percentile(plain.acks, 0.99), at_most_times(2.5)
    report.add("p99_ms", percentile(busy.acks, 0.99), "ms", n=n, least=LEAST_P99, baseline=base, target=target)
    report.add("idle_p99_ms", percentile(idle.acks, 0.99), "ms", n=len(idle.acks), least=LEAST_P99)
    n, base = len(burst.acks), percentile(bare_burst.acks, 0.99)
    worst = percentile(burst.acks, 0.99)
    report.add("p99_ms_300_at_once", worst, "ms", n=n, least=LEAST_P99, baseline=base, target=below(500))
    report.add(
        "autocomplete_p99_ms",
        percentile(busy.lookups, 0.99),
        "ms",
        n=lookups,
        least=LEAST_P99,
        baseline=percentile(plain.lookups, 0.99),
        target=target,
    )
    report.add("slowest_ms", max(everything), "ms", n=len(everything), least=LEAST_P99, target=below(3000))
    report.add(
        "not_acknowledged",
        sum(len(one.failures) for one in (idle, everything_busy, burst)),
        "interactions",
        n=len(everything),
        target=below(1),
    )
    print(f"Six desks delivered for {work.share_busy:.0%} of the time; only this counts.")
    report.add("delivery_p50_ms", work.median_ms, "ms", n=sum(work.ended.values()), least=LEAST_P50)
    print(f"deliveries ended: {work.ended}")
    for line in report.refused:
        print(line)
    print(report.line(n=len(everything), seconds=time.perf_counter() - began))


@dataclass(frozen=True, slots=True, kw_only=True)
class EightDesks:
    """A running Octet with agents at eight desks, and a user of the sandbox's Discord."""

    running: Octet
    agents: Sequence[str]
    people: AckUsers
    work: AckWork
    say: Callable[[str], None]


@asynccontextmanager
async def eight_desks(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncGenerator[EightDesks]:
    """Start all of it, with these settings in the environment, and warm it up; nothing is delivered yet."""
    home = folder / "home"
    home.mkdir()
    say = _teller()
    os.environ["XDG_STATE_HOME"] = str(home / "state")  # where the windows' `octet done` looks for this Octet
    os.environ.pop("XDG_RUNTIME_DIR", None)
    async with (
        desks.screens(folder, count=DESKS, windows=WINDOWS, work_s=0.0) as screens,
        open_sandbox() as sandbox,
    ):
        say(f"{DESKS} displays are up")
        agents = desks.configure(home, screens, windows=WINDOWS)
        desks.merge_cookies(screens, folder / "Xauthority")
        environ = environment(os.environ, home, sandbox) | {"XAUTHORITY": str(folder / "Xauthority")}
        async with octet(home, {**environ, **(settings or {})}) as running:
            await claimed(running, sandbox, PERSON)
            await running.desks_are_ready()
            say(f"{len(agents)} agents at {DESKS} desks are ready")
            people = AckUsers(sandbox=sandbox)
            async with aiohttp.ClientSession() as session:
                await running.ask(session, "POST", "/api/v2/tasks", json={"brief": BRIEF})
            await people.at_once()  # warm: the first of everything is imported and connected
            yield EightDesks(running=running, agents=agents, people=people, work=AckWork(running, agents), say=say)


@asynccontextmanager
async def _bare_bot(folder: Path) -> AsyncGenerator[AckUsers]:
    """Run the plainest bot in another local Discord, with the same commands, and warm it up."""
    async with open_sandbox() as sandbox:
        place = sandbox.described()
        argv = [sys.executable, "-m", "bench.measure.bare_bot"]
        argv += [str(place[name]) for name in ("api_base", "gateway_url", "token", "guild_id")]
        async with child("a bare bot", argv, os.environ, log=folder / "bare.log") as process:
            await process.line_with(re.compile("READY"))
            people = AckUsers(sandbox=sandbox)
            await people.at_once()
            yield people


async def _measure(folder: Path) -> tuple[Measured, Measured, Measured, Measured, Measured, AckDeliveries]:
    async with eight_desks(folder) as here, _bare_bot(folder) as plain:
        idle = await here.people.steadily(N, PER_SECOND_IDLE)
        here.say("idle is measured")
        async with asyncio.TaskGroup() as group:
            feed = group.create_task(here.work.keep_coming())
            await until(here.work.is_flowing)
            begin_ms = time.time() * 1000
            busy, bare = Measured(), Measured()
            for _ in range(TURNS * SPARE):
                for people, measured in ((here.people, busy), (plain, bare)):
                    found = await people.steadily(N // TURNS, PER_SECOND)
                    measured.taken += found.taken
                    measured.failures += found.failures
                spans = deliveries(folder / "home" / "octet.db", begin_ms, time.time() * 1000).busy
                if min(len(one.during(spans).acks) for one in (busy, bare)) >= N:
                    break
            here.say("busy is measured, and a bare bot in turns with it")
            burst, bare_burst = Measured(), Measured()
            for _ in range(BURSTS):
                for people, measured in ((here.people, burst), (plain, bare_burst)):
                    one = await people.at_once()
                    measured.taken += one.taken
                    measured.failures += one.failures
                    await asyncio.sleep(1)
            end_ms = time.time() * 1000
            here.say("300 at once are measured")
            feed.cancel()
    return idle, busy, burst, bare, bare_burst, deliveries(folder / "home" / "octet.db", begin_ms, end_ms)


def _teller() -> Callable[[str], None]:
    began, ticks = time.perf_counter(), machine.busy_jiffies()

    def say(what: str) -> None:
        cores = (machine.busy_jiffies() - ticks) / 100 / max(0.01, time.perf_counter() - began)
        own = machine.own_jiffies({os.getpid()}) / 100 / max(0.01, time.perf_counter() - began)
        print(f"[{time.perf_counter() - began:5.1f} s] {what} (cores in use: {cores:.2f}, by us {own:.2f})", flush=True)

    return say


async def _within_limit() -> None:
    async with asyncio.timeout(240 + 8 * N / PER_SECOND):
        await main()


if __name__ == "__main__":
    asyncio.run(_within_limit())
