"""The conversation with a worker: no worker, however it talks, takes anything down with it."""

from __future__ import annotations

import asyncio

from core.deliveries.model import Reason, Result
from core.desks.model import DeskState
from tests.automation.desktop.scripted import scripted
from tests.fakes.desk import Commits, make_order


async def test_a_worker_that_floods_its_pipe_is_ended_and_takes_nothing_down_with_it() -> None:
    slow = Commits()
    async with scripted("flood") as on, asyncio.timeout(60):
        # Nothing is answered until the flood has had its end.
        slow.when["staging"] = lambda: on.news.until(lambda: on.news.states[-1][0] is DeskState.UNAVAILABLE)
        outcome = await on.lane.deliver(make_order("agent-1", "Hello"), slow)
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.BOUNCED, Reason.WORKER_LOST, True)
        await on.news.until(lambda: on.news.states[-1][0] is DeskState.UNAVAILABLE)
