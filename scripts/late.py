"""Runs a command as on a machine that has much else to do: one of its processes after the other, the command itself now
and then, is stopped for a moment. A race that such a machine shows once in hundreds of runs shows in a few.

Linux only. What the command stops itself by SIGSTOP stays stopped until the command continues it. `--busy` stops
nothing, but shares each core with a process that computes all the time.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

PAUSE_S = 0.3
"""The longest time between two stops."""
SHORTEST_S = 0.01
ITSELF = 0.2
"""How often the command itself may be chosen, not only what it has started."""
BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
FAR_ENOUGH = frozenset("RS")
"""States of /proc/PID/stat in which a process is stopped: running, or waiting for something."""


def main() -> None:
    """Exit as the command does."""
    parser = argparse.ArgumentParser(prog="scripts.late", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--longest", type=float, default=0.2, help="seconds for which a process is stopped at most")
    parser.add_argument("--busy", action="store_true", help="share each core with a busy process and stop nothing")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if not given.command:
        parser.error("name the command, for instance: python -m pytest -q tests/automation/desktop/test_hold.py")
    if given.busy:
        sys.exit(beside_busy_cores(given.command))
    command = subprocess.Popen(given.command)
    try:
        while command.poll() is None:
            time.sleep(random.uniform(0, PAUSE_S))
            delay(command.pid, given.longest)
    except KeyboardInterrupt:  # the command has heard it, too
        sys.exit(command.wait())
    sys.exit(command.returncode)


def beside_busy_cores(command: list[str]) -> int:
    """Run the command while one other process for each core computes; return its exit code."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for process in busy:
            process.kill()
            process.wait()


def delay(root: int, longest_s: float) -> None:
    """Stop one process for a moment: one that `root` has started, through however many others, or `root` itself."""
    chosen = [pid for pid, state in started_by(root) if state in FAR_ENOUGH]
    if random.random() < ITSELF:
        chosen.append(root)
    if not chosen:
        return
    pid = random.choice(chosen)
    try:
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(random.uniform(SHORTEST_S, longest_s))
        finally:
            if not is_stopped_twice(pid):
                os.kill(pid, signal.SIGCONT)
    except (FileNotFoundError, ProcessLookupError):
        return  # it ended just then


def is_stopped_twice(pid: int) -> bool:
    """Return whether the command has stopped this process, too: then one SIGSTOP is pending while it is stopped."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    return status["State"].startswith("T") and bool(int(status["ShdPnd"], 16) & 1 << (signal.SIGSTOP - 1))


def started_by(root: int) -> list[tuple[int, str]]:
    """Every process below this one, with its state."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended just then
        children.setdefault(int(parent), []).append((int(entry.name), state))
    found: list[tuple[int, str]] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += [pid for pid, _ in below]
    return found


if __name__ == "__main__":
    main()
