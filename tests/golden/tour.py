"""One user's tour through Discord, which shows the twelve payloads that tell most.

After each step the tour waits by facts (states, rows), never by sentences: those may change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.discord import bot, fleet_view, outbox, send_limits
from bot.discord.board_writer import BoardWriter
from core.deliveries.model import Assurance, Moment, Outcome, Picture, PictureArea, Reason, Result
from core.desks.model import Shown
from core.notices.model import DISCORD
from core.profiles.model import Act, Activity
from core.security.model import HUB, OPERATOR
from core.settings.model import CommandGroup
from core.tasks.model import TaskId, TaskState
from sandbox.discord.serving import open_sandbox
from sandbox.discord.settings import SandboxSettings
from sandbox.discord.views import InteractionAnswer
from tests.bot.discord.town import Town, bot_at_work, people, png
from tests.builders import make_agent, make_window_agent
from tests.fakes.calibrations import FakeCalibrations, FakeReload, reload_by
from tests.golden.recording import Json, plain, recorded_dialog, recorded_message, texts, walk
from tests.pace import patience

AGENTS = make_agent("Dry-1"), make_window_agent("Window-1", window="agent-1", allowed_actions="approve deny")
WEAK = Outcome(
    result=Result.DELIVERED,
    assurance=Assurance.WEAK,
    note="composer empty",
    pictures=(Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=png("white")),),
)
UNKNOWN = Outcome(
    result=Result.UNKNOWN,
    reason=Reason.NOT_SEEN,
    note="the box is empty",
    pictures=(Picture(moment=Moment.STAGED, png=png("white")), Picture(moment=Moment.LAST_SEEN, png=png("black"))),
)
DIALOG = Shown(
    window="agent-1",
    activity=Activity.NEEDS_INPUT,
    answers=(Act.APPROVE, Act.DENY),
    text="Run this command?\nrm -rf build",
    mark="one",
    png=png("purple"),
)
_BUSY = text(
    "SELECT (SELECT count(*) FROM notice_posts WHERE state = 'pending'),"
    " (SELECT count(*) FROM deliveries WHERE state IN ('leased', 'staging', 'staged', 'submitting')),"
    " (SELECT max(seq) FROM journal)"
)
"""What is left to post, what is being delivered, and the newest event."""
_LIMIT_S = patience(60.0)
_LOOK_S = 0.005


@dataclass(slots=True, kw_only=True)
class Tour:
    """One user who looks at one town, and what was recorded."""

    town: Town
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Of users and channels by their ids."""
    payloads: dict[str, Json] = field(default_factory=dict[str, Json])

    async def slash(self, command: str, **options: Any) -> Json:
        return await self.town.answered(await self.ask(command, **options))

    async def ask(self, command: str, **options: Any) -> InteractionAnswer:
        return await self.town.sandbox.slash("Ada", "#octet", command, options)

    async def record(self, name: str, message: Json) -> None:
        sandbox = self.town.sandbox
        self.names |= {str(one.id): one.name for one in sandbox.world.users.values()}
        self.names |= {str(one["id"]): one["name"] for one in await sandbox.channels()}
        self.names |= {str(one["id"]): f"thread {one['name'].split(' ')[0]}" for one in await sandbox.threads()}
        self.payloads[name] = recorded_message(message, self.names)

    async def public(self, kind: str) -> Json:
        """Return the newest public message with a button whose custom id begins so."""
        found = [one for one in await self.town.sandbox.messages() if one["sandbox"]["only_for"] is None]
        return next(
            one
            for one in reversed(found)
            if any(part.get("custom_id", "").startswith(kind) for part in walk(one["components"]))
        )

    async def card(self, task: str) -> Json:
        row = await self.town.coordinator.notices.on(DISCORD).card_of(task)
        assert row is not None
        return next(one for one in await self.town.sandbox.messages() if one["id"] == row.posted_message)

    async def task(self, task: str, state: TaskState) -> None:
        """Return when the task is in this state and Octet has posted all about it."""

        async def is_so() -> bool:
            return (await self.town.coordinator.tasks.show(TaskId(task), by=OPERATOR)).task.state is state

        await self.until(is_so)

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(_LIMIT_S):
            while not await is_so():  # noqa: ASYNC110 - facts of every kind, no one event
                await asyncio.sleep(_LOOK_S)  # the facts have no common event
        await self.told()

    async def told(self) -> None:
        """Return when nothing is left to deliver or to post, and nothing more happens."""
        before, same = None, 0
        async with asyncio.timeout(_LIMIT_S):
            while same < 3:
                # In the writer's thread, so after all that began before.
                now = await self.town.coordinator.store.write(lambda tx: tuple(tx.execute(_BUSY).one()))
                is_quiet = now == before and now[:2] == (0, 0)
                same, before = (same + 1 if is_quiet else 0), now
                await asyncio.sleep(_LOOK_S)  # that nothing happens is no event

    async def board(self) -> Json:
        """Return the live board, when it shows the present."""

        async def is_present() -> bool:
            board = fleet_view.blocks(await self.town.coordinator.fleet.board(by=HUB))
            shown = {plain(words, {}) for one in await self.town.sandbox.messages() for words in texts(one)}
            return {plain(one, {}) for one in board} <= shown

        await self.until(is_present)
        return await self.public("v1:fleet:board:remove")


