"""A whole town for one test: the local chat server, a real coordinator on a home, and the real bot between them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import SecretStr

from automation.dryrun.lane import DryRunLane
from bot.discord import client, render
from bot.discord.bot import Bot
from bot.discord.errors import sentence_of
from bot.discord.send_limits import SendLimits
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import Origin
from core.agents.model import Agent, AgentState, Lane
from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState, WindowStatus
from core.kit.clock import SystemClock
from core.kit.supervise import supervise
from core.security.model import OPERATOR, NotAllowed, Permission
from core.settings.model import CommandGroup, DiscordSettings, Settings
from core.tasks.model import Task, TaskId, TaskState
from sandbox.discord.server import Sandbox
from sandbox.discord.views import InteractionAnswer
from tests.builders import list_tasks, make_agent, make_desk, make_window_agent, open_coordinator
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane
from tests.fakes.sandbox_client import wait_message

AGENTS = (
    make_agent("Dry-1", can="python docs"),
    make_window_agent("Window-1", window="agent-1", can="shell"),
    make_agent("Nowhere", lane=Lane.WINDOW),
)
DRY_RUN = "Sent (dry run): Octet typed nothing"
"""What the card of a task shows after a dry run."""
Message = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Town:
    """What a test sees and moves."""

    sandbox: Sandbox
    coordinator: Coordinator
    home: Path
    worker: FakeDeskWorker
    lane: FakeLane

    @property
    def ada(self) -> str:
        return str(self.sandbox.world.ada.id)

    @property
    def stranger(self) -> str:
        """The answer to a user without a role, once Ada is the owner."""
        return f"Not allowed. You can't use Octet here yet. Ask <@{self.ada}> for a role."

    def refuses(self, permission: Permission) -> str:
        """Return the answer to a user whose role is too small."""
        return sentence_of(NotAllowed(permission=permission, owner=f"discord:{self.ada}"))

    async def ask(self, command: str, user: str = "Ada", where: str = "#octet", **options: Any) -> str:
        """Type a command and return the text of the private answer."""
        return text_of(await self.answer(command, user, where, **options))

    async def answer(self, command: str, user: str = "Ada", where: str = "#octet", **options: Any) -> Message:
        return await self.answered(await self.sandbox.slash(user, where, command, options))

    async def do(self, command: str, **given: Any) -> Any:
        """Call a verb as the command line does, and return its result."""
        verb = next(one for one in VERBS if one.full_name == command)
        return await verb.run(self.coordinator, given, by=OPERATOR, origin=Origin())

    async def answered(self, answer: InteractionAnswer) -> Message:
        """Return the private message of an answer, once it thinks no more."""
        assert answer.failure is None, answer.failure
        return await wait_message(
            self.sandbox, lambda message: message["id"] == answer.message_id and not message["sandbox"]["thinking"]
        )

    async def press(self, message: Message, label: str, user: str = "Ada") -> Message:
        """Press a button and return the private answer."""
        return await self.answered(await self.sandbox.click(user, message["id"], label))

    async def choose(self, message: Message, menu: str, value: str, user: str = "Ada") -> Message:
        """Choose a value of the menu with this custom id and return the private answer."""
        return await self.answered(await self.sandbox.click(user, message["id"], menu, [value]))

    async def complete(self, command: str, option: str, typed: str, user: str = "Ada", **others: Any) -> list[str]:
        """Return the values that an option offers."""
        found = await self.sandbox.autocomplete(user, "#octet", command, {**others, option: typed}, option)
        return sorted(str(one["value"]) for one in found)

    async def own(self, user: str = "Ada") -> None:
        """Make this person the owner, by the code that the console shows."""
        code = self.coordinator.people.claim_code()
        assert code is not None
        await self.ask("admin claim", user=user, code=code)
        await self.said("Welcome to Octet")
        assert self.coordinator.people.claim_code() is None

    async def task(self, task: str = "T-1") -> Task:
        return (await self.coordinator.tasks.show(TaskId(task), by=OPERATOR)).task

    async def tasks(self) -> list[str]:
        return [one.id for one in await list_tasks(self.coordinator, by=OPERATOR)]

    async def agent_state(self, agent: str = "Window-1") -> AgentState:
        return (await self.coordinator.agents.show(agent, by=OPERATOR)).state

    async def card(self, task: str = "T-1", state: TaskState | str = "", holds: str = "") -> Message:
        """Return the task's card, once it shows this state (or these words in its place) and `holds`."""
        words = render.STATES[state][2] if isinstance(state, TaskState) else state
        return await self.said(f"-# {task} ·", f"{words}**" if words else "", holds)

    async def said(self, *words: str) -> Message:
        """Wait for a public message with all these words."""
        return await wait_message(
            self.sandbox, lambda m: m["sandbox"]["only_for"] is None and all(one in text_of(m) for one in words)
        )

    async def now(self, message: Message, *words: str) -> Message:
        """Return the message, once it shows all these words."""
        return await wait_message(
            self.sandbox, lambda m: m["id"] == message["id"] and all(one in text_of(m) for one in words)
        )

    async def without_buttons(self, message: Message) -> Message:
        """Return the message, once its buttons are gone."""
        return await wait_message(self.sandbox, lambda m: m["id"] == message["id"] and not buttons(m))

    async def question(self, button: str) -> Message:
        """Wait for a public message with this button."""
        return await wait_message(self.sandbox, lambda m: m["sandbox"]["only_for"] is None and button in buttons(m))


