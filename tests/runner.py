"""The hooks by which pytest runs the suite: chosen tiers, unsteady tests once more, times told at the end."""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests import tiers
from tests.run_times import RunTimes
from tests.tiers import (
    Shares,
    is_worker,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_runtest_setup,
    pytest_sessionfinish,
)
from tests.unsteady import RUNNING_AGAIN, Unsteady

__all__ = [
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_xdist_make_scheduler",
]
SHARING = "tests/bot/web/test_page"
"""Begins the paths of files that share a browser: one process runs them."""


def pytest_configure(config: pytest.Config) -> None:
    """Read the chosen tiers; let the process that reports run unsteady tests again and tell the times."""
    tiers.pytest_configure(config)
    shares = Shares(config)
    config.pluginmanager.register(shares, tiers.SHARES_PLUGIN)
    if not is_worker(config) and RUNNING_AGAIN not in os.environ:
        config.pluginmanager.register(RunTimes(config, shares))
        config.pluginmanager.register(Unsteady(config, shares), tiers.UNSTEADY)


class Scheduling(LoadFileScheduling):
    """Gives each process whole files, and the files that share a browser together."""

    def _split_scope(self, nodeid: str) -> str:
        return SHARING if nodeid.startswith(SHARING) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Choose how `--dist loadfile` divides the tests."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None
