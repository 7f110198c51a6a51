"""The outbox tells everything once, in order, whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from bot.discord import outbox
from bot.discord.errors import DiscordBusy, MessageRejected, TooOldToEdit
from bot.discord.outbox import NONCE_LASTS_MS, Outbox
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.kit.clock import SystemClock
from core.kit.supervise import supervise
from core.notices.model import NoticeKind, Place
from core.notices.service import Notices
from core.store.engine import Tx
from core.store.errors import StoreUnavailable
from core.tasks.model import Task, TaskState
from tests.bot.discord.shapes import ADA
from tests.builders import make_agent, make_new_task, open_coordinator
from tests.fakes.channels import FakeChannels, said
from tests.fakes.lane import FakeLane

CHANNEL = 2001
_PENDING = sql("SELECT id FROM notices WHERE state = 'pending'")
_WAITING = sql("SELECT id FROM notices WHERE state = 'pending' AND attempts > 0")
_FORGET = sql("UPDATE notices SET not_before_ms = 0, attempts = 0, error = ''")
HERE = Place(channel=str(CHANNEL), guild="3001")


class AheadClock(SystemClock):
    """The machine's clock, moved ahead: its wall time and its monotonic time, each by itself."""

    ahead_ms = 0
    passed_s = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.passed_s


@asynccontextmanager
async def house(home: Path) -> AsyncGenerator[Coordinator]:
    agents = [make_agent()]
    async with open_coordinator(home, agents=agents, lanes={(Lane.DRYRUN, None): FakeLane()}) as coordinator:
        yield coordinator


@asynccontextmanager
async def writing(
    coordinator: Coordinator, channels: FakeChannels, *, default: int | None = None, clock: SystemClock | None = None
) -> AsyncGenerator[Outbox]:
    """An outbox at work, as one process has it; leaving the block is the process's end."""
    outbox = Outbox(coordinator, channels, clock=clock or SystemClock(), default_channel=default)
    async with asyncio.TaskGroup() as group:
        writer = supervise(group, "outbox", outbox.run())
        yield outbox
        writer.cancel()