@asynccontextmanager
async def people(
    home: Path,
    sandbox: Sandbox,
    agents: Sequence[Agent] = AGENTS,
    *,
    is_virtual: bool = False,
    groups: Iterable[CommandGroup] = CommandGroup,
) -> AsyncGenerator[Town]:
    """Open the coordinator with dispatch at work, without the bot."""
    window = WindowStatus(name="agent-1", usable=True)
    worker, lane = FakeDeskWorker(windows=(window,)), FakeLane()
    async with open_coordinator(
        home,
        agents=agents,
        desks=[make_desk("agent-1", is_virtual=is_virtual)],
        lanes={(Lane.DRYRUN, None): DryRunLane(), (Lane.WINDOW, "main"): lane},
        workers={"main": worker},
    ) as coordinator:
        coordinator.configuration.command_groups = frozenset(groups)
        await coordinator.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with asyncio.TaskGroup() as group:
            dispatch = supervise(group, "dispatch", coordinator.dispatch.run())
            yield Town(sandbox=sandbox, coordinator=coordinator, home=home, worker=worker, lane=lane)
            dispatch.cancel()


def settings_for(sandbox: Sandbox, **changes: Any) -> Settings:
    """Make settings as the demo has them."""
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
    """Run one process's bot until the block ends. The event is what `/readyz` reports."""
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
    """Make a bot that is not connected."""
    gate = SendLimits(SystemClock())
    return client.create_bot(
        settings_for(town.sandbox), town.coordinator, gate=gate, on_up=lambda _: None, on_lost=lambda: None
    )


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


def parts_of(message: Message) -> list[Message]:
    """List all components of a message, each before those that it contains."""

    def walk(parts: list[Message]) -> Iterator[Message]:
        for part in parts:
            yield part
            yield from walk(part.get("components", []))

    return list(walk(message["components"]))


def text_of(message: Message) -> str:
    """Join all text of a message."""
    texts = [message["content"], *(str(part.get("content", "")) for part in parts_of(message))]
    return "\n".join(text for text in texts if text)


def buttons(message: Message) -> list[str]:
    return [part["label"] for part in parts_of(message) if part["type"] == 2]


def menus(message: Message) -> dict[str, dict[str, str]]:
    """Return each menu's labels by their values, by its custom id."""
    found = [part for part in parts_of(message) if part["type"] == 3]
    return {one["custom_id"]: {option["value"]: option["label"] for option in one["options"]} for one in found}


def pictures(message: Message) -> list[str]:
    return [one["filename"] for one in message["sandbox"]["files"]]
