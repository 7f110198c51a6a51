"""A whole town for one test: the local chat server, a real coordinator on a home, and the real bot between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from automation.dryrun.lane import DryRunLane
from bot.discord import client
from bot.discord.bot import Bot
from bot.discord.send_limits import SendLimits
from core.agents.model import Agent, Lane
from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState, WindowStatus
from core.kit.clock import SystemClock
from core.kit.supervise import supervise
from core.settings.model import DiscordSettings, Settings
from sandbox.discord.server import Sandbox
from sandbox.discord.views import InteractionAnswer
from tests.builders import make_agent, make_desk, make_window_agent, open_coordinator
from tests.fakes.hands import FakeHands
from tests.fakes.lane import FakeLane
from tests.fakes.sandbox_client import wait_message

AGENTS = (
    make_agent("Dry-1", can="python docs"),
    make_window_agent("Window-1", window="agent-1", can="shell"),
    make_agent("Nowhere", lane=Lane.WINDOW),
)


@dataclass(slots=True, kw_only=True)
class Town:
    """What a test sees and moves."""

    sandbox: Sandbox
    coordinator: Coordinator
    home: Path
    hands: FakeHands
    lane: FakeLane

    async def ask(self, command: str, user: str = "Ada", **options: Any) -> str:
        """Type a command in #octet and return the private answer."""
        answer = await self.sandbox.slash(user, "#octet", command, options)
        return text_of(await self.answered(answer))

    async def answered(self, answer: InteractionAnswer) -> dict[str, Any]:
        """The private message of an answer, once it thinks no more."""
        assert answer.failure is None, answer.failure
        return await wait_message(
            self.sandbox, lambda message: message["id"] == answer.message_id and not message["sandbox"]["thinking"]
        )

    async def own(self, user: str = "Ada") -> None:
        """Make this person the owner, by the code that the console shows."""
        code = self.coordinator.people.claim_code()
        assert code is not None
        assert "You are the owner" in await self.ask("admin claim", user=user, code=code)

    async def card(self, task: str = "T-1", holds: str = "") -> dict[str, Any]:
        """The task's card, once it shows `holds`."""
        return await wait_message(
            self.sandbox,
            lambda m: f"### {task} ·" in text_of(m) and holds in text_of(m) and m["sandbox"]["only_for"] is None,
        )

    async def said(self, words: str) -> dict[str, Any]:
        """A public message with these words."""
        return await wait_message(self.sandbox, lambda m: words in text_of(m) and m["sandbox"]["only_for"] is None)


@asynccontextmanager
async def people(
    home: Path, sandbox: Sandbox, agents: Sequence[Agent] = AGENTS, *, is_virtual: bool = False
) -> AsyncGenerator[Town]:
    """The coordinator with dispatch at work, without the bot."""
    window = WindowStatus(name="agent-1", usable=True)
    hands, lane = FakeHands(windows=(window,)), FakeLane()
    async with open_coordinator(
        home,
        agents=agents,
        desks=[make_desk("agent-1", is_virtual=is_virtual)],
        lanes={(Lane.DRYRUN, None): DryRunLane(), (Lane.WINDOW, "main"): lane},
        hands={"main": hands},
    ) as coordinator:
        await coordinator.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with asyncio.TaskGroup() as group:
            dispatch = supervise(group, "dispatch", coordinator.dispatch.run())
            yield Town(sandbox=sandbox, coordinator=coordinator, home=home, hands=hands, lane=lane)
            dispatch.cancel()


def settings_for(sandbox: Sandbox, **changes: Any) -> Settings:
    """Settings as the demo has them."""
    discord = DiscordSettings(
        guild_id=sandbox.world.guild_id,
        channel_id=sandbox.world.home.id,
        sandbox=True,
        api_base=sandbox.api_base,
        gateway_url=sandbox.gateway_url,
    )
    fields: dict[str, Any] = {"discord": discord.model_copy(update=changes), "discord_token": SecretStr(sandbox.token)}
    return Settings.model_construct(**{**Settings().model_dump(), **fields})


@asynccontextmanager
async def bot_at_work(town: Town, settings: Settings | None = None) -> AsyncGenerator[asyncio.Event]:
    """One process's bot, connected; leaving the block is its end. The event is what `/readyz` tells."""
    up, settings = asyncio.Event(), settings or settings_for(town.sandbox)
    assert settings.discord_token is not None
    async with asyncio.TaskGroup() as group:
        bot = supervise(
            group,
            "bot",
            client.run(settings, town.coordinator, up=up),
        )
        async with asyncio.timeout(60):
            await up.wait()
        yield up
        bot.cancel()


def make_bot(town: Town) -> Bot:
    """A bot that is not connected."""
    gate = SendLimits(SystemClock())
    return client.create_bot(
        settings_for(town.sandbox), town.coordinator, gate=gate, on_up=lambda _: None, on_lost=lambda: None
    )


def text_of(message: dict[str, Any]) -> str:
    """All text of a message."""
    texts = [message["content"]]

    def walk(parts: list[dict[str, Any]]) -> None:
        for part in parts:
            texts.append(str(part.get("content", "")))
            walk(part.get("components", []))

    walk(message["components"])
    return "\n".join(text for text in texts if text)
