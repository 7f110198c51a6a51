"""The machine a figure was measured on, and what its processes take of it. Read from /proc: Linux only."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROC = Path("/proc")


def described() -> str:
    """Processor, cores, memory, kernel, Python."""
    processor = _field(PROC / "cpuinfo", "model name") or platform.machine()
    memory_kb = int((_field(PROC / "meminfo", "MemTotal") or "0").split()[0])
    cores = len(os.sched_getaffinity(0))
    python = f"Python {platform.python_version()}"
    return f"{processor}, {cores} cores, {memory_kb / 2**20:.1f} GiB, Linux {platform.release()}, {python}"


def load_before() -> float:
    """How busy the machine was in the last minute. Above its cores, a figure measures others too."""
    return os.getloadavg()[0]


@contextmanager
def busy_cores() -> Generator[None]:
    """Keep each core busy with one process during the block."""
    with ExitStack() as stack:
        for _ in os.sched_getaffinity(0):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
        yield


def busy_jiffies() -> int:
    """Processor time spent by everybody since the machine started, in ticks of 10 ms."""
    user, nice, system, _idle, _wait, irq, soft, steal = _processor()
    return user + nice + system + irq + soft + steal


def own_jiffies(roots: set[int]) -> int:
    """Processor time spent by these processes and what they started, also by children that have ended."""
    return sum(_jiffies(pid) for pid in tree(roots))


def pss_kb(roots: set[int]) -> int:
    """Memory of these processes and everything they started; what several share is counted once, in parts."""
    return sum(_pss(pid) for pid in tree(roots))


def tree(roots: set[int]) -> set[int]:
    """Return the processes with these ids and all their descendants."""
    parents = {pid: parent for entry in PROC.iterdir() if (pid := _pid(entry)) and (parent := _parent(pid))}
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _pid(entry: Path) -> int:
    return int(entry.name) if entry.name.isdigit() else 0


def _parent(pid: int) -> int:
    stat = _stat(pid)
    return int(stat[1]) if stat else 0


def _jiffies(pid: int) -> int:
    stat = _stat(pid)
    return sum(map(int, stat[11:15])) if stat else 0


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; nothing when the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _pss(pid: int) -> int:
    try:
        return int((_field(PROC / str(pid) / "smaps_rollup", "Pss") or "0").split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _processor() -> list[int]:
    with (PROC / "stat").open() as file:
        return [int(number) for number in file.readline().split()[1:9]]


def _field(path: Path, name: str) -> str:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
