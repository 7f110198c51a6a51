"""A house for the tests of acts: two windows at one desk, of which the first may ask something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from core.agent_actions.model import (
    AgentDialog,
)
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.deliveries.model import Assurance, Delivery, DeliveryId, DeliveryState, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState, Shown
from core.kit.clock import Clock
from core.notices.model import NoticeKind
from core.profiles.model import Act, Activity
from core.tasks.model import TaskId, TaskState
from tests.builders import (
    ADA,
    entries_of,
    make_agent,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    pending,
)
from tests.core.dispatch.test_loop import QUICK, reach, running
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, refused

ALL = "interrupt approve deny continue new_chat"
ASKS = Shown(
    window="agent-1",
    activity=Activity.NEEDS_INPUT,
    answers=(Act.APPROVE, Act.DENY),
    text="Run rm -rf build?",
    mark="secret-mark-1",
    png=b"\x89PNG1",
)
BUSY = Shown(window="agent-1", activity=Activity.BUSY)
DONE = Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT, note="the dialog is gone; the agent works")
NOBODY_SAW = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="nothing changed within 2 s")
CHANGED = refused(Reason.CHANGED, "another dialog stands there")


@asynccontextmanager
async def house(
    home: Path,
    lane: FakeLane,
    *,
    allowed_actions: str = ALL,
    worker: FakeDeskWorker | None = None,
    clock: Clock | None = None,
) -> AsyncGenerator[Coordinator]:
    """Two windows at one desk that is ready, and dispatch at work."""
    async with open_coordinator(
        home,
        agents=[
            make_window_agent("Agent-1", window="agent-1", allowed_actions=allowed_actions),
            make_window_agent("Agent-2", window="agent-2", allowed_actions=ALL),
            make_agent("Dry"),
        ],
        desks=[make_desk("agent-1", "agent-2")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": worker or FakeDeskWorker()},
        policy=QUICK,
        clock=clock,
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(octet):
            yield octet


async def asked(octet: Coordinator, shown: Shown = ASKS) -> AgentDialog:
    """Ada's task is with Agent-1, whose window asks something."""
    await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
    await reach(octet, TaskId("T-1"), TaskState.WORKING)
    await octet.dispatch.window_shows("main", shown)
    (found,) = await octet.agent_actions.dialogs.list_open()
    return found


async def told(octet: Coordinator, kind: NoticeKind = NoticeKind.NEEDS_ANSWER) -> list[tuple[str, str, str]]:
    """Task, how it ended and what it is about, of each notice of this kind that is still to be told."""
    found = [one for one in await pending(octet) if one.kind is kind]
    return [(one.task, getattr(one.detail, "how", ""), one.about) for one in found]


async def journal(octet: Coordinator, *names: str) -> list[tuple[str, str, dict[str, object]]]:
    entries = await entries_of(octet.journal, "agent:Agent-1")
    return [(one.name, one.actor, one.data) for one in entries if one.name in names]


async def row(octet: Coordinator, delivery: DeliveryId) -> Delivery:
    found = await octet.deliveries.get(delivery)
    assert found is not None
    return found


async def until_open(octet: Coordinator, mark: str) -> tuple[AgentDialog, ...]:
    """Wait until this dialog, and nothing else, is open."""
    async with asyncio.timeout(60):
        while True:
            found = await octet.agent_actions.dialogs.list_open()
            if [one.mark for one in found] == [mark]:
                return found
            await asyncio.sleep(0)


async def until_queued(octet: Coordinator) -> list[Delivery]:
    """Return the acts for Agent-1 that wait, once there are any."""
    async with asyncio.timeout(60):
        while True:
            found = await octet.store.write(
                lambda tx: octet.deliveries.find_actions(tx, ["Agent-1"], {DeliveryState.QUEUED})
            )
            if found:
                return found
