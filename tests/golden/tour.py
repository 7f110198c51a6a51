"""A person's tour through everything that Octet shows in Discord, scene by scene, each in a town of its own.

After each step the tour waits by facts (states, rows that are noted), never by sentences: those may change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.discord import bot, fleet_view, outbox, send_limits
from bot.discord.board_writer import BoardWriter
from core.agents.model import Agent, AgentState
from core.security.model import HUB, OPERATOR
from core.settings.model import Settings
from core.tasks.model import TaskId, TaskState
from sandbox.discord.server import Sandbox
from sandbox.discord.serving import open_sandbox
from sandbox.discord.settings import SandboxSettings
from sandbox.discord.views import InteractionAnswer
from tests.bot.discord.town import AGENTS, Town, bot_at_work, people, settings_for
from tests.golden.recording import Json, Recording, parts_of, texts

_LIMIT_S = 60.0
_LOOK_S = 0.005
_BUSY = text(
    "SELECT (SELECT count(*) FROM notices WHERE state = 'pending'),"
    " (SELECT count(*) FROM deliveries WHERE state IN ('leased', 'staging', 'staged', 'submitting')),"
    " (SELECT max(seq) FROM journal)"
)
"""What is left to tell, what is being delivered, and the newest event."""


@dataclass(slots=True, kw_only=True)
class Tour:
    """One person who looks at one town, and what was recorded."""

    town: Town
    record: Recording
    is_steady: bool = True
    """Each step waits until all that it caused has been told; not where a delivery is repeated for ever."""

    # What a person does

    async def slash(self, command: str, *, user: str = "Ada", where: str = "#octet", **options: Any) -> Json:
        """Type a command and record its private answer."""
        answer = await self.town.sandbox.slash(user, where, command, options)
        given = "".join(f" {name}={self._short(value)}" for name, value in options.items())
        message = await self._answered(f"{user} /{command}{given}", answer)
        if self.is_steady:
            await self.told()
        return message

    async def form(self, command: str, values: Json, **options: Any) -> Json:
        """Open a dialog by a command, fill it in, and record both."""
        opened = await self.town.sandbox.slash("Ada", "#octet", command, options)
        assert opened.modal is not None
        self.record.modal(f"Ada /{command}", opened.modal)
        return await self.fill(opened, values)

    async def fill(self, opened: InteractionAnswer, values: Json) -> Json:
        given = "".join(f" {name}={self._short(value)}" for name, value in values.items())
        return await self._answered(f"Ada sends{given}", await self.town.sandbox.submit_modal("Ada", opened, values))

    async def press(self, message: Json, kind: str, *, user: str = "Ada") -> Json:
        """Press the button of this message whose custom id begins so, and record the private answer."""
        return await self._answered(f"{user} presses {kind}", await self._click(message, kind, user))

    async def press_and_fill(self, message: Json, kind: str, values: Json) -> Json:
        opened = await self._click(message, kind, "Ada")
        assert opened.modal is not None
        self.record.modal(f"Ada presses {kind}", opened.modal)
        return await self.fill(opened, values)

    async def complete(self, command: str, option: str, typed: str, *, user: str = "Ada", **options: Any) -> None:
        """Record what an option offers."""
        found = await self.town.sandbox.autocomplete(user, "#octet", command, {**options, option: typed}, option)
        self.record.choices(f"{user} types /{command} {option}={typed}", found)

    # What is waited for

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Return when it is so and everything about it has been told."""
        async with asyncio.timeout(_LIMIT_S):
            while not await is_so():  # noqa: ASYNC110  no event tells of facts of every kind
                await asyncio.sleep(_LOOK_S)
        await self.told()

    async def task(self, task: str, state: TaskState, reason: str | None = None) -> None:
        """Return when the task is in this state, for this reason, and that has been told."""

        async def is_so() -> bool:
            now = (await self.town.coordinator.tasks.show(TaskId(task), by=OPERATOR)).task
            return now.state is state and reason in {None, now.reason}

        await self.until(is_so)

    async def agent(self, agent: str, state: AgentState) -> None:
        async def is_so() -> bool:
            return (await self.town.coordinator.agents.show(agent, by=OPERATOR)).state is state

        await self.until(is_so)

    async def told(self) -> None:
        """Return when nothing is left to deliver or to tell, and nothing more happens."""
        before, same = None, 0
        async with asyncio.timeout(_LIMIT_S):
            while same < 3:
                # In the writer's thread, so behind all that was begun before.
                now = await self.town.coordinator.store.write(lambda tx: tuple(tx.execute(_BUSY).one()))
                is_quiet = now == before and now[:2] == (0, 0)
                same, before = (same + 1 if is_quiet else 0), now
                await asyncio.sleep(_LOOK_S)

    # What there is to see

    async def public(self) -> list[Json]:
        """Every message of the bot that everybody sees, with something on it, in the order of the notices."""
        found = [
            one
            for one in await self.town.sandbox.messages()
            if one["author"].get("bot") and one["sandbox"]["only_for"] is None and (one["content"] or one["components"])
        ]
        return sorted(found, key=lambda one: (_marker(one), int(one["id"])))

    async def with_button(self, kind: str) -> Json:
        """The newest public message with a button whose custom id begins so."""
        await self.told()
        return next(one for one in reversed(await self.public()) if _buttons(one, kind))

    async def look(self) -> None:
        """Record the final state of every public message, and the threads."""
        await self.told()
        await self._learn_names()
        for message in await self.public():
            self.record.message("everybody sees", message, files=self._files(message))
        names = sorted(one["name"] for one in await self.town.sandbox.threads())
        self.record.structure.append({"threads": len(names)})
        self.record.say("threads", "\n".join(names))

    def code(self) -> str:
        """The code in the newest prompt of the window."""
        prompt = next(one for one in reversed(self.town.lane.submitted) if "--code " in one)
        return prompt.partition("--code ")[2].split()[0]

    async def _click(self, message: Json, kind: str, user: str) -> InteractionAnswer:
        [button] = _buttons(message, kind)
        return await self.town.sandbox.click(user, message, button["custom_id"])

    async def _answered(self, step: str, answer: InteractionAnswer) -> Json:
        message = await self.town.answered(answer)
        await self._learn_names()
        self.record.message(step, message, files=self._files(message))
        return message

    def _files(self, message: Json) -> dict[str, bytes]:
        held = self.town.sandbox.world.attachments
        return {one["filename"]: held[int(one["id"])].content for one in message["sandbox"]["files"]}

    async def _learn_names(self) -> None:
        world, names = self.town.sandbox.world, self.record.names
        names |= {str(one.id): one.name for one in world.users.values()}
        names |= {str(one["id"]): one["name"] for one in await self.town.sandbox.channels()}
        names |= {str(one["id"]): f"thread {one['name'].split(' ')[0]}" for one in await self.town.sandbox.threads()}

    def _short(self, value: object) -> str:
        said = str(value).replace("\n", "⏎")
        return said if len(said) <= 60 else f"{said[:40]}… ({len(said)})"


