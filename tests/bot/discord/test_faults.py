"""A bad connection loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from sqlalchemy import text as sql

from bot.discord import channel_client, outbox
from bot.discord.errors import (
    ChannelForbidden,
    ChannelGone,
    DiscordFailed,
    MessageGone,
    MessageRejected,
    ThreadClosed,
    ThreadExists,
    TooOldToEdit,
    raise_sorted,
)
from bot.discord.send_limits import DiscordBan
from core.kit.errors import OctetError
from core.notices.model import DISCORD
from core.security.model import OPERATOR
from core.store.engine import Tx
from core.tasks.model import TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import DRY_RUN, Message, Town, text_of
from tests.builders import make_new_task
from tests.fakes.sandbox_client import wait_thread
from tests.sandbox.discord.wire import hurried

SEND = r"POST /channels/\d+/messages"
EDIT = r"PATCH /channels/\d+/messages/\d+"
THREAD = r"POST /channels/\d+/messages/\d+/threads"
ANSWER = r"PATCH /webhooks/\d+/[^/]+/messages/@original"
ACK = r"POST /interactions/\d+/[^/]+/callback"
_DUE_NOW = sql("UPDATE notice_posts SET not_before_ms = 0")
_PENDING = sql("SELECT notice FROM notice_posts WHERE state = 'pending'")
_REFUSED = sql("SELECT not_before_ms FROM notice_posts WHERE attempts > 0")


def calls(sandbox: Sandbox, route: str) -> int:
    return sum(re.fullmatch(route, f"{one.method} {one.path}") is not None for one in sandbox.record.exchanges)


async def until(holds: Callable[[], Awaitable[bool]], limit_s: float = 60.0) -> None:
    async with asyncio.timeout(limit_s):
        while not await holds():  # noqa: ASYNC110 - rows, strikes and the log are no one event
            await asyncio.sleep(0.01)  # rows, strikes and the log are no one event


async def posted_once(town: Town, *texts: str) -> None:
    public = [m for m in await town.sandbox.messages() if m["sandbox"]["only_for"] is None]
    assert {words: len([m for m in public if words in text_of(m)]) for words in texts} == dict.fromkeys(texts, 1)


async def asked(town: Town) -> Message:
    """Create a task and return its card, once its thread exists."""
    await town.ask("task new", brief="Count the birds", agent="Dry-1")
    await wait_thread(town.sandbox)
    return await town.card("T-1", DRY_RUN)


async def whole_story(town: Town) -> None:
    """Create a task and end it; each message is there exactly once."""
    await asked(town)
    await town.ask("task done", task="T-1", text="Seven birds.")
    await town.said("finished T-1**")
    await town.card("T-1", TaskState.DONE)
    await posted_once(town, "-# T-1 ·", "finished T-1**\n> Seven birds.")
    assert (len(await town.sandbox.threads()), await town.tasks()) == (1, ["T-1"])


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        *((route, {"kind": "drop"}) for route in (SEND, EDIT, THREAD, ANSWER, ACK)),
        *((route, {"kind": "drop", "executed": True}) for route in (SEND, EDIT, THREAD, ANSWER, ACK)),
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
async def test_a_cut_connection_or_a_refusal_for_a_while_loses_and_doubles_nothing(
    owned: Town, route: str, fault: dict[str, Any]
) -> None:
    rule = await owned.sandbox.fault(route=route, times=1, **fault)
    await whole_story(owned)
    assert owned.sandbox.faults.struck(rule) == 1


async def test_a_long_limit_is_waited_out_by_its_notice_and_delays_no_other(owned: Town) -> None:
    """The limit is longer than the library would wait, so the notice is due again when it is over."""
    await asked(owned)
    notices, store = owned.coordinator.notices, owned.coordinator.store
    thread = (await owned.sandbox.threads())[0]["id"]
    await owned.sandbox.fault(kind="limit", route=rf"POST /channels/{thread}/messages", times=1, seconds=45.0)
    before_ms = notices._clock.now_ms()
    await owned.ask("task done", task="T-1", text="Seven birds.")

    async def is_refused() -> bool:
        return bool(await store.fetch(_REFUSED))

    await until(is_refused)
    after_ms = notices._clock.now_ms()
    await owned.card("T-1", TaskState.DONE)
    await owned.ask("task new", brief="Count the cats", agent="Dry-1")
    await owned.card("T-2", DRY_RUN)
    [waiting] = await store.fetch(_REFUSED)
    assert before_ms + 45_000 <= waiting.not_before_ms <= after_ms + 45_000

    def make_due(tx: Tx) -> None:
        tx.execute(_DUE_NOW, {})
        tx.after_commit(notices.on(DISCORD).news.set)

    await store.write(make_due)
    await owned.said("finished T-1**")
    await posted_once(owned, "finished T-1**\n> Seven birds.")


@pytest.mark.parametrize(
    "fault",
    [{"kind": "limit", "has_via": False}, {"kind": "error", "status": 401}],
    ids=["429 without Via", "401"],
)
async def test_a_ban_or_a_refused_token_ends_all_requests_of_the_bot(owned: Town, fault: dict[str, Any]) -> None:
    sandbox, core = owned.sandbox, owned.coordinator
    rule = await sandbox.fault(route=".*", times=100, **fault)
    tasks = [await core.tasks.new(make_new_task("Count the birds"), by=OPERATOR) for _ in range(12)]

    async def has_struck() -> bool:
        return bool(sandbox.faults.hits)

    await until(has_struck)
    before = calls(sandbox, ACK)
    with hurried(sandbox):  # these get no answer
        for _ in range(3):
            assert (await sandbox.slash("Ada", "#octet", "agent list")).failure
    assert calls(sandbox, ACK) == before
    for task in tasks:
        await core.store.write(lambda tx, of=task.id: core.notices.card_changed(tx, of))
    assert sandbox.faults.struck(rule) <= 8, "only those that were under way when it began"
    assert len(await sandbox.messages()) == 2, "the private answer and the welcome from before"


async def test_a_call_given_up_during_a_global_limit_does_not_block_the_connection_for_good(
    owned: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library waits out a global limit behind a gate, and leaves it shut when that call is cancelled."""
    monkeypatch.setattr(channel_client, "_CALL_S", 0.3)
    await owned.sandbox.fault(kind="limit", route=SEND, times=1, seconds=1.0, is_global=True)
    await asked(owned)
    await posted_once(owned, "-# T-1 ·")


