"""`octet run` killed around a model's answer: after the next start it is stored once, or a user is asked."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.runfile import Run, running
from sandbox.llm.server import MODEL, OPENING, ScriptedApi, serve
from tests.bot.cli.test_fault_points import LIMIT_S, Account, account, ask
from tests.forked import Forked
from tests.long_forms import mostly_long

__all__ = ["account"]
pytestmark = pytest.mark.timeout(300)  # each test starts Octet twice
AGENTS = '[[agents]]\nname = "Writer"\nrole = "writes"\ncapabilities = []\nlane = "model"\nmodel = "scripted"\n'
MODELS = '[models.scripted]\nbase_url = "{base_url}"\nmodel = "{model}"\napi_key_env = "SCRIPTED_MODEL_KEY"\n'
BEFORE = ("delivery.queued-leased.committed", "dispatch.taken", "delivery.staged-submitting.written")
"""The request was not sent, and Octet knows that."""
BETWEEN = (
    "delivery.staged-submitting.committed",
    "dispatch.seen",
    "delivery.submitting-delivered.written",
    "task.delivering-working.written",
    "task.working-done.written",
)
"""Octet committed that it sends the request, and not that an answer came."""
AFTER = ("delivery.submitting-delivered.committed", "task.working-done.committed", "dispatch.noted")


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with serve() as running:
        yield running


@pytest.fixture
def writer(account: Account, api: ScriptedApi) -> Account:
    config = account.home / "config"
    (config / "agents.toml").write_text(AGENTS)
    (config / "models.toml").write_text(MODELS.format(base_url=api.base_url, model=MODEL))
    (account.home / ".env").write_text(f"SCRIPTED_MODEL_KEY={api.key}\n")
    return account


async def settled(run: Run, *, besides: str = "") -> dict[str, Any]:
    """Return the task as it is when it has stopped, in another state than `besides`."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await ask(run, "GET", "/tasks/T-1")
            if found["task"]["state"] in {"done", "parked", "failed"} - {besides}:
                return found
            await asyncio.sleep(0.05)  # another process: HTTP tells of no change


async def started(writer: Account) -> tuple[Forked, Run]:
    child = await writer.start("run")
    async with asyncio.timeout(LIMIT_S):
        while b"Octet is ready" not in (line := await child.stdout.readline()):
            assert line, (await child.communicate())[1].decode()
    run = await asyncio.to_thread(running, writer.home)
    assert run is not None
    return child, run


async def killed_at(writer: Account, point: str) -> None:
    """Ask for a task; the ticket ends Octet on the way to its answer."""
    child, run = await started(writer)
    writer.ticket(point)
    async with asyncio.timeout(LIMIT_S):
        await ask(run, "POST", "/tasks", brief="Count the birds")
        await child.communicate()
    assert child.returncode == -signal.SIGKILL, point


def bodies(found: dict[str, Any]) -> list[str]:
    return [answer["body"] for answer in found["answers"]]


@pytest.mark.parametrize("point", mostly_long(BEFORE))
async def test_a_kill_before_the_request_was_committed_sends_it_once(
    writer: Account, api: ScriptedApi, point: str
) -> None:
    await killed_at(writer, point)
    assert api.heard == []
    async with writer.running() as run:
        found = await settled(run)
    assert found["task"]["state"] == "done"
    assert (len(api.heard), len(bodies(found))) == (1, 1)


@pytest.mark.parametrize("point", mostly_long(BETWEEN, kept=2))
async def test_a_kill_before_the_answer_was_committed_asks_a_user_and_sends_nothing_again(
    writer: Account, api: ScriptedApi, point: str
) -> None:
    await killed_at(writer, point)
    sent = len(api.heard)
    async with writer.running() as run:
        found = await settled(run)
        assert (found["task"]["state"], bodies(found), len(api.heard)) == ("parked", [], sent)
        await ask(run, "POST", f"/deliveries/{found['deliveries'][-1]['id']}/resolve", decision="again")
        found = await settled(run, besides="parked")
    assert (len(api.heard), len(bodies(found))) == (sent + 1, 1)
    assert bodies(found)[0].startswith(OPENING)


@pytest.mark.parametrize("point", mostly_long(AFTER))
async def test_a_kill_after_the_answer_was_committed_keeps_it_once(
    writer: Account, api: ScriptedApi, point: str
) -> None:
    await killed_at(writer, point)
    async with writer.running() as run:
        found = await settled(run)
    assert found["task"]["state"] == "done"
    assert (len(api.heard), len(bodies(found))) == (1, 1)


async def test_the_key_stands_in_no_file_and_not_in_the_log(writer: Account, api: ScriptedApi) -> None:
    child, run = await started(writer)
    async with asyncio.timeout(LIMIT_S):
        await ask(run, "POST", "/tasks", brief="Count the birds")
        await settled(run)
        child.send_signal(signal.SIGTERM)
        out, err = await child.communicate()
    assert len(api.heard) == 1
    assert api.key.encode() not in out + err
    files = [file for file in writer.home.rglob("*") if file.is_file() and file.name != ".env"]
    assert files
    assert not [file.name for file in files if api.key.encode() in file.read_bytes()]
