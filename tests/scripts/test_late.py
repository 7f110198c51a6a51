"""`make late`: what a command has started is stopped for moments, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import late
from tests.pace import patience

ROOT = Path(__file__).parents[2]
CONTINUED = (
    "import signal, sys; signal.signal(signal.SIGCONT, lambda *_: sys.exit(3)); [signal.pause() for _ in iter(int, 1)]"
)
"""Ends once it was stopped and continued, and not before."""
LATE = (sys.executable, "-m", "scripts.late", "--longest", "0.02")


def test_what_a_command_started_is_stopped_and_continued_and_its_end_is_told() -> None:
    argv = [*LATE, "sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", CONTINUED]
    assert subprocess.run(argv, cwd=ROOT, timeout=patience(60), check=False).returncode == 3


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_what_the_command_stops_itself_stays_stopped_until_the_command_continues_it(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])

    def stop(_: float = 0.0) -> None:
        os.kill(stopped.pid, signal.SIGSTOP)

    def pause(_: float) -> None:
        if moment == "meanwhile":
            os.waitpid(stopped.pid, os.WUNTRACED)
            stop()

    try:
        if moment == "before":
            stop()
            os.waitpid(stopped.pid, os.WUNTRACED)
        monkeypatch.setattr(late, "started_by", lambda _: [(stopped.pid, "S")])  # as it was a moment ago
        monkeypatch.setattr(late.random, "random", lambda: 1.0)
        monkeypatch.setattr(late.time, "sleep", pause)
        late.delay(os.getpid(), 0.02)
        assert Path(f"/proc/{stopped.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    finally:
        stopped.kill()
        stopped.wait()


def test_busy_processes_share_the_cores_with_the_command() -> None:
    siblings = "import sys, scripts.late as late, os; sys.exit(len(late.started_by(os.getppid())) - 1)"
    argv = [*LATE[:3], "--busy", sys.executable, "-c", siblings]
    assert subprocess.run(argv, cwd=ROOT, timeout=patience(60), check=False).returncode == os.cpu_count()


def test_without_a_command_it_says_what_to_name() -> None:
    done = subprocess.run(LATE, cwd=ROOT, timeout=patience(60), check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "name the command" in done.stderr
