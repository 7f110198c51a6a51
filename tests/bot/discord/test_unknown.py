"""Nobody saw the prompt arrive: Discord asks a person, with pictures and buttons, and all goes on by their word."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.agents.model import AgentState
from core.deliveries.model import Moment, Outcome, Picture, Reason, Result
from core.dispatch.model import Decision
from core.reasons import ParkCause, WaitReason
from core.remedies import sentence
from core.security.model import OPERATOR
from core.tasks.model import TaskId, TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import Town, bot_at_work, people, settings_for, text_of
from tests.fakes.sandbox_client import wait_message, wait_thread

AGENT = "Window-1"


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


SHOTS = (Picture(moment=Moment.STAGED, png=png("white")), Picture(moment=Moment.LAST_SEEN, png=png("black")))
BLIND = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty")
SEEN_NOWHERE = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty", pictures=SHOTS)


async def asked(town: Town, outcome: Outcome = SEEN_NOWHERE) -> dict[str, Any]:
    """Two tasks for one agent; nobody saw the first one's prompt arrive. The message that asks about it."""
    town.lane.script.append(outcome)
    await town.ask("task new", brief="Count the birds", agent=AGENT)
    await town.ask("task new", brief="Count the bees", agent=AGENT)
    await town.card("T-2", holds=sentence(WaitReason.HOLD))
    return await town.said("T-1 needs your decision:")


def is_of_first(thread: dict[str, Any]) -> bool:
    """Whether this is the thread of T-1; T-2 has one too."""
    return thread["name"].startswith("T-1 ")


async def press(town: Town, message: dict[str, Any], label: str, user: str = "Ada") -> str:
    return text_of(await town.answered(await town.sandbox.click(user, message["id"], label)))


async def now(town: Town, message: dict[str, Any], holds: str) -> dict[str, Any]:
    """The message, once it shows `holds`."""
    return await wait_message(town.sandbox, lambda m: m["id"] == message["id"] and holds in text_of(m))


def parts(message: dict[str, Any], kind: int) -> list[dict[str, Any]]:
    def walk(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for item in items for one in (item, *walk(item.get("components", [])))]

    return [one for one in walk(message["components"]) if one["type"] == kind]


def buttons(message: dict[str, Any]) -> list[str]:
    return [one["label"] for one in parts(message, 2)]


def pictures(message: dict[str, Any]) -> list[str]:
    return [one["filename"] for one in message["sandbox"]["files"]]


