"""A run of tests that is interrupted or killed leaves nothing behind of what its tests had started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.display import until
from tests.guard import GUARDED
from tests.pace import patience

ROOT = Path(__file__).resolve().parents[2]
STORY = """
import os, signal, subprocess, sys, time
from pathlib import Path

def test_starts_programs():
    child = subprocess.Popen(["sleep", "600"])
    alone = subprocess.Popen(["sleep", "600"], start_new_session=True)
    stopped = subprocess.Popen(["sleep", "600"])
    os.kill(stopped.pid, signal.SIGSTOP)
    orphan = subprocess.run(["sh", "-c", "sleep 600 >/dev/null & echo $!"], stdout=subprocess.PIPE).stdout
    started = [child.pid, alone.pid, stopped.pid, int(orphan)]
    Path("started.new").write_text(" ".join(map(str, [os.getpid(), os.getppid(), *started])))
    Path("started.new").rename("started")
    time.sleep(600)
"""


GUARD = """
import signal
from tests.guard import guard

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background switches it off
guard()
"""


@contextmanager
def begun(suite: Path, conftest: str, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """Start a run of one test that starts programs and waits; its process, then those that it named."""
    (suite / "conftest.py").write_text(conftest)
    (suite / "test_story.py").write_text(STORY)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", GUARDED):
        environ.pop(name, None)
    argv = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider", *options, str(suite)]
    run = subprocess.Popen(argv, cwd=suite, env=environ, stdout=subprocess.DEVNULL)
    named: list[int] = []
    try:
        until((suite / "started").exists, "the test has started its programs")
        named = [int(word) for word in (suite / "started").read_text().split()]
        yield run, named
    finally:
        for pid in [run.pid, *named[2:]]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait()


def is_there(pid: int) -> bool:
    """Whether the process is there and not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def first(run: int, _: list[int]) -> int:
    return run


def runner(_: int, named: list[int]) -> int:
    return named[0]


def runners_parent(_: int, named: list[int]) -> int:
    return named[1]


@pytest.mark.parametrize(
    ("whom", "by", "options"),
    [
        (first, signal.SIGINT, ()),
        (first, signal.SIGTERM, ()),
        (first, signal.SIGKILL, ("-p", "xdist", "-n", "1")),
        (runner, signal.SIGKILL, ()),
        (runners_parent, signal.SIGKILL, ()),
    ],
    ids=["interrupted", "terminated", "killed, with workers", "its tests' process killed", "its guard killed"],
)
def test_a_run_that_ends_early_leaves_no_program_behind(
    tmp_path: Path, whom: Callable[[int, list[int]], int], by: signal.Signals, options: tuple[str, ...]
) -> None:
    with begun(tmp_path, GUARD, *options) as (run, named):
        os.kill(whom(run.pid, named), by)
        until(lambda: not any(map(is_there, named)), "all that the tests had started has ended")
        assert run.wait(patience(60)) != 0


def test_without_the_guard_they_stay(tmp_path: Path) -> None:
    """The positive control."""
    with begun(tmp_path, "") as (run, named):
        run.kill()
        run.wait(patience(60))
        assert all(map(is_there, named[2:]))
