"""Octet is killed between what was seen and what is kept of it: then the receipts tell what happened, and no more.

What the windows truly heard is the desktop's own record.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.kit.faults import FaultAction
from core.receipts import texts as receipt_words
from tests.e2e.house import House, Json, body_of, open_house

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("receipts")
    tickets = world / "tickets"
    tickets.mkdir(mode=0o700)
    async with open_house(world, windows=5, settings={"OCTET_FAULT_POINTS": str(tickets)}) as house:
        yield house


async def killed_at(house: House, point: str, agent: str, act: FaultAction) -> str:
    """A task in whose delivery Octet was killed there; it runs again."""
    draft = house.world / "draft"
    draft.write_text(act)
    draft.rename(house.world / "tickets" / point)
    task = await house.task(f"Killed at {point}\ndemo: silent", agent)
    assert house.octet is not None
    async with asyncio.timeout(60):
        await house.octet.process.wait()
    assert await house.stop() == -9
    assert not (house.world / "tickets" / point).exists(), f"nobody came by {point}"
    await house.start()
    return task


async def receipts_of(house: House, task: str) -> list[Json]:
    told = await house.command("receipt", task, "--json", "--home", str(house.home))
    assert told.code == 0, told.err
    return json.loads(told.out)


async def times_heard(house: House, agent: str, point: str) -> int:
    bodies = [body_of(one) for one in await house.screen.heard(agent.lower())]
    return bodies.count(f"Killed at {point}\ndemo: silent")


async def test_a_verdict_that_was_lost_leaves_the_receipt_of_what_was_found_out_afterwards(house: House) -> None:
    point = "delivery.submitting-delivered.written"  # inside the transaction that nobody will see
    task = await killed_at(house, point, "Agent-1", FaultAction.KILL)
    await house.card(task, "is working on it")
    (receipt,) = await receipts_of(house, task)
    assert (receipt["state"], receipt["assurance"]) == ("delivered", "exact")
    assert receipt["note"] == "found in the window's transcript after an interruption"
    assert receipt["claim"] == "Seen: the window shows the whole text outside its composer."
    assert "copied the whole text" not in receipt["before_enter"], (
        "what the killed one read is not claimed by the next one"
    )
    assert not any(shot["name"].startswith("staged") for shot in receipt["pictures"]), "nobody has a picture of that"
    assert await times_heard(house, "Agent-1", point) == 1
    await house.press_cancel(task)


async def test_a_verdict_that_was_stored_has_its_receipt_whole_and_once(house: House) -> None:
    point = "delivery.submitting-delivered.committed"
    task = await killed_at(house, point, "Agent-2", FaultAction.KILL)
    await house.card(task, "is working on it")
    (receipt,) = await receipts_of(house, task)
    assert receipt["state"] == "delivered"
    assert "Octet copied the whole text" in receipt["before_enter"]
    assert {shot["name"] for shot in receipt["pictures"]} == {"staged-composer", "afterwards-composer"}
    assert receipt["evidence"]["sha256"]
    assert await times_heard(house, "Agent-2", point) == 1
    await house.press_cancel(task)


async def test_an_attempt_that_never_came_to_enter_leaves_no_receipt_but_that_of_the_next(house: House) -> None:
    point = "worker.staged-granted"
    task = await killed_at(house, point, "Agent-3", FaultAction.KILL_BOTH)
    await house.card(task, "is working on it")
    (receipt,) = await receipts_of(house, task)
    assert receipt["fence"] == 2, "of the second attempt: in the first one nothing was pressed"
    assert receipt["state"] == "delivered"
    assert await times_heard(house, "Agent-3", point) == 1
    await house.press_cancel(task)


async def test_where_nobody_saw_it_and_the_window_cannot_tell_the_receipt_claims_neither(house: House) -> None:
    point = "dispatch.seen"
    task = await killed_at(house, point, "Agent-5", FaultAction.KILL)
    await house.told(task, f"{task} needs your decision")
    (receipt,) = await receipts_of(house, task)
    assert (receipt["state"], receipt["assurance"]) == ("unknown", None)
    assert receipt["claim"] == receipt_words.UNKNOWN
    assert not any(shot["name"].startswith("staged") for shot in receipt["pictures"])
    assert await times_heard(house, "Agent-5", point) == 1, "it had arrived, and nobody saw it"
    resolved = await house.command("delivery", "resolve", task, "arrived", "--home", str(house.home))
    assert resolved.code == 0, resolved.err
    (receipt,) = await receipts_of(house, task)
    assert (receipt["state"], receipt["settled"]) == ("unknown", "arrived")
    assert receipt["claim"] == f"{receipt_words.UNKNOWN} Later a user said that it had arrived."
