"""The worker process: its lock, its start, its loss, and that stopping comes before the next key."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from automation.desktop.observation.screen_capture import ScreenCapture, ScreenGone
from core.deliveries.model import Reason, Result
from core.desks.model import DeskMode, DeskNow, DeskState, DeskUnavailable
from core.profiles.model import Box
from tests.automation.desktop.scenes import SOON, scene, soon
from tests.display import VirtualDisplay
from tests.fakes.desk import Commits, News, deliver, make_client, make_order, open_tk, running
from tests.pace import patience

pytestmark = pytest.mark.display


@pytest.mark.parametrize(
    ("step", "result"), [("staged", Result.STOPPED), ("submitting", Result.NOT_ARRIVED)], ids=["draft", "grant"]
)
async def test_a_stop_comes_before_the_next_key_and_clears_our_draft(
    display: VirtualDisplay, tmp_path: Path, step: str, result: Result
) -> None:
    async with scene(display, tmp_path) as on:
        on.commits.when[step] = partial(on.desk.client.set_mode, DeskMode.STOPPED)
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (result, Reason.DESK_STOPPED)
        await soon(lambda: not on.is_drafted, "its draft is cleared")
        on.commits.when.clear()
        assert (await on.deliver()).result is Result.STOPPED, "nothing begins until it is released"
        await on.desk.client.set_mode(DeskMode.OPEN)
        assert (await on.deliver("now")).result is Result.DELIVERED
        assert on.agent.heard == ["now"]


async def test_a_held_desk_finishes_what_it_does_and_begins_nothing(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        on.commits.when["staged"] = partial(on.desk.client.set_mode, DeskMode.HELD)
        assert (await on.deliver("one")).result is Result.DELIVERED
        assert (await on.deliver("two")).result is Result.STOPPED
        assert on.agent.heard == ["one"]


async def test_a_journal_that_fails_is_reported_to_the_caller_after_the_draft_is_cleared(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:

        async def fail() -> None:
            raise OSError("disk full")

        on.commits.when["staged"] = fail
        with pytest.raises(OSError, match="disk full"):
            await on.deliver()
        await soon(lambda: not on.is_drafted, "its draft is cleared")
        assert on.agent.heard == []


async def test_what_a_killed_worker_left_down_is_released(display: VirtualDisplay, tmp_path: Path) -> None:
    display.xdotool("keydown", "ctrl")
    display.xdotool("mousedown", "1")
    async with scene(display, tmp_path) as on:
        assert not display.is_anything_down()
        assert (await on.deliver()).result is Result.DELIVERED


async def test_a_frozen_worker_is_ended_and_replaced(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path, limits=replace(SOON, silence_s=3.0)) as on:

        async def freeze() -> None:
            assert on.desk.client.worker_pid is not None
            os.kill(on.desk.client.worker_pid, signal.SIGSTOP)

        on.commits.when["staged"] = freeze
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.WORKER_LOST)
        await on.is_back()
        assert on.agent.heard == []


async def test_a_worker_that_is_just_starting_is_held_and_not_ended_for_its_silence(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10), News()
    client = make_client(display.name, tmp_path, (agent.window,), news, limits=replace(SOON, obey_s=0.01))
    async with running(client, news, wait=False):
        await soon(lambda: client.worker_pid is not None, "its process has begun")
        await client.set_mode(DeskMode.HELD)
        await news.until(lambda: DeskState.READY in [one.state for one in news.states])
        outcome = await client.deliver(make_order("agent-1", "Hello"), Commits())
    assert [one.state for one in news.states] == [DeskState.STARTING, DeskState.READY]
    assert (outcome.result, agent.heard) == (Result.STOPPED, [])


async def test_a_second_worker_on_the_same_display_waits_for_the_first(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, first_news, second_news = open_tk(display, "agent-1", 10, 10), News(), News()
    second_hands = make_client(f"{display.name}.0", tmp_path, (agent.window,), second_news)
    async with asyncio.TaskGroup() as group:
        async with running(make_client(display.name, tmp_path, (agent.window,), first_news), first_news) as first:
            task = group.create_task(second_hands.run())
            waits = DeskNow(DeskState.UNAVAILABLE, Reason.DISPLAY_TAKEN)
            await second_news.until(lambda: waits in second_news.states)
            with pytest.raises(DeskUnavailable):
                await second_hands.look()
            assert (await deliver(first.lane, make_order("agent-1", "Hello"))).result is Result.DELIVERED
            assert DeskState.READY not in [one.state for one in second_news.states]
        await second_news.until(lambda: second_news.states[-1][0] is DeskState.READY)
        task.cancel()
    assert agent.heard == ["Hello"]


async def test_without_a_display_the_desk_says_why_and_says_nothing_new_when_it_is_tried_again(tmp_path: Path) -> None:
    news = News()
    client = make_client(":991", tmp_path, (), news, limits=replace(SOON, no_display_s=0.01))
    async with running(client, news, wait=False) as desk:
        await news.until(lambda: news.states[-1][0] is DeskState.UNAVAILABLE if news.states else False)
        told, workers = list(news.states), set[int | None]()
        assert told[-1].reason is Reason.NO_DISPLAY
        with pytest.raises(DeskUnavailable, match="no display"):
            await desk.client.look()
        await soon(
            lambda: workers.add(desk.client.worker_pid) or len(workers - {None}) > 2, "it was tried again, twice"
        )
        assert news.states == told


async def test_a_display_that_goes_away_makes_the_desk_unavailable(display: VirtualDisplay, tmp_path: Path) -> None:
    async with scene(display, tmp_path) as on:
        with ScreenCapture(display.name) as screen:
            screen.take(Box(x=0, y=0, width=10, height=10))
            display.server.kill()
            display.server.wait(patience(30))
            with pytest.raises(ScreenGone):
                screen.take(Box(x=0, y=0, width=10, height=10))
        states = on.desk.news.states
        await on.desk.news.until(lambda: states[-1][0] is DeskState.UNAVAILABLE and display.name in states[-1].note)
