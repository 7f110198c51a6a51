"""The live board: one in a channel, always the present, whatever the line, a person or a kill does to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.discord.board_writer import BoardWriter
from core.fleet.model import BoardState
from core.notices.model import NoticeKind
from core.reasons import WaitReason
from core.remedies import next_step
from core.security.model import OPERATOR
from core.tasks.model import TaskState
from tests.bot.discord.town import Town, bot_at_work, text_of
from tests.builders import make_new_task
from tests.core.dispatch.test_loop import reach
from tests.fakes.sandbox_client import wait_message, wait_thread

SEND = r"POST /channels/\d+/messages"
EDIT = r"PATCH /channels/\d+/messages/\d+"
DELETE = r"DELETE /channels/\d+/messages/\d+"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoardWriter, "rest_s", 0.1)


async def shown(town: Town, *holds: str) -> dict[str, Any]:
    """The board, once it shows all of `holds` (what is counted may be newer for a moment than who does what)."""
    return await wait_message(town.sandbox, lambda m: all(words in text_of(m) for words in ("### The fleet", *holds)))


async def standing(town: Town) -> list[dict[str, Any]]:
    return [m for m in await town.sandbox.messages() if "### The fleet" in text_of(m)]


async def settled(town: Town, number: int = 1) -> list[dict[str, Any]]:
    """The boards, once each row is noted and none is to leave."""
    async with asyncio.timeout(60):
        while True:
            rows = await town.coordinator.fleet.boards.all()
            there = await standing(town)
            noted = {row.posted_message for row in rows if row.state is BoardState.STANDS}
            if len(there) == number and {m["id"] for m in there} == noted and len(rows) == number:
                return there
            await asyncio.sleep(0.02)


async def a_task(town: Town, words: str = "Count the birds") -> None:
    await town.ask("task new", brief=words, agent="Dry-1")


async def test_the_board_shows_everybody_and_follows_what_happens(owned: Town) -> None:
    assert "appears below" in await owned.ask("fleet board")
    first = await shown(owned)
    for words in (
        "🟢 **Dry-1** free",
        "🟢 **Window-1** free",
        "Desk **main** ready",
        "Nothing needs a user",
        "none yet",
    ):
        assert words in text_of(first)
    assert first["sandbox"]["only_for"] is None
    await owned.ask("task new", brief="Count the birds", agent="Window-1")
    now = await shown(owned, "🔵 **Window-1** works on **T-1** Count the birds", "1 under way")
    assert now["id"] == first["id"]
    await owned.ask("task done", task="T-1", text="Seven.")
    assert (await shown(owned, "🟢 **Window-1** free", "1 done"))["id"] == first["id"]


async def test_it_says_how_much_needs_a_person(owned: Town) -> None:
    await owned.ask("fleet board")
    await a_task(owned)
    await shown(owned, "1 waiting", "1 thing needs a user")


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("route", [SEND, EDIT, DELETE])
async def test_a_cut_connection_makes_no_second_board_and_loses_no_change(
    owned: Town, route: str, *, executed: bool
) -> None:
    rule = await owned.sandbox.fault(kind="drop", route=route, times=1, executed=executed)
    await owned.ask("fleet board")
    await shown(owned)
    await owned.ask("desk hold")
    await shown(owned, "on hold")
    await owned.ask("fleet board")
    await settled(owned)
    assert owned.sandbox.faults.struck(rule) == 1


async def test_of_a_storm_the_last_change_is_shown_with_few_edits(owned: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await owned.ask("fleet board")
    await settled(owned)
    monkeypatch.setattr(BoardWriter, "rest_s", 0.5)
    await owned.ask("desk hold")
    await shown(owned, "on hold")
    before, began = edits(owned), asyncio.get_running_loop().time()
    for number in range(60):
        verb = owned.coordinator.desks.release if number % 2 == 0 else owned.coordinator.desks.hold
        await verb("main", by=OPERATOR)
        await asyncio.sleep(0.02)  # the storm lasts: each change could be seen
    await owned.coordinator.desks.stop("main", by=OPERATOR)
    await shown(owned, "presses no key")
    lasted_s = asyncio.get_running_loop().time() - began
    assert edits(owned) - before <= lasted_s / 0.5 + 2


def edits(town: Town) -> int:
    return sum(
        one.method == "PATCH" and "/messages/" in one.path and "webhooks" not in one.path
        for one in town.sandbox.record.exchanges
    )


async def test_nothing_is_edited_when_nothing_visible_changed(owned: Town) -> None:
    await owned.ask("fleet board")
    await settled(owned)
    await owned.ask("desk hold")
    await shown(owned, "on hold")
    before = edits(owned)
    for _ in range(5):
        await owned.ask("desk hold")  # the journal has a row each time
    await looked(owned)
    assert edits(owned) == before


async def looked(town: Town) -> None:
    """Let the writer look twice after all that was committed."""
    for _ in range(2):
        real, done = type(town.coordinator.fleet).board, asyncio.Event()

        async def board(self: Any, *, by: Any, real: Any = real, done: asyncio.Event = done) -> Any:
            found = await real(self, by=by)
            done.set()
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(town.coordinator.fleet), "board", board)
            await town.ask("desk hold")
            await asyncio.wait_for(done.wait(), 60)


async def test_asked_for_again_it_moves_to_the_end_of_the_channel(owned: Town) -> None:
    await owned.ask("fleet board")
    [first] = await settled(owned)
    await a_task(owned)
    await owned.card(holds="sent (dry run)")
    await owned.ask("fleet board")
    [second] = await settled(owned)
    assert int(second["id"]) > int(first["id"])
    assert int(second["id"]) > int((await owned.card())["id"])


async def test_deleted_by_a_person_it_comes_back_at_the_next_change(owned: Town) -> None:
    await owned.ask("fleet board")
    [first] = await settled(owned)
    await owned.sandbox.delete_message(first)
    await owned.ask("desk hold")
    again = await shown(owned, "on hold")
    assert again["id"] != first["id"]
    await settled(owned)


async def test_too_old_to_be_edited_it_is_posted_anew(owned: Town) -> None:
    await owned.ask("fleet board")
    [first] = await settled(owned)
    await owned.sandbox.fault(kind="limit", route=EDIT, code=30046, seconds=0.05, times=5)
    await owned.ask("desk hold")
    await wait_message(
        owned.sandbox, lambda m: "on hold" in text_of(m) and m["id"] != first["id"] and "### The fleet" in text_of(m)
    )
    [second] = await settled(owned)
    assert second["id"] != first["id"]


@pytest.mark.parametrize("way", ["button", "option"])
async def test_it_is_removed_by_its_button_or_by_an_option(owned: Town, way: str) -> None:
    await owned.ask("fleet board")
    [board] = await settled(owned)
    if way == "button":
        answer = await owned.sandbox.click("Ada", board, "v1:fleet:board:remove")
        said = text_of(await owned.answered(answer))
    else:
        said = await owned.ask("fleet board", remove=True)
    assert "removes the board from this channel" in said
    await settled(owned, 0)
    assert "no live board in this channel" in await owned.ask("fleet board", remove=True)


async def test_a_stranger_who_presses_remove_is_denied(owned: Town) -> None:
    await owned.ask("fleet board")
    [board] = await settled(owned)
    answer = await owned.sandbox.click("Ben", board, "v1:fleet:board:remove")
    assert "needs `fleet.board`" in text_of(await owned.answered(answer))
    assert len(await standing(owned)) == 1


async def test_where_the_bot_may_not_write_it_waits_and_comes_when_it_may(owned: Town) -> None:
    await owned.sandbox.forbid("#octet", ["send_messages"])
    await owned.ask("fleet board")
    async with asyncio.timeout(60):
        while not (await owned.coordinator.fleet.needs_me(by=OPERATOR)).total:  # noqa: ASYNC110 - a row, no event
            await asyncio.sleep(0.02)
    said = await owned.ask("fleet needs-me")
    assert "refuses the live board's channel" in said
    assert "50013" in said
    await owned.sandbox.forbid("#octet")
    await shown(owned)
    [_] = await settled(owned)
    async with asyncio.timeout(60):
        while (await owned.coordinator.fleet.needs_me(by=OPERATOR)).total:  # noqa: ASYNC110 - a row, no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "limit", "seconds": 0.3},
        {"kind": "limit", "seconds": 0.3, "is_global": True},
        {"kind": "limit", "seconds": 1.0, "has_via": False},
        {"kind": "error", "status": 503, "executed": True},
    ],
)
async def test_a_refusal_for_a_while_is_waited_out(owned: Town, fault: dict[str, Any]) -> None:
    await owned.sandbox.fault(route=SEND, times=1, **fault)
    await owned.ask("fleet board")
    await settled(owned)
    await owned.sandbox.fault(route=EDIT, times=1, **fault)
    await owned.ask("desk hold")
    await shown(owned, "on hold")
    assert len(await standing(owned)) == 1


@asynccontextmanager
async def owned_by_ada(town: Town) -> AsyncGenerator[None]:
    async with bot_at_work(town):
        await town.own()
        yield


@pytest.mark.parametrize("is_blind", [False, True])
async def test_after_an_end_between_post_and_note_there_is_one_board(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch, *, is_blind: bool
) -> None:
    """By its marker, as the nonce is forgotten by then; without the look for it there are two."""
    quiet_town.sandbox.world._nonce_ttl_s = 0.0
    async with owned_by_ada(quiet_town):
        posted = asyncio.Event()

        async def hang(*_args: object) -> None:
            posted.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as end:
            end.setattr(type(quiet_town.coordinator.fleet.boards), "posted", hang)
            end.setattr("bot.discord.client.DRAIN_S", 0.05)
            await quiet_town.ask("fleet board")
            await asyncio.wait_for(posted.wait(), 60)
    if is_blind:

        async def nothing(_boards: BoardWriter, _row: object) -> None:
            return None

        monkeypatch.setattr(BoardWriter, "_find", nothing)
    async with bot_at_work(quiet_town):
        async with asyncio.timeout(60):
            while not all(row.posted_message for row in await quiet_town.coordinator.fleet.boards.all()):  # noqa: ASYNC110 - rows, no event
                await asyncio.sleep(0.02)
        assert len(await standing(quiet_town)) == (2 if is_blind else 1)


async def test_its_channel_deleted_it_is_given_up_with_a_note(owned: Town) -> None:
    await owned.ask("fleet board")
    await settled(owned)
    await owned.sandbox.delete_channel("#octet")
    await owned.coordinator.desks.hold("main", by=OPERATOR)
    async with asyncio.timeout(60):
        while not (found := await owned.coordinator.fleet.needs_me(by=OPERATOR)).total:  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.02)
    assert "10003" in found.shown[0].seen
    assert [board.state for board in await owned.coordinator.fleet.boards.all()] == [BoardState.GIVEN_UP]


async def test_what_could_not_be_told_is_counted_though_no_row_of_the_journal_says_so(owned: Town) -> None:
    await owned.ask("fleet board")
    await settled(owned)
    await a_card(owned)
    await shown(owned, "1 thing needs a user")
    await owned.sandbox.fault(
        kind="error", route=SEND, times=2, status=400, code=50035
    )  # in the thread, in the channel
    await owned.coordinator.store.write(
        lambda tx: owned.coordinator.notices.notify(tx, NoticeKind.HELD, "T-1", text="waiting: dry_run")
    )
    await shown(owned, "2 things need a user")


async def a_card(town: Town) -> Any:
    await a_task(town)
    await town.card(holds="sent (dry run)")
    await wait_thread(town.sandbox)
    async with asyncio.timeout(60):  # Discord has the thread before it is noted
        while not (card := await town.coordinator.notices.card_of("T-1")) or not card.thread:  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.02)
    return card


async def test_what_needs_a_person_is_listed_privately_with_links(owned: Town) -> None:
    assert "Nothing needs you right now" in await owned.ask("fleet needs-me")
    await a_card(owned)
    answer = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "fleet needs-me", {}))
    assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ada.id)
    [thread] = await owned.sandbox.threads()
    assert f"**[T-1](https://discord.com/channels/{owned.sandbox.world.guild_id}/{thread['id']})** Count" in text_of(
        answer
    )
    assert f"➜ {next_step(WaitReason.DRY_RUN)}" in text_of(answer)


async def test_a_long_list_is_cut_and_says_how_much_is_left_out(owned: Town) -> None:
    for number in range(30):
        task = await owned.coordinator.tasks.new(
            make_new_task(f"{number} " + "*long* " * 20, agent="Dry-1"), by=OPERATOR
        )
        await reach(owned.coordinator, task.id, TaskState.WAITING, "dry_run")
    shown_now = await owned.ask("fleet needs-me")
    assert "30 things need you" in shown_now
    listed = shown_now.count("➜")
    assert 5 < listed < 30
    assert f"… and {30 - listed} more" in shown_now
