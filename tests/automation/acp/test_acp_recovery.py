"""After a crash the program's own history says whether a prompt arrived: only once the old program has ended."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automation.acp.lane import AcpLane
from core.deliveries.model import Assurance, Outcome, Reason, Result, StopReason
from core.kit.process_start import start_time
from tests.automation.desktop.scenes import soon
from tests.fakes.acp import Scripted, Turns, scripted, serving
from tests.fakes.desk import Commits, make_order

ORDER = make_order("agent-1", "Write it\n\twith a tab, and 名前")


async def crash(lane: AcpLane, one: Scripted) -> int:
    """Kill the worker while the program has the prompt and says nothing; return the program's process."""
    heard = len(one.heard)
    delivery = asyncio.ensure_future(lane.deliver(ORDER, Commits()))
    await soon(lambda: len(one.heard) > heard, "the program has the prompt")
    program = one.pid
    assert lane.worker_pid is not None
    os.kill(lane.worker_pid, signal.SIGKILL)
    outcome = await delivery
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.WORKER_LOST)
    return program


async def settle(lane: AcpLane) -> Outcome:
    """Settle as dispatch does: again while there is no worker."""
    async with asyncio.timeout(60):
        while (outcome := await lane.settle(replace(ORDER, fence=2), Commits())).reason is Reason.WORKER_LOST:
            pass  # it waits for the next worker
    return outcome


@pytest.mark.parametrize(
    ("faults", "changes", "result", "assurance"),
    [
        ("silent", {}, Result.DELIVERED, Assurance.EXACT),
        ("silent replay=30", {}, Result.DELIVERED, Assurance.EXACT),
        ("silent forgets", {}, Result.UNKNOWN, None),
        ("silent forgets", {"writes_history_first": True}, Result.NOT_ARRIVED, None),
        ("silent loads", {}, Result.UNKNOWN, None),
    ],
)
async def test_the_history_decides(
    tmp_path: Path, faults: str, changes: dict[str, Any], result: Result, assurance: Assurance | None
) -> None:
    news, one = Turns(), scripted(tmp_path, faults=faults, **changes)
    async with serving(one, news=news) as lane:
        await crash(lane, one)
        outcome = await settle(lane)
        assert (outcome.result, outcome.assurance) == (result, assurance), outcome
        await news.until(lambda: bool(news.ends))
    assert [(end.delivery, end.stop) for end in news.ends] == [("D1", StopReason.LOST)]
    assert (news.texts, len(one.heard)) == ([], 1), "a replay is no news, and nothing was sent again"


async def test_a_program_that_would_write_its_history_later_is_ended_first(tmp_path: Path) -> None:
    """It ignores the end of its input and SIGTERM, and writes the prompt much later: if Octet looked before its
    end, it would find nothing, send the prompt again, and the agent would have it twice."""
    one = scripted(tmp_path, faults="silent outlives=60", writes_history_first=True)
    async with serving(one, news=Turns()) as lane:
        program = await crash(lane, one)
        before = start_time(program)
        outcome = await settle(lane)
        assert start_time(program) != before or not before, "it lived on while Octet looked"
        assert outcome.result is Result.NOT_ARRIVED
    assert '"role": "user"' not in "".join(file.read_text() for file in one.folder.glob("[0-9a-f]*.jsonl"))


async def test_a_prompt_that_was_not_noted_was_not_written(tmp_path: Path) -> None:
    one = scripted(tmp_path)
    async with serving(one, news=Turns()) as lane:
        assert (await settle(lane)).result is Result.UNKNOWN, "there is no note at all"
        assert (await lane.deliver(make_order("agent-1", "Other", delivery="D2"), Commits())).result is Result.DELIVERED
        assert (await settle(lane)).result is Result.NOT_ARRIVED


async def test_an_equal_text_of_an_earlier_prompt_proves_nothing(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path, writes_history_first=True)
    async with serving(one, news=news) as lane:
        await lane.deliver(replace(ORDER, delivery="D0"), Commits())
        await news.until(lambda: bool(news.ends))
        forgetful = replace(one.agent, variables={**one.agent.variables, "ACP_FAULTS": "silent forgets"})
        lane.use([forgetful])
        await crash(lane, one)
        assert (await settle(lane)).result is Result.UNKNOWN


async def test_a_program_that_dies_with_the_prompt_is_asked_when_it_runs_again(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path, faults="silent")
    async with serving(one, news=news) as lane:
        delivery = asyncio.ensure_future(lane.deliver(ORDER, Commits()))
        await soon(lambda: one.heard, "the program has the prompt")
        os.kill(one.pid, signal.SIGKILL)
        assert ((await delivery).result, (await delivery).reason) == (Result.UNKNOWN, Reason.WORKER_LOST)
        assert (await settle(lane)).assurance is Assurance.EXACT
        await news.until(lambda: bool(news.ends))
    assert [(end.delivery, end.stop) for end in news.ends] == [("D1", StopReason.LOST)]


async def test_the_programs_end_with_octet(tmp_path: Path) -> None:
    one = scripted(tmp_path, faults="silent outlives=60")
    async with serving(one, news=Turns()) as lane:
        delivery = asyncio.ensure_future(lane.deliver(ORDER, Commits()))
        await soon(lambda: one.heard, "the program has the prompt")
    assert not start_time(one.pid)
    assert (await delivery).result is Result.UNKNOWN
