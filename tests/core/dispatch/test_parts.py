"""A prompt that is too long for its window, in parts: each a proven delivery, in order, none twice and none lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import Delivery, DeliveryState, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState, WindowStatus
from core.dispatch.model import Decision
from core.fleet.model import Need, NeedKind
from core.kit.clock import Clock
from core.limits import BRIEF
from core.notices.model import Halt, NoticeKind
from core.profiles.model import TooLong
from core.remedies import next_step, sentence
from core.tasks.model import Task, TaskId, TaskState
from tests.builders import ADA, longest, make_desk, make_new_task, make_window_agent, open_coordinator
from tests.core.agent_messages.test_words import say
from tests.core.dispatch.test_loop import QUICK, UNKNOWN, code_in, reach, running, until
from tests.core.dispatch.test_unknown_deliveries import notices
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import ARRIVES, FakeLane, bounced, refused

FIRST = TaskId("T-1")
LIMIT = 1_000
BODY = "\n\n".join(f"Paragraph {number}. " + "All of it counts. " * 12 for number in range(9)).strip()
LOST = Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note="the worker ended")
FRAME = re.compile(
    r"\[[^\n]*part (\d+) of (\d+)\]?[^\n]*\n\((?:This text|The last)[^\n]*\)\n(.*?)"
    r"(?:\n\(End of part[^\n]*\)|\nWhile you work: .*|\nTo answer: .*)?\Z",
    re.DOTALL,
)


@asynccontextmanager
async def house(
    home: Path, lane: FakeLane, *, agents: int = 1, limit: int = LIMIT, clock: Clock | None = None
) -> AsyncGenerator[Coordinator]:
    """Agents whose windows take `limit` characters at once."""
    names = [f"agent-{number}" for number in range(1, agents + 1)]
    async with open_coordinator(
        home,
        agents=[make_window_agent(name.capitalize(), window=name) for name in names],
        desks=[make_desk(*names)],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": FakeDeskWorker()},
        policy=QUICK,
        clock=clock,
        longest_prompts={name.capitalize(): longest(limit, then=TooLong.SPLIT) for name in names},
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(octet):
            yield octet


def joined(prompts: Sequence[str]) -> str:
    """Return the body that these parts make, once their numbers are seen to be right."""
    found = [FRAME.fullmatch(prompt) for prompt in prompts]
    assert all(found), prompts
    numbers = [(int(one[1]), int(one[2])) for one in found if one]
    assert numbers == [(number, len(prompts)) for number in range(1, len(prompts) + 1)]
    return "".join(one[3] for one in found if one)


async def needs(octet: Coordinator) -> list[Need]:
    return list((await octet.fleet.needs_me(by=ADA)).shown)


async def stood(octet: Coordinator, task: TaskId = FIRST) -> tuple[Task, tuple[Delivery, ...]]:
    view = await octet.tasks.show(task, by=ADA)
    return view.task, view.deliveries


async def wait_for(octet: Coordinator, state: DeliveryState, *, part: int, reason: str, fence: int) -> Delivery:
    """Return the newest delivery, once it is that part in that state, after so many attempts."""

    async def there() -> bool:
        newest = (await stood(octet))[1][-1:]
        seen = [(one.state, one.share.number, one.reason, one.fence) for one in newest]
        return seen == [(state, part, reason, fence)]

    await until(there, octet)
    return (await stood(octet))[1][-1]


async def test_a_long_prompt_comes_in_parts_in_order_and_only_the_last_can_be_answered(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        total = len(lane.submitted)
        assert total > 2
        assert joined(lane.submitted) == BODY
        assert all(len(prompt) <= LIMIT for prompt in lane.submitted)
        assert all('answer only "ok", and wait for part' in prompt for prompt in lane.submitted[:-1])
        assert [("--code" in prompt) for prompt in lane.submitted] == [False] * (total - 1) + [True]
        _, deliveries = await stood(octet)
        assert [(one.state, one.share.number, one.share.total) for one in deliveries] == [
            (DeliveryState.DELIVERED, number, total) for number in range(1, total + 1)
        ]
        assert len({one.message for one in deliveries}) == 1
        assert len(await octet.receipts.of_task(FIRST, by=ADA)) == total
        assert BODY in (await octet.tasks.show(FIRST, by=ADA)).prompt, "people see it whole"
        assert not (tmp_path / "briefs").exists()
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[-1]), "Done.", final=True, key="a")
        assert (await stood(octet))[0].state is TaskState.DONE


async def test_what_fits_comes_whole_and_what_cannot_be_cut_small_enough_is_left_to_its_window(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task("short"), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert "part" not in lane.submitted[0]
    crowded = FakeLane(refused(Reason.TOO_LONG, "9999 characters, 500 are taken"))
    async with house(tmp_path / "narrow", crowded, limit=500) as octet:
        await octet.tasks.new(make_new_task("x" * BRIEF.most), by=ADA)
        await reach(octet, FIRST, TaskState.FAILED, Reason.TOO_LONG)
        assert crowded.submitted == []


async def test_a_later_part_waits_for_its_agent_however_long_and_its_task_says_so(tmp_path: Path) -> None:
    busy = [bounced(Reason.BUSY), bounced(Reason.DIALOG)] * 23
    lane, clock = FakeLane(ARRIVES, *busy), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        for fence, outcome in enumerate(busy, start=1):
            why = outcome.reason.value if outcome.reason else ""
            part = await wait_for(octet, DeliveryState.QUEUED, part=2, reason=why, fence=fence)
            task, _ = await stood(octet)
            assert (task.state, task.note) == (
                TaskState.DELIVERING,
                f"part 2 of {part.share.total} waits: {sentence(why)}",
            )
            assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY
            clock.advance(2)
            await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, FIRST, TaskState.WORKING)
        assert joined(lane.submitted) == BODY
        assert {one.state for one in (await stood(octet))[1]} == {DeliveryState.DELIVERED}


async def test_a_refused_part_stays_with_its_agent_and_comes_when_the_window_can_be_used(tmp_path: Path) -> None:
    lane, clock = FakeLane(ARRIVES, refused(Reason.COVERED, "by a clock")), FakeClock()
    async with house(tmp_path, lane, agents=2, clock=clock) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        part = await wait_for(octet, DeliveryState.QUEUED, part=2, reason=Reason.COVERED, fence=1)
        assert (await stood(octet))[0].note == f"part 2 of {part.share.total} waits: covered: by a clock"
        [need] = await needs(octet)
        assert (need.kind, need.task, need.agent, need.seen) == (
            NeedKind.WAITING,
            FIRST,
            "Agent-1",
            "covered: by a clock",
        )
        assert need.what.startswith(f"part 2 of {part.share.total} of its prompt waits for its agent's window")
        assert need.next.startswith(next_step(Reason.COVERED))
        assert "`/task cancel`" in need.next
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, FIRST, TaskState.WORKING)
        assert joined(lane.submitted) == BODY
        assert {order.agent for order in lane.orders} == {"Agent-1"}, "the other agent never saw a part of it"
        assert await needs(octet) == []
        said = await notices(octet, NoticeKind.HELD)
        assert [one.detail for one in said] == [Halt(state="delivering", reason=Reason.REFUSED_BETWEEN_PARTS)]


async def test_a_later_part_that_waits_for_a_window_which_is_listed_is_not_listed_too(tmp_path: Path) -> None:
    lane = FakeLane(ARRIVES, refused(Reason.COVERED, "by a clock"))
    async with house(tmp_path, lane, clock=FakeClock()) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await wait_for(octet, DeliveryState.QUEUED, part=2, reason=Reason.COVERED, fence=1)
        assert [need.kind for need in await needs(octet)] == [NeedKind.WAITING]
        covered = WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED, note="by a clock")
        await octet.dispatch.window_seen("main", covered)
        assert [need.kind for need in await needs(octet)] == [NeedKind.WINDOW]


@pytest.mark.parametrize("outcome", [bounced(), Outcome(result=Result.STOPPED)])
async def test_a_part_that_fails_before_enter_is_tried_again_and_no_other(tmp_path: Path, outcome: Outcome) -> None:
    lane = FakeLane(outcome, ARRIVES, outcome, outcome)
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert joined(lane.submitted) == BODY


@pytest.mark.parametrize("decision", [Decision.ARRIVED, Decision.SEND_AGAIN])
async def test_a_part_that_nobody_saw_arrive_holds_the_rest_until_a_person_has_looked(
    tmp_path: Path, decision: Decision
) -> None:
    lane = FakeLane(ARRIVES, UNKNOWN)
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        assert len(lane.submitted) == 2
        assert (await stood(octet))[1][-1].share.number == 2, "nothing comes after it"
        await octet.unknowns.resolve("T-1", decision, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        again = 1 if decision is Decision.SEND_AGAIN else 0
        first, unseen, *rest = lane.submitted
        assert rest[:again] == [unseen] * again
        assert joined([first, unseen, *rest[again:]]) == BODY


async def test_a_part_that_was_dropped_ends_the_task_and_nothing_more_is_sent(tmp_path: Path) -> None:
    lane = FakeLane(ARRIVES, UNKNOWN)
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        await octet.unknowns.resolve("T-1", Decision.DROP, by=ADA)
        second = await octet.tasks.new(make_new_task("next"), by=ADA)
        await reach(octet, second.id, TaskState.WORKING)
        assert len(lane.submitted) == 3


async def test_a_task_that_is_cancelled_between_two_parts_sends_no_more(tmp_path: Path) -> None:
    lane, clock = FakeLane(ARRIVES, bounced(Reason.BUSY)), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await wait_for(octet, DeliveryState.QUEUED, part=2, reason=Reason.BUSY, fence=1)
        await octet.tasks.cancel(FIRST, by=ADA)
        second = await octet.tasks.new(make_new_task("next"), by=ADA)
        await reach(octet, second.id, TaskState.WORKING)
        assert [prompt.split("\n")[0].partition(" · ")[2] for prompt in lane.submitted][1:] == ["task T-2 · P2"]


async def test_a_task_that_is_cancelled_while_a_part_is_being_sent_sends_no_more(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:

        async def cancel() -> None:
            await octet.tasks.cancel(FIRST, by=ADA)

        lane.before_the_end = cancel
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await reach(octet, FIRST, TaskState.CANCELLED)
        lane.before_the_end = None
        second = await octet.tasks.new(make_new_task("next"), by=ADA)
        await reach(octet, second.id, TaskState.WORKING)
        assert len(lane.submitted) == 2
        assert [one.state for one in (await stood(octet))[1]] == [DeliveryState.DELIVERED]


async def test_who_is_paused_or_cut_off_between_two_parts_keeps_the_task_and_gets_the_rest(tmp_path: Path) -> None:
    lane, clock = FakeLane(ARRIVES, bounced(Reason.BUSY)), FakeClock()
    async with house(tmp_path, lane, agents=2, clock=clock) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        part = await wait_for(octet, DeliveryState.QUEUED, part=2, reason=Reason.BUSY, fence=1)
        await octet.dispatch.availability.pause("Agent-1", by=ADA)
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.UNAVAILABLE, Reason.WORKER_LOST))
        said = f"part 2 of {part.share.total} waits: desk main is unavailable (the desk worker ended)"
        async with asyncio.timeout(60):  # a remark is no step, and in no journal
            while (await stood(octet))[0].note != said:  # noqa: ASYNC110 - as said
                await asyncio.sleep(0.01)
        [need] = await needs(octet)
        assert (need.kind, need.desk, need.task, need.more) == (NeedKind.DESK, "main", FIRST, 0)
        clock.advance(600)
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        await reach(octet, FIRST, TaskState.WORKING)
        assert joined(lane.submitted) == BODY
        assert {order.agent for order in lane.orders} == {"Agent-1"}


@pytest.mark.parametrize("parts_there", [1, 2])
async def test_an_octet_that_is_started_again_between_two_parts_goes_on_with_the_next(
    tmp_path: Path, parts_there: int
) -> None:
    lane = FakeLane(*[ARRIVES] * parts_there, *[bounced(Reason.BUSY)] * 50)
    async with house(tmp_path, lane, clock=FakeClock()) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await wait_for(octet, DeliveryState.QUEUED, part=parts_there + 1, reason=Reason.BUSY, fence=1)
    lane.script.clear()
    later = FakeClock()
    later.advance(600)
    async with house(tmp_path, lane, clock=later) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        assert joined(lane.submitted) == BODY


async def test_a_part_that_was_interrupted_after_its_enter_is_looked_for_as_it_was_cut(tmp_path: Path) -> None:
    lane = FakeLane(ARRIVES, LOST)
    lane.settlements = [ARRIVES]
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert [one.text for one in lane.settled] == [lane.submitted[1]]
        assert joined(lane.submitted) == BODY


async def test_where_it_is_cut_stays_when_its_window_takes_more_or_less_afterwards(tmp_path: Path) -> None:
    lane = FakeLane(ARRIVES, *[bounced(Reason.BUSY)] * 50)
    async with house(tmp_path, lane, clock=FakeClock()) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await wait_for(octet, DeliveryState.QUEUED, part=2, reason=Reason.BUSY, fence=1)
    lane.script.clear()
    later = FakeClock()
    later.advance(600)
    async with house(tmp_path, lane, limit=5_000, clock=later) as octet:
        await reach(octet, FIRST, TaskState.WORKING)
        assert joined(lane.submitted) == BODY


async def test_words_come_in_parts_too_and_nothing_comes_between(tmp_path: Path) -> None:
    lane, clock = FakeLane(ARRIVES, *[bounced(Reason.BUSY)] * 50), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        await octet.agent_messages.send(say(BODY, agent="Agent-1"), by=ADA)

        async def waits() -> bool:
            queued = await octet.deliveries.newest_in({DeliveryState.QUEUED}, limit=5)
            return any(one.share.number == 2 and one.reason == Reason.BUSY for one in queued)

        told: list[Need] = []

        async def is_told() -> bool:
            told.extend(await needs(octet))
            return bool(told)

        await until(waits, octet)
        assert await needs(octet) == [], "an agent may well be busy with one part"
        clock.advance(600)
        await octet.dispatch.window_usable("main", "agent-1")
        await until(is_told, octet)
        need = told[0]
        assert (need.kind, need.task, need.agent) == (NeedKind.WAITING, None, "Agent-1")
        assert need.seen == sentence(Reason.BUSY)
        assert "of a message to Agent-1 waits for its agent's window" in need.what
        assert "`/agent interrupt`" in need.next
        lane.script.clear()
        await octet.agent_messages.send(say("And this.", agent="Agent-1"), by=ADA)
        await octet.tasks.new(make_new_task("A task"), by=ADA)
        clock.advance(600)
        await octet.dispatch.window_usable("main", "agent-1")
        await reach(octet, FIRST, TaskState.WORKING)
        *parts, words, brief = lane.submitted
        if "A task" in words:
            words, brief = brief, words
        assert joined(parts) == BODY
        assert "And this." in words
        assert "A task" in brief


async def test_words_wait_for_the_rest_of_a_brief(tmp_path: Path) -> None:
    lane, clock = FakeLane(ARRIVES, bounced(Reason.BUSY)), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        await octet.tasks.new(make_new_task(BODY), by=ADA)
        await wait_for(octet, DeliveryState.QUEUED, part=2, reason=Reason.BUSY, fence=1)
        sent = await octet.agent_messages.send(say("And this.", agent="Agent-1"), by=ADA)
        clock.advance(600)
        await octet.dispatch.window_usable("main", "agent-1")

        async def all_there() -> bool:
            view = await octet.agent_messages.show(sent.message.id, by=ADA)
            return view.deliveries[0].state is DeliveryState.DELIVERED

        await until(all_there, octet)
        *parts, words = lane.submitted
        assert joined(parts) == BODY
        assert "And this." in words
