"""Kills around the display's lock, the late answer, and the two ends of the pipe, with real processes and windows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.worker.connection import WorkerTimeouts
from core.deliveries.model import Reason, Result
from core.desks.model import DeskNow, DeskState
from tests.automation.desktop.scenes import TEXT, is_drafted, scene, soon
from tests.display import VirtualDisplay, until
from tests.fakes.desk import ROOT, TK, Commits, News, deliver, make_client, make_order, open_tk, running

pytestmark = pytest.mark.display
ALONE = WorkerTimeouts(first_pause_s=60.0, silence_s=60.0, ready_s=0.3)
"""Whose worker is neither replaced nor ended for its silence within a test."""


def holder(locks: Path) -> int:
    """Return the process that holds the display's lock."""
    (lock,) = locks.glob("display-*.lock")
    return int(lock.read_text())


async def test_beside_a_stopped_holder_of_the_display_no_key_is_pressed_and_the_next_worker_begins_when_it_is_killed(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    agent, first, second = open_tk(display, "agent-1", 10, 10), News(), News()
    one, other = (make_client(display.name, tmp_path, (agent.window,), news, limits=ALONE) for news in (first, second))
    async with running(one, first), running(other, second, wait=False) as waiting:
        await second.until(lambda: DeskNow(DeskState.UNAVAILABLE, Reason.DISPLAY_TAKEN) in second.states)
        stopped = holder(tmp_path / "locks")
        os.kill(stopped, signal.SIGSTOP)
        outcome = await waiting.lane.deliver(make_order("agent-1", TEXT), Commits())
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.BOUNCED, Reason.NO_WORKER, False)
        assert DeskState.READY not in [one.state for one in second.states]
        assert (holder(tmp_path / "locks"), agent.heard) == (stopped, [])
        os.kill(stopped, signal.SIGKILL)
        await second.until(lambda: DeskState.READY in [one.state for one in second.states])
        assert holder(tmp_path / "locks") != stopped
        assert (await deliver(waiting.lane, make_order("agent-1", TEXT))).result is Result.DELIVERED
        assert agent.heard == [TEXT]


async def test_a_worker_killed_while_it_waits_for_a_grant_pressed_nothing(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:

        async def kill() -> None:
            os.kill(holder(tmp_path / "locks"), signal.SIGKILL)

        on.commits.when["submitting"] = kill
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason, outcome.draft_left) == (Result.UNKNOWN, Reason.WORKER_LOST, True)
        await on.is_back()
        assert on.agent.heard == []
        assert on.is_drafted
        on.commits.when.clear()
        settled = await on.desk.lane.settle(replace(on.order(fence=2), drafts=tuple(on.commits.drafts)), on.commits)
        assert settled.result is Result.DELIVERED
        assert on.agent.heard == [TEXT]


async def test_a_key_that_a_kill_left_down_is_released_by_the_next_worker(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    async with scene(display, tmp_path) as on:
        on.leftovers.is_there = False
        await on.killed_at("worker.key-down")
        await on.desk.news.until(lambda: on.desk.news.states[-1][0] is DeskState.UNAVAILABLE)
        assert display.is_anything_down()
        on.leftovers.commits.clear()
        on.leftovers.is_there = True
        await on.is_back()
        assert not display.is_anything_down()


SUBMITTED = {"worker.key-down", "worker.key-pressed", "worker.done-sent"}
MAY_HAVE_ASKED = {"worker.staged-asked", "worker.staged-granted"}
"""The grant of `staged` may have come before the kill: then the worker has asked for Enter, and the box is evidence."""


@pytest.mark.parametrize(
    "point",
    [
        *("worker.staging-asked", "worker.staging-granted", "worker.clicked", "worker.pasted", "worker.read-back"),
        *("worker.staged-asked", "worker.staged-granted", "worker.submitting-asked", "worker.submitting-granted"),
        *("worker.key-down", "worker.key-pressed", "worker.done-sent"),
    ],
)
async def test_when_the_coordinator_is_killed_the_worker_ends_and_leaves_what_is_evidence(
    display: VirtualDisplay, tmp_path: Path, point: str
) -> None:
    agent, tickets = open_tk(display, "agent-1", 50, 50), tmp_path / "tickets"
    tickets.mkdir()
    (tickets / point).write_text("kill other")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.coordinator_end"),
        *(display.name, str(tmp_path), str(agent.seen.box.x), str(agent.seen.box.y), TEXT),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    async with asyncio.timeout(60):
        code = await process.wait()
        assert code == -signal.SIGKILL, (tmp_path / "outcome").read_text()
    # Its last word was sent before that point, and may have been heard before the kill.
    assert point == "worker.done-sent" or not (tmp_path / "outcome").exists()
    worker = holder(tmp_path / "locks")
    await soon(lambda: not Path(f"/proc/{worker}").exists(), "the worker ends")
    until(lambda: not display.is_anything_down(), "no key stays down")
    if point in SUBMITTED:
        until(lambda: agent.heard == [TEXT], "the key that was under way was finished")
        until(lambda: not is_drafted(display, agent, TK), "and sent the whole draft")
    elif point in {"worker.submitting-asked", "worker.submitting-granted"}:
        # Its grant may have come before the kill: then Enter was pressed, as the row allows. Else the box is evidence.
        until(lambda: bool(agent.heard) is not is_drafted(display, agent, TK), "pressed, or left as it stood")
        assert agent.heard in ([], [TEXT])
    else:
        assert agent.heard == []
        assert point in MAY_HAVE_ASKED or not is_drafted(display, agent, TK), "before it has asked its draft is cleared"
