"""The live board: one in a channel, always the present, whatever the connection, a user or a crash does to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.discord.board_writer import BoardWriter
from bot.discord.errors import DiscordFailed, TooOldToEdit, sentence_of
from bot.discord.send_limits import DiscordBan
from bot.verbs.results import AGENT_STATES
from core.agent_messages.model import NewQuestion, Proof
from core.agents.model import AgentState
from core.fleet.model import BoardKind, BoardState, NeedKind
from core.notices.model import Halt, NoticeKind
from core.reasons import WaitReason
from core.remedies import refused
from core.security.model import OPERATOR, Permission
from core.tasks.model import TaskId, TaskState
from tests.bot.discord.house import CHANNEL, LOST, House, house, once, place
from tests.bot.discord.town import DRY_RUN, Town, buttons, text_of
from tests.builders import CAROL, make_new_task
from tests.core.agent_messages.test_talk import house as talking
from tests.core.dispatch.test_loop import reach
from tests.fakes.channels import FakeChannels, Sent
from tests.fakes.channels import said as words_of
from tests.fakes.clock import FakeClock
from tests.fakes.virtual_time import run_virtually

PAUSED = AGENT_STATES[AgentState.PAUSED][1]
MINUTE_S = 60.0


@asynccontextmanager
async def with_board(home: Path) -> AsyncGenerator[House]:
    async with house(home) as here:
        await here.coordinator.fleet.boards.place(place(), by=OPERATOR)
        yield here


@asynccontextmanager
async def with_needs(home: Path) -> AsyncGenerator[House]:
    async with house(home) as here:
        await here.coordinator.fleet.boards.place(place(), BoardKind.NEEDS_ME, by=OPERATOR)
        yield here


async def look(here: House, times: int = 1) -> list[Sent]:
    """Let the writer look so often, each time after a minute; return the boards."""
    for _ in range(times):
        await here.sweep_boards()
        here.clock.advance(MINUTE_S)
    return here.channels.messages


async def pause(here: House) -> None:
    """Change something that the board shows."""
    await here.coordinator.availability.pause("Agent-1", by=OPERATOR)


async def needs(here: House) -> list[tuple[NeedKind, str]]:
    return [(one.kind, one.seen) for one in (await here.coordinator.fleet.needs_me(by=OPERATOR)).shown]


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoardWriter, "rest_s", 0.1)


async def shown(town: Town, *words: str) -> dict[str, Any]:
    """Return the board, once it shows all these words."""
    return await town.said("-# Updated", *words)


@pytest.mark.usefixtures("quick_looks")
async def test_the_board_shows_every_agent_and_follows_what_happens(owned: Town) -> None:
    await owned.ask("fleet board")
    first = await shown(owned, "**Window-1**", "**main**")
    await owned.ask("task new", brief="Count the birds", agent="Window-1")
    await owned.now(first, "**T-1** Count the birds")
    await owned.ask("task done", task="T-1", text="Seven.")
    await owned.now(first, "1 done")
    await owned.ask("task new", brief="Count the bees", agent="Dry-1")
    await owned.card("T-2", DRY_RUN)
    await owned.now(first, "🟠", "`/fleet needs-me`")


@pytest.mark.usefixtures("quick_looks")
@pytest.mark.parametrize("way", ["button", "option"])
async def test_it_is_removed_by_its_button_or_by_an_option_for_who_may_remove_it(owned: Town, way: str) -> None:
    await owned.ask("fleet board")
    board = await shown(owned)
    denied = await owned.press(board, "Remove", user="Ben")
    assert text_of(denied) == owned.refuses(Permission.FLEET_BOARD)
    assert buttons(await owned.now(board)) == ["Remove"]
    if way == "button":
        await owned.press(board, "Remove")
    else:
        await owned.ask("fleet board", remove=True)
    assert await owned.ask("fleet board", remove=True) == sentence_of(refused("no_board"))
    async with asyncio.timeout(60):
        version = 0
        while any(one["id"] == board["id"] for one in await owned.sandbox.messages()):
            version = await owned.sandbox.changed(version, 1.0)


@pytest.mark.usefixtures("quick_looks")
async def test_what_could_not_be_posted_is_counted_though_no_row_of_the_journal_says_so(owned: Town) -> None:
    await owned.ask("fleet board")
    board = await shown(owned)
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    await owned.card("T-1", DRY_RUN)
    await owned.now(board, "1 waiting", "1 thing")
    await owned.sandbox.fault(kind="error", route=r"POST /channels/\d+/messages", times=2, status=400, code=50035)
    notices, halt = owned.coordinator.notices, Halt(state="waiting", reason=WaitReason.DRY_RUN)
    await owned.coordinator.store.write(lambda tx: notices.notify(tx, NoticeKind.HELD, "T-1", detail=halt))
    await owned.now(board, "2 things")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", ["post", "edit", "delete"])
async def test_a_lost_connection_makes_no_second_board_and_loses_no_change(
    tmp_path: Path, verb: str, when: str
) -> None:
    async with with_board(tmp_path) as here:
        setattr(here.channels, when, once(verb))
        await look(here, 2)
        await pause(here)
        await look(here, 2)
        await here.coordinator.fleet.boards.place(place(), by=OPERATOR)
        [board] = await look(here, 4)
        assert PAUSED in words_of(board.parts)
        assert [row.posted_message for row in await here.coordinator.fleet.boards.all()] == [board.id]


@pytest.mark.parametrize("refusal", [LOST, DiscordFailed(why="503"), DiscordBan(why="429 0", after_s=MINUTE_S)])
async def test_a_refusal_for_a_while_is_waited_out(tmp_path: Path, refusal: Exception) -> None:
    async with with_board(tmp_path) as here:
        here.channels.before = once("post", refusal)
        [board] = await look(here, 3)
        here.channels.before = once("edit", refusal)
        await pause(here)
        assert await look(here, 3) == [board]
        assert PAUSED in words_of(board.parts)


async def test_nothing_is_edited_when_only_time_has_passed(tmp_path: Path) -> None:
    async with with_board(tmp_path) as here:
        [board] = await look(here)
        await look(here, 3)
        assert (board.edits, here.channels.calls.count("edit")) == (0, 0)


@pytest.mark.usefixtures("quick_looks")
async def test_of_many_changes_the_last_one_is_shown_with_few_edits(tmp_path: Path) -> None:
    async with with_board(tmp_path) as here, asyncio.TaskGroup() as group:
        writer, began = group.create_task(here.boards.run()), asyncio.get_running_loop().time()
        for number in range(61):
            verb = here.coordinator.availability.resume if number % 2 else here.coordinator.availability.pause
            await verb("Agent-1", by=OPERATOR)
            here.clock.advance(MINUTE_S)
        await here.until(lambda: here.shown(PAUSED))
        lasted_s = asyncio.get_running_loop().time() - began
        assert here.channels.messages[0].edits <= lasted_s / BoardWriter.rest_s + 2
        writer.cancel()


@pytest.mark.parametrize("why", ["asked for again", "deleted", "too old"])
async def test_a_board_is_posted_again_at_the_end_of_the_channel(tmp_path: Path, why: str) -> None:
    async with with_board(tmp_path) as here:
        [first] = await look(here)
        if why == "asked for again":
            await here.coordinator.fleet.boards.place(place(), by=OPERATOR)
        elif why == "deleted":
            here.channels.lose(first.id)
        else:
            here.channels.before = once("edit", TooOldToEdit(why="429 30046"))
        await pause(here)
        [second] = await look(here, 4)
        assert int(second.id) > int(first.id)
        assert PAUSED in words_of(second.parts)


@pytest.mark.parametrize("is_blind", [False, True])
async def test_after_an_end_between_post_and_note_there_is_one_board(tmp_path: Path, *, is_blind: bool) -> None:
    """With the search for the marker blind there are two, as Discord has forgotten the nonce by then."""
    async with with_board(tmp_path) as here:
        here.channels.after = once("post", asyncio.CancelledError())
        await look(here)
        here.channels.nonces.clear()
        here.channels.is_blind = is_blind
        here.restart()
        assert len(await look(here, 2)) == (2 if is_blind else 1)


async def test_in_a_channel_that_refuses_it_waits_and_is_listed_until_it_may_write(tmp_path: Path) -> None:
    async with with_board(tmp_path) as here:
        here.channels.forbidden = {CHANNEL}
        await here.sweep_boards()
        await here.sweep_boards()
        assert here.channels.calls == ["find"], "it pauses"
        [(_, seen)] = await needs(here)
        assert "50013" in seen
        here.channels.forbidden.clear()
        here.clock.advance(MINUTE_S)
        assert len(await look(here)) == 1
        assert await needs(here) == []


async def test_in_a_deleted_channel_it_is_given_up_and_listed(tmp_path: Path) -> None:
    async with with_board(tmp_path) as here:
        await look(here)
        here.channels.gone = {CHANNEL}
        await pause(here)
        await look(here)
        [(kind, seen)] = await needs(here)
        assert (kind, "10003" in seen) == (NeedKind.BOARD_GONE, True)
        assert [row.state for row in await here.coordinator.fleet.boards.all()] == [BoardState.GIVEN_UP]


@pytest.mark.usefixtures("quick_looks")
async def test_what_needs_you_is_a_second_board_without_running_clocks_pinned_where_discord_allows_it(
    owned: Town,
) -> None:
    await owned.ask("fleet board")
    fleet = await shown(owned)
    await owned.ask("fleet board", kind="needs-me")
    board = await owned.said("### Nothing needs you right now")
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    board = await owned.now(board, "T-1", "<t:")
    assert ":R>" not in text_of(board)
    await owned.now(fleet, "1 thing needs")
    home = owned.sandbox.world.home
    async with asyncio.timeout(60):
        version = 0
        while [str(one.id) for one in owned.sandbox.world.pins(home.id)] != [board["id"]]:
            version = await owned.sandbox.changed(version, 1.0)
    await owned.press(board, "Remove")
    async with asyncio.timeout(60):
        version = 0
        while any(one["id"] == board["id"] for one in await owned.sandbox.messages()):
            version = await owned.sandbox.changed(version, 1.0)
    await owned.now(fleet, "1 thing needs")


async def test_it_is_pinned_once_and_without_the_permission_works_unpinned(tmp_path: Path) -> None:
    async with with_needs(tmp_path) as here:
        here.channels.may_pin = False
        [board] = await look(here, 3)
        assert (board.is_pinned, here.channels.calls.count("pin")) == (False, 1)
        here.channels.forbidden = {CHANNEL}
        await here.coordinator.fleet.boards.place(place(2002), by=OPERATOR)
        await look(here)
        assert await needs(here) == [], "a refused pin is no refused channel"
        here.channels.forbidden.clear()
        here.channels.may_pin = True
        here.boards.access_changed()
        assert [one.is_pinned for one in await look(here, 2) if one.id == board.id] == [True]
        board.is_pinned = False  # a user unpins it
        here.restart()
        await look(here, 2)
        assert (board.is_pinned, here.channels.calls.count("pin")) == (False, 2)


def test_an_answer_on_any_interface_takes_the_question_from_everywhere_within_two_seconds(tmp_path: Path) -> None:
    """The writers run by a virtual clock, and see only what the answer in core leaves behind."""
    clock = FakeClock()
    assert run_virtually(clock, _time_of_answer(tmp_path, clock)) <= 2


async def _time_of_answer(home: Path, clock: FakeClock) -> float:
    channels = FakeChannels(clock=clock)
    async with talking(home, clock=clock) as octet, asyncio.TaskGroup() as group:
        here = House(coordinator=octet, channels=channels, clock=clock, default=CHANNEL)
        writers = [group.create_task(one.run()) for one in (here.outbox, here.boards)]
        for kind in BoardKind:
            await octet.fleet.boards.place(place(), kind, by=OPERATOR)
        await octet.tasks.new(make_new_task(agent="Ann", place=place()), by=CAROL)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        asked = await octet.questions.ask(NewQuestion(text="Red or blue?", key="1"), Proof(agent="Ann"))
        await here.until(lambda: here.shown("Ann asks a question", "Red or blue?") and can_answer(here))
        await asyncio.sleep(10)  # virtually: the user reads it, and the channel takes all its edits again
        await octet.availability.pause("Bob", by=OPERATOR)
        await asyncio.sleep(0.1)  # the writer has just looked
        began_s = clock.monotonic_s()
        await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=CAROL)
        assert await needs(here) == []
        await here.until(lambda: here.shown("Nothing needs you right now") and here.shown("Nothing needs attention"))
        await here.until(lambda: not can_answer(here))
        took_s = clock.monotonic_s() - began_s
        for writer in writers:
            writer.cancel()
    return took_s


def can_answer(here: House) -> bool:
    """Whether a message offers to answer a question."""
    items = [item for one in here.channels.messages if one.parts.view for item in one.parts.view.walk_children()]
    return any(str(getattr(item, "custom_id", "")).startswith("v1:question:") for item in items)
