"""The life of a desk's worker: none, however it behaves, holds a desk up without a word or takes anything down."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

from core.deliveries.model import Reason, Result
from core.desks.model import DeskNow, DeskState, Window
from core.profiles.model import Box, Sign
from tests.automation.desktop.scenes import soon
from tests.automation.desktop.scripted import PATIENT, scripted
from tests.fakes.desk import TK, Commits, make_order

ORDER = make_order("agent-1", "Hello")


async def test_a_delivery_that_never_ends_is_ended_with_its_worker() -> None:
    async with scripted("never end", limits=replace(PATIENT, delivery_s=0.3, ready_s=0.2)) as on, asyncio.timeout(60):
        outcome = await on.lane.deliver(ORDER, Commits())
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.BOUNCED, Reason.WORKER_LOST, False)
        settled = await on.lane.settle(ORDER, Commits())
        assert (settled.result, settled.reason, settled.draft_left) == (Result.UNKNOWN, Reason.WORKER_LOST, True)


async def test_a_worker_that_floods_its_pipe_is_ended_and_takes_nothing_down_with_it() -> None:
    slow = Commits()
    async with scripted("flood") as on, asyncio.timeout(60):
        # Nothing is answered until the flood has had its end.
        slow.when["staging"] = lambda: on.news.until(lambda: on.news.states[-1][0] is DeskState.UNAVAILABLE)
        outcome = await on.lane.deliver(ORDER, slow)
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.BOUNCED, Reason.WORKER_LOST, True)


async def test_a_worker_that_ends_without_a_word_leaves_no_desk_starting_and_its_order_says_so() -> None:
    async with scripted("end at once", wait=False, limits=replace(PATIENT, ready_s=0.1)) as on, asyncio.timeout(60):
        outcome = await on.lane.deliver(ORDER, Commits())
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.BOUNCED, Reason.NO_WORKER, False)
        await on.news.until(lambda: bool(on.news.states) and on.news.states[-1][0] is DeskState.UNAVAILABLE)
        assert on.news.states[-1].reason is Reason.WORKER_NOT_STARTED


async def test_what_passes_is_tried_again_soon_and_its_reason_stays_meanwhile() -> None:
    limits = replace(PATIENT, no_display_s=3600, first_pause_s=0.01, longest_pause_s=0.05)
    async with scripted("held", wait=False, limits=limits) as on:
        await on.news.until(lambda: bool(on.news.states) and on.news.states[-1][0] is DeskState.UNAVAILABLE)
        first, workers = on.news.states[-1], {on.client.worker_pid}
        await soon(lambda: workers.add(on.client.worker_pid) or len(workers - {None}) > 2, "it was tried again, twice")
        assert first == DeskNow(DeskState.UNAVAILABLE, Reason.DISPLAY_HELD)
        assert set(on.news.states) <= {first, DeskNow(DeskState.STARTING)}, "nothing else was said meanwhile"


async def test_the_next_worker_knows_what_the_last_one_learned_of_each_window() -> None:
    """The two windows share a profile, and have different values from then on."""
    windows = tuple(
        Window(name=name, profile=TK.name, title=name, box=Box(x=0, y=0, width=width, height=300))
        for name, width in (("left", 400), ("right", 500))
    )
    async with scripted("learn", windows=windows, limits=replace(PATIENT, first_pause_s=0.01)) as on:
        await on.news.until(lambda: len(on.news.facts) == 2 and len(on.news.stirred) == 2)
        assert on.news.stirred == [repr(TK.busy.sign)] * 2
        assert [fact.window for fact in on.news.facts] == ["left", "right"]
        assert on.client.worker_pid is not None
        os.kill(on.client.worker_pid, signal.SIGKILL)
        await on.news.until(lambda: len(on.news.stirred) == 4)
        assert on.news.stirred[2:] == [
            repr(Sign(box=window.box, colour="#123456", is_learned=True)) for window in windows
        ]
