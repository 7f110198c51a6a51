"""Faults strike what they name, as often as they say, and are recorded."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from sandbox.discord.errors import ClientRefused
from sandbox.discord.faults import FaultKind, FaultRule, Faults
from sandbox.discord.server import Sandbox
from tests.fakes.sandbox_client import SandboxClient
from tests.sandbox.discord.wire import call, home

SEND = r"POST /channels/\d+/messages"


async def send(sandbox: Sandbox) -> int:
    return (await call(sandbox, "POST", home(sandbox, "/messages"), {"content": "hello"}))[0]


async def raw(sandbox: Sandbox) -> tuple[int, dict[str, str], str]:
    async with (
        ClientSession(headers={"Authorization": f"Bot {sandbox.token}"}) as session,
        session.post(sandbox.api_base + home(sandbox, "/messages"), json={"content": "hello"}) as response,
    ):
        return response.status, dict(response.headers), await response.text()


def contents(sandbox: Sandbox) -> list[str]:
    return [message.content for message in sandbox.world.messages.values()]


async def test_a_limit_has_the_headers_of_a_real_one(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="limit", route=SEND, times=1, seconds=2.4)
    status, headers, body = await raw(sandbox)
    names = ("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset-After", "X-RateLimit-Scope")
    assert (status, [headers[name] for name in names]) == (429, ["3", "0", "2.400", "user"])
    assert {"X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Bucket", "Via"} <= headers.keys()
    assert '"retry_after":2.4' in body
    assert (await raw(sandbox))[0] == 200
    assert contents(sandbox) == ["hello"]


async def test_a_global_limit_closes_every_route_but_answers_to_people(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="limit", route=SEND, times=1, seconds=30.0, is_global=True)
    status, headers, _ = await raw(sandbox)
    assert (status, headers["X-RateLimit-Global"], headers["X-RateLimit-Scope"]) == (429, "true", "global")
    assert "X-RateLimit-Bucket" not in headers
    status, body = await call(sandbox, "GET", "/users/@me")
    assert (status, body["global"]) == (429, True)
    assert (await call(sandbox, "GET", f"/webhooks/{sandbox.world.application_id}/x/messages/@original"))[0] == 401
    sandbox.faults.clear()
    assert (await call(sandbox, "GET", "/users/@me"))[0] == 200


async def test_a_limit_without_via_looks_like_a_ban_by_the_proxy(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="limit", times=1, seconds=5, has_via=False)
    status, headers, body = await raw(sandbox)
    assert (status, "Via" in headers, headers["Retry-After"], "<html>" in body) == (429, False, "5.000", True)


@pytest.mark.parametrize("executed", [False, True])
async def test_an_error_or_a_cut_strikes_before_or_after_the_request_was_carried_out(
    sandbox: Sandbox, *, executed: bool
) -> None:
    number = await sandbox.fault(kind="error", route=SEND, times=2, status=520, executed=executed)
    assert (await call(sandbox, "GET", "/users/@me"))[0] == 200
    assert [await send(sandbox) for _ in range(2)] == [520, 520]
    assert contents(sandbox) == ["hello"] * (2 if executed else 0)
    await sandbox.fault(kind="drop", route=SEND, times=1, executed=executed)
    with pytest.raises(ClientError):
        await send(sandbox)
    assert contents(sandbox) == ["hello"] * (3 if executed else 0)
    assert await send(sandbox) == 200
    rule, _ = sandbox.faults.listed()
    assert (rule["rule"], rule["hits"], rule["times"]) == (number, 2, 2)
    assert [hit.kind for hit in sandbox.faults.hits] == [FaultKind.ERROR, FaultKind.ERROR, FaultKind.DROP]
    assert sandbox.record.exchanges[-2].status == 0


async def test_a_delay_comes_before_the_other_faults(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="delay", times=1, seconds=0.1)
    await sandbox.fault(kind="error", times=1, status=502)
    began = time.monotonic()
    assert await send(sandbox) == 502
    assert time.monotonic() - began >= 0.1


def test_chance_with_the_same_seed_strikes_the_same_requests() -> None:
    def course(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(FaultRule(kind=FaultKind.ERROR, probability=0.3, seed=seed))
        return [faults.take("POST /channels/1/messages").rule is not None for _ in range(200)]

    assert course(7) == course(7) != course(8)
    assert 30 <= sum(course(7)) <= 90


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "error"}, "times, probability"),
        ({"kind": "error", "times": 0}, "at least 1"),
        ({"kind": "error", "probability": 1.5}, "at most 1"),
        ({"kind": "error", "times": 1, "status": 200}, "status"),
        ({"kind": "delay", "times": 1, "seconds": -1}, "seconds"),
        ({"kind": "magic", "times": 1}, "magic"),
        ({"kind": "drop", "times": 1, "colour": "red"}, "colour"),
        ({"kind": "drop", "times": 1, "route": "("}, "route"),
    ],
)
def test_a_rule_without_a_meaning_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FaultRule.from_json(wrong)


async def test_another_process_orders_faults_by_http(sandbox: Sandbox) -> None:
    async with SandboxClient(sandbox.page, sandbox.keys.key) as client:
        assert await client.act("fault", kind="error", route=SEND, times=1, status=503) == 1
        assert await send(sandbox) == 503
        assert [rule["hits"] for rule in await client.look("faults")] == [1]
        await client.act("clear_faults")
        with pytest.raises(ClientRefused, match="not complete"):
            await client.act("fault", kind="error")
        assert await client.look("faults") == []
        await client.act("refuse_connections", times=0)
        for verb in ("ask_reconnect", "freeze", "abort", "disconnect", "invite"):
            await client.act(verb)
        await client.act("invalidate", resumable=True)
        await client.act("emit", event="GUILD_UPDATE", data={})
        await client.act("forbid", channel="octet", permissions=["send_messages"])
