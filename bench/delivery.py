"""How long a prompt takes from its lease to *delivered*, through the journal, the pipe and a real window, and where the
time goes. Beside it, in the same run, the naive PyAutoGUI loop, and each stage without any check: its floor.

Nothing else happens on these displays. What holds among thieves is `adversarial`'s to show.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import bare
from bench.measure.course import Course, NotDelivered, Timed, course, environ_for
from bench.measure.machine import busy_cores
from bench.measure.mixed import mixed
from bench.measure.report import LEAST_P50, LEAST_P99, Report, at_least, at_most_times, below, median, percentile
from core.desks.model import Desk
from core.profiles.model import Box, Driven
from tests.display import VirtualDisplay, virtual_display
from tests.fakes.desk import PORTABLE, ROOT, TK, open_tk
from tests.fakes.panes import WORKER as TERMINAL
from tests.fakes.panes import terminals
from tests.fakes.targets import WEBS
from tests.fakes.web_window import open_web, site

N = int(os.environ.get("N", "100"))
"""Deliveries behind each p50."""
CHROMIUM = int(os.environ.get("CHROMIUM", str(N)))
"""The same for Chromium alone: 1,000 give its p99."""
GRANTS = int(os.environ.get("GRANTS", str(N)))
"""Deliveries to Tk, idle and beside busy cores, for the go-ahead for Enter: 1,000 give its p99."""
NAIVE = int(os.environ.get("NAIVE", "100"))
MIXED_S = float(os.environ.get("MIXED_S", "15"))
"""For so long nine windows get prompts back to back; twice."""
DESKS = 8
DESKS_S = float(os.environ.get("DESKS_S", "12"))
"""For so long one desk, and then all of them, deliver back to back."""
WINDOWS = 3
"""On each desk: while one still shows that it works, the hands type into another."""
BUSY_MS = 200
"""So long a window shows that it works: long enough to be seen on a busy machine too."""
REST_S = 0.1
"""After a delivery, until its window has come to rest; not part of what is measured."""
SIZE = "1920x1080x24"


@dataclass(slots=True, kw_only=True)
class DeliveryBench:
    """What the deliveries of one kind of window came to."""

    timed: list[Timed] = field(default_factory=list[Timed])
    failures: list[str] = field(default_factory=list[str])
    late: int = 0

    @property
    def whole_ms(self) -> list[float]:
        return [one.whole_ms for one in self.timed]

    def median_of(self, part: str) -> float:
        return median([one.shares_ms()[part] for one in self.timed])

    def parts(self) -> tuple[str, ...]:
        return tuple(self.timed[0].shares_ms()) if self.timed else ()


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="delivery")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        folder = Path(name)
        floors = _bare(folder / "bare")
        web_floors = _bare_web(folder / "bare-web")
        naive = median(floors["naive"])
        _say(began, f"the naive loop takes {naive:.0f} ms ({len(floors['naive'])} rounds)")
        report.add("p50_ms_naive", naive, "ms", n=len(floors["naive"]), least=LEAST_P50)
        runs = {
            "2000_chars_tk": await _tk(folder / "tk", 2_000),
            "20000_chars_tk": await _tk(folder / "tk-long", 20_000),
            "2000_chars_chromium": await _chromium(folder / "web"),
            "2000_chars_portable": await _chromium(folder / "portable", worker=PORTABLE),
            "2000_chars_tmux": await _tmux(folder / "tmux", 2_000),
        }
        tk, chromium = _sum_of(floors), _sum_of(web_floors)
        targets = {
            "2000_chars_tk": (tk, 3),
            "2000_chars_chromium": (chromium, 1.25),
            "2000_chars_portable": (naive, 0.48),
            "2000_chars_tmux": (naive, 0.16),
        }
        for kind, run in runs.items():
            if not run.timed:
                print(f"{kind}: nothing was delivered: {run.failures[:3]}")
                continue
            _say(began, f"{kind}: {len(run.timed)} delivered, {_shares(run)}; {run.timed[-1].assurance}")
            n, (baseline, times) = len(run.timed), targets.get(kind, (None, None))
            target = None if times is None else at_most_times(times)
            p50 = median(run.whole_ms)
            report.add(f"p50_ms_{kind}", p50, "ms", n=n, least=LEAST_P50, baseline=baseline, target=target)
        web = runs["2000_chars_chromium"]
        if web.timed:
            worst = percentile(web.whole_ms, 0.99)
            report.add("p99_ms_2000_chars_chromium", worst, "ms", n=len(web.timed), least=LEAST_P99)
        _tell_stages(report, "tk", runs["2000_chars_tk"], floors)
        idle = await _tk(folder / "idle", 2_000, n=GRANTS)
        with busy_cores():
            busy = await _tk(folder / "busy", 2_000, n=GRANTS)
        _tell_busy(report, idle, busy)
        _say(began, f"beside busy cores: {len(busy.timed)} delivered, {busy.late} times too late, {_shares(busy)}")
        _tell_stages(report, "chromium", web, web_floors)
        for figure, answer_s, least in (("mixed_per_minute", 2, 120), ("mixed_per_minute_5s", 5, 90)):
            found = await mixed(folder / figure, answer_s=answer_s, lasts_s=MIXED_S)
            _say(began, f"{figure}: {found.per_minute:.0f}, {len(found.failures)} not delivered {found.failures[:3]}")
            report.add(figure, found.per_minute, "1/min", n=found.answered, target=at_least(least))
            report.add(f"{figure}_not_delivered", len(found.failures), "deliveries", n=found.answered, target=below(1))
        one, _ = await _desks(folder / "one", 1)
        all_of_them, busy = await _desks(folder / "eight", DESKS)
        _say(began, f"one desk {one:.1f}/s, eight {all_of_them:.1f}/s; the machine's cores were busy for {busy:.0%}")
        report.add("desks8_speedup", all_of_them / one, "ratio", n=round((one + all_of_them) * DESKS_S))
        report.add("desks8_per_s", all_of_them, "1/s", n=round(all_of_them * DESKS_S), baseline=one)
        report.add("desks8_cores_busy", busy * 100, "%", n=1)
        lost = sum(len(run.failures) for run in runs.values())
        done = sum(len(run.timed) for run in runs.values())
        report.add("not_delivered", lost, "deliveries", n=done)
    for line in report.refused:
        print(line)
    print(report.line(n=done, seconds=time.perf_counter() - began))


def _bare(folder: Path) -> dict[str, list[float]]:
    with virtual_display(folder, SIZE) as display:
        agent = open_tk(display, "agent-1", 10, 10, busy_ms=BUSY_MS)
        box = agent.seen.box
        return _run_bare("tk", display, agent.seen.id, box, NAIVE, NAIVE)


def _bare_web(folder: Path) -> dict[str, list[float]]:
    """Time the same acts in the page: how soon Chromium shows what was pasted, and what Enter did."""
    with virtual_display(folder, SIZE) as display, site(display.folder) as pages, display.accessible():
        agent = open_web(display, pages, "agent-1", 10, 10, busy_ms=BUSY_MS)
        return _run_bare("chromium", display, agent.seen.id, agent.window.box, 0, min(NAIVE, 50))


def _run_bare(kind: str, display: VirtualDisplay, window: int, box: Box, *rounds: int) -> dict[str, list[float]]:
    argv = [sys.executable, "-m", "bench.measure.bare", kind, display.name, str(window)]
    argv += [str(number) for number in (box.x, box.y, box.width, box.height, *rounds)]
    environ = {**display.environ, "PYTHONPATH": str(ROOT)}
    return json.loads(subprocess.run(argv, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE).stdout)


def _sum_of(floors: dict[str, list[float]]) -> float:
    """Add up the bare acts of a delivery, with commits and pipe."""
    return sum(median(took) for act, took in floors.items() if act != "naive")


async def _tk(folder: Path, characters: int, *, n: int = N) -> DeliveryBench:
    with virtual_display(folder / "display", SIZE) as display:
        agents = [open_tk(display, f"agent-{n}", 10 + 420 * n, 10, busy_ms=BUSY_MS) for n in range(WINDOWS)]
        desk = Desk(name="desk", display=display.name, windows=tuple(agent.window for agent in agents))
        return await _deliver(folder / "home", desk, TK, display, characters, n=n)


async def _tmux(folder: Path, characters: int) -> DeliveryBench:
    """Deliver to an agent program in each of three panes; there is no display."""
    with terminals(folder) as there:
        for n in range(WINDOWS):
            there.add(f"agent-{n}", f"busy={BUSY_MS / 1000}")
        argv = (sys.executable, "-c", TERMINAL, "desk")
        return await _deliver(folder / "home", there.desk(), there.profile, None, characters, argv=argv)


async def _chromium(folder: Path, *, worker: str = "") -> DeliveryBench:
    """Deliver to a contenteditable page. The portable path cannot use accessibility."""
    with ExitStack() as stack:
        display = stack.enter_context(virtual_display(folder / "display", SIZE))
        pages = stack.enter_context(site(display.folder))
        if not worker:
            stack.enter_context(display.accessible())
        agents = [
            open_web(display, pages, f"agent-{n}", 10 + 420 * n, 10, accessible=not worker, busy_ms=BUSY_MS)
            for n in range(WINDOWS)
        ]
        desk = Desk(name="desk", display=display.name, windows=tuple(agent.window for agent in agents))
        argv = (sys.executable, "-c", worker, desk.name) if worker else ()
        n = N if worker else CHROMIUM
        return await _deliver(folder / "home", desk, WEBS["contenteditable"], display, 2_000, argv=argv, n=n)


async def _deliver(
    home: Path,
    desk: Desk,
    profile: Driven,
    display: VirtualDisplay | None,
    characters: int,
    *,
    argv: Sequence[str] = (),
    n: int = N,
) -> DeliveryBench:
    run = DeliveryBench()
    async with course(home, [desk], {profile.name: profile}, environ_for(display), argv=argv) as deliveries:
        for number in range(n + 2):
            agent = f"{desk.name}-{desk.windows[number % len(desk.windows)].name}"
            one = await _one(deliveries, agent, bare.text_of(characters), run)
            if one is not None and number >= 2:  # the first into each window cuts its anchor
                run.timed.append(one)
            await asyncio.sleep(REST_S)
        run.late = deliveries.late
    return run


async def _one(deliveries: Course, agent: str, text: str, run: DeliveryBench) -> Timed | None:
    try:
        return await deliveries.deliver(agent, text)
    except (NotDelivered, TimeoutError) as trouble:
        run.failures.append(str(trouble) or "it took too long")
        return None


async def _desks(folder: Path, count: int) -> tuple[float, float]:
    """Deliveries a second on so many desks, and the share of time in which the machine's cores were busy."""
    async with AsyncExitStack() as stack:
        found: list[Desk] = []
        for number in range(1, count + 1):
            display = stack.enter_context(virtual_display(folder / f"display-{number}", SIZE))
            agents = [open_tk(display, f"agent-{n}", 10 + 420 * n, 10, busy_ms=BUSY_MS) for n in range(WINDOWS)]
            windows = tuple(agent.window for agent in agents)
            found.append(Desk(name=f"desk-{number}", display=display.name, windows=windows))
        deliveries = await stack.enter_async_context(course(folder / "home", found, {TK.name: TK}, environ_for()))
        run = DeliveryBench()

        async def keep_on(agent: str, until_s: float) -> None:
            while time.perf_counter() < until_s:
                one = await _one(deliveries, agent, bare.text_of(2_000), run)
                if one is not None and time.perf_counter() <= until_s:
                    run.timed.append(one)
                await asyncio.sleep(BUSY_MS / 1000)

        before, end = _cpu(), time.perf_counter() + DESKS_S
        async with asyncio.TaskGroup() as group:
            for desk in found:
                for window in desk.windows:
                    group.create_task(keep_on(f"{desk.name}-{window.name}", end))
        after = _cpu()
        if run.failures:
            print(f"{count} desks: {len(run.failures)} were not delivered: {run.failures[0]}")
        return len(run.timed) / DESKS_S, (after[0] - before[0]) / max(1, after[1] - before[1])


