"""What every test has: the tiers, chosen by OCTET_TIERS and checked against this machine; rules without a clock."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests import tiers
from tests.quick_store import quick_store
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
    "quick_store",
]


def pytest_configure(config: pytest.Config) -> None:
    """Read the chosen tiers; let the process that reports run unsteady tests again and tell the times."""
    tiers.pytest_configure(config)
    shares = Shares(config)
    config.pluginmanager.register(shares)
    if not is_worker(config) and RUNNING_AGAIN not in os.environ:
        config.pluginmanager.register(RunTimes(config, shares))
        config.pluginmanager.register(Unsteady(config, shares), tiers.UNSTEADY)


# How long an example takes, and how many a seed throws away, says nothing about the rule. The examples are few and
# the same in every run, so that a red one is about a change; `pytest --hypothesis-profile=explore` looks for new ones.
settings.register_profile(
    "octet",
    deadline=None,
    derandomize=True,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.register_profile("explore", parent=settings.get_profile("octet"), derandomize=False, max_examples=300)
settings.load_profile("octet")
