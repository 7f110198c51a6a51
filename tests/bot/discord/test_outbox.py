"""The outbox posts everything once, in order, whatever fails between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.discord.errors import MessageRejected, TooOldToEdit
from bot.discord.outbox import BRIEF_START_MS, EDIT_EVERY_S, NONCE_LASTS_MS, Outbox
from bot.discord.parts import Parts
from core.agent_messages.model import QuestionView
from core.deliveries.model import DeliveryState
from core.notices.model import Halt, NoticeKind
from core.notices.posts import NoticePosts
from core.reasons import ParkCause, WaitReason
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskState
from tests.bot.discord.house import CHANNEL, LOST, House, house, never, once
from tests.bot.discord.shapes import ADA
from tests.bot.discord.test_injections import QUESTION
from tests.fakes.channels import said
from tests.fakes.clock import FakeClock

KINDS = pytest.mark.parametrize("kind", ["card", "news", "message"])


async def begin(here: House, kind: str) -> None:
    """Make something to post; the card of a task comes before its news."""
    if kind == "message":
        await here.say()
        return
    task = await here.ask()
    if kind == "news":
        await here.sweep()
        await here.tell(task, NoticeKind.ENDED)


async def test_a_new_task_gets_a_card_and_a_thread_and_its_news_follow_there(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.tell(task, NoticeKind.HELD, Halt(state="waiting", reason=WaitReason.WINDOW))
        await here.tell(task, NoticeKind.ENDED)
        await here.sweep(times=3)
        card, (first, held, ended) = await here.card(), here.channels.messages
        assert (first.channel, here.channels.threads) == (CHANNEL, {first.id: "T-1 · Count the birds"})
        assert (card.posted_channel, card.posted_message, card.thread) == (str(CHANNEL), first.id, first.id)
        assert (held.channel, ended.channel) == (int(first.id), int(first.id))
        assert held.parts.mentions == ended.parts.mentions == (1001,)
        mark = here.coordinator.home_mark
        assert [(one.nonce, one.marker) for one in here.channels.messages] == [
            (f"o{mark}{number}", f"o{mark}.{number}") for number in (1, 2, 3)
        ]


@KINDS
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_post_whose_answer_is_lost_makes_no_second_message(tmp_path: Path, kind: str, when: str) -> None:
    async with house(tmp_path) as here:
        await here.sweep()  # else the outbox takes the message for a former process's
        await begin(here, kind)
        setattr(here.channels, when, once("post"))
        posts, messages = here.channels.calls.count("post"), len(here.channels.messages)
        await here.sweep()
        await here.later()
        assert here.channels.calls.count("post") == posts + 2
        assert len(here.channels.messages) == messages + 1
        assert {row.state for row in await here.rows()} == {"sent"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", ["edit", "thread"])
async def test_a_thread_or_an_edit_whose_answer_is_lost_is_made_once(tmp_path: Path, verb: str, when: str) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        if verb == "edit":
            await here.sweep()
            await here.coordinator.tasks.cancel(task.id, by=ADA)
        setattr(here.channels, when, once(verb))
        await here.later(times=2)
        await here.later(times=2)
        [card] = here.shown("-# T-1 ·")
        assert here.channels.calls.count(verb) == 2
        assert (await here.card()).thread == card.id
        assert ("v1:task:cancel" in str(card.parts.view and card.parts.view.to_components())) is (verb == "thread")


@KINDS
@pytest.mark.parametrize("aged", [False, True])
@pytest.mark.parametrize("is_blind", [False, True])
async def test_a_process_that_ends_between_post_and_note_leaves_one_message(
    tmp_path: Path, kind: str, *, aged: bool, is_blind: bool
) -> None:
    """With the search for the marker blind, and the nonces forgotten, there are two."""
    async with house(tmp_path) as here:
        await begin(here, kind)
        here.channels.after = once("post", asyncio.CancelledError())
        await here.sweep()
        messages = len(here.channels.messages)
        here.channels.is_blind = is_blind
        if aged:  # Discord has forgotten the nonces by now
            here.channels.nonces.clear()
            here.clock.advance(10 * NONCE_LASTS_MS / 1000)
        here.restart()
        await here.sweep(times=2)
        assert len(here.channels.messages) == messages + (aged and is_blind)
        assert here.channels.calls.count("find") >= 1, "no clock can tell this process when the last one posted"
        assert {row.state for row in await here.rows()} == {"sent"}


@pytest.mark.parametrize("kind", ["card", "message"])
async def test_what_changed_between_a_lost_post_and_its_repetition_is_shown(tmp_path: Path, kind: str) -> None:
    async with house(tmp_path) as here:
        await here.sweep()
        here.channels.after = once("post")
        if kind == "card":
            task = await here.ask()
            await here.sweep()
            await here.coordinator.tasks.cancel(task.id, by=ADA)
        else:
            view = await here.say()
            await here.sweep()
            await here.end(view)
        first = said(here.channels.messages[0].parts)
        await here.later(times=2)
        assert said(here.channels.messages[0].parts) != first
        assert len({one.marker for one in here.channels.messages}) == len(here.channels.messages)


@pytest.mark.parametrize(
    ("passed_s", "set_by_s"),
    [(0.0, -3_600.0), (NONCE_LASTS_MS / 1000, -NONCE_LASTS_MS / 1000), (0.0, NONCE_LASTS_MS / 1000)],
    ids=["set back", "set back by the time that passed", "suspended"],
)
async def test_no_clock_step_makes_a_lost_post_appear_twice(tmp_path: Path, passed_s: float, set_by_s: float) -> None:
    async with house(tmp_path) as here:
        clock = FakeClock()
        here.restart(clock)
        await here.sweep()
        await here.ask()

        def lose(verb: str) -> None:
            if verb == "post":
                clock.advance(passed_s)
                clock.set_wall(set_by_s)
                here.channels.nonces.clear()
                raise LOST

        here.channels.after = lose
        await here.sweep()
        here.channels.after = never
        await here.later()
        assert len(here.channels.messages) == 1
        assert here.channels.calls == ["post", "find", "edit", "thread"], "looked for once, after the first try"


async def test_a_notice_from_a_clock_that_was_ahead_is_looked_for_among_all_new_messages(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.ask()
        here.restart(FakeClock(here.clock.now_ms() - 3_600_000))
        await here.sweep()
        assert here.channels.searched_from_ms == [0]


async def test_many_changes_become_one_edit_a_second_and_the_last_one_wins(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        for state, edits in (
            (TaskState.ASSIGNED, 0),
            (TaskState.DELIVERING, 0),
            (TaskState.WORKING, 1),  # the first edit follows the post at once
            (TaskState.BLOCKED, 1),
            (TaskState.WORKING, 1),
        ):
            await here.move(task, state)
            await here.sweep()
            assert here.channels.messages[0].edits == edits
        await here.coordinator.tasks.cancel(task.id, by=ADA)
        await here.later(EDIT_EVERY_S, times=2)
        [card] = here.shown("-# T-1 ·")
        assert card.edits == 2
        assert "Cancelled" in said(card.parts)


async def test_a_card_says_starting_only_if_that_lasts(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        await here.move(task, TaskState.ASSIGNED)
        await here.later(BRIEF_START_MS / 1000 / 2)
        assert here.channels.messages[0].edits == 0
        await here.later(BRIEF_START_MS / 1000 / 2)
        assert here.channels.messages[0].edits == 1
        assert "**Starting**" in said(here.channels.messages[0].parts)


async def test_progress_is_one_message_in_the_thread_edited_at_most_once_a_second(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        for report in ("reading", "tests *run* @everyone", "nearly there", "the last line"):
            await here.coordinator.store.write(
                lambda tx, report=report: here.coordinator.notices.progressed(
                    tx, task.id, agent="Agent-1", spell="Agent-1 1", report=report
                )
            )
            await here.sweep(times=2)
        _, progress = here.channels.messages
        assert (progress.channel, progress.edits) == (int((await here.card()).thread), 1), "the first edit goes at once"
        await here.later(EDIT_EVERY_S, times=2)
        assert (len(here.channels.messages), progress.edits) == (2, 2)
        shown = said(progress.parts)
        assert "**Agent-1** reports on T-1:" in shown
        assert shown.index("reading") < shown.index("the last line")
        assert "\\*run\\*" in shown
        assert "@everyone" not in shown
        assert progress.parts.mentions == ()


@pytest.mark.parametrize("kind", ["card", "message"])
@pytest.mark.parametrize("how", ["deleted", "too old"])
async def test_a_card_that_cannot_be_edited_is_posted_again_once_and_a_message_is_not(
    tmp_path: Path, how: str, kind: str
) -> None:
    async with house(tmp_path) as here:
        view, task = (await here.say(), None) if kind == "message" else (None, await here.ask())
        await here.sweep()
        first = here.channels.messages[0].id
        if how == "deleted":
            here.channels.lose(first)
        else:
            here.channels.before = once("edit", TooOldToEdit(why="400 30046"))
        here.channels.after = once("post")
        if task:
            await here.coordinator.tasks.cancel(task.id, by=ADA)
        elif view:
            await here.end(view)
        await here.later(times=2)
        await here.later(times=2)
        again = [one for one in here.shown("-# T-1 ·" if task else "Ada → Agent-1") if one.id != first]
        assert len(again) == (1 if task else 0)
        if task:
            card = await here.card()
            assert (card.posted_message, card.thread) == (again[0].id, first)


@pytest.mark.parametrize("why", ["deleted", "refused", "locked", "forbidden"])
async def test_news_for_which_there_is_no_thread_go_to_the_channel(tmp_path: Path, why: str) -> None:
    async with house(tmp_path) as here:
        if why == "refused":
            here.channels.before = once("thread", MessageRejected(why="400 50024"))
        task = await here.ask()
        await here.sweep()
        thread = {int(here.channels.messages[0].id)}
        if why == "deleted":
            here.channels.gone = thread
        elif why == "locked":
            here.channels.locked = thread
        elif why == "forbidden":
            here.channels.forbidden = thread
        await here.tell(task, NoticeKind.ENDED)
        await here.sweep()
        assert [sent.channel for sent in here.channels.messages] == [CHANNEL, CHANNEL]
        assert await here.untold() == []


async def test_a_question_settled_after_its_thread_was_locked_is_answered_in_the_channel(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task, about = await here.ask(), f"{'0' * 26}:3"
        await here.tell(task, NoticeKind.HELD, Halt(state="parked", reason=ParkCause.LOST), about=about)
        await here.sweep(times=2)
        here.channels.locked = {int(here.channels.messages[0].id)}
        await here.coordinator.store.write(
            lambda tx: here.coordinator.notices.settled(tx, about=about, how="dropped", by="operator")
        )
        await here.later()
        card, question, settled = here.channels.messages
        assert [card.channel, question.channel, settled.channel] == [CHANNEL, int(card.id), CHANNEL]
        assert said(settled.parts) != said(question.parts)
        await here.later()
        assert len(here.channels.messages) == 3


@pytest.mark.parametrize("default", [None, 77])
async def test_a_task_from_elsewhere_is_posted_in_the_default_channel_or_says_why_not(
    tmp_path: Path, default: int | None
) -> None:
    async with house(tmp_path, default=default) as here:
        task = await here.ask(channel=None)
        await here.sweep()
        assert [sent.channel for sent in here.channels.messages] == ([77] if default else [])
        assert ("channel_id" in (await here.card(task.id)).error) is (default is None)


async def test_what_cannot_be_posted_is_dropped_with_its_reason_and_the_task_continues(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        here.channels.gone = {CHANNEL}
        task = await here.ask()
        await here.tell(task, NoticeKind.ENDED)
        await here.sweep(times=2)
        assert "10003" in (await here.card()).error
        assert (await here.coordinator.tasks.cancel(task.id, by=ADA)).state is TaskState.CANCELLED
        assert here.channels.messages == []


async def test_one_task_in_trouble_does_not_delay_another(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.ask()
        here.channels.before = once("post")
        await here.sweep()
        await here.ask(brief="Count the bees")
        await here.sweep()
        assert [one.parts for one in here.shown("bees")] == [one.parts for one in here.channels.messages]


async def test_a_message_is_edited_in_place_and_its_failure_pings_the_sender(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        view = await here.say()
        await here.sweep()
        await here.end(view, DeliveryState.EXPIRED)
        await here.later(times=2)
        first, news = here.channels.messages
        assert (first.channel, first.edits, first.parts.mentions) == (CHANNEL, 1, ())
        assert news.parts.mentions == (1001,)


async def test_a_disk_that_refuses_for_a_while_neither_ends_the_outbox_nor_posts_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "failed_rest_s", 0.0)
    refused: set[str] = set()

    def refusing(verb: str) -> Callable[..., Awaitable[None]]:
        async def refuse(*_args: object, **_options: object) -> None:
            refused.add(verb)
            here.channels.changed.set()
            raise StoreUnavailable(why="disk full")

        return refuse

    async with house(tmp_path) as here, asyncio.TaskGroup() as group:
        writer = group.create_task(here.outbox.run())
        with monkeypatch.context() as disk:
            for verb in ("posted", "next_due_s"):
                disk.setattr(NoticePosts, verb, refusing(verb))
            await here.ask()
            await here.until(lambda: refused == {"posted", "next_due_s"})
        async with asyncio.timeout(60):
            while (await here.rows())[0].state != "sent":  # noqa: ASYNC110 - a row, no event
                await asyncio.sleep(0)
        writer.cancel()
        assert len(here.channels.messages) == 1


async def test_while_discord_is_away_the_outbox_rests_and_then_posts_everything(tmp_path: Path) -> None:
    async with house(tmp_path) as here, asyncio.TaskGroup() as group:
        here.channels.up.clear()
        writer = group.create_task(here.outbox.run())
        await here.ask()
        await here.coordinator.store.write(lambda _tx: None)
        assert here.channels.calls == []
        here.channels.up.set()
        await here.until(lambda: here.channels.threads)
        writer.cancel()


async def test_a_question_whose_buttons_discord_refuses_is_posted_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.sweep()
        asked = QuestionView(question=replace(QUESTION, task=task.id, choices=("Red", "Blue")), text="Red or blue?")

        async def show(_name: str) -> QuestionView:
            return asked

        monkeypatch.setattr(here.coordinator.questions, "show", show)
        here.channels.spoils = lambda parts: MessageRejected(why="400 50035") if "custom_id" in said_of(parts) else None
        about = asked.question.about
        await here.coordinator.store.write(
            lambda tx: here.coordinator.notices.notify(
                tx, NoticeKind.QUESTION, task.id, subject=asked.question.id, about=about
            )
        )
        await here.sweep(times=2)
        (shown,) = here.shown("Red or blue?", "- Red", "- Blue", "/fleet needs-me")
        assert shown.parts.mentions
        assert await here.untold() == []


def said_of(parts: Parts) -> str:
    return "" if parts.view is None else str(parts.view.to_components())


async def test_messages_link_to_the_page_where_it_has_a_public_address(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        task = await here.ask()
        await here.tell(task, NoticeKind.ENDED)
        await here.say()
        await here.sweep(times=3)
        assert not here.shown("on the page"), "no one could open it"
        here.coordinator.public_url = "https://octet.example.org"
        other = await here.ask("Count the cats")
        await here.tell(other, NoticeKind.ENDED)
        await here.sweep(times=3)
        linked = here.shown("[Open on the page](<https://octet.example.org/page/tasks/T-2>)")
        assert [one.marker for one in linked] == [f"o{here.coordinator.home_mark}.{number}" for number in (4, 5)]
        assert len(here.shown("on the page")) == 2
