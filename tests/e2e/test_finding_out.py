"""Everything is killed just after Enter: the window says that the prompt arrived, or a person does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from core.kit.faults import FaultAction
from core.reasons import WaitReason
from core.remedies import sentence
from tests.e2e.house import House, body_of, open_house, words
from tests.fakes.sandbox_client import wait_message

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("finding-out")
    tickets = world / "tickets"
    tickets.mkdir(mode=0o700)
    async with open_house(world, windows=6, settings={"OCTET_FAULT_POINTS": str(tickets)}) as house:
        yield house


async def killed_after_enter(house: House, brief: str, agent: str, act: FaultAction = FaultAction.KILL_BOTH) -> str:
    """The task whose prompt was submitted just before coordinator, worker, or both were killed; Octet is back."""
    draft = house.world / "draft"
    draft.write_text(act)
    draft.rename(house.world / "tickets" / "worker.key-pressed")
    task = await house.task(f"{brief}\ndemo: silent", agent)
    assert house.octet is not None
    if act is FaultAction.KILL:  # the worker alone
        return task
    async with asyncio.timeout(60):
        await house.octet.process.wait()
    assert await house.stop() == -9
    await house.start()
    return task


async def times_heard(house: House, window: str, brief: str) -> int:
    return [body_of(one) for one in (await house.heard())[window]].count(f"{brief}\ndemo: silent")


async def press(house: House, message: dict[str, Any], label: str) -> str:
    answer = await house.discord.click("Ada", message, label)
    assert answer.message_id is not None, answer
    return words(
        await wait_message(
            house.discord, lambda one: one["id"] == answer.message_id and not one["sandbox"]["thinking"], within_s=60.0
        )
    )


@pytest.mark.parametrize(
    ("act", "agent"),
    [(FaultAction.KILL_BOTH, "Agent-1"), (FaultAction.KILL_OTHER, "Agent-2"), (FaultAction.KILL, "Agent-3")],
)
async def test_where_the_window_shows_what_was_said_it_is_found_to_have_arrived(
    house: House, act: FaultAction, agent: str
) -> None:
    task = await killed_after_enter(house, "Look at the transcript", agent, act)
    await house.card(task, "is working on it")
    assert "delivered, exact" in words(await house.ask("task show", task=task))
    assert await times_heard(house, agent.lower(), "Look at the transcript") == 1
    assert words(await house.press_cancel(task)) == f"Cancelled {task}."


async def test_where_nothing_shows_it_a_person_sees_pictures_and_settles_it_by_one_press(house: House) -> None:
    task = await killed_after_enter(house, "Look at the terminal", "Agent-5")
    behind = await house.task("The next one", "Agent-5")
    asked = await house.told(task, f"{task} needs your decision")
    assert asked["sandbox"]["files"], "no picture of the window"
    await house.card(behind, "waiting", sentence(WaitReason.HOLD))
    assert (await press(house, asked, "Arrived")).startswith(f"Recorded that {task} arrived")
    await house.told(task, "said that its prompt arrived")
    await house.card(task, "is working on it")
    assert await times_heard(house, "agent-5", "Look at the terminal") == 1
    assert words(await house.press_cancel(task)) == f"Cancelled {task}."
    await house.done(behind)


async def test_what_did_not_arrive_by_a_persons_word_is_sent_again(house: House) -> None:
    """The person is wrong here, so that the second Enter is seen: it is theirs, not Octet's."""
    task = await killed_after_enter(house, "Say it twice", "Agent-6")
    await house.told(task, f"{task} needs your decision")
    assert await times_heard(house, "agent-6", "Say it twice") == 1
    resolved = await house.command("delivery", "resolve", task, "again", "--home", str(house.home))
    assert resolved.code == 0, resolved.err
    await house.told(task, "the operator of this machine said that its prompt did not arrive")
    await house.card(task, "is working on it")
    assert await times_heard(house, "agent-6", "Say it twice") == 2
