"""Tells at the end of a run which files took longest, and how its time is divided into shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest

from scripts.durations import Duration, record
from tests.tiers import CHOSEN, LONG, LONG_RUN, SHARES, Shares

SLOWEST = 10


class RunTimes:
    """A pytest plugin for the one process that reports."""

    def __init__(self, config: pytest.Config, shares: Shares) -> None:
        self.config = config
        self.shares = shares
        self.began = time.monotonic()
        self.by_test: dict[str, float] = {}

    @property
    def processes(self) -> int:
        """The number of processes that run tests."""
        return self.config.getoption("numprocesses", None) or 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what a test's setup, call or teardown took."""
        self.by_test[report.nodeid] = self.by_test.get(report.nodeid, 0.0) + report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print the slowest files and the shares; keep how long a whole run took."""
        wall_s = time.monotonic() - self.began
        if not self.by_test:
            return
        for line in summary(self.by_test, self.shares.of, self.processes, wall_s):
            terminalreporter.write_line(line)
        if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} and self._is_whole():
            duration = Duration(round(wall_s, 1), self.processes)
            kind = f"{LONG}: " if self.config.option.markexpr == LONG_RUN else ""
            record(self.config.rootpath, kind + " ".join(self.config.stash[CHOSEN]), duration)

    def _is_whole(self) -> bool:
        option = self.config.option
        is_marked = option.markexpr not in {"", f"not {LONG}", LONG_RUN}
        is_narrowed = option.keyword or is_marked or option.deselect or option.maxfail
        return self.config.args_source is pytest.Config.ArgsSource.TESTPATHS and not is_narrowed


def summary(by_test: Mapping[str, float], share_of: Callable[[str], str], processes: int, wall_s: float) -> list[str]:
    """Write the slowest files and the shares, from the seconds that each test took."""
    by_file: dict[str, float] = {}
    by_share: dict[str, float] = dict.fromkeys(SHARES, 0.0)
    for name, seconds in by_test.items():
        file = name.partition("::")[0]
        by_file[file] = by_file.get(file, 0.0) + seconds
        by_share[share_of(name)] += seconds
    slowest = sorted(by_file, key=by_file.__getitem__, reverse=True)[:SLOWEST]
    return [
        "slowest files:",
        *(f"{by_file[file]:7.1f} s  {file}" for file in slowest),
        f"time by share (the tests' time / {processes} processes):",
        *(f"{seconds / processes:7.1f} s  {share}" for share, seconds in by_share.items()),
        f"{wall_s:7.1f} s  from start to end",
    ]
