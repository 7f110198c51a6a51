"""`octet reload` as a person runs it, and killed at each of its points: the next start works by the files too."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from bot.runfile import running
from core.kit import faults
from tests.bot.cli.test_fault_points import Account, account, ask, is_shown
from tests.long_forms import mostly_long

__all__ = ["account"]
pytestmark = pytest.mark.timeout(300)  # each test starts several processes
MORE = '\n[[agents]]\nname = "New"\nrole = "waits too"\ncapabilities = ["birds"]\nlane = "dryrun"\n'
GHOST = (
    '\n[[agents]]\nname = "Ghost"\nrole = "types"\ncapabilities = []\nlane = "window"\ndesk = "attic"\nwindow = "one"\n'
)
ATTIC = """
display = ":7371"

[[windows]]
name = "one"
profile = "demo_tk"
title = "one"
box = { x = 0, y = 0, width = 386, height = 413 }
"""


async def reload(account: Account) -> tuple[int | None, str, str]:
    child = await account.start("reload")
    out, err = await child.communicate()
    return child.returncode, out.decode(), err.decode()


def write(account: Account, name: str, text: str, *, more: bool = False) -> Path:
    path = account.home / "config" / name
    path.write_text((path.read_text("utf-8") if more else "") + text, "utf-8")
    return path


async def test_agents_and_desks_come_and_go_while_octet_runs(account: Account) -> None:
    async with account.running() as run:
        assert (await reload(account))[:2] == (0, "The configuration is unchanged.\n")
        write(account, "agents.toml", MORE + GHOST, more=True)
        write(account, "desks/attic.toml", ATTIC)
        write(account, "octet.toml", "\n[http]\nport = 4711\n")
        code, out, err = await reload(account)
        assert (code, err) == (0, "")
        assert out.splitlines() == [
            "Octet uses the new configuration.",
            "Changed agents: New, Ghost.",
            "Desks whose workers restart: attic.",
        ], "the environment's port goes before that of the file: nothing needs a restart"
        await ask(run, "POST", "/tasks", brief="Count the birds", needs=["birds"])
        await is_shown(run, "T-1")
        assert {one["desk"]["name"] for one in await ask(run, "GET", "/desks")} >= {"main", "attic"}  # pyright: ignore[reportArgumentType] # a list
        write(account, "agents.toml", MORE)
        (account.home / "config/desks/attic.toml").unlink()
        assert (await reload(account))[1].splitlines() == [
            "Octet uses the new configuration.",
            "Removed agents: Dry, Ghost. Their waiting tasks go to other agents, or say why not.",
            "Desks whose workers restart: attic.",
        ]


async def test_what_is_wrong_is_said_line_by_line_and_octet_works_on(account: Account) -> None:
    async with account.running() as run:
        write(account, "agents.toml", MORE.replace("dryrun", "driverun"), more=True)
        code, _, err = await reload(account)
        assert code == 2
        assert "Octet changed nothing" in err
        assert "config/agents.toml:" in err
        await ask(run, "POST", "/tasks", brief="Count the birds")
        await is_shown(run, "T-1")


async def test_without_an_octet_there_is_nothing_to_reload(account: Account) -> None:
    code, _, err = await reload(account)
    assert code == 75
    assert "isn't running" in err


@pytest.mark.parametrize("point", mostly_long(faults.RELOAD))
async def test_one_that_is_killed_on_its_way_is_made_good_by_the_next_start(account: Account, point: str) -> None:
    child = await account.start("run")
    assert child.stdout is not None
    async with asyncio.timeout(60):
        while b"Octet is ready" not in await child.stdout.readline():
            assert child.returncode is None
    run = await asyncio.to_thread(running, account.home)
    assert run is not None
    await ask(run, "POST", "/tasks", brief="Count the birds")
    await is_shown(run, "T-1")
    write(account, "agents.toml", MORE, more=True)
    account.ticket(point)
    async with asyncio.timeout(60):
        assert (await reload(account))[0] == 75
    async with asyncio.timeout(60):
        await child.communicate()
    assert child.returncode == -signal.SIGKILL
    async with account.running() as run:
        assert [one["agent"]["name"] for one in (await ask(run, "GET", "/agents"))["items"]] == ["Dry", "New"]  # pyright: ignore[reportArgumentType] # a list
        await ask(run, "POST", "/tasks", brief="Count them again", needs=["birds"])
        await is_shown(run, "T-2")
        assert (await ask(run, "GET", "/tasks/T-1"))["task"]["state"] == "waiting"
    verify = await account.start("audit", "verify")
    assert (await verify.communicate(), verify.returncode)[1] == 0
