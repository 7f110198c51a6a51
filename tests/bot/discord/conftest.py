"""A town for each test that asks for one; each request of the bot is checked against Discord's description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from bot.discord import bot, outbox, send_limits
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.bot.discord.town import Town, bot_at_work, people
from tests.sandbox.discord.spec import SpecChecker


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for one server only, which is there at once."""
    monkeypatch.setattr(bot, "GUILD_READY_S", 0.02)


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Log errors as the program does, without the variables of each frame: quick, and without secrets."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    monkeypatch.setattr(outbox, "EDIT_EVERY_S", 0.1)
    monkeypatch.setattr(send_limits, "EDITS", 1000)
    checker = SpecChecker()
    async with open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as opened:
        opened.record.listeners.append(checker.check)
        yield opened
        checker.raise_if_any()
        assert opened.record.problems == []


@pytest.fixture
async def quiet_town(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    """Open a town whose bot has not started."""
    async with people(tmp_path, sandbox) as town:
        yield town


@pytest.fixture
async def town(quiet_town: Town) -> AsyncIterator[Town]:
    async with bot_at_work(quiet_town):
        yield quiet_town


@pytest.fixture
async def owned(town: Town) -> Town:
    """Open a town whose owner is Ada."""
    await town.own("Ada")
    return town
