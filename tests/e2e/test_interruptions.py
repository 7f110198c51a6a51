"""Octet is stopped or killed and starts again on its home: nothing acknowledged is lost, doubled or claimed unseen.

What the windows really received is the desktop's own record.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.kit.faults import FaultAction
from core.reasons import WaitReason
from core.receipts import texts as receipt_words
from core.remedies import sentence
from tests.e2e.house import House, Json, body_of, open_house, words
from tests.long_forms import mostly_long

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("interruptions"), windows=6, has_fault_points=True) as house:
        yield house


async def killed_at(house: House, point: str, brief: str, agent: str, act: FaultAction = FaultAction.KILL) -> str:
    """Make a task in whose delivery this process is killed at this point; return it when Octet runs again."""
    ticket = house.strike(point, act)
    task = await house.task(f"{brief}\ndemo: silent", agent)
    if act is FaultAction.KILL and point.startswith("worker"):  # the worker alone
        return task
    await house.come_back()
    assert not ticket.exists(), f"no process passed {point}"
    return task


async def receipt_of(house: House, task: str) -> Json:
    told = await house.command("receipt", task, "--json", "--home", str(house.home))
    assert told.code == 0, told.err
    (receipt,) = json.loads(told.out)
    return receipt


async def times_heard(house: House, agent: str, brief: str) -> int:
    return [body_of(one) for one in await house.screen.heard(agent.lower())].count(f"{brief}\ndemo: silent")


# In good order


async def test_buttons_codes_and_waiting_tasks_outlive_a_stop_and_a_kill(house: House) -> None:
    cancelled = await house.task("Cancel me later\ndemo: silent", "Agent-1")
    answered = await house.task("Answer me later\ndemo: silent", "Agent-2")
    for task in (cancelled, answered):
        await house.card(task, "Working")
    code = await house.code(answered)
    await house.ask("desk hold")
    waiting = [await house.task(f"Waiting {number}", f"Agent-{number % 2 + 1}") for number in range(6)]
    assert await house.stop() == 0
    early = await house.command("done", answered, "--code", code, "--wait", "0.2", given="Für später".encode())
    assert early.code == 75
    assert len(list((house.home / "answers").glob("*"))) == 1
    await house.start()
    await house.told(answered, "Agent-2 finished", "Für später")
    assert [one for one in (house.home / "answers").rglob("*") if one.is_file()] == []
    assert (await house.press_cancel(cancelled)).startswith(f"Cancelled {cancelled}.")
    await house.kill()
    await house.start()
    await house.ask("desk release")
    await asyncio.gather(*(house.done(task) for task in (answered, *waiting)))
    heard = [body_of(one) for prompts in (await house.heard()).values() for one in prompts]
    assert sorted(one for one in heard if one.startswith("Waiting")) == [f"Waiting {number}" for number in range(6)]
    assert [heard.count(f"{brief} me later\ndemo: silent") for brief in ("Cancel", "Answer")] == [1, 1]
    for task in (cancelled, answered, *waiting):
        cards = [one for one in await house.discord.messages() if f"-# {task} · " in words(one)]
        assert len([one for one in cards if one["sandbox"]["only_for"] is None]) == 1
    log = (house.world / "octet.log").read_text()
    assert log
    assert code.partition(".")[2] not in log
    assert "me later" not in log


async def test_a_second_octet_on_this_home_is_refused_and_the_first_continues(house: House) -> None:
    second = await house.command("run", "--home", str(house.home))
    assert second.code == 2, second
    assert f"Another Octet already runs in the home {house.home}" in second.err
    await house.done(await house.task("Still there?", "Agent-1"))


# Killed during a delivery


@pytest.mark.parametrize(
    ("act", "agent"),
    mostly_long(
        [(FaultAction.KILL_BOTH, "Agent-1"), (FaultAction.KILL_OTHER, "Agent-2"), (FaultAction.KILL, "Agent-3")]
    ),
)
async def test_a_window_with_a_transcript_shows_that_the_prompt_arrived(
    house: House, act: FaultAction, agent: str
) -> None:
    brief = "Look at the transcript"
    task = await killed_at(house, "worker.key-pressed", brief, agent, act)
    await house.card(task, "Working")
    receipt = await receipt_of(house, task)
    assert (receipt["state"], receipt["assurance"]) == ("delivered", "exact")
    assert await times_heard(house, agent, brief) == 1
    await house.press_cancel(task)


async def test_a_lost_verdict_leaves_the_receipt_of_what_was_found_afterwards(house: House) -> None:
    point = "delivery.submitting-delivered.written"  # inside the transaction that is never committed
    task = await killed_at(house, point, "Lost verdict", "Agent-1")
    await house.card(task, "Working")
    receipt = await receipt_of(house, task)
    assert (receipt["state"], receipt["assurance"]) == ("delivered", "exact")
    assert receipt["note"] == "found in the window's transcript after an interruption"
    assert "copied the whole text" not in receipt["before_enter"], "only the killed process read it"
    assert not any(shot["name"].startswith("staged") for shot in receipt["pictures"])
    assert await times_heard(house, "Agent-1", "Lost verdict") == 1
    await house.press_cancel(task)


async def test_a_stored_verdict_has_its_receipt_whole_and_once(house: House) -> None:
    task = await killed_at(house, "delivery.submitting-delivered.committed", "Stored verdict", "Agent-2")
    await house.card(task, "Working")
    receipt = await receipt_of(house, task)
    assert receipt["state"] == "delivered"
    assert "Octet copied the whole text" in receipt["before_enter"]
    assert {shot["name"] for shot in receipt["pictures"]} == {"staged-composer", "afterwards-composer"}
    assert receipt["evidence"]["sha256"]
    assert await times_heard(house, "Agent-2", "Stored verdict") == 1
    await house.press_cancel(task)


@pytest.mark.parametrize("agent", ["Agent-3", "Agent-5"], ids=["a text field", "xterm"])
async def test_the_next_start_clears_a_draft_whose_worker_and_coordinator_were_killed_before_enter(
    house: House, agent: str
) -> None:
    brief = f"No Enter for {agent}"
    task = await killed_at(house, "worker.staged-granted", brief, agent, FaultAction.KILL_BOTH)
    await house.card(task, "Working")
    receipt = await receipt_of(house, task)
    assert (receipt["fence"], receipt["state"]) == (2, "delivered"), "there is only the receipt of the second attempt"
    assert await times_heard(house, agent, brief) == 1
    await house.press_cancel(task)


async def test_a_user_settles_by_pictures_what_a_window_does_not_show(house: House) -> None:
    task = await killed_at(house, "dispatch.seen", "Look at the terminal", "Agent-5")
    behind = await house.task("The next one", "Agent-5")
    asked = await house.told(task, f"{task} needs your decision")
    assert asked["sandbox"]["files"], "no picture of the window"
    await house.card(behind, "Waiting", sentence(WaitReason.HOLD))
    receipt = await receipt_of(house, task)
    assert (receipt["state"], receipt["assurance"]) == ("unknown", None)
    assert receipt["claim"] == receipt_words.UNKNOWN
    assert not any(shot["name"].startswith("staged") for shot in receipt["pictures"])
    assert (await house.press(asked, "Arrived")).startswith(f"Recorded that {task} arrived")
    await house.card(task, "Working")
    assert (await receipt_of(house, task))["settled"] == "arrived"
    assert await times_heard(house, "Agent-5", "Look at the terminal") == 1
    await house.press_cancel(task)
    await house.done(behind)


async def test_a_prompt_is_sent_again_on_a_users_word(house: House) -> None:
    """The user is wrong here, so that the second Enter is seen: it is theirs, not Octet's."""
    task = await killed_at(house, "worker.key-pressed", "Say it twice", "Agent-6", FaultAction.KILL_BOTH)
    await house.told(task, f"{task} needs your decision")
    assert await times_heard(house, "Agent-6", "Say it twice") == 1
    resolved = await house.command("delivery", "resolve", task, "again", "--home", str(house.home))
    assert resolved.code == 0, resolved.err
    await house.card(task, "Working")
    assert await times_heard(house, "Agent-6", "Say it twice") == 2
