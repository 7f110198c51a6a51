"""Many tasks at once: dispatch takes them in small transactions, so that other writers never wait for long."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.desks.model import DeskNow, DeskState
from core.dispatch.assigner import AT_ONCE
from core.reasons import Reason, WaitReason
from core.security.model import HUB
from core.tasks.model import TaskState
from tests.builders import ADA, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

MANY = 120


@asynccontextmanager
async def fleet(home: Path, *numbers: int) -> AsyncGenerator[Coordinator]:
    """Open a coordinator with these agents on one desk that is not available; no loop runs."""
    names = [f"agent-{number}" for number in numbers]
    async with open_coordinator(
        home,
        agents=[make_window_agent(name.capitalize(), window=name) for name in names],
        desks=[make_desk(*names)],
        lanes={(Lane.WINDOW, "main"): FakeLane()},
        workers={"main": FakeDeskWorker()},
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "unplugged"))
        yield octet


async def rounds(octet: Coordinator) -> int:
    """Let dispatch take rounds until nothing is left; how many it took."""
    count = 1
    while await octet.store.write(octet.dispatch.assigner.assign_ready):
        count += 1
    return count


async def waiting(octet: Coordinator) -> dict[str, int]:
    return {one.reason or "": one.size for one in await octet.tasks.repository.queue.list_blocked()}


async def test_tasks_that_wait_for_a_removed_agent_move_a_few_at_a_time(tmp_path: Path) -> None:
    async with fleet(tmp_path, 1, 2) as octet:
        for _ in range(MANY):
            await octet.tasks.new(make_new_task(agent="Agent-2"), by=ADA)
        await rounds(octet)
        assert await waiting(octet) == {WaitReason.DESK: MANY}
    async with fleet(tmp_path, 1) as octet:
        assert await waiting(octet) == {WaitReason.DESK: MANY}, "the start itself moves none of them"
        assert await octet.store.write(octet.dispatch.assigner.assign_ready), "there is more to do"
        assert await waiting(octet) == {WaitReason.DESK: MANY - AT_ONCE, WaitReason.AGENT: AT_ONCE}
        assert await rounds(octet) == (MANY - AT_ONCE) // AT_ONCE + 1
        assert await waiting(octet) == {WaitReason.AGENT: MANY}
        assert octet.tasks.repository.cache.counts()[TaskState.WAITING] == MANY
        assert len(await octet.agents.list(by=HUB)) == 1