async def test_after_an_outage_longer_than_discord_remembers_nonces_the_marker_prevents_a_second_card(
    owned: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "NONCE_LASTS_MS", 0)
    sandbox, world = owned.sandbox, owned.sandbox.world
    world._nonce_ttl_s = 0.4
    await sandbox.fault(kind="drop", route=SEND, times=1, executed=True)
    await sandbox.fault(kind="error", route=SEND, probability=1.0, status=503)
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    first = await owned.card()
    await sandbox.fault(kind="error", route=r"GET /channels/\d+/messages", probability=1.0, status=503)

    async def is_forgotten() -> bool:
        return world.message_by_nonce(world.home.id, first["nonce"]) is None

    await until(is_forgotten)
    sandbox.faults.clear()
    await wait_thread(sandbox)
    await posted_once(owned, "-# T-1 ·")


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (401, 0, DiscordBan),
        (429, 0, DiscordBan),
        (429, 30046, TooOldToEdit),
        (503, 0, DiscordFailed),
        (404, 10003, ChannelGone),
        (404, 10008, MessageGone),
        (403, 50005, MessageGone),
        (400, 50083, ThreadClosed),
        (403, 160005, ThreadClosed),
        (400, 160004, ThreadExists),
        (403, 50013, ChannelForbidden),
        (400, 50035, MessageRejected),
    ],
)
def test_each_error_of_discord_has_its_meaning(status: int, code: int, meaning: type[OctetError]) -> None:
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    with pytest.raises(meaning) as raised:
        raise_sorted(discord.HTTPException(response, {"code": code, "message": ""}))
    assert type(raised.value) is meaning


