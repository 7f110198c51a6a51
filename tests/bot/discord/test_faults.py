"""A bad line loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text as sql

from bot.discord import channel_client, outbox
from bot.discord.outbox import Outbox
from core.notices.model import Notice
from core.security.model import OPERATOR
from core.store.engine import Tx
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import Town, bot_at_work, text_of
from tests.builders import make_new_task
from tests.fakes.sandbox_client import wait_message, wait_thread
from tests.sandbox.discord.wire import hurried

SEND = r"POST /channels/\d+/messages"
EDIT = r"PATCH /channels/\d+/messages/\d+"
THREAD = r"POST /channels/\d+/messages/\d+/threads"
ANSWER = r"PATCH /webhooks/\d+/[^/]+/messages/@original"
ACK = r"POST /interactions/\d+/[^/]+/callback"
_DUE_NOW = sql("UPDATE notices SET not_before_ms = 0")


@asynccontextmanager
async def owned_by_ada(town: Town) -> AsyncGenerator[Town]:
    """The bot at work before anything goes wrong; Ada owns the town."""
    async with bot_at_work(town):
        await town.own()
        yield town


def calls(sandbox: Sandbox, route: str) -> int:
    return sum(re.fullmatch(route, f"{one.method} {one.path}") is not None for one in sandbox.record.exchanges)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - strikes and forgotten nonces are no changes of the world
            await asyncio.sleep(0.01)


async def told_once(town: Town, *texts: str) -> None:
    public = [m for m in await town.sandbox.messages() if m["sandbox"]["only_for"] is None]
    assert {words: len([m for m in public if words in text_of(m)]) for words in texts} == dict.fromkeys(texts, 1)


async def whole_story(town: Town) -> None:
    """From command to end; each thing is there exactly once."""
    said = await town.ask("task new", brief="Count the birds", agent="Dry-1")
    assert said.startswith("T-1 created: see its card")
    await town.card(holds="sent (dry run)")
    await wait_thread(town.sandbox)
    assert await town.ask("task done", task="T-1", text="Seven birds.") == "Marked T-1 as done."
    await town.said("T-1 is done")
    await town.card(holds="done, says its agent")
    await told_once(town, "### T-1 ·", "Seven birds.", "**T-1 is done**")
    assert len(await town.sandbox.threads()) == 1
    assert len(await town.coordinator.tasks.list(by=OPERATOR)) == 1


@pytest.mark.parametrize("route", [SEND, EDIT, THREAD, ANSWER, ACK])
@pytest.mark.parametrize("executed", [False, True])
async def test_a_cut_connection_loses_and_doubles_nothing(quiet_town: Town, route: str, *, executed: bool) -> None:
    async with owned_by_ada(quiet_town) as town:
        rule = await town.sandbox.fault(kind="drop", route=route, times=1, executed=executed)
        await whole_story(town)
        assert town.sandbox.faults.struck(rule) == 1


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        (SEND, {"kind": "error", "status": 503, "executed": True}),
        (SEND, {"kind": "error", "status": 502, "executed": True}),
        (EDIT, {"kind": "error", "status": 520}),
        (THREAD, {"kind": "error", "status": 503, "executed": True}),
        (SEND, {"kind": "limit", "seconds": 0.2}),
        (SEND, {"kind": "limit", "seconds": 0.2, "is_global": True}),
        (SEND, {"kind": "limit", "seconds": 1.0, "has_via": False}),
        (SEND, {"kind": "delay", "seconds": 0.5}),
    ],
)
async def test_a_refusal_for_a_while_loses_and_doubles_nothing(
    quiet_town: Town, route: str, fault: dict[str, Any]
) -> None:
    async with owned_by_ada(quiet_town) as town:
        rule = await town.sandbox.fault(route=route, times=1, **fault)
        await whole_story(town)
        assert town.sandbox.faults.struck(rule) == 1


async def test_a_long_limit_is_waited_out_by_the_notice_and_holds_up_nobody(quiet_town: Town) -> None:
    """Longer than the library would wait, so it says so at once, and the notice is due again when the limit is over."""
    async with owned_by_ada(quiet_town) as town:
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        await town.card(holds="sent (dry run)")
        await wait_thread(town.sandbox)
        thread = (await town.sandbox.threads())[0]["id"]
        await town.sandbox.fault(kind="limit", route=rf"POST /channels/{thread}/messages", times=1, seconds=45.0)
        clock = town.coordinator.notices._clock
        before_ms = clock.now_ms()
        await town.ask("task done", task="T-1", text="Seven birds.")
        refused = sql("SELECT not_before_ms, error FROM notices WHERE attempts > 0")
        async with asyncio.timeout(60):
            while not (waiting := await town.coordinator.store.fetch(refused, {})):  # noqa: ASYNC110 - a row, no event
                await asyncio.sleep(0.01)
        after_ms = clock.now_ms()
        await town.card(holds="done, says its agent")
        await town.ask("task new", brief="Count the cats", agent="Dry-1")
        await town.card("T-2", holds="sent (dry run)")
        assert [("rate limit" in row.error) for row in waiting] == [True]
        assert before_ms + 45_000 <= waiting[0].not_before_ms <= after_ms + 45_000
        await make_due(town)
        await town.said("T-1 is done")
        await told_once(town, "Seven birds.", "**T-1 is done**")


async def make_due(town: Town) -> None:
    def change(tx: Tx) -> None:
        tx.execute(_DUE_NOW, {})
        tx.after_commit(town.coordinator.notices.news.set)

    await town.coordinator.store.write(change)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "limit", "has_via": False}, {"kind": "error", "status": 401}],
    ids=["429 without Via", "401"],
)
async def test_a_ban_or_a_refused_token_ends_all_requests_of_the_bot(quiet_town: Town, fault: dict[str, Any]) -> None:
    async with owned_by_ada(quiet_town) as town:
        rule = await town.sandbox.fault(route=".*", times=100, **fault)
        tasks = [await town.coordinator.tasks.new(make_new_task("Count the birds"), by=OPERATOR) for _ in range(12)]
        await until(lambda: town.sandbox.faults.hits)
        before = calls(town.sandbox, ACK)
        with hurried(town.sandbox):  # nobody answers these
            for _ in range(3):
                assert (await town.sandbox.slash("Ada", "#octet", "agent list")).failure
        assert calls(town.sandbox, ACK) == before
        for task in tasks:
            await town.coordinator.store.write(lambda tx, of=task.id: town.coordinator.notices.card_changed(tx, of))
        assert town.sandbox.faults.struck(rule) <= 8, "only those that were under way when it began"
        assert len(await town.sandbox.messages()) == 1, "the private answer from before"


async def test_a_call_given_up_during_a_global_limit_does_not_shut_the_line_for_good(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library waits out a global limit behind a gate, and leaves it shut when that call is cancelled."""
    monkeypatch.setattr(channel_client, "_CALL_S", 0.3)
    async with owned_by_ada(quiet_town) as town:
        await town.sandbox.fault(kind="limit", route=SEND, times=1, seconds=1.0, is_global=True)
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        await town.card(holds="sent (dry run)")
        await told_once(town, "### T-1 ·")


