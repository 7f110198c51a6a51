"""`make late`: what a command has started is stopped for moments, and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTINUED = (
    "import signal, sys; signal.signal(signal.SIGCONT, lambda *_: sys.exit(3)); [signal.pause() for _ in iter(int, 1)]"
)
"""Ends once it was stopped and continued, and not before."""
LATE = (sys.executable, "-m", "scripts.late", "--longest", "0.02")


def test_what_a_command_started_is_stopped_and_continued_and_its_end_is_told() -> None:
    argv = [*LATE, "sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", CONTINUED]
    assert subprocess.run(argv, cwd=ROOT, timeout=60, check=False).returncode == 3


def test_busy_processes_share_the_cores_with_the_command() -> None:
    siblings = "import sys, scripts.late as late, os; sys.exit(len(late.started_by(os.getppid())) - 1)"
    argv = [*LATE[:3], "--busy", sys.executable, "-c", siblings]
    assert subprocess.run(argv, cwd=ROOT, timeout=60, check=False).returncode == os.cpu_count()


def test_without_a_command_it_says_what_to_name() -> None:
    done = subprocess.run(LATE, cwd=ROOT, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "name the command" in done.stderr
