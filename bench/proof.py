"""What confining a check's command adds to the bare command: both in turns, in the same copy."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from pathlib import Path

from automation.bubblewrap.sandbox import Bubblewrap
from bench.measure.report import LEAST_P50, Report, below, median, percentile
from core.proofs.ports import Confined

N = int(os.environ.get("N", "200"))
"""Runs of each of the two."""
FILES = 200
"""In the copy: Octet hands them over and measures them before each run."""
COMMAND = ("/bin/sh", "-c", "cat file-7 && exit 0")


def _fill(folder: str) -> None:
    for number in range(FILES):
        Path(folder, f"file-{number}").write_text(str(number))


async def _bare(folder: str) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*COMMAND, cwd=folder, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    assert said == b"7", said
    return (time.perf_counter() - began) * 1000


async def _confined(sandbox: Bubblewrap, folder: str) -> float:
    began = time.perf_counter()
    ran = await sandbox.run(Confined(run="bench", folder=folder, command=COMMAND))
    assert (ran.exit_code, ran.output) == (0, b"7"), ran
    return (time.perf_counter() - began) * 1000


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="proof")
    bare: list[float] = []
    confined: list[float] = []
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as home:
        sandbox = Bubblewrap(Path(home) / "checks")
        if why := await sandbox.why_not():
            raise SystemExit(f"[proof] nothing was measured: {why}")
        folder = sandbox.new_folder("bench")
        _fill(folder)
        for _ in range(N):
            bare.append(await _bare(folder))
            confined.append(await _confined(sandbox, folder))
        await sandbox.remove()
    print(f"bare p95 {percentile(bare, 0.95):.1f} ms, confined p95 {percentile(confined, 0.95):.1f} ms")
    added = median(confined) - median(bare)
    report.add("sandbox_added_ms", added, "ms", n=N, least=LEAST_P50, baseline=median(bare), target=below(60))
    for line in report.refused:
        print(line)
    print(report.line(n=2 * N, seconds=time.perf_counter() - began))


if __name__ == "__main__":
    asyncio.run(main())
