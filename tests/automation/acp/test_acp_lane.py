"""The lane of ACP agents over a real worker and scripted programs: what is delivered, and what a turn reports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from automation.acp.lane import AcpLane
from core.deliveries.model import Assurance, DeliveryId, Outcome, Reason, Result, StopReason, ToolAccess
from tests.automation.desktop.scenes import soon
from tests.fakes.acp import Turns, scripted, serving
from tests.fakes.desk import Commits, make_order

HERE = "agent-1"


async def prompt(lane: AcpLane, text: str, *, delivery: str = "D1", agent: str = HERE, begins: bool = False) -> Outcome:
    order = make_order(agent, text, delivery=delivery, begins_task=begins)
    return await lane.deliver(order, Commits())


async def test_a_prompt_arrives_and_its_turn_ends_with_the_last_message(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path)
    text = "Count the words\ndemo: plan\ndemo: tool Read notes"
    async with serving(one, news=news) as lane:
        commits = Commits()
        outcome = await lane.deliver(make_order(HERE, text), commits)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT), outcome
        assert commits.steps == ["staging", "staged", "submitting"]
        await news.until(lambda: bool(news.ends))
    (end,) = news.ends
    assert (end.agent, end.delivery, end.stop) == (HERE, DeliveryId("D1"), StopReason.END_TURN)
    assert end.said.is_whole
    assert HERE in end.said.text
    assert end.said.usage is not None
    assert (end.said.usage.input_tokens, end.said.usage.cost_micros) == (len(text.split()), news.usages[-1].cost_micros)
    assert {one.id for one in news.acts} == {"plan", "call-1"}
    assert one.heard == [text]


async def test_a_turn_has_no_limit_and_the_agent_is_busy_until_it_ends(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path)
    async with serving(one, news=news) as lane:
        began = asyncio.get_running_loop().time()
        assert (await prompt(lane, "demo: think hm\ndemo: wait 3")).result is Result.DELIVERED
        assert asyncio.get_running_loop().time() - began < 30
        again = await prompt(lane, "Another", delivery="D2")
        assert (again.result, again.reason) == (Result.BOUNCED, Reason.BUSY)
        assert not await lane.new_conversation(HERE)
        await news.until(lambda: bool(news.ends))
        assert (await prompt(lane, "Another", delivery="D2")).result is Result.DELIVERED
    assert len(one.heard) == 2


async def test_commands_modes_and_usage_that_come_unasked_are_no_arrival(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path, faults="chatter silent")
    async with serving(one, news=news) as lane:
        delivery = asyncio.ensure_future(prompt(lane, "Hello"))
        await soon(lambda: one.heard, "it has the prompt")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.shield(delivery)
        await lane.give_up(DeliveryId("D1"))
        assert not delivery.done(), "what was written is not taken back"
        await lane.give_up(DeliveryId("D1"), answered=True)
        assert (await delivery).assurance is Assurance.ANSWERED


async def test_a_late_echo_and_one_huge_line_are_read_however_slow_the_listener_is(tmp_path: Path) -> None:
    news, one = Turns(refusals=10), scripted(tmp_path, faults="huge=6 repeats")
    async with serving(one, news=news) as lane:
        assert (await prompt(lane, "Hello")).result is Result.DELIVERED
        await news.until(lambda: bool(news.ends))
    assert news.ends[0].stop is StopReason.END_TURN


async def test_a_line_beyond_the_limit_ends_the_program_and_the_turn_is_lost(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path, faults="huge=9")
    async with serving(one, news=news) as lane:
        await prompt(lane, "demo: think first")
        await news.until(lambda: bool(news.ends))
        assert news.ends[0].stop is StopReason.LOST
        assert (await prompt(lane, "demo: code 429", delivery="D2")).reason is Reason.RATE_LIMITED, "it runs again"


async def test_an_error_before_anything_maps_by_its_number(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path)
    found = dict[str, tuple[Result, Reason | None]]()
    async with serving(one, news=news) as lane:
        for number, words in enumerate(("code -32000", "code 429", "limit", "code -32603")):
            outcome = await prompt(lane, f"demo: {words}", delivery=f"D{number}")
            found[words] = outcome.result, outcome.reason
        assert (await prompt(lane, "Hello", delivery="D9")).result is Result.DELIVERED
        await news.until(lambda: bool(news.ends))
    assert found == {
        "code -32000": (Result.NOT_ARRIVED, Reason.NOT_LOGGED_IN),
        "code 429": (Result.NOT_ARRIVED, Reason.RATE_LIMITED),
        "limit": (Result.NOT_ARRIVED, Reason.RATE_LIMITED),
        "code -32603": (Result.UNKNOWN, Reason.ANSWER_LOST),
    }
    assert [end.delivery for end in news.ends] == ["D9"], "a prompt that the program refused had no turn"


async def test_how_a_turn_ends_is_reported_once(tmp_path: Path) -> None:
    news, one = Turns(refusals=3), scripted(tmp_path)
    async with serving(one, news=news) as lane:
        for number, words in enumerate(("break", "stop max_tokens", "end", "think hm")):
            assert (await prompt(lane, f"demo: {words}", delivery=f"D{number}")).result is Result.DELIVERED
            await news.until(lambda number=number: len(news.ends) > number)
    assert [end.stop.value for end in news.ends] == ["failed", "max_tokens", "lost", "end_turn"]
    assert [end.delivery for end in news.ends] == ["D0", "D1", "D2", "D3"]


async def test_a_question_shows_the_whole_command_and_all_options_and_takes_only_them(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path, faults="kinds subagent")
    async with serving(one, news=news) as lane:
        await prompt(lane, "demo: ask rm -rf build")
        await news.until(lambda: bool(news.asks))
        (ask,) = news.asks
        assert ask.raw == "rm -rf build"
        assert [(one.id, one.kind) for one in ask.choices] == [("for-a-day", "allow_day"), ("never", "reject_folder")]
        assert not await lane.answer_permission(ask.id, "allow-once"), "it is not among the options"
        assert not news.ends
        assert await lane.answer_permission(ask.id, "never")
        assert not await lane.answer_permission(ask.id, "for-a-day"), "a question is answered once"
        await news.until(lambda: bool(news.ends))
    assert news.ends[0].stop is StopReason.END_TURN, "a refusal of one act is not the end of the turn"


async def test_an_interrupt_answers_open_questions_and_ends_the_turn(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path)
    async with serving(one, news=news) as lane:
        assert not await lane.interrupt(HERE)
        await prompt(lane, "demo: edit /notes.txt")
        await news.until(lambda: bool(news.asks))
        ask = news.asks[0]
        assert ask.paths == ("/notes.txt",)
        assert {"-old", "+new"} <= set(ask.diff.splitlines())
        assert await lane.interrupt(HERE)
        await news.until(lambda: bool(news.ends))
        assert not await lane.answer_permission(news.asks[0].id, "allow-once")
    assert news.ends[0].stop is StopReason.CANCELLED


async def test_each_agent_has_its_own_questions(tmp_path: Path) -> None:
    news, agents = Turns(), [scripted(tmp_path, f"agent-{number}") for number in (1, 2)]
    async with serving(*agents, news=news) as lane:
        for number, one in enumerate(agents):
            await prompt(lane, "demo: ask ls", delivery=f"D{number}", agent=one.agent.name)
        await news.until(lambda: len(news.asks) == 2)
        for ask in sorted(news.asks, key=lambda one: one.agent, reverse=True):
            before = len(news.ends)
            assert await lane.answer_permission(ask.id, "reject")
            await news.until(lambda before=before: len(news.ends) > before)
    assert [end.agent for end in news.ends] == ["agent-2", "agent-1"]


async def test_a_mode_is_set_and_one_that_is_not_offered_is_refused(tmp_path: Path) -> None:
    modes: dict[str, Any] = {"asks_in": frozenset({"ask"}), "asks_no_one_in": frozenset({"auto"})}
    agents = [scripted(tmp_path, f"agent-{name}", mode=name, **modes) for name in ("auto", "plan")]
    async with serving(*agents, news=Turns()) as lane:
        assert (await prompt(lane, "Hello", agent="agent-auto")).result is Result.DELIVERED
        about = await lane.about("agent-auto")
        assert (about.mode, about.approves.value, about.modes) == ("auto", "no_one", ("ask", "auto"))
        assert (about.program, about.version, about.can_load) == ("scripted-agent", "1.0.0", True)
        refused = await prompt(lane, "Hello", delivery="D2", agent="agent-plan")
        assert (refused.result, refused.reason) == (Result.REFUSED, Reason.NOT_OFFERED)
        assert (await prompt(lane, "Hello", delivery="D3", agent="agent-plan")).reason is Reason.NOT_OFFERED
    assert agents[1].heard == []


async def test_a_program_that_is_not_logged_in_or_not_installed_is_refused(tmp_path: Path) -> None:
    out = scripted(tmp_path, "agent-1", faults="login", log_in="scripted login")
    known = scripted(tmp_path, "agent-2", faults="login", authenticate="script")
    missing = scripted(tmp_path, "agent-3", command=("no-such-program",))
    async with serving(out, known, missing, news=Turns()) as lane:
        refused = await prompt(lane, "Hello")
        assert (refused.result, refused.reason) == (Result.REFUSED, Reason.NOT_LOGGED_IN)
        assert "scripted login" in refused.note
        assert (await prompt(lane, "Hello", delivery="D2", agent="agent-2")).result is Result.DELIVERED
        refused = await prompt(lane, "Hello", delivery="D3", agent="agent-3")
        assert (refused.result, refused.reason) == (Result.REFUSED, Reason.PROGRAM_NOT_STARTED)


async def test_a_task_may_begin_a_fresh_conversation_and_a_message_never_does(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path, begins_fresh=True)
    async with serving(one, news=news) as lane:
        used = list[str]()
        for number, begins in enumerate([True, False, True, False]):
            if number == 3:
                assert await lane.new_conversation(HERE)
            await prompt(lane, "Hello", delivery=f"D{number}", begins=begins)
            used.append((await lane.about(HERE)).conversation)
            await news.until(lambda number=number: len(news.ends) == number + 1)
    first, same, second, third = used
    assert first == same
    assert len({first, second, third}) == 3


async def test_a_conversation_goes_on_after_a_restart_with_the_tools_of_then(tmp_path: Path) -> None:
    access = ToolAccess(url="http://127.0.0.1:1/mcp", token="secret", command=("octet", "mcp", "serve"), variables={})
    news, one, used = Turns(tools=access), scripted(tmp_path), set[str]()
    for number in range(2):
        async with serving(one, news=news) as lane:
            await prompt(lane, "Hello", delivery=f"D{number}")
            used.add((await lane.about(HERE)).conversation)
            await news.until(lambda number=number: len(news.ends) == number + 1)
    assert news.asked_for_tools == [HERE, HERE]
    assert len(used) == 1


async def test_a_changed_agent_is_started_anew_before_its_next_prompt(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path)
    async with serving(one, news=news) as lane:
        await prompt(lane, "demo: think hm\ndemo: wait 2")
        lane.use([scripted(tmp_path, mode="auto").agent])
        await news.until(lambda: bool(news.ends))
        assert news.ends[0].stop is StopReason.END_TURN, "a reload ends no turn"
        first = one.pid
        await prompt(lane, "Hello", delivery="D2")
        assert one.pid != first
        assert (await lane.about(HERE)).mode == "auto"
        lane.use([])
        await soon(lambda: not Path(f"/proc/{one.pid}").exists(), "its program ends")
