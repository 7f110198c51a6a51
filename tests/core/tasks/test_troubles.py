"""What agents report instead of an answer, and what the next agent learns of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.fleet.model import NeedKind
from core.messages.prompts import FROM_AGENT, PromptPart
from core.notices.model import EndCause, Halt, NoticeKind
from core.profiles.model import TooLong
from core.reasons import BlockCause, Reason
from core.tasks.briefs import Briefs
from core.tasks.model import AgentTrouble, AttemptOutcome, Choice, KnownBy, TaskEnded, TaskId, TaskState
from tests.builders import ADA, longest, make_agent, make_new_task, open_coordinator, pending
from tests.core.dispatch.test_loop import code_in, reach, window_house
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")

CHOICE = Choice(agent="Agent-1", is_named=False, candidates=(), others=0, unable=0)


async def test_an_agent_gives_a_task_up_and_the_next_one_reads_why(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane, agents=2) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert "Earlier attempts" not in lane.submitted[0]
        code = code_in(lane.submitted[0])
        for _ in range(2):
            said = "No bird\nis there."
            receipt = await octet.tasks.accept_answer(
                "T-1", code, said, final=False, key="a", trouble=AgentTrouble.FAILED
            )
            assert receipt.task.state is TaskState.FAILED
        view = await octet.tasks.show(FIRST, by=ADA)
        assert (view.task.reason, [one.final for one in view.answers]) == ("agent_failed", [False])
        assert [(one.outcome, one.known_by) for one in view.attempts] == [(AttemptOutcome.FAILED, KnownBy.AGENT)]
        assert (await octet.agents.show("agent-1", by=ADA)).task is None
        told = [(one.kind, one.detail) for one in await pending(octet) if one.kind is NoticeKind.ENDED]
        assert told == [(NoticeKind.ENDED, EndCause(reason=Reason.AGENT_FAILED))]
        with pytest.raises(TaskEnded):
            await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="b")
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert f"UTC: failed. It said:\n> {FROM_AGENT}\n> No bird is there." in lane.submitted[1]
        assert lane.submitted[1].index("Count the birds") < lane.submitted[1].index("Earlier attempts")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.brief == "Count the birds"


async def test_an_agent_asks_and_its_next_sign_continues_the_task(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        code, ask = code_in(lane.submitted[0]), octet.tasks.accept_answer
        after = (await ask("T-1", code, "Which birds?", final=False, key="a", trouble=AgentTrouble.BLOCKED)).task
        assert (after.state, after.reason, after.deadline_ms) == (TaskState.BLOCKED, "question", None)
        (need,) = (await octet.fleet.needs_me(by=ADA)).shown
        assert (need.kind, need.task) == (NeedKind.QUESTION, "T-1")
        held = [one.detail for one in await pending(octet) if one.kind is NoticeKind.HELD]
        assert held == [Halt(state="blocked", reason=BlockCause.QUESTION)]
        await octet.tasks.record_progress("T-1", code, "counting all of them")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        await ask("T-1", code, "And the nests?", final=False, key="b", trouble=AgentTrouble.BLOCKED)
        await octet.tasks.cancel(FIRST, by=ADA)
        (attempt,) = (await octet.tasks.show(FIRST, by=ADA)).attempts
        assert attempt.outcome is AttemptOutcome.BLOCKED, "its question had no answer"


async def test_other_packages_add_their_parts_to_a_brief_after_those_of_tasks(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        services, prompts = octet.tasks._services, octet.tasks.prompts
        parts = [lambda _tx, _task: (), lambda _tx, task: [PromptPart(text=f"Work in /srv/{task.id}.")]]
        briefs = Briefs(services, prompts, repository=octet.tasks.repository, parts=parts)
        message = await octet.store.write(lambda tx: briefs.assign(tx, FIRST, CHOICE))
    assert message.body == "Count the birds\n\nWork in /srv/T-1."


async def test_a_window_that_takes_only_the_brief_gets_no_more(tmp_path: Path) -> None:
    lane, profile = FakeLane(), longest(len("Count the birds") + 400, then=TooLong.REFUSE)
    async with open_coordinator(
        tmp_path, agents=[make_agent()], lanes={}, longest_prompts={"Agent-1": profile}
    ) as octet:
        task = await octet.tasks.new(make_new_task(), by=ADA)
        for outcome in ("one", "two"):
            message = await octet.store.write(lambda tx, name=task.id: octet.tasks.briefs.assign(tx, name, CHOICE))
            assert message.body == "Count the birds"
            code = octet.tasks.briefs._codes.code(FIRST, (await octet.tasks.repository.get(FIRST)).fence)
            await octet.store.write(lambda tx: octet.tasks.repository.move(tx, "T-1", TaskState.DELIVERING))
            await octet.store.write(lambda tx: octet.tasks.repository.move(tx, "T-1", TaskState.WORKING))
            said = f"{outcome} {'x' * 500}"
            await octet.tasks.accept_answer("T-1", code, said, final=False, key=outcome, trouble=AgentTrouble.FAILED)
            task = await octet.tasks.retry(FIRST, by=ADA)
    assert not lane.orders
