"""A bad line loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text as sql

from bot.discord.outbox import NONCE_LASTS_MS
from core.security.model import OPERATOR
from sandbox.discord.rest.api import Exchange
from tests.bot.discord.faults import BadLine, Fault, bad_line
from tests.bot.discord.town import Town, bot_at_work, settings_for, text_of

SEND = r"POST /channels/\d+/messages"
EDIT = r"PATCH /channels/\d+/messages/\d+"
THREAD = r"POST /channels/\d+/messages/\d+/threads"
ANSWER = r"PATCH /webhooks/\d+/[^/]+/messages/@original"
ACK = r"POST /interactions/\d+/[^/]+/callback"
LIMITED = {"Via": "1.1 sandbox", "Retry-After": "0.05"}


@asynccontextmanager
async def on_a_bad_line(town: Town) -> AsyncGenerator[BadLine]:
    """The bot behind a line that can be made bad; Ada owns the town."""
    async with (
        bad_line(town.sandbox) as line,
        bot_at_work(town, settings_for(town.sandbox, api_base=line.api_base)),
    ):
        await town.own()
        yield line


async def whole_story(town: Town) -> None:
    """From command to end; each thing is there exactly once."""
    said = await town.ask("task new", prompt="Count the birds", agent="Dry-1")
    assert said.startswith("T-1 is accepted")
    await town.card(holds="sent (dry run)")
    await town.sandbox.wait_thread()
    assert await town.ask("task done", task="T-1", text="Seven birds.") == "T-1 is done, by your word."
    await town.said("T-1 is done")
    await town.card(holds="done, as reported")
    public = [m for m in await town.sandbox.messages() if m["sandbox"]["only_for"] is None]
    for words in ("### T-1 ·", "Seven birds.", "**T-1 is done**"):
        assert len([m for m in public if words in text_of(m)]) == 1
    assert len(await town.sandbox.threads()) == 1
    assert len(await town.coordinator.tasks.list(by=OPERATOR)) == 1


@pytest.mark.parametrize("route", [SEND, EDIT, THREAD, ANSWER, ACK])
@pytest.mark.parametrize("after", [False, True])
async def test_a_cut_connection_loses_and_doubles_nothing(quiet_town: Town, route: str, *, after: bool) -> None:
    async with on_a_bad_line(quiet_town) as line:
        fault = Fault(route=route, after=after)
        line.faults.append(fault)
        await whole_story(quiet_town)
        assert fault.times == 0


@pytest.mark.parametrize(
    ("route", "status", "headers", "after"),
    [
        (SEND, 503, {}, True),
        (SEND, 502, {}, True),
        (SEND, 429, LIMITED, False),
        (EDIT, 520, {}, False),
        (THREAD, 503, {}, True),
    ],
)
async def test_an_error_of_the_server_loses_and_doubles_nothing(
    quiet_town: Town, route: str, status: int, headers: dict[str, str], *, after: bool
) -> None:
    async with on_a_bad_line(quiet_town) as line:
        fault = Fault(route=route, status=status, headers=headers, after=after)
        line.faults.append(fault)
        await whole_story(quiet_town)
        assert fault.times == 0


async def test_a_429_from_outside_the_rate_limits_rests_for_minutes_instead_of_hammering(quiet_town: Town) -> None:
    async with on_a_bad_line(quiet_town) as line:
        line.faults.append(Fault(route=SEND, status=429, times=100))
        await quiet_town.ask("task new", prompt="Count the birds", agent="Dry-1")
        await line.called(SEND)
        for _ in range(20):
            await quiet_town.ask("agent list")
    assert line.count(SEND) == 1


async def test_a_card_whose_answer_was_lost_is_found_by_its_marker_when_the_nonce_is_forgotten(
    quiet_town: Town,
) -> None:
    async with on_a_bad_line(quiet_town) as line:
        line.faults.append(Fault(route=SEND, after=True, times=1000))
        await quiet_town.ask("task new", prompt="Count the birds", agent="Dry-1")
        card = await quiet_town.card()
        await line.called(SEND)
    age = {"by": 10 * NONCE_LASTS_MS}
    aged = sql("UPDATE notices SET created_ms = created_ms - :by, not_before_ms = 0")
    await quiet_town.coordinator.store.write(lambda tx: tx.execute(aged, age) and None)
    before = sum(one.method == "POST" and one.route.endswith("/messages") for one in exchanges(quiet_town))
    async with bot_at_work(quiet_town):
        found = await quiet_town.card(holds="sent (dry run)")
        await quiet_town.sandbox.wait_thread()
    assert found["id"] == card["id"]
    assert sum(one.method == "POST" and one.route.endswith("/messages") for one in exchanges(quiet_town)) == before


async def test_news_for_a_locked_thread_go_to_the_channel(quiet_town: Town) -> None:
    async with on_a_bad_line(quiet_town) as line:
        await quiet_town.ask("task new", prompt="Count the birds", agent="Dry-1")
        await quiet_town.card(holds="sent (dry run)")
        thread = await quiet_town.sandbox.wait_thread()
        line.faults.append(Fault(route=rf"POST /channels/{thread['id']}/messages", status=400, code=50083, times=5))
        await quiet_town.ask("task done", task="T-1", text="Seven birds.")
        words = await quiet_town.said("Seven birds.")
        assert words["channel_id"] == str(quiet_town.sandbox.world.home.id)


def exchanges(town: Town) -> list[Exchange]:
    return list(town.sandbox.record.exchanges)


async def test_a_late_acknowledgement_does_nothing_and_is_not_an_error(
    quiet_town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    async with on_a_bad_line(quiet_town) as line:
        line.faults.append(Fault(route=ACK, status=404, code=10062))
        await quiet_town.sandbox.slash("Ada", "#octet", "task new", {"prompt": "Count the birds"})
        assert "No tasks" in await quiet_town.ask("task list")
    told = capsys.readouterr().out
    assert "interaction_too_late" in told
    assert "Traceback" not in told


async def test_a_message_deleted_by_a_person_is_posted_again(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town):
        await quiet_town.own()
        await quiet_town.ask("task new", prompt="Count the birds", agent="Dry-1")
        card = await quiet_town.card(holds="sent (dry run)")
        await quiet_town.sandbox.delete_message(card)
        await quiet_town.ask("task cancel", task="T-1")
        again = await quiet_town.card(holds="**cancelled**")
        assert again["id"] != card["id"]


async def test_an_edit_that_is_refused_for_its_age_becomes_a_new_message(quiet_town: Town) -> None:
    async with on_a_bad_line(quiet_town) as line:
        await quiet_town.ask("task new", prompt="Count the birds", agent="Dry-1")
        card = await quiet_town.card(holds="sent (dry run)")
        line.faults.append(Fault(route=EDIT, status=429, code=30046, headers=LIMITED, times=5))
        await quiet_town.ask("task cancel", task="T-1")
        again = await quiet_town.card(holds="**cancelled**")
        assert again["id"] != card["id"]


async def test_a_channel_where_the_bot_may_not_write_is_noted_and_the_task_goes_on(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town):
        await quiet_town.own()
        await quiet_town.sandbox.forbid("#octet", "send_messages")
        await quiet_town.ask("task new", prompt="Count the birds", agent="Dry-1")
        assert "sent (dry run)" in await until_shown(quiet_town, "sent (dry run)")
        card = await quiet_town.coordinator.notices.card_of("T-1")
        assert card is not None
        assert "50013" in card.error


async def until_shown(town: Town, words: str) -> str:
    async with asyncio.timeout(10):
        while words not in (shown := await town.ask("task show", task="T-1")):
            pass
    return shown