async def until(channels: FakeChannels, holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            channels.changed.clear()
            await channels.changed.wait()


async def settled(coordinator: Coordinator) -> None:
    """Wait until everything is told or given up."""
    async with asyncio.timeout(60):
        while await coordinator.store.fetch(_PENDING):  # noqa: ASYNC110 - the outbox owns the event that would tell
            await asyncio.sleep(0.005)


async def ask(coordinator: Coordinator, place: Place = HERE, brief: str = "Count the birds") -> Task:
    return await coordinator.tasks.new(make_new_task(brief, place=place), by=ADA)


async def tell(coordinator: Coordinator, task: Task, kind: NoticeKind, text: str = "") -> None:
    await coordinator.store.write(lambda tx: coordinator.notices.notify(tx, kind, task.id, text=text))


async def touch(coordinator: Coordinator, task: Task) -> None:
    await coordinator.store.write(lambda tx: coordinator.notices.card_changed(tx, task.id))


async def step(coordinator: Coordinator, task: Task, to: TaskState) -> None:
    def move(tx: Tx) -> None:
        coordinator.tasks.repository.move(tx, task.id, to)

    await coordinator.store.write(move)


def fail_once(verb: str, error: Exception) -> Callable[[str], None]:
    """Raise `error` at the first call of `verb`."""
    left = [verb]

    def fault(called: str) -> None:
        if called in left:
            left.remove(called)
            raise error

    return fault


async def test_a_new_task_gets_a_card_and_a_thread(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await until(channels, lambda: channels.threads)
        await settled(coordinator)
        card = await coordinator.notices.card_of(task.id)
    [sent] = channels.messages
    assert card is not None
    assert (sent.channel, channels.threads[sent.id]) == (CHANNEL, "T-1 · Count the birds")
    assert (card.posted_channel, card.posted_message, card.thread) == (str(CHANNEL), sent.id, sent.id)
    assert sent.nonce == f"o{coordinator.home_mark}1"
    assert sent.marker == f"o{coordinator.home_mark}·1"


async def test_news_go_into_the_thread_after_the_card(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator:
        task = await ask(coordinator)
        await tell(coordinator, task, NoticeKind.HELD, "waiting: window")
        await tell(coordinator, task, NoticeKind.ENDED)
        async with writing(coordinator, channels):
            await until(channels, lambda: len(channels.messages) == 3)
            await settled(coordinator)
    card, held, ended = channels.messages
    assert (card.channel, held.channel, ended.channel) == (CHANNEL, int(card.id), int(card.id))
    assert "waits" in said(held.parts)
    assert held.parts.mentions == ended.parts.mentions == (1001,)


@pytest.mark.parametrize("verb", ["post", "thread"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_call_whose_answer_is_lost_makes_no_second_message(tmp_path: Path, verb: str, when: str) -> None:
    channels = FakeChannels()
    setattr(channels, when, fail_once(verb, DiscordBusy(why="connection lost", after_s=0.01)))
    async with house(tmp_path) as coordinator, writing(coordinator, channels) as outbox:
        async with asyncio.timeout(60):
            while outbox._inherited is None:  # noqa: ASYNC110 - else it takes the card for a former writer's
                await asyncio.sleep(0.005)
        await ask(coordinator)
        await until(channels, lambda: channels.threads and channels.calls.count(verb) == 2)
        await settled(coordinator)
        card = await coordinator.notices.card_of("T-1")
    assert len(channels.messages) == 1
    assert card is not None
    assert card.thread == channels.messages[0].id


@pytest.mark.parametrize("aged", [False, True])
@pytest.mark.parametrize("kind", [NoticeKind.CARD, NoticeKind.ENDED])
async def test_a_process_that_ends_after_the_call_and_before_the_note_sends_nothing_twice(
    tmp_path: Path, kind: NoticeKind, *, aged: bool
) -> None:
    channels = FakeChannels()
    at = 1 if kind is NoticeKind.CARD else 2
    stuck = asyncio.Event()

    def hang(verb: str) -> None:
        if verb == "post" and channels.calls.count("post") == at:
            stuck.set()
            raise DiscordBusy(why="the process ended here", after_s=3600)

    async with house(tmp_path) as coordinator:
        task = await ask(coordinator)
        await tell(coordinator, task, NoticeKind.ENDED)
        channels.after = hang
        async with writing(coordinator, channels):
            await asyncio.wait_for(stuck.wait(), 60)
            async with asyncio.timeout(60):
                while not (await waiting(coordinator)):  # noqa: ASYNC110 - a row, not an event
                    await asyncio.sleep(0.005)
        channels.after = FakeChannels().after
        await coordinator.store.write(forget_waiting)
        clock = AheadClock()
        if aged:  # Discord has forgotten the nonces by now
            channels.nonces.clear()
            clock.ahead_ms = 10 * NONCE_LASTS_MS
        async with writing(coordinator, channels, clock=clock):
            await settled(coordinator)
    assert [sent.marker for sent in channels.messages] == [f"o{coordinator.home_mark}·{n}" for n in (1, 2)]
    assert channels.calls.count("find") >= 1, "no clock can tell this process when the last one posted"


async def test_what_changed_between_a_lost_post_and_its_repetition_is_shown(tmp_path: Path) -> None:
    channels = FakeChannels(after=fail_once("post", DiscordBusy(why="lost", after_s=0.05)))
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await until(channels, lambda: channels.messages)
        await coordinator.tasks.cancel(task.id, by=ADA)
        await until(channels, lambda: channels.threads)
        await settled(coordinator)
    [card] = channels.messages
    assert "cancelled" in said(card.parts)


@pytest.mark.parametrize(
    ("wall_ms", "passed_s"),
    [
        pytest.param(-3_600_000, 0.0, id="the clock was set back"),
        pytest.param(0, NONCE_LASTS_MS / 1000, id="it was set back by just the time that passed"),
        pytest.param(NONCE_LASTS_MS, 0.0, id="the machine was suspended"),
    ],
)
async def test_no_clock_step_makes_a_lost_post_appear_twice(tmp_path: Path, wall_ms: int, passed_s: float) -> None:
    channels, clock = FakeChannels(), AheadClock()

    def lose(verb: str) -> None:
        if verb == "post" and channels.calls.count("post") == 2:
            clock.ahead_ms, clock.passed_s = wall_ms, passed_s
            channels.nonces.clear()
            raise DiscordBusy(why="lost", after_s=0.001)

    channels.after = lose
    async with house(tmp_path) as coordinator, writing(coordinator, channels, clock=clock):
        await ask(coordinator)
        await until(channels, lambda: channels.threads)
        await settled(coordinator)
        begun = len(channels.calls)
        await ask(coordinator)
        await until(channels, lambda: len(channels.threads) == 2)
        await settled(coordinator)
    assert len(channels.messages) == 2
    assert channels.calls[begun:] == ["post", "find", "edit", "thread"], "looked for once, after the first try"


async def test_a_notice_from_a_clock_that_was_ahead_is_looked_for_among_all_new_messages(tmp_path: Path) -> None:
    channels, clock = FakeChannels(), AheadClock()
    clock.ahead_ms = -3_600_000
    async with house(tmp_path) as coordinator:
        await ask(coordinator)
        async with writing(coordinator, channels, clock=clock):
            await until(channels, lambda: channels.threads)
    assert channels.searched_from_ms == [0]


async def test_the_search_for_an_old_message_is_what_prevents_the_second_one(tmp_path: Path) -> None:
    """Positive control: with the search blind, the same story ends in two cards."""
    channels = FakeChannels()
    async with house(tmp_path) as coordinator:
        await ask(coordinator)
        channels.after = fail_once("post", DiscordBusy(why="lost", after_s=0.0))
        clock = AheadClock()
        clock.ahead_ms = 10 * NONCE_LASTS_MS
        channels.before = lambda _verb: channels.nonces.clear()
        channels.is_blind = True
        async with writing(coordinator, channels, clock=clock):
            await until(channels, lambda: channels.threads)
            await settled(coordinator)
    assert len(channels.messages) == 2


async def test_a_storm_of_changes_becomes_few_edits_and_the_last_one_wins(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await until(channels, lambda: channels.threads)
        began = asyncio.get_running_loop().time()
        for _ in range(100):
            await touch(coordinator, task)
        await coordinator.tasks.cancel(task.id, by=ADA)
        await settled(coordinator)
        seconds = asyncio.get_running_loop().time() - began
    [card] = channels.messages
    assert "cancelled" in said(card.parts)
    assert card.edits <= 2 + seconds / outbox.EDIT_EVERY_S, "one for each second that it took, and one for the end"


async def test_an_edit_waits_for_its_second(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        began = asyncio.get_running_loop().time()
        task = await ask(coordinator)
        await until(channels, lambda: channels.threads)
        await settled(coordinator)
        await step(coordinator, task, TaskState.ASSIGNED)
        await until(channels, lambda: channels.messages[0].edits)
        assert asyncio.get_running_loop().time() - began >= outbox.EDIT_EVERY_S, "counted from when it was posted"


@pytest.mark.parametrize("how", ["deleted", "too old"])
async def test_a_card_that_cannot_be_edited_is_posted_anew_once(tmp_path: Path, how: str) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await until(channels, lambda: channels.threads)
        await settled(coordinator)
        first = channels.messages[0].id
        if how == "deleted":
            channels.lose(first)
        else:
            channels.before = fail_once("edit", TooOldToEdit(why="400 30046"))
        channels.after = fail_once("post", DiscordBusy(why="and then the answer was lost", after_s=0.01))
        await coordinator.tasks.cancel(task.id, by=ADA)
        await until(channels, lambda: channels.messages and channels.messages[-1].id != first)
        await settled(coordinator)
        card = await coordinator.notices.card_of(task.id)
    anew = [sent for sent in channels.messages if sent.id != first]
    assert len(anew) == 1
    assert card is not None
    assert (card.posted_message, card.thread) == (anew[0].id, first)
    assert "cancelled" in said(anew[0].parts)


async def test_news_of_a_deleted_thread_go_to_the_channel(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await until(channels, lambda: channels.threads)
        channels.gone.add(int(channels.messages[0].id))
        await tell(coordinator, task, NoticeKind.ENDED)
        await until(channels, lambda: len(channels.messages) == 2)
        await settled(coordinator)
    assert channels.messages[1].channel == CHANNEL


async def test_where_threads_are_refused_news_go_to_the_channel(tmp_path: Path) -> None:
    channels = FakeChannels(before=fail_once("thread", MessageRejected(why="400 50024")))
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await until(channels, lambda: channels.messages)
        await tell(coordinator, task, NoticeKind.ENDED)
        await until(channels, lambda: len(channels.messages) == 2)
        await settled(coordinator)
    assert [sent.channel for sent in channels.messages] == [CHANNEL, CHANNEL]


async def test_what_can_never_be_told_is_dropped_with_its_reason_and_the_task_goes_on(tmp_path: Path) -> None:
    channels = FakeChannels(gone={CHANNEL})
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await tell(coordinator, task, NoticeKind.ENDED)
        await settled(coordinator)
        card = await coordinator.notices.card_of(task.id)
        assert card is not None
        assert "10003" in card.error
        assert (await coordinator.tasks.cancel(task.id, by=ADA)).state is TaskState.CANCELLED
    assert channels.messages == []


async def test_a_task_from_elsewhere_is_told_in_the_default_channel(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels, default=77):
        await ask(coordinator, place=Place())
        await until(channels, lambda: channels.threads)
    assert [sent.channel for sent in channels.messages] == [77]


async def test_without_a_default_channel_a_task_from_elsewhere_is_told_to_nobody_and_says_why(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator, place=Place())
        await settled(coordinator)
        card = await coordinator.notices.card_of(task.id)
    assert card is not None
    assert "channel_id" in card.error


async def test_while_discord_is_away_the_outbox_rests_and_then_tells_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = FakeChannels(before=fail_once("post", DiscordBusy(why="connection lost", after_s=0.05)))
    looks = 0
    async with house(tmp_path) as coordinator:
        real = type(coordinator.notices).next_due_s

        async def counted(self: Notices) -> float:
            nonlocal looks
            looks += 1
            return await real(self)

        monkeypatch.setattr(type(coordinator.notices), "next_due_s", counted)
        async with writing(coordinator, channels):
            channels.after = lambda _verb: channels.up.clear()
            await ask(coordinator)
            async with asyncio.timeout(60):
                while not await waiting(coordinator):  # noqa: ASYNC110 - a row, not an event
                    await asyncio.sleep(0.005)
            channels.up.clear()
            before = looks
            await asyncio.sleep(0.3)
            assert looks - before <= 3
            channels.up.set()
            await until(channels, lambda: channels.threads)


async def test_one_task_in_trouble_does_not_hold_up_another(tmp_path: Path) -> None:
    channels = FakeChannels(before=fail_once("post", DiscordBusy(why="rate limit", after_s=3600)))
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        await ask(coordinator)
        async with asyncio.timeout(60):
            while not await waiting(coordinator):  # noqa: ASYNC110 - a row, not an event
                await asyncio.sleep(0.005)
        await ask(coordinator, brief="Count the bees")
        await until(channels, lambda: channels.threads)
    assert ["bees" in said(sent.parts) for sent in channels.messages] == [True]


async def waiting(coordinator: Coordinator) -> bool:
    found = await coordinator.store.fetch(_WAITING)
    return bool(found)


def forget_waiting(tx: Tx) -> None:
    tx.execute(_FORGET)


async def test_a_disk_that_refuses_for_a_while_neither_ends_the_outbox_nor_tells_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "failed_rest_s", 0.02)
    channels = FakeChannels()
    async with house(tmp_path) as coordinator, writing(coordinator, channels):
        task = await ask(coordinator)
        await settled(coordinator)
        refused: set[str] = set()
        with monkeypatch.context() as disk:
            for verb in ("posted", "again", "next_due_s"):
                disk.setattr(Notices, verb, _full(verb, refused, channels))
            await tell(coordinator, task, NoticeKind.HELD, "waiting: window")
            await until(channels, lambda: {"posted", "next_due_s"} <= refused)
        await settled(coordinator)
    assert len(channels.messages) == 2


def _full(verb: str, refused: set[str], channels: FakeChannels) -> Callable[..., Awaitable[None]]:
    async def refuse(*_args: object, **_options: object) -> None:
        refused.add(verb)
        channels.changed.set()
        raise StoreUnavailable(why="disk full")

    return refuse
