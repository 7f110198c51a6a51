"""Runs the tiers of tests that OCTET_TIERS names (all by default) and never looks away from one.

A chosen tier that this machine cannot run ends the run with exit code 1 and the name of the missing package;
the last line names what was not chosen, the long tests, and says whether those with a second account were run.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from scripts.needs import TIERS, UnknownTierError, chosen_tiers, missing_packages
from tests.pace import patience


def tiers_of(item: pytest.Item) -> set[str]:
    """Return the tiers a test belongs to: its marks, or `unit`."""
    return {tier for tier in TIERS if item.get_closest_marker(tier)} or {"unit"}


def is_worker(config: pytest.Config) -> bool:
    """Say whether pytest-xdist started this process to run a share of the tests."""
    return hasattr(config, "workerinput")


UNIT_AND_CONTRACT = "unit and contract"
DISPLAY = "display"
BROWSER_AND_E2E = "browser and tests/e2e"
SHARES = (UNIT_AND_CONTRACT, DISPLAY, BROWSER_AND_E2E)
"""What the time of a whole run is divided into."""


def share_of(item: pytest.Item) -> str:
    """Return the share of the run's time to which a test counts."""
    if item.get_closest_marker("browser") or item.nodeid.startswith("tests/e2e/"):
        return BROWSER_AND_E2E
    return DISPLAY if item.get_closest_marker("display") else UNIT_AND_CONTRACT


LONG = "long"
"""The mark of a test that is the long form of one that every run has."""
LONG_RUN = "long or hypothesis"
"""What `make test-long` runs, by marks: the long tests, and properties once more, with many examples."""
SECOND_ACCOUNT = "test_second_account"
"""Files whose names begin so start programs under another account, so only root can run them."""
SHARES_PLUGIN = "octet-shares"
"""The name of the plugin that knows each test's share."""


class Shares:
    """A pytest plugin that knows each test's share, also in the process that only reports what workers ran."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.by_name: dict[str, str] = {}
        self.left_out = set[str]()
        self.long = set[str]()

    def of(self, name: str) -> str:
        """Return the share of the test with this node id; from its path, if every worker that knew it crashed."""
        return self.by_name.get(name) or (BROWSER_AND_E2E if name.startswith("tests/e2e/") else UNIT_AND_CONTRACT)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember the share of each test; a worker sends them to the process that reports."""
        self.by_name |= {item.nodeid: share_of(item) for item in session.items}
        if is_worker(self.config):
            self.config.workeroutput["shares"] = self.by_name  # pyright: ignore[reportAttributeAccessIssue]  pytest-xdist adds it
            self.config.workeroutput["left_out"] = sorted(self.left_out)  # pyright: ignore[reportAttributeAccessIssue]  as above
            self.config.workeroutput["long"] = sorted(self.long)  # pyright: ignore[reportAttributeAccessIssue]  as above

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Remember what is not run."""
        self.left_out |= {item.nodeid for item in items}
        self.long |= {item.nodeid for item in items if item.get_closest_marker(LONG)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker sends when it ends; one that crashed sends nothing."""
        self.by_name |= getattr(node, "workeroutput", {}).get("shares", {})
        self.left_out |= set(getattr(node, "workeroutput", {}).get("left_out", ()))
        self.long |= set(getattr(node, "workeroutput", {}).get("long", ()))

    def second_account(self) -> str:
        """Return what became of the tests with a second account; empty where the run has none."""
        if ran := sum(SECOND_ACCOUNT in name for name in self.by_name):
            return f"SECOND ACCOUNT: RUN ({ran} tests), because this run is root's"
        if os.geteuid() and any(SECOND_ACCOUNT in name for name in self.left_out):
            return "SECOND ACCOUNT: NOT RUN, because its tests need root: sudo make test-root"
        return ""


UNSTEADY = "octet-unsteady"
"""The name of the plugin that runs failing tests again."""
CHOSEN = pytest.StashKey[tuple[str, ...]]()


def pytest_configure(config: pytest.Config) -> None:
    """Read the choice once, and refuse a tier that does not exist."""
    try:
        config.stash[CHOSEN] = chosen_tiers(os.environ.get("OCTET_TIERS"))
    except UnknownTierError as error:
        raise pytest.UsageError(str(error)) from None
    if config.pluginmanager.has_plugin("timeout") and config.option.timeout is None:
        config.option.timeout = patience(float(config.getini("timeout") or 0))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen tiers' tests, the long ones first; stop when one of them cannot run here."""
    chosen = config.stash[CHOSEN]
    is_root = os.geteuid() == 0

    def is_kept(item: pytest.Item) -> bool:
        return tiers_of(item) <= set(chosen) and (is_root or SECOND_ACCOUNT not in item.nodeid)

    kept = [item for item in items if is_kept(item)]
    left_out = [item for item in items if not is_kept(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    items.sort(key=_how_late)
    needed = tuple(tier for tier in chosen if any(tier in tiers_of(item) for item in kept))
    missing = missing_packages(needed)
    if missing and not is_worker(config):  # a worker cannot end the run; it fails the tests one by one
        pytest.exit(f"tests of {', '.join(needed)} need packages that are missing: {' '.join(missing)}", returncode=1)


def _how_late(item: pytest.Item) -> int:
    """Files with single long tests first: begun last, one of them would keep all processes but its own waiting."""
    parts = item.path.parts
    return 0 if "e2e" in parts else 1 if "desktop" in parts or "cli" in parts else 2


def pytest_collection_finish() -> None:
    """Freeze what was imported for all tests, so that no test's garbage collection looks at it."""
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where the tests are spread over processes: fail what cannot run, with the name of what is missing."""
    if is_worker(item.config) and (missing := missing_packages(tuple(tiers_of(item)))):
        pytest.fail(f"needs packages that are missing: {' '.join(missing)}", pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say last of all which tests were unsteady, which were not run, and what became of the second account."""
    yield
    if unsteady := session.config.pluginmanager.get_plugin(UNSTEADY):
        print("", *unsteady.closing, sep="\n")
    shares = session.config.pluginmanager.get_plugin(SHARES_PLUGIN)
    if is_worker(session.config) or not shares:
        return
    if not_run := [tier for tier in TIERS if tier not in session.config.stash[CHOSEN]]:
        print(f'\nNOT RUN: {", ".join(not_run)} (chosen by OCTET_TIERS="{os.environ["OCTET_TIERS"]}")')
    long = f"LONG: NOT RUN ({len(shares.long)} tests): make test-long" if shares.long else ""
    if last := "; ".join(line for line in (long, shares.second_account()) if line):
        print(f"\n{last}")
