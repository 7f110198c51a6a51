"""A coordinator with Discord's channels in memory: its writers look only when the test says so, by one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text as sql

from bot.discord.board_writer import BoardWriter
from bot.discord.errors import DiscordBusy
from bot.discord.outbox import Outbox
from core.agent_messages.model import AgentMessageView, NewAgentMessage
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState
from core.fleet.model import NeedKind
from core.notices.model import DISCORD, NoticeDetail, NoticeKind, NoticePost, Place
from core.reasons import Reason
from core.security.model import OPERATOR
from core.store.engine import Row, Tx
from core.tasks.model import Task, TaskState
from tests.bot.discord.shapes import ADA
from tests.builders import make_agent, make_new_task, open_coordinator
from tests.fakes.channels import FakeChannels, Sent, said
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

CHANNEL = 2001
LOST = DiscordBusy(why="connection lost", after_s=1.0)


@dataclass(kw_only=True)
class House:
    """What a test sees and moves. Nothing runs in the background."""

    coordinator: Coordinator
    channels: FakeChannels
    clock: FakeClock
    default: int | None
    outbox: Outbox = field(init=False)
    boards: BoardWriter = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, clock: FakeClock | None = None) -> None:
        """Begin the next process: it knows what the database and Discord know. Its outbox may have its own clock."""
        self.outbox = Outbox(
            self.coordinator,
            self.channels,
            clock=clock or self.clock,
            default_channel=self.default,
            shows_windows=False,
        )
        self.boards = BoardWriter(self.coordinator, self.channels, clock=self.clock)

    async def ask(self, brief: str = "Count the birds", channel: int | None = CHANNEL) -> Task:
        task = await self.coordinator.tasks.new(make_new_task(brief, place=place(channel)), by=ADA)
        self.clock.advance(0.1)  # a new card waits so long for its task's first step
        return task

    async def say(self, text: str = "Hello") -> AgentMessageView:
        draft = NewAgentMessage(text=text, agent="Agent-1", place=place())
        return await self.coordinator.agent_messages.send(draft, by=ADA)

    async def sweep(self, times: int = 1) -> None:
        """Let the outbox look so many times, and finish what it begins."""
        for _ in range(times):
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                await self.outbox._sweep(group)

    async def sweep_boards(self) -> float:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            return await self.boards._sweep(group)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds that a call to Discord changes."""
        async with asyncio.timeout(60):
            while not holds():
                self.channels.changed.clear()
                await self.channels.changed.wait()

    async def later(self, seconds: float = 2.0, times: int = 1) -> None:
        """Let the time pass, and the outbox look."""
        self.clock.advance(seconds)
        await self.sweep(times)

    async def tell(
        self, task: Task, kind: NoticeKind, detail: NoticeDetail | None = None, *, times: int = 1, about: str = ""
    ) -> None:
        def tell(tx: Tx) -> None:
            for _ in range(times):
                self.coordinator.notices.notify(tx, kind, task.id, detail=detail, about=about)

        await self.coordinator.store.write(tell)

    async def move(self, task: Task, to: TaskState) -> None:
        def move(tx: Tx) -> None:
            self.coordinator.tasks.repository.move(tx, task.id, to)

        await self.coordinator.store.write(move)

    async def end(self, view: AgentMessageView, state: DeliveryState = DeliveryState.CANCELLED) -> None:
        """End the delivery of a message."""

        def end(tx: Tx) -> None:
            (one,) = self.coordinator.deliveries.find_for_message(tx, view.message.id)
            self.coordinator.deliveries.step(tx, one, state, reason=Reason.EXPIRED)

        await self.coordinator.store.write(end)

    async def card(self, task: str = "T-1") -> NoticePost:
        card = await self.coordinator.notices.on(DISCORD).card_of(task)
        assert card is not None
        return card

    def shown(self, *words: str) -> list[Sent]:
        """Find the messages with all these words."""
        return [one for one in self.channels.messages if all(word in said(one.parts) for word in words)]

    async def untold(self) -> list[str]:
        found = await self.coordinator.fleet.needs_me(by=OPERATOR)
        return [need.seen for need in found.shown if need.kind is NeedKind.UNTOLD]

    async def rows(self) -> list[Row]:
        return list(
            await self.coordinator.store.fetch(
                sql("SELECT * FROM notices JOIN notice_posts ON notice = id ORDER BY id")
            )
        )


@asynccontextmanager
async def house(home: Path, *, default: int | None = None) -> AsyncGenerator[House]:
    clock = FakeClock()
    async with open_coordinator(
        home, agents=[make_agent()], lanes={(Lane.DRYRUN, None): FakeLane()}, clock=clock
    ) as coordinator:
        yield House(coordinator=coordinator, channels=FakeChannels(clock=clock), clock=clock, default=default)


def place(channel: int | None = CHANNEL) -> Place:
    return Place(channel=str(channel), guild="3001") if channel else Place()


def always(error: BaseException) -> Callable[[str], None]:
    def fault(_verb: str) -> None:
        raise error

    return fault


def once(verb: str, error: BaseException = LOST) -> Callable[[str], None]:
    """Raise `error` at the first call of `verb`."""
    left = [verb]

    def fault(called: str) -> None:
        if called in left:
            left.remove(called)
            raise error

    return fault


def never(_verb: str) -> None:
    """Raise nothing."""