@asynccontextmanager
async def tour(
    home: Path,
    *,
    agents: Sequence[Agent] = AGENTS,
    is_virtual: bool = False,
    is_owned: bool = True,
    change: Callable[[Sandbox], Settings] = settings_for,
    before: Callable[[Town], Awaitable[None]] | None = None,
) -> AsyncGenerator[Tour]:
    """A town with its bot. `is_owned`: Ada is its owner already; `before` happens while Octet is not in Discord."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot, "GUILD_READY_S", 0.02)
        patch.setattr(outbox, "EDIT_EVERY_S", 0.01)
        patch.setattr(BoardWriter, "rest_s", 0.05)
        patch.setattr(send_limits, "EDITS", 1000)
        async with (
            open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as sandbox,
            people(home, sandbox, agents, is_virtual=is_virtual) as town,
            _came_up(town, change(sandbox), before),
        ):
            if is_owned:
                await town.own()
            made = Tour(
                town=town, record=Recording(hidden={str(home).replace("_", "\\_"): "<home>", str(home): "<home>"})
            )
            await made._learn_names()
            yield made


@asynccontextmanager
async def _came_up(
    town: Town, settings: Settings, before: Callable[[Town], Awaitable[None]] | None
) -> AsyncGenerator[None]:
    if before is not None:
        await before(town)
    async with bot_at_work(town, settings):
        yield


async def board_is_shown(tour: Tour) -> None:
    """Return when the live board shows the present."""
    core = tour.town.coordinator

    async def is_so() -> bool:
        rows = await core.fleet.boards.all()
        # A board is not edited for its clocks alone, so they are left out.
        expected = {tour.record.plain(one) for one in fleet_view.blocks(await core.fleet.board(by=HUB))}
        shown = {tour.record.plain(words) for one in await tour.public() for words in texts(one)}
        return all(row.posted_message for row in rows) and expected <= shown

    await tour.until(is_so)


def _buttons(message: Json, kind: str) -> list[Json]:
    parts = [part for top in message["components"] for part in parts_of(top)]
    return [part for part in parts if part["type"] == 2 and part.get("custom_id", "").startswith(kind)]


def _marker(message: Json) -> int:
    """The number of the notice that a public message tells; boards come last."""
    last = texts(message)[-1] if message["content"] else [one for one in texts(message) if one.startswith("-# ")][-1]
    number = last.splitlines()[-1].partition("·")[2].partition("·")[0]
    return int(number) if number.isdigit() else 10_000