@pytest.mark.parametrize("is_blind", [False, True])
async def test_an_outage_longer_than_discord_remembers_nonces(
    quiet_town: Town, monkeypatch: pytest.MonkeyPatch, *, is_blind: bool
) -> None:
    """The marker alone prevents the second card; without the look for it there are two."""
    monkeypatch.setattr(outbox, "NONCE_LASTS_MS", 0)
    quiet_town.sandbox.world._nonce_ttl_s = 0.4

    async def nothing(_outbox: Outbox, _notice: Notice, _channel: int, _tag: str = "") -> None:
        return None

    if is_blind:
        monkeypatch.setattr(Outbox, "_find", nothing)
    async with owned_by_ada(quiet_town) as town:
        await town.sandbox.fault(kind="drop", route=SEND, times=1, executed=True)
        await town.sandbox.fault(kind="error", route=SEND, probability=1.0, status=503)
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        first = await town.card()
        await town.sandbox.fault(kind="error", route=r"GET /channels/\d+/messages", probability=1.0, status=503)
        world, home = town.sandbox.world, town.sandbox.world.home.id
        await until(lambda: world.message_by_nonce(home, first["nonce"]) is None)
        town.sandbox.faults.clear()
        await wait_thread(town.sandbox)
        cards = [m for m in await town.sandbox.messages() if "### T-1 ·" in text_of(m)]
        assert len(cards) == (2 if is_blind else 1)
        if not is_blind:
            await told_once(town, "### T-1 ·")


