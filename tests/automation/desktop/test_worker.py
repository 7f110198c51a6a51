"""The worker process: its lock, its end, its loss, and that stopping comes before the next key."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.observation.screen_capture import ScreenCapture, ScreenGone
from automation.desktop.worker import messages
from automation.protocol.delivery import GRANT_S
from core.deliveries.model import DeliveryId, LeaseLost, Reason, Result
from core.desks.model import Desk, DeskNow, DeskState, DeskUnavailable
from core.profiles.model import Box, Newline
from tests.automation.desktop.scenes import SOON, is_drafted, soon
from tests.display import VirtualDisplay, until
from tests.fakes.desk import (
    PASSES,
    ROOT,
    TERM,
    TK,
    WORKER,
    Commits,
    News,
    deliver,
    make_hands,
    make_order,
    open_term,
    open_tk,
    running,
)

pytestmark = pytest.mark.display


def worker_pid(locks: Path) -> int:
    """The process that holds the display's lock."""
    (lock,) = locks.glob("display-*.lock")
    until(lambda: lock.read_text().strip(), "the lock names its holder")
    return int(lock.read_text())


async def test_a_stop_comes_before_the_next_key_and_clears_our_draft(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        commits.when["staged"] = desk.hands.stop
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert (outcome.result, outcome.reason) == (Result.STOPPED, Reason.DESK_STOPPED)
        await soon(lambda: not is_drafted(display, agent, TK), "its draft is cleared")
        later = await deliver(desk.lane, make_order("agent-1", "Hello"))
        assert later.result is Result.STOPPED, "nothing begins until it is released"
        await desk.hands.release()
        assert (await deliver(desk.lane, make_order("agent-1", "now"))).result is Result.DELIVERED
    assert agent.heard == ["now"]


async def test_a_stop_while_enter_is_being_granted_presses_nothing(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        commits.when["submitting"] = desk.hands.stop
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.DESK_STOPPED)
        await soon(lambda: not is_drafted(display, agent, TK), "its draft is cleared")
    assert agent.heard == []


async def test_a_held_desk_finishes_what_it_does_and_begins_nothing(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        commits.when["staged"] = desk.hands.hold
        assert (await deliver(desk.lane, make_order("agent-1", "one"), commits)).result is Result.DELIVERED
        assert (await deliver(desk.lane, make_order("agent-1", "two"))).result is Result.STOPPED
    assert agent.heard == ["one"]


async def test_a_delivery_given_up_before_enter_is_stopped(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:

        async def give_up() -> None:
            await desk.lane.give_up(DeliveryId("another"))
            await desk.lane.give_up(DeliveryId("D1"))

        commits.when["staging"] = give_up
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert outcome.result is Result.STOPPED
        assert (await deliver(desk.lane, make_order("agent-1", "next", delivery="D2"))).result is (Result.DELIVERED)
    assert agent.heard == ["next"]


@pytest.mark.parametrize("step", ["staging", "staged", "submitting"])
async def test_a_delivery_taken_away_is_stopped_with_its_draft_cleared(
    display: VirtualDisplay, tmp_path: Path, step: str
) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()

    async def lost() -> None:
        raise LeaseLost(id="D1", fence=2)

    commits.when[step] = lost
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert outcome.result is Result.STOPPED
        await soon(lambda: not is_drafted(display, agent, TK), "its draft is cleared")
    assert agent.heard == []


async def test_a_journal_that_fails_is_told_to_the_caller_after_the_draft_is_cleared(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()

    async def broken() -> None:
        raise OSError("disk full")

    commits.when["staged"] = broken
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        with pytest.raises(OSError, match="disk full"):
            await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        await soon(lambda: not is_drafted(display, agent, TK), "its draft is cleared")
    assert agent.heard == []


async def test_a_late_grant_is_not_used_but_asked_for_again(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()

    async def slow_once() -> None:
        if commits.steps.count("submitting") == 1:
            await asyncio.sleep(GRANT_S + 0.1)
            assert agent.heard == []

    commits.when["submitting"] = slow_once
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        assert (await deliver(desk.lane, make_order("agent-1", "Hello"), commits)).result is Result.DELIVERED
    assert commits.steps[:4] == ["staging", "staged", "submitting", "submitting"]
    assert set(commits.steps[4:]) <= {"submitting"}
    assert agent.heard == ["Hello"]


@pytest.mark.parametrize(
    ("step", "result"),
    [("staging", Result.BOUNCED), ("staged", Result.BOUNCED), ("submitting", Result.UNKNOWN)],
)
async def test_a_killed_worker_bounces_before_enter_was_asked_for_and_is_unknown_after(
    display: VirtualDisplay, tmp_path: Path, step: str, result: Result
) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()

    async def kill() -> None:
        os.kill(worker_pid(tmp_path / "locks"), signal.SIGKILL)

    commits.when[step] = kill
    hands = make_hands(display.name, tmp_path, (agent.window,), news, limits=SOON)
    async with running(hands, news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert (outcome.result, outcome.reason) == (result, Reason.WORKER_LOST)
        await news.until(lambda: [one.state for one in news.states].count(DeskState.READY) >= 2)
        assert "agent-1" in {status.name for status in await desk.hands.look()}
    assert agent.heard == []


@pytest.mark.parametrize("left_down", [("keydown", "ctrl"), ("mousedown", "1")], ids=["key", "button"])
async def test_what_a_killed_worker_left_down_is_released(
    display: VirtualDisplay, tmp_path: Path, left_down: tuple[str, str]
) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10), News()
    display.xdotool(*left_down)
    assert display.is_anything_down()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news), news) as desk:
        assert not display.is_anything_down()
        assert (await deliver(desk.lane, make_order("agent-1", "Hello"))).result is Result.DELIVERED
    assert agent.heard == ["Hello"]


async def test_a_frozen_worker_is_ended_and_replaced(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news, commits = open_tk(display, "agent-1", 10, 10), News(), Commits()

    async def freeze() -> None:
        os.kill(worker_pid(tmp_path / "locks"), signal.SIGSTOP)

    commits.when["staged"] = freeze
    hands = make_hands(display.name, tmp_path, (agent.window,), news, limits=replace(SOON, silence_s=3.0))
    async with running(hands, news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-1", "Hello"), commits)
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.WORKER_LOST)
        await news.until(lambda: [one.state for one in news.states].count(DeskState.READY) >= 2)
    assert agent.heard == []


async def test_a_worker_that_is_just_starting_is_held_and_not_ended_for_its_silence(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10), News()
    hands = make_hands(display.name, tmp_path, (agent.window,), news, limits=replace(SOON, obey_s=0.01))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hands.run())
        async with asyncio.timeout(60):
            while hands.worker_pid is None:  # noqa: ASYNC110 - nobody tells when a process has begun
                await asyncio.sleep(0.001)
        await hands.hold()
        await news.until(lambda: DeskState.READY in [one.state for one in news.states])
        outcome = await hands.deliver(make_order("agent-1", "Hello"), Commits())
        task.cancel()
    assert [one.state for one in news.states] == [DeskState.STARTING, DeskState.READY]
    assert outcome.result is Result.STOPPED
    assert agent.heard == []


async def test_a_second_worker_on_the_same_display_waits_for_the_first(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, first_news, second_news = open_tk(display, "agent-1", 10, 10), News(), News()
    second_hands = make_hands(f"{display.name}.0", tmp_path, (agent.window,), second_news)
    async with asyncio.TaskGroup() as group:
        async with running(make_hands(display.name, tmp_path, (agent.window,), first_news), first_news) as first:
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


@pytest.mark.parametrize("asked", [False, True], ids=["before Enter was asked for", "after"])
async def test_at_the_end_of_its_pipe_it_clears_its_draft_only_before_enter_was_asked_for(
    display: VirtualDisplay, tmp_path: Path, *, asked: bool
) -> None:
    agent = open_tk(display, "agent-1", 10, 10)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, "desk"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": display.name},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    reader = process.stdout

    async def said() -> messages.Ask | messages.Done:
        while True:
            frame = messages.from_worker(await reader.readexactly(messages.length(await reader.readexactly(4))))
            if isinstance(frame, messages.Ask | messages.Done):
                return frame

    desk = Desk(name="desk", display=display.name, windows=(agent.window,))
    hello = messages.Hello(desk=desk, profiles=(TK,), anchors=str(tmp_path / "a"), locks=str(tmp_path / "l"))
    order = make_order("agent-1", "Hello")
    process.stdin.write(messages.pack(hello) + messages.pack(messages.Deliver(order=order)))
    last = messages.DeliveryStep.SUBMITTING if asked else messages.DeliveryStep.STAGED
    async with asyncio.timeout(60):
        while not isinstance(word := await said(), messages.Ask) or word.step is not last:
            answer: messages.ToWorker
            if isinstance(word, messages.Done):
                assert word.outcome.reason in PASSES, word
                order = replace(order, fence=order.fence + 1)
                answer = messages.Deliver(order=order)
            else:
                answer = messages.Granted(number=word.number, delivery=word.delivery, fence=word.fence)
            process.stdin.write(messages.pack(answer))
        assert is_drafted(display, agent, TK)
        process.stdin.close()
        assert await process.wait() == 0
    assert is_drafted(display, agent, TK) is asked
    assert agent.heard == []
    assert not display.is_anything_down()


async def test_without_a_display_the_desk_is_unavailable_with_a_reason_and_is_tried_again(tmp_path: Path) -> None:
    news = News()
    hands = make_hands(":991", tmp_path, (), news, limits=replace(SOON, no_display_s=60))
    async with running(hands, news, wait=False) as desk:
        await news.until(lambda: news.states[-1][0] is DeskState.UNAVAILABLE if news.states else False)
        assert news.states[-1].reason is Reason.NO_DISPLAY
        with pytest.raises(DeskUnavailable, match="no display"):
            await desk.hands.look()
        told = len(news.states)
        await desk.hands.release()
        await asyncio.sleep(1)  # the next worker has long failed by then; that nobody is told of it shows only in time
        assert len(news.states) == told, "trying again is not worth a word when nothing changed"


async def test_a_display_that_goes_away_makes_the_desk_unavailable(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news = open_tk(display, "agent-1", 10, 10), News()
    async with running(make_hands(display.name, tmp_path, (agent.window,), news, limits=SOON), news):
        display.server.terminate()
        display.server.wait(30)
        await news.until(lambda: news.states[-1][0] is DeskState.UNAVAILABLE and display.name in news.states[-1].note)


async def test_a_terminal_whose_profile_refuses_newlines_gets_none(display: VirtualDisplay, tmp_path: Path) -> None:
    agent, news = open_term(display, "agent-2", 10, 10), News()
    strict = replace(TERM, newline=Newline.REFUSE)
    async with running(make_hands(display.name, tmp_path, (agent.window,), news, term=strict), news) as desk:
        outcome = await deliver(desk.lane, make_order("agent-2", "one\ntwo"))
    assert (outcome.result, outcome.reason) == (Result.FAILED, Reason.TEXT_REFUSED)
    assert agent.heard == []


def test_a_display_that_goes_away_while_a_picture_of_it_is_taken_is_said_to_be_gone(display: VirtualDisplay) -> None:
    with ScreenCapture(display.name) as screen:
        screen.take(Box(x=0, y=0, width=10, height=10))
        display.server.kill()
        display.server.wait()
        with pytest.raises(ScreenGone):
            screen.take(Box(x=0, y=0, width=10, height=10))
