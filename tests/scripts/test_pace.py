"""Limits of waits grow with the slowness of the machine; short timeouts, which tests are about, do not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests import pace
from tests.pace import patience


async def test_limits_of_tests_are_longer_on_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FACTOR", 3.0)
    assert patience(60) == 180
    assert from_now(asyncio.timeout(60)) == 180
    assert from_now(asyncio.timeout(0.5)) in {0, 1}
    assert asyncio.timeout(None).when() is None


async def test_limits_of_the_program_itself_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FACTOR", 3.0)
    program: dict[str, Any] = {"__name__": "core.kit.console", "asyncio": asyncio}
    exec("def limit(): return asyncio.timeout(60)", program)
    assert from_now(program["limit"]()) == 60


def from_now(limit: asyncio.Timeout) -> int:
    """Return the seconds until the limit."""
    when = limit.when()
    assert when is not None
    return round(when - asyncio.get_running_loop().time())


def test_a_machine_is_never_taken_for_quicker_than_the_reference() -> None:
    assert 1 <= pace.measured() <= pace.MOST