async def test_of_edits_on_a_bad_line_the_last_one_stands(quiet_town: Town) -> None:
    async with owned_by_ada(quiet_town) as town:
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        await town.card(holds="sent (dry run)")
        await wait_thread(town.sandbox)
        await town.sandbox.fault(kind="delay", route=EDIT, times=1, seconds=0.5)
        await town.sandbox.fault(kind="drop", route=EDIT, times=2, executed=True)
        await town.sandbox.fault(kind="error", route=EDIT, times=1, status=503, executed=True)
        await touch(town, 5)
        await town.ask("task done", task="T-1", text="Seven birds.")
        card = await town.card(holds="done, says its agent")
        await until(lambda: town.sandbox.faults.hits)
        version = await town.sandbox.changed(-1, 0)
        await town.sandbox.changed(version, 1.5)  # nothing older comes after it
        assert text_of(await town.card(holds="done, says its agent")) == text_of(card)
        await told_once(town, "### T-1 ·")


async def touch(town: Town, times: int) -> None:
    for _ in range(times):
        await town.coordinator.store.write(lambda tx: town.coordinator.notices.card_changed(tx, "T-1"))


@pytest.mark.timeout(300)
async def test_under_mixed_faults_everything_is_told_once(quiet_town: Town) -> None:
    number = 12
    async with owned_by_ada(quiet_town) as town:
        for seed, fault in enumerate(
            (
                {"kind": "drop"},
                {"kind": "drop", "executed": True},
                {"kind": "error", "status": 503, "executed": True},
                {"kind": "error", "status": 520},
                {"kind": "limit", "seconds": 0.1},
                {"kind": "limit", "seconds": 0.1, "is_global": True},
                {"kind": "limit", "seconds": 1.0, "has_via": False},
                {"kind": "delay", "seconds": 0.1},
            )
        ):
            await town.sandbox.fault(route=f"{SEND}|{EDIT}|{THREAD}", probability=0.03, seed=seed, **fault)
        for _ in range(number):
            await town.ask("task new", brief="Count the birds", agent="Dry-1")
        tasks = [f"T-{one}" for one in range(1, number + 1)]
        await settled(town)
        for task in tasks:
            await town.card(task, holds="sent (dry run)")
            await town.ask("task done", task=task, text=f"Birds of {task}, counted.")
        await settled(town)
        town.sandbox.faults.clear()
        await told_once(
            town,
            *(f"### {task} ·" for task in tasks),
            *(f"Birds of {task}, counted." for task in tasks),
            *(f"**{task} is done**" for task in tasks),
        )
        assert len(await town.sandbox.threads()) == number
        assert len(town.sandbox.faults.hits) >= 5


async def settled(town: Town) -> None:
    """Wait until everything is told."""
    open_ones = sql("SELECT count(*) AS n FROM notices WHERE state = 'pending'")
    async with asyncio.timeout(100):
        while (await town.coordinator.store.fetch(open_ones, {}))[0].n:  # noqa: ASYNC110 - the outbox writes them
            await asyncio.sleep(0.05)


