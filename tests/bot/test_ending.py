"""`octet run` with a Discord: how it ends, and who may be in Discord beside it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests import forked
from tests.bot.discord.town import text_of
from tests.fakes.sandbox_client import wait_message
from tests.forked import Forked

pytestmark = pytest.mark.timeout(300)  # each test starts Octet several times
REPOSITORY = Path(__file__).parents[2]
AGENTS = """
[[agents]]
name = "Dry"
role = "waits for a person to carry its prompts"
capabilities = ["code"]
lane = "dryrun"
"""
SEND = r"POST /channels/\d+/messages"


@dataclass
class Place:
    """One account of a machine, and a Discord."""

    root: Path
    sandbox: Sandbox
    said: str = field(default="", init=False)

    def home(self, name: str) -> Path:
        home = self.root / name
        if not home.exists():
            shutil.copytree(REPOSITORY / "config", home / "config")
            (home / "config" / "agents.toml").write_text(AGENTS)
        return home

    async def start(self, home: str = "home") -> Forked:
        described = self.sandbox.described()
        return await forked.start(
            ["run", "--home", str(self.home(home))],
            cwd=self.root,
            environ={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(REPOSITORY),
                "HOME": str(self.root),
                "OCTET_HTTP__PORT": "0",
                "OCTET_DISCORD_TOKEN": described["token"],
                "OCTET_DISCORD__SANDBOX": "true",
                "OCTET_DISCORD__API_BASE": described["api_base"],
                "OCTET_DISCORD__GATEWAY_URL": described["gateway_url"],
                "OCTET_DISCORD__GUILD_ID": described["guild_id"],
                "OCTET_DISCORD__CHANNEL_ID": described["channel_id"],
            },
        )

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[Forked]:
        """Run an Octet that is in Discord; `said` has what it printed."""
        child = await self.start()
        try:
            self.said = ""
            async with asyncio.timeout(60):
                while "Discord is connected" not in self.said:
                    line = await child.stdout.readline()
                    assert line, (await child.stderr.read()).decode()
                    self.said += line.decode()
            yield child
        finally:
            if child.returncode is None:
                child.kill()
                await child.communicate()

    async def own(self) -> None:
        found = re.search(r"claim code:(\S+)", self.said)
        assert found is not None
        assert (await self.sandbox.slash("Ada", "#octet", "admin claim", {"code": found[1]})).failure is None
        await wait_message(self.sandbox, lambda m: "Welcome to Octet" in text_of(m))

    async def cards(self) -> int:
        return len([m for m in await self.sandbox.messages() if "-# T-1 ·" in text_of(m)])


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as sandbox:
        yield Place(tmp_path, sandbox)


async def ended(child: Forked) -> tuple[int, str]:
    async with asyncio.timeout(60):
        _, err = await child.communicate()
    assert child.returncode is not None
    return child.returncode, err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_it_finish_what_it_is_telling_and_nothing_is_told_twice(
    place: Place, number: signal.Signals
) -> None:
    async with place.connected() as child:
        await place.own()
        await place.sandbox.fault(kind="delay", route=SEND, times=1, seconds=1.0)
        await place.sandbox.slash("Ada", "#octet", "task new", {"brief": "Count the birds"})
        async with asyncio.timeout(60):
            while not place.sandbox.faults.hits:  # noqa: ASYNC110 - a strike is no change of the world
                await asyncio.sleep(0.005)
        child.send_signal(number)
        code, err = await ended(child)
    assert code == 0, err
    assert (await place.cards(), len(await place.sandbox.threads())) == (1, 1)
    assert "writer_not_drained" not in err
    async with asyncio.timeout(60):
        while place.sandbox.gateway.sessions:  # noqa: ASYNC110 - who leaves is no change of the world
            await asyncio.sleep(0.005)
    before = len(place.sandbox.record.exchanges)
    async with place.connected() as child:
        await place.sandbox.slash("Ada", "#octet", "task cancel", {"task": "T-1"})
        await wait_message(place.sandbox, lambda m: "**Cancelled**" in text_of(m))
        child.send_signal(signal.SIGTERM)
        assert (await ended(child))[0] == 0
    assert await place.cards() == 1
    sends = [one for one in list(place.sandbox.record.exchanges)[before:] if re.search(r"/messages$", one.route)]
    assert [one for one in sends if one.method == "POST" and "cancelled T-1" not in str(one)] == []  # the report is new


@pytest.mark.parametrize(("close_code", "words"), [(4004, "refuses the bot's token"), (4014, "close code 4014")])
async def test_what_discord_refuses_for_good_is_one_sentence_and_exit_code_78(
    place: Place, close_code: int, words: str
) -> None:
    async with place.connected() as child:
        await place.sandbox.disconnect(close_code)
        code, err = await ended(child)
    assert code == 78
    assert words in err.splitlines()[-1]
    assert place.sandbox.gateway.identified == 1


async def test_a_token_is_in_use_once_whatever_the_home(place: Place) -> None:
    async with place.connected() as child:
        code, err = await ended(await place.start("another home"))
        assert code == 2
        assert "Another Octet of this account already uses this Discord token" in err
        assert place.sandbox.token not in err
        assert place.sandbox.gateway.identified == 1
        assert not list(place.home("another home").glob("*.db"))
        child.send_signal(signal.SIGTERM)
        assert (await ended(child))[0] == 0
    [lock] = (place.root / ".local" / "state" / "octet" / "tokens").iterdir()
    assert place.sandbox.token not in lock.name
    async with place.connected():
        pass  # a lock that was left lying refuses nobody
