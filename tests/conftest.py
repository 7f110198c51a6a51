"""What every test has: the tiers, chosen by OCTET_TIERS and checked against this machine; rules without a clock."""

from hypothesis import HealthCheck, settings

from tests.tiers import (
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_setup,
    pytest_sessionfinish,
)

__all__ = [
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
]

# How long an example takes says something about the machine, and nothing about the rule.
settings.register_profile("octet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("octet")