async def test_a_late_acknowledgement_does_nothing_and_is_not_an_error(
    quiet_town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    async with owned_by_ada(quiet_town) as town:
        await town.sandbox.fault(kind="error", route=ACK, times=1, status=404, code=10062)
        with hurried(town.sandbox):  # nobody answers this one
            await town.sandbox.slash("Ada", "#octet", "task new", {"brief": "Count the birds"})
        told = ""
        async with asyncio.timeout(60):
            while "interaction_too_late" not in (told := told + capsys.readouterr().out):  # noqa: ASYNC110 - a log
                await asyncio.sleep(0.01)
        assert "No tasks" in await town.ask("task list")
    told += capsys.readouterr().out
    assert "Traceback" not in told


async def test_a_message_deleted_by_a_person_is_posted_again(quiet_town: Town) -> None:
    async with owned_by_ada(quiet_town) as town:
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        card = await town.card(holds="sent (dry run)")
        await town.sandbox.delete_message(card)
        await town.ask("task cancel", task="T-1")
        again = await town.card(holds="**cancelled**")
        assert again["id"] != card["id"]


async def test_an_edit_that_is_refused_for_its_age_becomes_a_new_message(quiet_town: Town) -> None:
    async with owned_by_ada(quiet_town) as town:
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        card = await town.card(holds="sent (dry run)")
        await town.sandbox.fault(kind="limit", route=EDIT, code=30046, seconds=0.05, times=5)
        await town.ask("task cancel", task="T-1")
        again = await town.card(holds="**cancelled**")
        assert again["id"] != card["id"]


async def test_a_card_waits_while_the_bot_may_not_write_and_comes_when_it_may(quiet_town: Town) -> None:
    async with owned_by_ada(quiet_town) as town:
        await town.sandbox.forbid("#octet", ["send_messages"])
        await town.ask("task new", brief="Count the birds", agent="Dry-1")
        assert "sent (dry run)" in await until_shown(town, "sent (dry run)")
        async with asyncio.timeout(60):  # the task goes on beside the outbox
            while "50013" not in await town.ask("fleet needs-me"):
                pass
        await town.sandbox.forbid("#octet")
        await town.card(holds="sent (dry run)")
        await told_once(town, "### T-1 ·")


@pytest.mark.parametrize("locked", [False, True])
async def test_what_stands_in_an_archived_thread_is_edited_and_in_a_locked_one_said_in_the_channel(
    quiet_town: Town, *, locked: bool
) -> None:
    async with owned_by_ada(quiet_town) as town:
        await town.sandbox.forbid("#octet", ["manage_threads"])  # Octet does not ask for it
        await town.ask("task new", brief="Count the birds", agent="Window-1")
        await town.card(holds="is working on it")
        thread = (await wait_thread(town.sandbox))["id"]
        await town.ask("desk hold")
        await town.ask("msg send", text="Mind the owls", task="T-1")
        words = await town.said("Mind the owls")
        assert words["channel_id"] == thread
        world = town.sandbox.world
        world.change_thread(world.channel(int(thread)), archived=True, locked=locked)
        rule = await town.sandbox.fault(kind="delay", route=r"PATCH /channels/\d+", probability=1.0)
        await town.ask("desk release")
        told = await wait_message(
            town.sandbox,
            lambda m: "Mind the owls" in text_of(m) and "delivered" in text_of(m) and m["sandbox"]["only_for"] is None,
        )
        assert (told["id"] == words["id"]) is not locked
        assert told["channel_id"] == (str(town.sandbox.world.home.id) if locked else thread)
        assert town.sandbox.faults.struck(rule) >= 1
        assert town.sandbox.world.channels[int(thread)].archived is locked


async def until_shown(town: Town, words: str) -> str:
    async with asyncio.timeout(60):
        while words not in (shown := await town.ask("task show", task="T-1")):
            pass
    return shown
