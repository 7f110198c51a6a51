"""Questions of agents: asked once, answered once, and the task waits for exactly as long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.agent_messages.model import AtDue, NewAgentMessage, NewQuestion, Proof, QuestionState, QuestionView
from core.agent_messages.questions import CALL_LASTS_S
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.fleet.model import NeedKind
from core.limits import QUESTIONS_OPEN, QUESTIONS_PER_HOUR, EmptyText, HiddenCharacters, TextTooLong, TooManyItems
from core.messages.model import Message
from core.notices.model import Notice, NoticeKind, Resolution
from core.reasons import BlockCause, ParkCause, Reason
from core.security.model import Actor, NotAllowed
from core.settings.model import TalkLimits
from core.store.engine import Tx
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, BEN, CAROL, make_new_task, pending, refuses
from tests.core.agent_messages.test_talk import house, of
from tests.core.agent_messages.test_words import UNKNOWN, S, stands
from tests.core.dispatch.test_loop import code_in, reach
from tests.fakes.clock import FakeClock
from tests.fakes.lane import ARRIVES, FakeLane

TASK = TaskId("T-1")


async def working(octet: Coordinator) -> None:
    await octet.tasks.new(make_new_task(agent="Ann"), by=CAROL)
    await reach(octet, TASK, TaskState.WORKING)


async def ask(octet: Coordinator, text: str = "Red or blue?", **changes: object) -> QuestionView:
    new = NewQuestion(text=text, key=text, **changes)  # pyright: ignore[reportArgumentType] - any field
    return await octet.questions.ask(new, of("Ann"))


async def notices(octet: Coordinator) -> list[Notice]:
    return [one for one in await pending(octet) if one.kind is NoticeKind.QUESTION]


async def needs(octet: Coordinator) -> list[NeedKind]:
    return [one.kind for one in (await octet.fleet.needs_me(by=ADA)).shown]


async def state(octet: Coordinator, view: QuestionView) -> QuestionState:
    return (await octet.questions.poll(f"M-{view.question.id}", of("Ann"))).question.state


@pytest.mark.parametrize(
    ("by", "way", "counts"),
    [(CAROL, "task", True), (CAROL, "reply", True), (ADA, "reply", True), (ADA, "task", False)],
    ids=["the requester about the task", "the requester's reply", "an owner's reply", "an owner about the task"],
)
async def test_a_message_of_a_user_that_answers_the_question_settles_it(
    tmp_path: Path, by: Actor, way: str, *, counts: bool
) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        asked = await ask(octet)
        draft = NewAgentMessage(text="Blue", task=TASK)
        draft = draft if way == "task" else replace(draft, task=None, in_reply_to=asked.question.id)
        await octet.agent_messages.send(draft, by=by)
        found = await octet.questions.poll(f"M-{asked.question.id}", of("Ann"))
        expected = (QuestionState.ANSWERED, "Blue", by.name) if counts else (QuestionState.OPEN, "", "")
        assert (found.question.state, found.answer, found.answered_by) == expected
        now = (await octet.tasks.show(TASK, by=ADA)).task.state
        assert now is (TaskState.WORKING if counts else TaskState.BLOCKED)


async def test_of_two_open_questions_a_message_about_the_task_settles_neither(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        asked = [await ask(octet), await ask(octet, "Which bird?")]
        await octet.agent_messages.send(NewAgentMessage(text="Blue", task=TASK), by=CAROL)
        assert [await state(octet, one) for one in asked] == [QuestionState.OPEN] * 2


async def test_a_question_blocks_the_task_until_its_user_answers_on_any_interface(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await working(octet)
        asked = await ask(octet, choices=("Red", "Blue"))
        assert await ask(octet) == asked, "the same key asks once"
        await reach(octet, TASK, TaskState.BLOCKED, BlockCause.QUESTION)
        (notice,) = await notices(octet)
        assert (notice.task, notice.asks, asked.question.asked) == (TASK, True, "person:discord:3")
        assert await needs(octet) == [NeedKind.QUESTION]
        name = f"M-{asked.question.id}"
        with pytest.raises(NotAllowed):
            await octet.questions.answer(name, "Blue", by=BEN)
        answered = await octet.questions.answer(name, "Blue", by=CAROL)
        assert (answered.answer, answered.answered_by) == ("Blue", "Carol")
        await reach(octet, TASK, TaskState.WORKING)
        (notice,) = await notices(octet)
        assert (notice.detail, await needs(octet)) == (Resolution(how="answered", by="discord:3"), [])
        with refuses("question_settled"):
            await octet.questions.answer(name, "Red", by=ADA)
        found = await octet.questions.poll(name, of("Ann"))
        assert (found.question.state, found.answer) == (QuestionState.ANSWERED, "Blue")
        with refuses("question_not_found"):
            await octet.questions.poll(name, of("Bob"))
        with refuses("question_not_found"):
            await octet.questions.answer("zzz", "Red", by=ADA)
        said = await octet.agent_messages.show(found.question.answer or "", by=ADA)
        assert (said.recipients, said.message.task) == (("Ann",), TASK)


@pytest.mark.parametrize("at_due", [False, True], ids=["the answer", "that no answer came"])
async def test_an_agent_that_looks_for_its_answer_gets_it_so_and_not_in_its_window(
    tmp_path: Path, *, at_due: bool
) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, lane, clock=clock) as octet:
        await working(octet)
        asked = await ask(octet, minutes=5)
        clock.advance(300 if at_due else 60)
        assert await state(octet, asked) is QuestionState.OPEN
        if at_due:
            await octet.store.write(octet.questions.review)
        else:
            await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=CAROL)
        clock.advance(CALL_LASTS_S - 1)
        await octet.store.write(octet.agent_messages.review_queue)
        assert await state(octet, asked) is (QuestionState.UNANSWERED if at_due else QuestionState.ANSWERED)
        clock.advance(60)
        await octet.store.write(octet.agent_messages.review_queue)
        told = await octet.agent_messages.show((await last_told(octet)).id, by=ADA)
        assert [(one.state, one.reason) for one in told.deliveries] == [(S.CANCELLED, Reason.ACKNOWLEDGED)]
        await octet.tasks.accept_answer(TASK, code_in(lane.submitted[0]), "Done.", final=True, key="a")
        assert len(lane.submitted) == 1, "the brief alone"
        assert not [one for one in await pending(octet) if one.kind in {NoticeKind.WORDS, NoticeKind.UNDELIVERED}]


async def test_an_agent_that_looks_no_more_gets_the_answer_in_its_window(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, lane, clock=clock) as octet:
        await working(octet)
        asked = await ask(octet)
        clock.advance(CALL_LASTS_S)
        await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=CAROL)
        told = await octet.agent_messages.show((await last_told(octet)).id, by=ADA)
        await stands(octet, told, S.DELIVERED)
        assert "Blue" in lane.submitted[-1]
        assert not [one for one in await pending(octet) if one.kind in {NoticeKind.WORDS, NoticeKind.UNDELIVERED}]


async def test_a_task_that_ends_before_octet_typed_the_answer_says_so_in_the_question_alone(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await working(octet)
        asked = await ask(octet)
        await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=CAROL)
        await octet.tasks.accept_answer(TASK, code_in(lane.submitted[0]), "Done.", final=True, key="a")
        await octet.store.write(octet.agent_messages.review_queue)
        assert [one.detail for one in await notices(octet)] == [Resolution(how="late", by="discord:3")]
        assert not [one for one in await pending(octet) if one.kind is NoticeKind.UNDELIVERED]


async def test_an_answer_that_may_not_have_arrived_asks_its_user(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane(ARRIVES, UNKNOWN)
    async with house(tmp_path, lane, clock=clock) as octet:
        await working(octet)
        asked = await ask(octet)
        clock.advance(CALL_LASTS_S)
        await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=CAROL)
        await stands(octet, await octet.agent_messages.show((await last_told(octet)).id, by=ADA), S.UNKNOWN)
        (told,) = [one for one in await pending(octet) if one.kind is NoticeKind.UNDELIVERED]
        assert (told.task, bool(told.about)) == (TASK, True)


async def last_told(octet: Coordinator) -> Message:
    """Return the newest message to Ann."""
    return (await octet.agent_messages.inbox("Ann", limit=1, by=ADA))[0].message


async def test_a_question_that_is_not_answered_in_time_says_so_to_its_agent(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, lane, clock=clock, limits=TalkLimits(question_minutes=5)) as octet:
        await working(octet)
        asked = await ask(octet)
        clock.advance(5 * 60)
        await octet.store.write(octet.questions.review)
        assert await state(octet, asked) is QuestionState.UNANSWERED
        await reach(octet, TASK, TaskState.WORKING)
        told = await octet.agent_messages.inbox("Ann", limit=5, by=ADA)
        assert "Decide yourself" in told[0].message.body
        assert (await notices(octet))[0].detail == Resolution(how="unanswered", by="hub")


async def test_a_question_that_waits_on_reminds_its_user_each_time(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock) as octet:
        await working(octet)
        asked = await ask(octet, minutes=5, at_due=AtDue.WAIT)
        for _ in range(2):
            clock.advance(3600)
            await octet.store.write(octet.questions.review)
        assert (len(await notices(octet)), await state(octet, asked)) == (3, QuestionState.OPEN)
        await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=ADA)
        assert {one.detail for one in await notices(octet)} == {Resolution(how="answered", by="discord:1")}


async def test_a_question_to_an_agent_is_settled_by_its_answer(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await working(octet)
        await octet.availability.pause("Bob", by=ADA)
        asked = await ask(octet, "Which parser?", to="Bob")
        await reach(octet, TASK, TaskState.BLOCKED, BlockCause.QUESTION)
        assert (await notices(octet), await needs(octet)) == ([], [])
        with refuses("question_for_agent"):
            await octet.questions.answer(f"M-{asked.question.id}", "Mine", by=ADA)
        (got,) = (await octet.talk.read(of("Bob"))).messages
        await octet.agent_messages.answers.accept(got.name, got.code, "The old one.", agent="Bob")
        await reach(octet, TASK, TaskState.WORKING)
        assert (await octet.questions.poll(f"M-{asked.question.id}", of("Ann"))).answer == "The old one."


async def test_the_end_of_its_task_settles_a_question(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        asked = await ask(octet)
        await octet.tasks.cancel(TASK, by=ADA)
        await octet.store.write(octet.questions.review)
        assert (await state(octet, asked), await needs(octet)) == (QuestionState.CANCELLED, [])


async def test_only_an_agent_with_a_task_asks_a_user(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        with refuses("no_task_to_ask"):
            await ask(octet)
        await working(octet)
        for choices in (("x",) * 11, ("x" * 81,), (" ",)):
            with pytest.raises((TooManyItems, TextTooLong, EmptyText)):
                await ask(octet, choices=choices)


async def test_a_code_of_the_prompt_is_enough_to_ask_and_proves_that_it_arrived(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await working(octet)
        proof = Proof(agent="", about=TASK, code=code_in(lane.submitted[0]))
        asked = await octet.questions.ask(NewQuestion(text="Red?", key="k"), proof)
        assert (await octet.questions.poll(f"M-{asked.question.id}", proof)).question.agent == "Ann"


async def remove(octet: Coordinator, *names: str) -> None:
    """Have the configuration lose these agents, as a reload does."""
    left = [agent for agent in octet.agents.all() if agent.name not in names]
    await octet.dispatch.follow_config(left, {(Lane.WINDOW, "main"): FakeLane()}, [])


async def test_a_round_settles_the_open_question_of_a_removed_agent(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        asked = await ask(octet)
        await remove(octet, "Ann")
        await octet.store.write(octet.questions.review)
        assert (await octet.questions.show(asked.question.id)).question.state is QuestionState.CANCELLED
        assert (await octet.tasks.show(TASK, by=ADA)).task.state is TaskState.WORKING
        assert [one.detail for one in await notices(octet)] == [Resolution(how="cancelled", by="hub")]


@pytest.mark.parametrize("by", [ADA, CAROL], ids=["who may send messages", "the requester"])
async def test_a_user_can_still_answer_the_question_of_a_removed_agent(tmp_path: Path, by: Actor) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        asked = await ask(octet)
        octet.agents.set_agents([agent for agent in octet.agents.all() if agent.name != "Ann"])
        answered = await octet.questions.answer(f"M-{asked.question.id}", "Blue", by=by)
        assert (answered.question.state, answered.answer) == (QuestionState.ANSWERED, "Blue")


async def test_octet_starts_with_an_overdue_question_of_an_agent_that_left_while_it_was_down(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock) as octet:
        await working(octet)
        asked = await ask(octet, minutes=5)
    clock.advance(3600)
    async with house(tmp_path, clock=clock, names=("Bob", "Cid")) as octet:
        assert await octet.store.write(octet.dispatch.assigner.assign_ready) in {True, False}
        assert (await octet.questions.show(asked.question.id)).question.state is QuestionState.CANCELLED


async def test_a_question_ends_with_its_lease_and_holds_up_no_later_one(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        earlier = await ask(octet)
        suspend, cause = octet.tasks.repository.suspend, ParkCause.INTERRUPTED
        await octet.store.write(lambda tx: suspend(tx, TASK, TaskState.PARKED, reason=cause, note=""))
        await octet.tasks.retry(TASK, by=ADA)
        await reach(octet, TASK, TaskState.WORKING)
        now = await ask(octet, "Which bird?")
        await reach(octet, TASK, TaskState.BLOCKED, BlockCause.QUESTION)
        await octet.questions.answer(f"M-{now.question.id}", "A wren", by=CAROL)
        await reach(octet, TASK, TaskState.WORKING)
        await octet.store.write(octet.questions.review)
        assert (await octet.questions.show(earlier.question.id)).question.state is QuestionState.CANCELLED
        assert (await octet.tasks.show(TASK, by=ADA)).task.state is TaskState.WORKING


async def test_after_a_cancel_and_its_undo_in_one_commit_the_earlier_question_holds_up_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        earlier = await ask(octet)

        def cancel_and_undo(tx: Tx) -> None:
            cancelled = octet.tasks.cancel_in(tx, octet.tasks.repository.find(tx, TASK), by=CAROL)
            octet.tasks._reopen(tx, cancelled, is_undone=True, by=CAROL)

        await octet.store.write(cancel_and_undo)
        await reach(octet, TASK, TaskState.WORKING)
        now = await ask(octet, "Which bird?")
        await octet.questions.answer(f"M-{now.question.id}", "A wren", by=CAROL)
        await reach(octet, TASK, TaskState.WORKING)
        assert (await octet.questions.show(earlier.question.id)).question.state is QuestionState.CANCELLED


@pytest.mark.parametrize("to", ["everyone", "group:front", "job:worker", "all"])
async def test_a_question_goes_to_one_agent_or_to_the_user(tmp_path: Path, to: str) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        with refuses("agent_not_found"):
            await ask(octet, to=to)


async def test_an_agents_questions_are_limited_per_task_and_hour_and_a_repeat_counts_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock) as octet:
        await working(octet)
        views = [await ask(octet, f"Question {number}?") for number in range(QUESTIONS_OPEN.most)]
        with refuses("too_many_questions"):
            await ask(octet, "One more?")
        assert await ask(octet, "Question 0?") == views[0]
        for number in range(QUESTIONS_PER_HOUR.most - QUESTIONS_OPEN.most):
            await octet.questions.answer(f"M-{views.pop().question.id}", "Yes.", by=ADA)
            views.append(await ask(octet, f"Later {number}?"))
        await octet.questions.answer(f"M-{views.pop().question.id}", "Yes.", by=ADA)
        with refuses("too_many_questions"):
            await ask(octet, "Too many within the hour?")
        clock.advance(3_600)
        await ask(octet, "An hour later?")


async def test_a_label_of_a_question_is_one_visible_line(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await working(octet)
        for bad in ("a\nb", "a\u202eb", "a\U000e0041b", "\x1b[1m"):
            with pytest.raises(HiddenCharacters):
                await ask(octet, choices=("ok", bad))
