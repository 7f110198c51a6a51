"""The hooks by which pytest runs the suite: chosen tiers, unsteady tests once more, times told at the end."""

from __future__ import annotations

import os

import pytest

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
]


def pytest_configure(config: pytest.Config) -> None:
    """Read the chosen tiers; let the process that reports run unsteady tests again and tell the times."""
    tiers.pytest_configure(config)
    shares = Shares(config)
    config.pluginmanager.register(shares, tiers.SHARES_PLUGIN)
    if not is_worker(config) and RUNNING_AGAIN not in os.environ:
        config.pluginmanager.register(RunTimes(config, shares))
        config.pluginmanager.register(Unsteady(config, shares), tiers.UNSTEADY)
