"""Runs failing tests of displays, programs and sockets twice more, alone, after all others have ended.

A test that passes both times is unsteady: the run lists it and keeps its first failure in tests/out/unsteady. Up to
three of them leave the run green. No other test gets a second run, and a test that fails again makes the run red.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

from tests.pace import patience
from tests.tiers import BROWSER_AND_E2E, DISPLAY, Shares

SOCKETS = ("tests/bot/", "tests/sandbox/", "tests/automation/bubblewrap/", "tests/core/proofs/")
"""Folders whose tests use real sockets, or confined processes of one account, which others can hold up."""
TIMES = 2
ALLOWED = 3
MOST = 10
"""With more failures than this, something is broken for all of them; the run does not spend its time on each."""
LIMIT_S = patience(900.0)
RUNNING_AGAIN = "TESTS_RUN_AGAIN"
"""Set in the environment of a second run, which must not start third ones."""


class Outcome(Enum):
    """What the second run of a test showed."""

    UNSTEADY = "failed, then passed twice alone"
    FAILED_AGAIN = "failed, and failed again alone"


class Unsteady:
    """A pytest plugin for the one process that reports; pytest-xdist's workers do without it."""

    def __init__(self, config: pytest.Config, shares: Shares) -> None:
        self.config = config
        self.shares = shares
        self.failures: dict[str, pytest.TestReport] = {}
        self.is_collected = True
        self.outcomes: dict[str, Outcome] = {}
        self.closing: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure of each test, its setup and teardown included."""
        if report.failed:
            self.failures.setdefault(report.nodeid, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember that a file could not be read: that is never unsteady."""
        if report.failed:
            self.is_collected = False

    @pytest.hookimpl(trylast=True)  # when pytest-xdist has ended its workers
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Run the failing tests again and decide how the whole run ends."""
        if session.exitstatus != pytest.ExitCode.TESTS_FAILED or self.config.getoption("maxfail"):
            return
        chosen = [name for name in self.failures if self._may_be_unsteady(name)]
        if not chosen:
            return
        if len(chosen) > MOST:
            self.closing = [f"{len(chosen)} tests that could be unsteady failed; more than {MOST} are not run again."]
            return
        for name in chosen:
            self.outcomes[name] = self._run_again(name)
        unsteady = self._with(Outcome.UNSTEADY)
        if unsteady == list(self.failures) and self.is_collected and len(unsteady) <= ALLOWED:
            self._count_as_unsteady(unsteady)
            session.exitstatus = pytest.ExitCode.OK
        self._close(is_green=session.exitstatus == pytest.ExitCode.OK)

    def _may_be_unsteady(self, name: str) -> bool:
        return self.shares.of(name) in {DISPLAY, BROWSER_AND_E2E} or name.startswith(SOCKETS)

    def _with(self, outcome: Outcome) -> list[str]:
        return [name for name, seen in self.outcomes.items() if seen is outcome]

    def _run_again(self, name: str) -> Outcome:
        """Run one test until it has passed often enough, or fails."""
        record = [f"{name} failed in {_process_of(self.failures[name])}", _text_of(self.failures[name])]
        outcome = Outcome.UNSTEADY
        for count in range(1, TIMES + 1):
            self._say(f"running again alone, {count} of {TIMES}: {name}")
            output = self._run_alone(name)
            record.append(f"{_now()}: run again alone, {count} of {TIMES}: {'failed' if output else 'passed'}")
            if output:
                record.append(output)
                outcome = Outcome.FAILED_AGAIN
                break
        kept = self.kept(name)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("\n\n".join(record) + "\n", encoding="utf-8")
        return outcome

    def _run_alone(self, name: str) -> str:
        """Run one test in a process of its own; what that printed, or nothing if the test passed."""
        option = self.config.option
        argv = [sys.executable, "-m", "pytest", "-q", "-n0", f"--rootdir={self.config.rootpath}"]
        argv += ["-c", str(self.config.inipath)] if self.config.inipath else []
        argv += [word for setting in option.override_ini or () for word in ("-o", setting)]
        argv += [word for plugin in option.plugins or () for word in ("-p", plugin)]
        argv += ["-m", option.markexpr] if option.markexpr else []
        profile = self.config.getoption("--hypothesis-profile", None)
        argv += [f"--hypothesis-profile={profile}"] if profile else []
        try:
            done = subprocess.run(
                [*argv, name],
                cwd=self.config.rootpath,
                env={**os.environ, "PYTEST_ADDOPTS": "", RUNNING_AGAIN: "1"},  # reports belong to the whole run
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"did not end within {LIMIT_S:.0f} s"
        return (done.stdout or f"ended with {done.returncode}") if done.returncode else ""

    def kept(self, name: str) -> Path:
        """Name the file that keeps a test's first failure."""
        words = re.sub(r"[^\w.-]+", "-", name.removeprefix("tests/"))
        return self.config.rootpath / "tests" / "out" / "unsteady" / f"{words[:150]}.txt"

    def _count_as_unsteady(self, names: list[str]) -> None:
        """Let pytest's own closing line count these tests as unsteady rather than failed."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        for kind in ("failed", "error", "passed"):
            kept = [report for report in reporter.stats.pop(kind, []) if report.nodeid not in names]
            if kept:
                reporter.stats[kind] = kept
        reporter.stats["unsteady"] = [self.failures[name] for name in names]
        reporter._main_color = None  # pytest chooses the closing line's words and colour only once

    def _close(self, *, is_green: bool) -> None:
        for outcome, heading in ((Outcome.UNSTEADY, "UNSTEADY"), (Outcome.FAILED_AGAIN, "FAILED AGAIN")):
            if names := self._with(outcome):
                self.closing.append(f"{heading} ({len(names)})")
                self.closing += [
                    f"  {name} {outcome.value}: {self.kept(name).relative_to(self.config.rootpath)}" for name in names
                ]
        if is_green:
            self.closing.append(f"The run is green: up to {ALLOWED} unsteady tests are allowed.")
        elif len(self._with(Outcome.UNSTEADY)) > ALLOWED:
            self.closing.append(f"The run is red: at most {ALLOWED} unsteady tests are allowed.")
        else:
            self.closing.append("The run is red: other tests failed, or failed again.")

    def _say(self, line: str) -> None:
        if reporter := self.config.pluginmanager.get_plugin("terminalreporter"):
            reporter.write_line(f"\n{line}")


def _now() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S}Z"


def _process_of(report: pytest.TestReport) -> str:
    node = getattr(report, "node", None)  # set by pytest-xdist
    return f"process {node.gateway.id}" if node else "the only process"


def _text_of(report: pytest.TestReport) -> str:
    return "\n\n".join([report.longreprtext, *(f"--- {title} ---\n{text}" for title, text in report.sections)])
