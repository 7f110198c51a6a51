"""`octet run` killed at each fault point of a live board: after the next start there is one board, not none or two."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any

import pytest

from core.kit import faults
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.bot.cli.test_fault_points import Account, account
from tests.bot.discord.town import text_of
from tests.fakes.sandbox_client import wait_message
from tests.forked import Forked

__all__ = ["account"]
pytestmark = pytest.mark.timeout(300)  # it starts Octet six times


@dataclass
class Connected:
    """An Octet that is in the sandbox's Discord."""

    process: Forked
    told: str


@asynccontextmanager
async def connected(account: Account) -> AsyncGenerator[Connected]:
    process = await account.start("run")
    told = ""
    try:
        async with asyncio.timeout(60):
            while "Discord is connected" not in told:
                line = (await process.stdout.readline()).decode()
                assert line, told
                told += line
        yield Connected(process, told)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def boards_of(messages: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in messages if "### Nothing needs you" in text_of(one)]


async def test_killed_anywhere_there_is_one_board(account: Account) -> None:
    async with open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as sandbox:
        account.environ = {
            "OCTET_DISCORD_TOKEN": sandbox.token,
            "OCTET_DISCORD__SANDBOX": "true",
            "OCTET_DISCORD__API_BASE": sandbox.api_base,
            "OCTET_DISCORD__GATEWAY_URL": sandbox.gateway_url,
            "OCTET_DISCORD__GUILD_ID": str(sandbox.world.guild_id),
        }
        before = ""
        for point in (*faults.BOARD, None):
            async with connected(account) as octet:
                if before:
                    before = await one_board(account, sandbox, other_than=before)
                else:
                    await own(sandbox, octet.told)
                    await sandbox.slash("Ada", "#octet", "fleet board", {"kind": "needs-me"})
                    before = await one_board(account, sandbox, other_than="")
                if point is not None:
                    account.ticket(point)
                    await sandbox.slash("Ada", "#octet", "fleet board", {"kind": "needs-me"})
                    async with asyncio.timeout(60):
                        assert await octet.process.wait() == -signal.SIGKILL, point


async def own(sandbox: Sandbox, told: str) -> None:
    code = re.search(r"claim code:(\S+)", told)
    assert code is not None
    await sandbox.slash("Ada", "#octet", "admin claim", {"code": code[1]})
    await wait_message(sandbox, lambda message: "You are the owner" in text_of(message))


def recorded(account: Account) -> list[str]:
    """Return the messages of all boards in Octet's database, those that leave included; of one without its pin none."""
    with closing(sqlite3.connect(f"file:{account.home / 'octet.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT posted_message, is_pinned FROM boards").fetchall()
        return [message if is_pinned else "" for message, is_pinned in rows]


async def one_board(account: Account, sandbox: Sandbox, *, other_than: str) -> str:
    """Wait until Octet and Discord have the same single board, another one than this.

    Octet pins the new board and forgets the old one after their last fault points, so the next ticket strikes at the
    next board."""
    version = 0
    async with asyncio.timeout(60):
        while len(kept := recorded(account)) != 1 or other_than in kept or boards_of(await sandbox.messages()) != kept:
            version = await sandbox.changed(version, 0.2)
    return kept[0]
