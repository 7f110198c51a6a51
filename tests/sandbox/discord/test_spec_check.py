"""The check against Discord's description bites: broken payloads, numbers for ids and unknown routes are reported."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sandbox.discord.rest.api import Exchange
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.spec import SpecChecker
from tests.sandbox.discord.wire import call


async def exchange_of_a_message(sandbox: Sandbox) -> Exchange:
    await call(sandbox, "POST", f"/channels/{sandbox.world.home.id}/messages", {"content": "hello"})
    return sandbox.record.exchanges[-1]


def changed(exchange: Exchange, **changes: Any) -> Exchange:
    payload = json.loads(exchange.response) | changes
    return replace(exchange, response=json.dumps(payload).encode())


async def test_a_true_exchange_passes(sandbox: Sandbox) -> None:
    checker = SpecChecker()
    checker.check(await exchange_of_a_message(sandbox))
    checker.raise_if_any()
    assert checker.checked == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"content": None}, "content"),
        ({"id": 7}, "id"),
        ({"channel_id": 7}, "channel_id is a number"),
        ({"timestamp": 5}, "timestamp"),
        ({"author": {"id": "1"}}, "author"),
        ({"components": [{"type": 2, "id": 1, "style": 1}]}, "components"),
    ],
)
async def test_a_broken_answer_is_reported(sandbox: Sandbox, changes: dict[str, Any], reason: str) -> None:
    checker = SpecChecker()
    checker.check(changed(await exchange_of_a_message(sandbox), **changes))
    assert any(reason in violation for violation in checker.violations)


async def test_a_broken_request_and_an_unknown_route_are_reported(sandbox: Sandbox) -> None:
    checker = SpecChecker()
    exchange = await exchange_of_a_message(sandbox)
    checker.check(replace(exchange, request={"content": ["a", "list"]}))
    checker.check(replace(exchange, path="/channels/1/nonsense"))
    with pytest.raises(AssertionError, match=r"request: content[\s\S]*nonsense: not in the description"):
        checker.raise_if_any()


async def test_an_unknown_route_is_404_and_remembered(sandbox: Sandbox) -> None:
    sandbox.record.listeners.clear()
    status, answer = await call(sandbox, "GET", "/no/such/route")
    assert (status, answer) == (404, {"message": "404: Not Found", "code": 0})
    assert sandbox.record.unknown_routes == ["GET /api/v10/no/such/route"]
    sandbox.record.unknown_routes.clear()
