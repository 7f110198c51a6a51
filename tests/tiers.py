"""Runs the tiers of tests that OCTET_TIERS names (all by default) and never looks away from one.

A chosen tier that this machine cannot run ends the run with exit code 1 and the name of the missing package;
what was not chosen is named on the last line.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest

from scripts.needs import TIERS, UnknownTierError, chosen_tiers, missing_packages


def tiers_of(item: pytest.Item) -> set[str]:
    """The tiers a test belongs to: its marks, or `unit`."""
    return {tier for tier in TIERS if item.get_closest_marker(tier)} or {"unit"}


def is_worker(config: pytest.Config) -> bool:
    """True in a process that pytest-xdist started to run a share of the tests."""
    return hasattr(config, "workerinput")


CHOSEN = pytest.StashKey[tuple[str, ...]]()


def pytest_configure(config: pytest.Config) -> None:
    """Read the choice once, and refuse a tier that does not exist."""
    try:
        config.stash[CHOSEN] = chosen_tiers(os.environ.get("OCTET_TIERS"))
    except UnknownTierError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen tiers' tests, the long ones first; stop when one of them cannot run here."""
    chosen = config.stash[CHOSEN]
    kept = [item for item in items if tiers_of(item) <= set(chosen)]
    left_out = [item for item in items if not tiers_of(item) <= set(chosen)]
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
    """What was imported for all the tests stays: no test's garbage need be looked for among it."""
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where the tests are spread over processes: fail what cannot run, with the name of what is missing."""
    if is_worker(item.config) and (missing := missing_packages(tuple(tiers_of(item)))):
        pytest.fail(f"needs packages that are missing: {' '.join(missing)}", pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say last of all which tiers were not run."""
    yield
    not_run = [tier for tier in TIERS if tier not in session.config.stash[CHOSEN]]
    if not_run and not is_worker(session.config):
        print(f'\nNOT RUN: {", ".join(not_run)} (chosen by OCTET_TIERS="{os.environ["OCTET_TIERS"]}")')
