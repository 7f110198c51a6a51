"""What every test has: the tiers, chosen by OCTET_TIERS and checked against this machine; rules without a clock."""

import asyncio

from hypothesis import HealthCheck, settings

from tests.guard import guard
from tests.pace import patient_timeout
from tests.quick_store import quick_store
from tests.runner import (
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_xdist_make_scheduler",
    "quick_store",
]

guard()
asyncio.timeout = patient_timeout

# How long an example takes, and how many a seed throws away, says nothing about the rule. The examples are few and
# the same in every run, so that a red one is about a change; `make test-long` tries many, and
# `pytest --hypothesis-profile=explore` looks for new ones.
settings.register_profile(
    "octet",
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.register_profile("long", parent=settings.get_profile("octet"), max_examples=300)
settings.register_profile("explore", parent=settings.get_profile("long"), derandomize=False)
settings.load_profile("octet")