@pytest.mark.timeout(300)
async def test_under_mixed_faults_everything_is_posted_once(owned: Town) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "drop"},
        {"kind": "drop", "executed": True},
        {"kind": "error", "status": 503, "executed": True},
        {"kind": "error", "status": 520},
        {"kind": "limit", "seconds": 0.1},
        {"kind": "limit", "seconds": 0.1, "is_global": True},
        {"kind": "limit", "seconds": 1.0, "has_via": False},
        {"kind": "delay", "seconds": 0.1},
    ]
    for seed, fault in enumerate(faults):
        await owned.sandbox.fault(route=f"{SEND}|{EDIT}|{THREAD}", probability=0.03, seed=seed, **fault)

    async def is_settled() -> bool:
        return not await owned.coordinator.store.fetch(_PENDING)

    tasks = [f"T-{number}" for number in range(1, 13)]
    for _ in tasks:
        await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    await until(is_settled, 100)
    for task in tasks:
        await owned.card(task, DRY_RUN)
        await owned.ask("task done", task=task, text=f"Birds of {task}, counted.")
    await until(is_settled, 100)
    owned.sandbox.faults.clear()
    shapes = ("-# {} ·", "**\n> Birds of {}, counted.", "finished {}**")
    await posted_once(owned, *(shape.format(task) for shape in shapes for task in tasks))
    assert len(await owned.sandbox.threads()) == len(tasks)
    assert len(owned.sandbox.faults.hits) >= 5


async def test_a_late_acknowledgement_does_nothing_and_is_not_an_error(
    owned: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    await owned.sandbox.fault(kind="error", route=ACK, times=1, status=404, code=10062)
    with hurried(owned.sandbox):  # this one gets no answer
        await owned.sandbox.slash("Ada", "#octet", "task new", {"brief": "Count the birds"})
    log: list[str] = []

    async def is_logged() -> bool:
        log.append(capsys.readouterr().out)
        return "interaction_too_late" in "".join(log)

    await until(is_logged)
    assert await owned.tasks() == []
    assert "Traceback" not in "".join([*log, capsys.readouterr().out])


async def test_a_card_waits_while_the_bot_may_not_write_and_comes_when_it_may(owned: Town) -> None:
    await owned.sandbox.forbid("#octet", ["send_messages"])
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")

    async def is_listed() -> bool:
        return "50013" in await owned.ask("fleet needs-me")

    await until(is_listed)
    await owned.sandbox.forbid("#octet")
    await owned.card("T-1", DRY_RUN)
    await posted_once(owned, "-# T-1 ·")


@pytest.mark.parametrize("locked", [False, True])
async def test_a_message_in_an_archived_thread_is_edited_and_one_in_a_locked_thread_answered_in_the_channel(
    owned: Town, *, locked: bool
) -> None:
    await owned.sandbox.forbid("#octet", ["manage_threads"])  # Octet does not ask for it
    await owned.ask("task new", brief="Count the birds", agent="Window-1")
    await owned.card("T-1", TaskState.WORKING)
    thread, world = (await wait_thread(owned.sandbox))["id"], owned.sandbox.world
    await owned.ask("desk hold")
    await owned.ask("msg send", text="Mind the owls", task="T-1")
    message = await owned.said("Mind the owls")
    assert message["channel_id"] == thread
    world.change_thread(world.channel(int(thread)), archived=True, locked=locked)
    rule = await owned.sandbox.fault(kind="delay", route=r"PATCH /channels/\d+", probability=1.0)
    await owned.ask("desk release")
    after = await owned.said("Mind the owls", "Window-1: delivered")
    assert (after["id"] == message["id"]) is not locked
    assert after["channel_id"] == (str(world.home.id) if locked else thread)
    assert owned.sandbox.faults.struck(rule) >= 1
    assert world.channels[int(thread)].archived is locked