async def test_the_question_stands_in_the_thread_with_pictures_and_buttons_and_wakes_who_asked(owned: Town) -> None:
    message = await asked(owned)
    assert message["channel_id"] == (await wait_thread(owned.sandbox, is_of_first))["id"]
    assert message["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    assert buttons(message) == ["Arrived", "Not arrived, send again", "Drop"]
    assert pictures(message) == ["T-1-staged.png", "T-1-last-seen.png"]
    (gallery,) = parts(message, 12)
    assert [one["description"] for one in gallery["items"]] == ["before Enter", "at the last look"]
    assert "Seen: the box is empty" in text_of(message)
    await owned.card("T-1", holds=sentence(ParkCause.DELIVERY_UNKNOWN))


@pytest.mark.parametrize(
    ("label", "private", "public", "task"),
    [
        ("Arrived", "Recorded that T-1 arrived", "said that its prompt arrived", TaskState.WORKING),
        ("Not arrived, send again", "Octet sends T-1 again", "did not arrive; Octet sends it again", TaskState.WORKING),
        ("Drop", "Dropped T-1", "dropped it", TaskState.CANCELLED),
    ],
)
async def test_a_press_settles_it_and_the_message_says_who_decided_what(
    owned: Town, label: str, private: str, public: str, task: TaskState
) -> None:
    message = await asked(owned)
    assert private in await press(owned, message, label)
    after = await now(owned, message, public)
    assert f"<@{owned.sandbox.world.ada.id}>" in text_of(after)
    assert buttons(after) == pictures(after) == []
    first = "is working on it" if task is TaskState.WORKING else "**cancelled**"
    await owned.card("T-1", holds=first)
    if task is TaskState.WORKING:
        await owned.ask("task done", task="T-1", text="Seven")
    else:
        told = await owned.said("T-1 is cancelled")
        assert told["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    await owned.card("T-2", holds="is working on it")
    birds = [text for text in owned.lane.submitted if "birds" in text]
    assert len(birds) == (2 if "again" in label else 1)


async def test_a_button_works_in_a_new_process(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        await town.own()
        message = await asked(town)
    async with people(tmp_path, sandbox) as town, bot_at_work(town):
        assert "T-1 arrived" in await press(town, message, "Arrived")
        assert buttons(await now(town, message, "said that its prompt arrived")) == []
        await town.card("T-1", holds="is working on it")


async def test_a_stranger_who_presses_decides_nothing(owned: Town) -> None:
    message = await asked(owned)
    for label in ("Arrived", "Not arrived, send again", "Drop"):
        assert "delivery.resolve" in await press(owned, message, label, user="Ben")
    assert (await owned.coordinator.tasks.show(TaskId("T-1"), by=OPERATOR)).task.state is TaskState.PARKED
    assert (await owned.coordinator.agents.show(AGENT, by=OPERATOR)).state is AgentState.HELD


async def test_what_was_settled_at_the_machine_is_shown_and_answers_a_press_in_one_sentence(quiet_town: Town) -> None:
    town = quiet_town
    async with bot_at_work(town):
        await town.own()
        message = await asked(town)
    await town.coordinator.unknowns.resolve("T-1", Decision.ARRIVED, by=OPERATOR)  # the bot is away
    stale = await wait_message(town.sandbox, lambda m: m["id"] == message["id"])
    assert buttons(stale)
    async with bot_at_work(town):
        after = await now(town, message, "the operator of this machine said that its prompt arrived")
        assert buttons(after) == []


async def test_of_two_who_press_at_once_one_decides(owned: Town) -> None:
    message = await asked(owned)
    said = await asyncio.gather(press(owned, message, "Arrived"), press(owned, message, "Drop"))
    assert sorted("nothing to decide about T-1" in one for one in said) == [False, True]


async def test_cancel_and_done_still_work_and_the_message_says_so(owned: Town) -> None:
    message = await asked(owned)
    await owned.ask("task cancel", task="T-1")
    after = await now(owned, message, "ended it")
    assert buttons(after) == pictures(after) == []


async def test_an_answer_settles_it_and_the_message_says_so(owned: Town) -> None:
    message = await asked(owned)
    code = owned.lane.submitted[0].split("--code ")[1].split()[0]
    await owned.coordinator.tasks.accept_answer("T-1", code, "Seven.", final=True, key="a")
    assert buttons(await now(owned, message, "so its prompt arrived")) == []


async def test_without_a_picture_the_question_says_so_and_how_to_look(owned: Town) -> None:
    message = await asked(owned, BLIND)
    assert pictures(message) == parts(message, 12) == []
    assert "There is no picture of its window. Look at it with `/desk screenshot`" in text_of(message)
    assert len(buttons(message)) == 3


async def test_pictures_can_be_switched_off(quiet_town: Town) -> None:
    async with bot_at_work(quiet_town, settings_for(quiet_town.sandbox, pictures=False)):
        await quiet_town.own()
        message = await asked(quiet_town)
        assert pictures(message) == []
        assert "Pictures are turned off" in text_of(message)


@pytest.mark.parametrize("executed", [False, True])
async def test_a_question_whose_call_is_lost_is_asked_once(owned: Town, *, executed: bool) -> None:
    owned.lane.script.append(SEEN_NOWHERE)
    owned.lane.gate.clear()
    await owned.ask("task new", brief="Count the birds", agent=AGENT)
    thread = (await wait_thread(owned.sandbox, is_of_first))["id"]
    rule = await owned.sandbox.fault(
        kind="drop", route=rf"POST /channels/{thread}/messages", times=1, executed=executed
    )
    owned.lane.gate.set()
    message = await owned.said("T-1 needs your decision:")
    assert "T-1 arrived" in await press(owned, message, "Arrived")
    after = await now(owned, message, "said that its prompt arrived")
    assert pictures(after) == []
    assert owned.sandbox.faults.struck(rule) == 1
    public = [one for one in await owned.sandbox.messages(channel=thread) if "T-1" in text_of(one)]
    public = [one for one in public if one["sandbox"]["only_for"] is None]
    assert [one["id"] for one in public] == [message["id"]]
