"""Faults strike what they name, as often as they say, and are recorded; nonces are forgotten in time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from sandbox.discord.errors import ClientRefused
from sandbox.discord.faults import FaultKind, FaultRule, Faults
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.fakes.sandbox_client import SandboxClient
from tests.sandbox.discord.wire import call

SEND = r"POST /channels/\d+/messages"


async def send(sandbox: Sandbox, content: str = "hello", **rest: Any) -> tuple[int, Any]:
    return await call(sandbox, "POST", f"/channels/{sandbox.world.home.id}/messages", {"content": content, **rest})


async def raw(sandbox: Sandbox) -> tuple[int, dict[str, str], str]:
    url = f"{sandbox.api_base}/channels/{sandbox.world.home.id}/messages"
    async with (
        ClientSession(headers={"Authorization": f"Bot {sandbox.token}"}) as session,
        session.post(url, json={"content": "hello"}) as response,
    ):
        return response.status, dict(response.headers), await response.text()


def contents(sandbox: Sandbox) -> list[str]:
    return [message.content for message in sandbox.world.messages.values()]


async def test_an_ordinary_limit_says_how_long_to_wait_and_carries_via(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="limit", route=SEND, times=1, seconds=0.25)
    status, headers, body = await raw(sandbox)
    assert (status, headers["Retry-After"], headers["X-RateLimit-Scope"]) == (429, "1", "user")
    assert "Via" in headers
    assert '"retry_after":0.25' in body
    assert (await raw(sandbox))[0] == 200
    assert contents(sandbox) == ["hello"]


async def test_a_global_limit_closes_every_route_but_answers_to_people(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="limit", route=SEND, times=1, seconds=30.0, is_global=True)
    status, headers, _ = await raw(sandbox)
    assert (status, headers["X-RateLimit-Global"]) == (429, "true")
    status, body = await call(sandbox, "GET", "/users/@me")
    assert (status, body["global"]) == (429, True)
    assert (await call(sandbox, "GET", f"/webhooks/{sandbox.world.application_id}/x/messages/@original"))[0] == 401
    sandbox.faults.clear()
    assert (await call(sandbox, "GET", "/users/@me"))[0] == 200


async def test_a_limit_without_via_looks_like_a_ban_by_the_proxy(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="limit", times=1, seconds=5, has_via=False)
    status, headers, body = await raw(sandbox)
    assert (status, "Via" in headers, headers["Retry-After"]) == (429, False, "5.000")
    assert "<html>" in body


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("status", [500, 502, 503, 520, 524])
async def test_an_error_before_or_after_the_request_was_carried_out(
    sandbox: Sandbox, status: int, *, executed: bool
) -> None:
    await sandbox.fault(kind="error", route=SEND, times=1, status=status, executed=executed)
    assert (await send(sandbox))[0] == status
    assert contents(sandbox) == (["hello"] if executed else [])


@pytest.mark.parametrize("executed", [False, True])
async def test_a_cut_connection_before_or_after_the_request_was_carried_out(
    sandbox: Sandbox, *, executed: bool
) -> None:
    await sandbox.fault(kind="drop", route=SEND, times=1, executed=executed)
    with pytest.raises(ClientError):
        await send(sandbox)
    assert contents(sandbox) == (["hello"] if executed else [])
    assert [(one.status, one.fault) for one in sandbox.record.exchanges] == [(0, FaultKind.DROP)]


async def test_a_delay_comes_before_what_else_happens(sandbox: Sandbox) -> None:
    await sandbox.fault(kind="delay", times=1, seconds=0.1)
    await sandbox.fault(kind="error", times=1, status=502)
    began = time.monotonic()
    assert (await send(sandbox))[0] == 502
    assert time.monotonic() - began >= 0.1


async def test_a_rule_strikes_only_its_route_and_is_counted(sandbox: Sandbox) -> None:
    number = await sandbox.fault(kind="error", route=SEND, times=2, status=503)
    assert (await call(sandbox, "GET", "/users/@me"))[0] == 200
    assert [(await send(sandbox))[0] for _ in range(3)] == [503, 503, 200]
    [rule] = sandbox.faults.listed()
    assert (rule["rule"], rule["hits"], rule["times"]) == (number, 2, 2)
    assert [(hit.rule, hit.call) for hit in sandbox.faults.hits] == [
        (number, f"POST /channels/{sandbox.world.home.id}/messages")
    ] * 2


def test_chance_with_the_same_seed_strikes_the_same_requests() -> None:
    def course(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(FaultRule(kind=FaultKind.ERROR, probability=0.3, seed=seed))
        return [faults.take("POST /channels/1/messages").rule is not None for _ in range(200)]

    assert course(7) == course(7)
    assert course(7) != course(8)
    assert 30 <= sum(course(7)) <= 90


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "error"},
        {"kind": "error", "times": 0},
        {"kind": "error", "probability": 1.5},
        {"kind": "error", "times": 1, "status": 200},
        {"kind": "delay", "times": 1, "seconds": -1},
        {"kind": "magic", "times": 1},
        {"kind": "drop", "times": 1, "colour": "red"},
        {"kind": "drop", "times": 1, "route": "("},
    ],
)
async def test_a_rule_that_means_nothing_is_refused(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    async with SandboxClient(sandbox.page, sandbox.keys.key) as client:
        with pytest.raises(ClientRefused, match="not complete"):
            await client.act("fault", **wrong)
    assert sandbox.faults.listed() == []


async def test_another_process_orders_faults_by_http(sandbox: Sandbox) -> None:
    async with SandboxClient(sandbox.page, sandbox.keys.key) as client:
        assert await client.act("fault", kind="error", route=SEND, times=1, status=503) == 1
        assert (await send(sandbox))[0] == 503
        assert [rule["hits"] for rule in await client.look("faults")] == [1]
        await client.act("clear_faults")
        assert await client.look("faults") == []
        await client.act("refuse_connections", times=0)
        for verb in ("ask_reconnect", "freeze", "abort", "disconnect", "invite"):
            await client.act(verb)
        await client.act("invalidate", resumable=True)
        await client.act("emit", event="GUILD_UPDATE", data={})
        await client.act("forbid", channel="octet", permissions=["send_messages"])


async def test_a_nonce_is_remembered_for_its_time_and_no_longer() -> None:
    async with open_sandbox(SandboxSettings(nonce_ttl_s=60.0)) as sandbox:
        first = await send(sandbox, nonce="n1", enforce_nonce=True)
        again = await send(sandbox, nonce="n1", enforce_nonce=True)
        assert first[1]["id"] == again[1]["id"]
        sandbox.world._nonce_ttl_s = 0.0
        assert (await send(sandbox, nonce="n1", enforce_nonce=True))[1]["id"] != first[1]["id"]
        assert contents(sandbox) == ["hello", "hello"]


def test_discord_s_own_memory_is_two_minutes_here() -> None:
    assert SandboxSettings().nonce_ttl_s == 120


async def test_a_limit_on_order_has_the_headers_of_a_real_one(sandbox: Sandbox) -> None:
    url = f"{sandbox.api_base}/channels/{sandbox.world.home.id}"
    await sandbox.fault(kind="limit", times=1, seconds=2.4)
    await sandbox.fault(kind="limit", times=1, seconds=2.4, is_global=True)
    async with ClientSession(headers={"Authorization": f"Bot {sandbox.token}"}) as session:
        async with session.get(url) as own:
            body = await own.json()
        async with session.get(url) as everybody:
            assert (await everybody.json())["global"] is True
    assert (own.status, body["retry_after"], body["global"]) == (429, 2.4, False)
    names = ("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset-After", "X-RateLimit-Scope")
    assert [own.headers[name] for name in names] == ["3", "0", "2.400", "user"]
    assert {"X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Bucket", "Via"} <= own.headers.keys()
    names = ("Retry-After", "X-RateLimit-Scope", "X-RateLimit-Global")
    assert [everybody.headers[name] for name in names] == ["3", "global", "true"]
    assert "X-RateLimit-Bucket" not in everybody.headers
