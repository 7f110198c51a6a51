"""People's words are told once, in order, and edited in place, whatever fails in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.discord.errors import DiscordBusy, TooOldToEdit
from bot.discord.outbox import NONCE_LASTS_MS
from core.agent_messages.model import AgentMessageView, NewAgentMessage
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState
from core.messages.model import MessageKind, NewMessage
from core.notices.model import NoticeKind
from core.reasons import Reason
from core.remedies import sentence
from core.store.engine import Tx
from tests.bot.discord.shapes import ADA
from tests.bot.discord.test_outbox import (
    _FORGET,
    CHANNEL,
    HERE,
    AheadClock,
    ask,
    fail_once,
    house,
    settled,
    tell,
    until,
    waiting,
    writing,
)
from tests.builders import make_agent
from tests.fakes.channels import FakeChannels, Sent, said


async def say(octet: Coordinator, text: str = "Hello", **changes: object) -> AgentMessageView:
    draft = NewAgentMessage(text=text, agent="Agent-1", place=HERE, **changes)  # pyright: ignore[reportArgumentType] - a builder
    return await octet.agent_messages.send(draft, by=ADA)


async def becomes(octet: Coordinator, view: AgentMessageView, to: DeliveryState) -> None:
    def step(tx: Tx) -> None:
        (one,) = octet.deliveries.find_for_message(tx, view.message.id)
        octet.deliveries.step(tx, one, to, reason=Reason.EXPIRED)

    await octet.store.write(step)


def shown(channels: FakeChannels, *holds: str) -> list[Sent]:
    return [one for one in channels.messages if all(words in said(one.parts) for words in holds)]


async def test_words_without_a_task_need_no_card_and_are_edited_in_place(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as octet, writing(octet, channels):
        view = await say(octet)
        await until(channels, lambda: shown(channels, "Ada → Agent-1", "on the way"))
        await becomes(octet, view, DeliveryState.CANCELLED)
        await until(channels, lambda: shown(channels, "Ada → Agent-1", f"not delivered: {sentence(Reason.EXPIRED)}"))
        await until(channels, lambda: shown(channels, "Your message to Agent-1"))
        await settled(octet)
    (first, news) = channels.messages
    assert (first.channel, first.edits, first.parts.mentions) == (CHANNEL, 1, ())
    assert news.parts.mentions == (1001,)


async def test_words_about_a_task_stand_in_its_thread_after_what_came_earlier(tmp_path: Path) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as octet:
        task = await ask(octet)
        await tell(octet, task, NoticeKind.HELD, "parked: window_refused")

        def thread(tx: Tx) -> None:
            new = NewMessage(
                kind=MessageKind.MESSAGE,
                sender=f"person:{ADA.id}",
                sender_name="Ada",
                recipient="agent:Agent-1",
                task=task.id,
                source=octet.messages.find(tx, view.message.id).source,
                body="About it",
                priority=2,
                expires_at_ms=2**42,
            )
            message = octet.messages.add(tx, new, by=ADA.id)
            octet.deliveries.queue(tx, make_agent(), message=message.id, priority=2)
            octet.notices.notify(tx, NoticeKind.WORDS, task.id, message=message.id)

        view = await say(octet)
        await octet.store.write(thread)
        async with writing(octet, channels):
            await until(channels, lambda: shown(channels, "About it"))
            await settled(octet)
    (about,) = shown(channels, "About it")
    (held,) = shown(channels, "T-1 needs attention")
    assert str(about.channel) in channels.threads
    assert int(held.id) < int(about.id)
    assert [one.channel for one in shown(channels, "Ada → Agent-1", "Hello")] == [CHANNEL]


@pytest.mark.parametrize("verb", ["post", "edit"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_call_tells_words_once(tmp_path: Path, verb: str, when: str) -> None:
    channels = FakeChannels()
    setattr(channels, when, fail_once(verb, DiscordBusy(why="cut", after_s=0.01)))
    async with house(tmp_path) as octet, writing(octet, channels):
        view = await say(octet)
        await until(channels, lambda: shown(channels, "Ada → Agent-1"))
        await becomes(octet, view, DeliveryState.EXPIRED)
        await until(channels, lambda: shown(channels, "Ada → Agent-1", f"{sentence(Reason.EXPIRED)}"))
        await until(channels, lambda: shown(channels, "Your message"))
        await settled(octet)
    assert len(channels.messages) == 2


async def test_words_whose_nonce_is_forgotten_are_found_by_their_marker_and_brought_up_to_date(tmp_path: Path) -> None:
    channels, clock = FakeChannels(), AheadClock()
    channels.after = fail_once("post", DiscordBusy(why="cut", after_s=3_600))
    async with house(tmp_path) as octet:
        async with writing(octet, channels):
            view = await say(octet)
            async with asyncio.timeout(60):
                while not await waiting(octet):  # noqa: ASYNC110 - the database is asked anew
                    await asyncio.sleep(0.005)
        assert len(shown(channels, "Ada → Agent-1")) == 1
        await becomes(octet, view, DeliveryState.CANCELLED)
        channels.nonces.clear()
        clock.ahead_ms = NONCE_LASTS_MS + 1
        await octet.store.write(lambda tx: tx.execute(_FORGET) and None)
        async with writing(octet, channels, clock=clock):
            await until(channels, lambda: shown(channels, "Ada → Agent-1", "not delivered"))
            await settled(octet)
    assert len(shown(channels, "Ada → Agent-1")) == 1


@pytest.mark.parametrize("how", ["deleted", "too old"])
async def test_words_that_cannot_be_edited_any_more_are_let_be(tmp_path: Path, how: str) -> None:
    channels = FakeChannels()
    async with house(tmp_path) as octet, writing(octet, channels):
        view = await say(octet)
        await until(channels, lambda: shown(channels, "Ada → Agent-1"))
        await settled(octet)
        if how == "deleted":
            channels.messages.clear()
        else:
            channels.before = fail_once("edit", TooOldToEdit(why="429 30046"))
        await becomes(octet, view, DeliveryState.CANCELLED)
        await until(channels, lambda: shown(channels, "Your message"))
        await settled(octet)
    assert len(shown(channels, "Ada → Agent-1")) == (0 if how == "deleted" else 1)