def _cpu() -> tuple[int, int]:
    """Busy and all ticks of all cores since the machine started."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _tell_stages(report: Report, kind: str, run: DeliveryBench, floors: dict[str, list[float]]) -> None:
    """Where the time goes: each part's median, and beside it what its bare act takes; how much was asked meanwhile."""
    n = len(run.timed)
    if n:
        report.add(f"{kind}_requests", median([float(one.requests) for one in run.timed]), "requests", n=n)
    for part in run.parts():
        name = part.replace(" ", "_")
        floor = median(floors[part]) if part in floors else None
        report.add(f"{kind}_{name}_ms", run.median_of(part), "ms", n=n, least=LEAST_P50, baseline=floor)


def _tell_busy(report: Report, idle: DeliveryBench, busy: DeliveryBench) -> None:
    """How long the go-ahead for Enter takes, and a delivery, idle and with a busy process on each core."""
    n, grants = len(busy.timed), [one.grant_ms for one in busy.timed]
    before = [one.grant_ms for one in idle.timed]
    worst = percentile(before, 0.99)
    report.add("grant_p50_ms", median(before), "ms", n=len(before), least=LEAST_P50)
    report.add("grant_p50_ms_busy", median(grants), "ms", n=n, least=LEAST_P50, baseline=median(before))
    report.add("grant_p99_ms", worst, "ms", n=len(before), least=LEAST_P99)
    report.add("grant_p99_ms_busy", percentile(grants, 0.99), "ms", n=n, least=LEAST_P99, baseline=worst)
    base = median(idle.whole_ms)
    report.add("p50_ms_busy", median(busy.whole_ms), "ms", n=n, least=LEAST_P50, baseline=base, target=at_most_times(3))
    report.add("late_busy", busy.late, "attempts", n=n + busy.late, target=below(1))


def _shares(run: DeliveryBench) -> str:
    whole = median(run.whole_ms)
    return f"{whole:.1f} ms: " + ", ".join(f"{part} {run.median_of(part) / whole:.0%}" for part in run.parts())


def _say(began: float, what: str) -> None:
    print(f"[{time.perf_counter() - began:5.1f} s] {what}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
