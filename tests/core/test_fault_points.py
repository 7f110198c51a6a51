"""Every step of every state table passes its two fault points: one that can undo it, and one that cannot any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from core.agents.model import AGENT_STEPS, OFF_DUTY, AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import DELIVERY_STEPS, Delivery, DeliveryState
from core.kit import faults
from core.store.engine import Tx
from core.tasks.model import TASK_STEPS, TaskState
from tests.builders import ADA, make_agent, make_new_task, open_coordinator
from tests.fakes.lane import FakeLane

AGENT = "Agent-1"
TABLES: dict[str, Mapping[StrEnum, frozenset[StrEnum]]] = {
    "agent": AGENT_STEPS,  # pyright: ignore[reportAssignmentType] - each table is keyed by its own enum
    "delivery": DELIVERY_STEPS,
    "task": TASK_STEPS,
}
SET = {
    "agent": sql("UPDATE agents SET state = :state, reason = ''"),
    "delivery": sql("UPDATE deliveries SET state = :state"),
    "task": sql("UPDATE tasks SET state = :state"),
}
STATE = {
    "agent": sql("SELECT state FROM agents"),
    "delivery": sql("SELECT state FROM deliveries"),
    "task": sql("SELECT state FROM tasks"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    tickets = tmp_path / "tickets"
    tickets.mkdir()
    faults.arm(tickets)
    yield tickets
    faults.arm(None)


def steps(octet: Coordinator, tx: Tx, delivery: Delivery) -> dict[str, Callable[[str], object]]:
    """How each room takes a step."""

    def agent(to: str) -> None:
        now = octet.agents.status(tx, AGENT)
        if now.state in OFF_DUTY:
            octet.agents.set_duty(tx, now, AgentState(to), note="so", by=ADA)
        else:
            octet.agents.move(tx, AGENT, AgentState(to), note="so")

    return {
        "agent": agent,
        "delivery": lambda to: octet.deliveries.step(tx, delivery, DeliveryState(to)),
        "task": lambda to: octet.tasks.repository.move(tx, "T-1", TaskState(to)),
    }


def taken_in(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("taken.").rsplit(".", 2)[0] for path in folder.iterdir())


@pytest.mark.parametrize("what", TABLES)
async def test_each_step_can_be_struck_before_its_commit_and_after_it(folder: Path, tmp_path: Path, what: str) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent(AGENT)], lanes={(Lane.DRYRUN, None): FakeLane()}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.store.write(octet.dispatch.assigner.assign_ready)
        [delivery] = await octet.deliveries.list_for_task("T-1")
        struck: list[str] = []
        for was, allowed in TABLES[what].items():
            for to in sorted(allowed):

                def take(tx: Tx, was: StrEnum = was, to: StrEnum = to) -> None:
                    tx.execute(SET[what], {"state": was.value})
                    steps(octet, tx, delivery)[what](to.value)

                before = (await octet.store.fetch(STATE[what]))[0].state
                (folder / f"{what}.{was}-{to}.written").write_text("fail")
                with pytest.raises(faults.Struck):
                    await octet.store.write(take)
                assert (await octet.store.fetch(STATE[what]))[0].state == before, "it was not undone"
                (folder / f"{what}.{was}-{to}.committed").write_text("kill other")
                await octet.store.write(take)
                assert (await octet.store.fetch(STATE[what]))[0].state == to.value
                struck += [f"{what}.{was}-{to}.written", f"{what}.{was}-{to}.committed"]
    assert taken_in(folder) == sorted(struck)


async def test_a_new_task_and_a_new_delivery_have_points_too(folder: Path, tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent(AGENT)], lanes={(Lane.DRYRUN, None): FakeLane()}) as octet:
        (folder / "task.new-ready.written").write_text("fail")
        with pytest.raises(faults.Struck):
            await octet.tasks.new(make_new_task(), by=ADA)
        assert await octet.store.fetch(STATE["task"]) == []
        await octet.tasks.new(make_new_task(), by=ADA)
        (folder / "delivery.new-queued.written").write_text("fail")
        with pytest.raises(faults.Struck):
            await octet.store.write(octet.dispatch.assigner.assign_ready)
        assert await octet.store.fetch(STATE["delivery"]) == []
        assert [row.state for row in await octet.store.fetch(STATE["task"])] == ["ready"]
