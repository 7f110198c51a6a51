"""At most one message and one ping for each event, over the stories that the demo tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.agent_messages.model import NewSubtask, Proof
from core.agents.model import Job
from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import Shown
from core.messages.answer_markers import MarkedAnswer
from core.notices.model import DISCORD
from core.profiles.model import Act, Activity
from core.tasks.model import AgentTrouble, PendingAnswer
from sandbox.discord.server import Sandbox
from tests.bot.discord.test_tasks import code_on, looks_idle
from tests.bot.discord.town import Town, bot_at_work, people, png, text_of
from tests.builders import make_agent, make_window_agent
from tests.golden.tour import Tour

_THREAD_BEGINS = 21  # a type of messages
AGENTS = (
    make_agent("Dry-1"),
    make_window_agent("Window-1", window="agent-1", can="shell", allowed_actions="approve deny"),
    replace(make_window_agent("Window-2", window="agent-2", can="shell"), job=Job.CHIEF),
)
DIALOG = Shown(
    window="agent-1",
    activity=Activity.NEEDS_INPUT,
    answers=(Act.APPROVE, Act.DENY),
    text="Run this command?\nrm -rf build",
    mark="one",
    png=png("purple"),
)


@pytest.fixture
async def owned(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    async with people(tmp_path, sandbox, AGENTS) as town, bot_at_work(town):
        await town.own()
        yield town


async def public(town: Town) -> list[dict[str, Any]]:
    """Return what all see, without the line with which Discord itself begins a thread."""
    found = await town.sandbox.messages()
    return [one for one in found if one["sandbox"]["only_for"] is None and one["type"] != _THREAD_BEGINS]


@asynccontextmanager
async def event(town: Town, *, messages: int, pings: int) -> AsyncIterator[None]:
    """Count what one event posts, once Octet has posted all of it."""
    quiet = Tour(town=town)
    await quiet.told()
    before = len(await public(town)), len(await town.sandbox.pings("Ada"))
    yield
    await quiet.told()
    now = len(await public(town)), len(await town.sandbox.pings("Ada"))
    assert (now[0] - before[0], now[1] - before[1]) == (messages, pings)


async def begun(town: Town) -> str:
    """Give the agent a task whose card is the one message; return its code."""
    async with event(town, messages=1, pings=0):
        await town.ask("task new", brief="Count the birds", agent="Window-1")
    return code_on(town.lane.submitted[-1])


async def test_an_end_is_one_message_and_one_ping_and_a_confirmed_answer_edits_it(owned: Town) -> None:
    code = await begun(owned)
    task = await owned.task()
    awaited = PendingAnswer(task=task.id, fence=task.fence, marker="x")
    async with event(owned, messages=1, pings=1):
        await owned.coordinator.tasks.accept_scraped_answer(awaited, MarkedAnswer(text="Seven birds.", is_whole=True))
    shown = await owned.said("finished T-1**", "Seven birds.", "unverified")
    async with event(owned, messages=0, pings=0):
        await owned.coordinator.tasks.accept_answer("T-1", code, "Seven birds.", final=True, key="k")
    (now,) = [one for one in await public(owned) if one["id"] == shown["id"]]
    assert "Seven birds." in text_of(now)
    assert "unverified" not in text_of(now)


@pytest.mark.parametrize("trouble", AgentTrouble)
async def test_a_question_or_a_failure_is_one_message_and_one_ping(owned: Town, trouble: AgentTrouble) -> None:
    code = await begun(owned)
    async with event(owned, messages=1, pings=1):
        await owned.coordinator.tasks.accept_answer("T-1", code, "Why?", final=False, key="k", trouble=trouble)


async def test_a_dialog_is_one_message_and_one_ping_and_its_answer_is_none(owned: Town) -> None:
    await begun(owned)
    async with event(owned, messages=1, pings=1):
        await owned.coordinator.dispatch.window_shows("main", DIALOG)
    async with event(owned, messages=0, pings=0):
        await owned.press(await owned.question("Approve"), "Approve")


async def test_an_unknown_delivery_is_one_message_and_one_ping_beside_its_card(owned: Town) -> None:
    owned.lane.script.append(Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty"))
    async with event(owned, messages=2, pings=1):
        await owned.ask("task new", brief="Count the birds", agent="Window-1")


async def test_the_answers_to_a_broadcast_are_one_message_and_one_ping(owned: Town) -> None:
    async with event(owned, messages=1, pings=0):
        await owned.ask("msg broadcast", text="How many?")
    assert len(owned.lane.orders) == 2
    async with event(owned, messages=1, pings=1):
        for order in owned.lane.orders:
            named, _, code = order.text.partition(" reply ")[2].split()[:3]
            await owned.coordinator.agent_messages.answers.accept(named, code, "Seven.", agent=order.agent)


async def test_what_a_user_did_pings_no_one(owned: Town) -> None:
    await begun(owned)
    async with event(owned, messages=1, pings=0):
        await owned.ask("task done", task="T-1", text="Seven.")
    assert await owned.coordinator.notices.on(DISCORD).card_of("T-1")


async def test_an_agent_that_looks_idle_is_one_message_and_one_ping_and_its_work_is_none(owned: Town) -> None:
    await begun(owned)
    async with event(owned, messages=1, pings=1):
        await looks_idle(owned)
    async with event(owned, messages=0, pings=0):
        await looks_idle(owned, Activity.BUSY)


async def test_best_of_two_is_a_card_for_each_task_and_pings_once_for_the_choice(owned: Town) -> None:
    async with event(owned, messages=3, pings=0):
        await owned.ask("task new", brief="Name the bird", best_of=2, needs="shell")
    codes = [code_on(text) for text in owned.lane.submitted]
    async with event(owned, messages=1, pings=0):
        await owned.coordinator.tasks.accept_answer("T-2", codes[0], "A wren.", final=True, key="k")
    async with event(owned, messages=2, pings=1):
        await owned.coordinator.tasks.accept_answer("T-3", codes[1], "An owl.", final=True, key="k")
    async with event(owned, messages=1, pings=0):
        await owned.press(await owned.card("T-1"), "Pick T-2")


async def test_a_part_of_an_agent_is_a_card_and_its_end_a_line_and_only_the_whole_pings(owned: Town) -> None:
    async with event(owned, messages=1, pings=0):
        await owned.ask("task new", brief="Ship it", agent="Window-2")
    core, proof = owned.coordinator, Proof(agent="Window-2")
    async with event(owned, messages=2, pings=0):
        await core.delegation.create(NewSubtask(text="Count", key="k", to="Window-1"), proof)
    codes = [code_on(text) for text in owned.lane.submitted]
    async with event(owned, messages=1, pings=0):
        await core.tasks.accept_answer("T-2", codes[1], "Seven.", final=True, key="k")
    async with event(owned, messages=1, pings=1):
        await core.tasks.accept_answer("T-1", codes[0], "Shipped.", final=True, key="k")
