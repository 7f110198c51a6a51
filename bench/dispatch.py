"""How fast Octet is with a long past behind it: its restart, words, broadcasts, rounds of dispatch, the board.

The database has N finished and 1,000 open tasks: rows that one task of each kind left when it went through the product,
multiplied, with ids of their own and a chain of the journal that verifies. Each start follows a `kill -9`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import history, long_history, queue
from bench.measure.commits import BARE, commit_ms
from bench.measure.octet import environment, octet, until
from bench.measure.report import LEAST_P50, LEAST_P99, FigureTarget, Report, at_most_times, below, median, percentile
from bot.__main__ import YOUNG

N = int(os.environ.get("N", "100000"))
"""Finished tasks."""
FULL = 100_000
OPEN = 1_000
QUEUED = 3_000  # the "1k": so many that 1,000 leases leave 1,000 and more
STARTS = 5
READ_S = 30.0
_READ = re.compile(r"event='database_read' seconds=([\d.]+)")


async def main() -> None:
    gc.set_threshold(YOUNG)  # as in `octet run`
    began = time.perf_counter()
    report = Report(name="dispatch")
    with tempfile.TemporaryDirectory(prefix="octet-bench-", ignore_cleanup_errors=True) as folder:
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        await _leases(report, Path(folder))
        _say(began, "leases are measured")
        await history.make(empty, finished=1, open_tasks=1)
        rows = await history.make(full, finished=N, open_tasks=OPEN)
        megabytes = (full / "octet.db").stat().st_size / 1_000_000
        _say(began, f"a database of {megabytes:.0f} MB with {rows:,} rows in its journal is there")
        baseline = [await _start(empty) for _ in range(STARTS)]
        _say(began, "starts without a past are measured")
        took = [await _start(full) for _ in range(STARTS)]
        _say(began, "starts with one are measured: " + ", ".join(f"{one:.2f}" for one in took))
        name = "restart_s_100k_finished" if N == FULL else f"restart_s_{N}_finished"
        target = below(5) if N == FULL else None
        report.add(name, median(took), "s", n=STARTS, least=STARTS, baseline=median(baseline), target=target)
        report.add(f"{name}_worst", max(took), "s", n=STARTS, least=STARTS, baseline=max(baseline), target=target)
        if N >= FULL:  # less is read before a start has ended
            read_s = await _read_whole(full)
            report.add("read_whole_s", read_s or 0.0, "s", n=0 if read_s is None else 1)
        _verify(full, rows)
        await _at_work(report, full)
        _say(began, "words, broadcasts, rounds, the board and starts without an agent are measured")
        _say(began, "the journal verifies")
    for line in report.refused:
        print(line)
    print(report.line(n=N + OPEN, seconds=time.perf_counter() - began))


async def _leases(report: Report, folder: Path) -> None:
    """Measure how tasks are leased from queues of two lengths, by 8 agents and by 100 with 200 distinct demands."""
    bare = commit_ms()
    few = await queue.measure(folder / "few", agents=8, queued=QUEUED, demands=8, samples=LEAST_P99)
    many = await queue.measure(folder / "many", agents=8, queued=FULL, demands=8, samples=LEAST_P99)
    large = await queue.measure(folder / "large", agents=100, queued=QUEUED, demands=200, samples=LEAST_P99)
    for name, found, suffix in (("", few, "_1k"), ("", many, "_100k"), ("_100_agents", large, "_1k")):
        took, count = percentile(found.lease_ms, 0.99), len(found.lease_ms)
        least, target = LEAST_P99, at_most_times(15)
        report.add(f"lease_p99_ms{suffix}{name}", took, "ms", n=count, least=least, baseline=bare, target=target)
    decided = percentile(large.decide_ms, 0.99)
    n, target = len(large.decide_ms), at_most_times(15)
    report.add("decide_p99_ms", decided, "ms", n=n, least=LEAST_P99, baseline=bare, target=target)
    report.add("bare_commit_ms", bare, "ms", n=BARE)
    report.add("leases_per_s", large.per_s, "1/s", n=100, baseline=few.per_s)
    for name, found in (("_8_agents", few), ("", large)):
        rounds = found.statements
        report.add(f"statements_per_round{name}", max(rounds), "", n=len(rounds), target=below(400))


async def _at_work(report: Report, home: Path) -> None:
    """Measure what users wait for while Octet runs; another number of tasks gives another name."""
    suffix = "" if N == FULL else f"_{N}"

    bare = commit_ms()

    def add(figure: str, values: list[float], unit: str, least: int, *, target: FigureTarget | None = None) -> None:
        base = None if target is not None and not target.of_baseline else bare
        target = target if N == FULL else None
        report.add(figure + suffix, median(values), unit, n=len(values), least=least, baseline=base, target=target)

    sent, broadcasts, rounds = await long_history.words_and_rounds(home)
    add("msg_send_ms", sent, "ms", LEAST_P50, target=at_most_times(8))
    add("broadcast_100_ms", broadcasts, "ms", long_history.BROADCASTS)
    add("round_100_ms", rounds, "ms", long_history.ROUNDS)
    add("board_loop_ms", await long_history.boards(home), "ms", long_history.BOARDS, target=below(10))
    long_history.wait_for_gone_agent(home)
    add("start_gone_agent_s", [await _start(home) for _ in range(STARTS)], "s", STARTS, target=below(3))


async def _start(home: Path) -> float:
    """From the start of the process to the first 200 of /readyz; then it is killed."""
    async with octet(home, environment(os.environ, home)) as running:
        os.kill(running.pid, signal.SIGKILL)
        return running.ready_s


async def _read_whole(home: Path) -> float | None:
    """How long after its start Octet has read the whole file and begins to give tasks out; None where it took too
    little time to be logged."""
    log = home / "octet.log"
    log.unlink(missing_ok=True)
    async with octet(home, environment(os.environ, home)):

        async def is_read() -> bool:
            return _READ.search(log.read_text()) is not None

        try:
            await until(is_read, READ_S)
        except TimeoutError:
            return None
    found = _READ.search(log.read_text())
    assert found is not None
    return float(found[1])


def _verify(home: Path, rows: int) -> None:
    """Check that the history is one that the product itself would have written."""
    argv = [sys.executable, "-m", "bot", "audit", "verify", "--home", str(home)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert int(said.rpartition(" ")[2]) >= rows, said


def _say(began: float, what: str) -> None:
    print(f"[{time.perf_counter() - began:5.1f} s] {what}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