async def play(home: Path) -> dict[str, Json]:
    """Play the tour and return its payloads by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot, "GUILD_READY_S", 0.02)
        patch.setattr(outbox, "EDIT_EVERY_S", 0.01)
        patch.setattr(BoardWriter, "rest_s", 0.05)
        patch.setattr(send_limits, "EDITS", 1000)
        async with (
            open_sandbox(SandboxSettings(ack_deadline_s=60.0, identify_every_s=0.0)) as sandbox,
            people(home, sandbox, AGENTS, groups=[CommandGroup.DESK]) as town,
            bot_at_work(town),
        ):
            await town.own()
            here = Tour(town=town)
            await _new_task(here)
            await _at_work(here)
            await _unknown(here)
            await _calibration(here)
            return here.payloads


async def _new_task(here: Tour) -> None:
    opened = await here.ask("task new", agent="Window-1")
    assert opened.modal is not None
    here.payloads["the dialog for a new task"] = recorded_dialog(opened.modal)
    refused = await here.town.sandbox.submit_modal("Ada", opened, {"brief": "ring \x07 the bell"})
    await here.record("a text that Octet refuses", await here.town.answered(refused))


async def _at_work(here: Tour) -> None:
    """Show a task at work, another one behind it, and a question of the agent's window."""
    core, lane = here.town.coordinator, here.town.lane
    lane.script.append(WEAK)
    await here.slash("task new", brief="Count the birds", agent="Window-1", priority=1)
    await here.task("T-1", TaskState.WORKING)
    code = lane.submitted[0].partition("--code ")[2].split()[0]
    await core.tasks.record_progress("T-1", code, "*tests* are running @everyone")
    await here.slash("task new", brief="Count the bees", agent="Window-1")
    await here.slash("fleet board")
    await here.told()
    await here.record("the card of a new task", await here.card("T-2"))
    await here.record("the card of a task at work", await here.card("T-1"))
    await here.record("the live board", await here.board())
    await core.dispatch.window_shows("main", DIALOG)
    await here.told()
    await here.record("the question of a window", await here.public("v1:press"))
    await core.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.BUSY))
    await here.task("T-1", TaskState.WORKING)
    lane.script.append(UNKNOWN)
    await core.tasks.accept_answer("T-1", code, "Seven birds.", final=True, key="a")


async def _unknown(here: Tour) -> None:
    """Show a task that is done, and one of which Octet does not know whether its prompt arrived."""
    await here.task("T-2", TaskState.PARKED)
    await here.record("the card of a task that is done", await here.card("T-1"))
    await here.record("a task with its receipt", await here.slash("task show", task="T-1"))
    await here.record("the card of a task that needs a user", await here.card("T-2"))
    await here.record("an unknown delivery", await here.public("v1:unknown"))
    await here.record("what needs a user", await here.slash("fleet needs-me"))


async def _calibration(here: Tour) -> None:
    reload_by(here.town.coordinator, FakeReload(), FakeCalibrations(here.town.home))
    await here.record("the first question of a calibration", await here.slash("desk calibrate", desk="main"))
