"""`/task retry`, `assign` and `priority` as people use them."""

from __future__ import annotations

from core.deliveries.model import Outcome, Reason, Result
from core.security.model import OPERATOR
from core.tasks.model import TaskId, TaskState
from tests.bot.discord.town import Town, text_of

FAILED = Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)


async def test_a_failed_task_is_tried_again(owned: Town) -> None:
    owned.lane.script.append(FAILED)
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card(holds="**failed**")
    assert await owned.ask("task retry", task="T-1") == "T-1 is ready again (attempt 2)."
    await owned.card(holds="Window-1 is working on it")
    assert "is working. You can retry only a failed" in await owned.ask("task retry", task="T-1")


async def test_a_prompt_that_may_have_arrived_is_not_brought_again(owned: Town) -> None:
    owned.lane.script.append(UNKNOWN)
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card(holds="stopped, needs attention")
    assert "Octet does not know whether the prompt of T-1 arrived" in await owned.ask("task retry", task="T-1")
    assert len(owned.lane.submitted) == 1


async def test_a_task_is_given_to_another_agent_and_its_card_says_so(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    await owned.card(holds="sent (dry run)")
    assert await owned.ask("task assign", task="t1", agent="window-1") == "Assigned T-1 to Window-1."
    await owned.card(holds="Window-1 is working on it")
    assert "is already working on T-1" in await owned.ask("task assign", task="T-1", agent="Dry-1")


async def test_the_priority_changes_and_the_card_shows_it(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    assert await owned.ask("task priority", task="T-1", priority=0) == "T-1 now has priority P0."
    card = await owned.card(holds="Priority: P0, most urgent")
    assert card["sandbox"]["pings"] == []


async def test_what_cannot_be_changed_is_refused_privately_with_the_reason(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1", needs="python")
    await owned.card(holds="sent (dry run)")
    for command, options, said in (
        ("task assign", {"task": "T-1", "agent": "Window-1"}, "No agent matches"),
        ("task assign", {"task": "T-1", "agent": "Nobody"}, "no agent called Nobody"),
        ("task assign", {"task": "T-1", "agent": "Nowhere"}, "has no window"),
        ("task retry", {"task": "T-9"}, "no task T-9"),
        ("task priority", {"task": "birds", "priority": 1}, "is not a task"),
    ):
        assert said in await owned.ask(command, **options), options
    await owned.ask("task cancel", task="T-1")
    assert "has ended already" in await owned.ask("task priority", task="T-1", priority=1)


async def test_strangers_change_nothing(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    for command, options in (
        ("task retry", {}),
        ("task assign", {"agent": "Window-1"}),
        ("task priority", {"priority": 0}),
    ):
        answer = await owned.sandbox.slash("Ben", "#octet", command, {"task": "T-1", **options})
        assert "Not allowed" in text_of(await owned.answered(answer))
    task = (await owned.coordinator.tasks.show(TaskId("T-1"), by=OPERATOR)).task
    assert (task.priority, task.wanted) == (2, "Dry-1")
    assert task.state is not TaskState.CANCELLED


async def test_autocomplete_offers_what_can_be_changed(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    await owned.ask("task new", brief="Count the bees", agent="Dry-1")
    await owned.ask("task cancel", task="T-2")
    for command, options, values in (
        ("task retry", {}, ["T-1", "T-2"]),
        ("task assign", {"agent": "x"}, ["T-1"]),
        ("task priority", {"priority": 1}, ["T-1"]),
    ):
        found = await owned.sandbox.autocomplete("Ada", "#octet", command, {"task": "t-", **options}, "task")
        assert sorted(one["value"] for one in found) == values
    found = await owned.sandbox.autocomplete("Ada", "#octet", "task assign", {"task": "T-1", "agent": "dr"}, "agent")
    assert [one["value"] for one in found] == ["Dry-1"]
