"""What programs say by their hooks: a report settles and raises, a stop is a sign of rest, and nothing else counts."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest

from core.agents.model import AgentState
from core.coordinator import Coordinator
from core.deliveries.model import Assurance, Delivery, DeliveryState, Outcome, Result
from core.desks.model import Shown
from core.dispatch import hooks
from core.dispatch.model import HookFact, HookShows, PromptReceived
from core.messages.model import Source
from core.profiles.model import Activity
from core.reasons import IdleSource, Reason
from core.security.model import OPERATOR
from core.security.service import People
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, entries_of, make_new_task
from tests.core.dispatch.test_loop import UNKNOWN, code_in, reach, until, window_house
from tests.core.supervision.test_reading import working
from tests.fakes.lane import FakeLane

FIRST, SECOND = TaskId("T-1"), TaskId("T-2")
WEAK = Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK)
ALL = People.agent("")
OURS: dict[str, Any] = {"program": "claude_code", "session": "s-1"}


def received(text: str, *, sha256: str = "", code: str = "", task: str = "T-1", session: str = "s-1") -> PromptReceived:
    sha256 = sha256 or hashlib.sha256(text.encode()).hexdigest()
    return PromptReceived(program="claude_code", session=session, sha256=sha256, task=task, code=code)


async def judged(octet: Coordinator) -> None:
    """Return when all that hooks said is judged."""
    await octet.hooks._waiting.join()


def rest_of(octet: Coordinator) -> IdleSource | None:
    """Return by what Octet knows that the agent rests."""
    sign = octet.dispatch.idle._signs.get("Agent-1")
    return sign.source if sign else None


async def says(octet: Coordinator, *facts: HookFact, by: str = "") -> None:
    """Bring these facts, and return when each is judged."""
    for fact in facts:
        octet.hooks.accept(fact, by=People.agent(by))
    await judged(octet)


async def delivery(octet: Coordinator, task: TaskId = FIRST) -> Delivery:
    return (await octet.deliveries.list_for_task(task))[-1]


async def work(octet: Coordinator) -> None:
    await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
    await reach(octet, FIRST, TaskState.WORKING)


async def test_the_whole_text_in_a_hook_settles_an_unknown_delivery(tmp_path: Path) -> None:
    lane = FakeLane(UNKNOWN)
    async with window_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
        await reach(octet, FIRST, TaskState.PARKED, "delivery_unknown")
        await says(octet, received(lane.submitted[0]))
        found = await delivery(octet)
        assert (found.state, found.assurance) == (DeliveryState.DELIVERED, Assurance.EXACT)
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY
        names = [entry.name for entry in await entries_of(octet.journal, f"delivery:{found.id}")]
        assert names.count("DeliveryResolved") == 1
        (receipt,) = await octet.receipts.show("T-1", by=ADA)
        assert "by its hook" in receipt.claim


async def test_a_report_before_the_lanes_verdict_counts_once_that_is_there(tmp_path: Path) -> None:
    lane = FakeLane(UNKNOWN)
    async with window_house(tmp_path, lane) as octet:

        async def hook() -> None:
            octet.hooks.accept(received(lane.submitted[0]), by=ALL)
            await judged(octet)
            assert (await delivery(octet)).state is DeliveryState.SUBMITTING

        lane.before_the_end = hook
        await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert (await delivery(octet)).assurance is Assurance.EXACT
        assert len(lane.submitted) == 1


async def test_a_report_raises_what_a_delivery_rests_on_and_never_lowers_it(tmp_path: Path) -> None:
    lane = FakeLane(WEAK)
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        text = lane.submitted[0]
        await says(octet, received("other blanks", code=code_in(text)))
        assert (await delivery(octet)).assurance is Assurance.RECEIPT
        await says(octet, received(text), received("other blanks", code=code_in(text)))
        found = await delivery(octet)
        assert found.assurance is Assurance.EXACT
        names = [entry.name for entry in await entries_of(octet.journal, f"delivery:{found.id}")]
        assert names.count("DeliveryReported") == 2
        (receipt,) = await octet.receipts.show("T-1", by=ADA)
        assert receipt.assurance is Assurance.WEAK
        assert "by its hook" in receipt.claim


@pytest.mark.parametrize(
    "forged",
    [
        received("Count the bees"),
        received("Count the bees", code="abc123.AAAAAAAAAAAAAAAAAAAAAAAAAA"),
        received("Count the bees", sha256="", task="T-99"),
        received("Count the bees", task="T-no"),
    ],
    ids=["other text", "other code", "no such task", "no task"],
)
async def test_a_forged_report_changes_nothing(tmp_path: Path, forged: PromptReceived) -> None:
    lane = FakeLane(WEAK)
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        await says(octet, forged, HookShows(**OURS, shows=Activity.IDLE, text="Done."))
        assert (await delivery(octet)).assurance is Assurance.WEAK
        assert octet.hooks.signs == {}


async def test_the_key_of_one_agent_reports_nothing_of_another(tmp_path: Path) -> None:
    lane = FakeLane(WEAK)
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        await says(octet, received(lane.submitted[0]), by="Agent-2")
        assert (await delivery(octet)).assurance is Assurance.WEAK
        await says(octet, received(lane.submitted[0]))
        await says(octet, HookShows(**OURS, shows=Activity.IDLE, text="Done."), by="Agent-2")
        assert octet.hooks.signs["Agent-1"].shows is Activity.BUSY


async def test_windows_that_share_a_settings_file_are_told_apart_by_their_prompts(tmp_path: Path) -> None:
    async with window_house(tmp_path, lane := FakeLane(), agents=2) as octet:
        await octet.tasks.new(make_new_task("Count the birds"), by=ADA)
        await octet.tasks.new(make_new_task("Count the bees"), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await reach(octet, SECOND, TaskState.WORKING)
        agents = {one.task: one.agent.name for one in await octet.agents.list(by=ADA)}
        for task, text in zip((FIRST, SECOND), sorted(lane.submitted, key=lambda text: "T-2" in text), strict=True):
            await says(octet, received(text, task=task, session=f"s-{task}"))
        await says(octet, HookShows(program="claude_code", session="s-T-2", shows=Activity.IDLE))
        signs = {agent: sign.shows for agent, sign in octet.hooks.signs.items()}
        assert signs == {agents["T-1"]: Activity.BUSY, agents["T-2"]: Activity.IDLE}


async def test_what_belongs_to_no_task_is_dropped_and_leaves_no_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        before = await octet.store.write(octet.journal.last)
        caplog.set_level(logging.DEBUG)
        secret = "the diary of Ada"
        await says(
            octet,
            PromptReceived(program="claude_code", session="s-2", sha256="0" * 64, task="", code=""),
            HookShows(program="claude_code", session="s-2", shows=Activity.IDLE, text=secret),
            HookShows(program="claude_code", session="s-2", shows=Activity.NEEDS_INPUT, text=secret),
        )
        assert octet.hooks.signs == {}
        assert await octet.store.write(octet.journal.last) == before
        assert secret not in caplog.text


async def test_a_users_own_prompt_in_the_same_conversation_ends_what_its_hooks_say(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        await says(octet, received(lane.submitted[0]))
        assert octet.hooks.signs["Agent-1"].shows is Activity.BUSY
        own = PromptReceived(program="claude_code", session="s-1", sha256="0" * 64, task="", code="")
        await says(octet, own, HookShows(**OURS, shows=Activity.IDLE, text="The answer to another question"))
        assert octet.hooks.signs == {}


async def test_a_stop_is_a_sign_of_rest_only_where_the_window_does_not_show_otherwise(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        stop = HookShows(**OURS, shows=Activity.IDLE, text="")
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.BUSY))
        await says(octet, received(lane.submitted[0]), stop)
        assert rest_of(octet) is None
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.UNKNOWN))
        await says(octet, stop)
        assert rest_of(octet) is IdleSource.HOOK
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING  # idle is not done
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.BUSY))
        assert rest_of(octet) is None


async def test_a_stop_with_shells_in_the_background_is_no_rest(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        await says(octet, received(lane.submitted[0]), HookShows(**OURS, shows=Activity.BUSY))
        assert octet.hooks.signs["Agent-1"].shows is Activity.BUSY
        assert rest_of(octet) is None


async def test_a_hook_that_stays_silent_holds_back_nothing_that_the_window_shows(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        await says(octet, received(lane.submitted[0]))  # and never a stop
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.IDLE))
        assert rest_of(octet) is IdleSource.SCREEN


async def test_what_no_one_can_judge_now_is_dropped_when_too_much_waits(tmp_path: Path) -> None:
    lane = FakeLane(WEAK)
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        for _ in range(2 * hooks.MOST_FACTS):
            octet.hooks.accept(HookShows(**OURS, shows=Activity.IDLE, text="x"), by=ALL)
        await judged(octet)
        await says(octet, received(lane.submitted[0]))
        await until(lambda: _is_exact(octet), octet)


async def _is_exact(octet: Coordinator) -> bool:
    return (await delivery(octet)).assurance is Assurance.EXACT


async def test_a_marked_answer_in_the_last_message_ends_the_task_unverified(tmp_path: Path) -> None:
    async with working(tmp_path) as house:
        marker = house.marker
        await says(house.octet, received(house.prompt), HookShows(**OURS, shows=Activity.IDLE, text="I am done."))
        assert (await house.task()).state is TaskState.WORKING  # idle is not done
        await says(
            house.octet, HookShows(**OURS, shows=Activity.IDLE, text=f"Here:\n<<<{marker}\nSeven\tbirds.\n{marker}>>>")
        )
        task = await house.task()
        assert (task.state, task.is_unverified, task.cause) == (TaskState.DONE, True, Reason.SAID_BY_HOOK)
        (answer,) = await house.answers()
        assert (answer.body, answer.source) == ("Seven\tbirds.", Source.HOOK)


async def test_a_question_that_no_window_shows_is_shown_to_users_with_its_command(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        asks = HookShows(**OURS, shows=Activity.NEEDS_INPUT, text="Bash: touch x")
        notice = HookShows(**OURS, shows=Activity.NEEDS_INPUT, text="needs your permission", has_waited=True)
        await says(octet, received(lane.submitted[0]), asks)
        assert await octet.agent_actions.dialogs.list_open() == ()
        await says(octet, notice, notice)
        (dialog,) = await octet.agent_actions.dialogs.list_open()
        assert (dialog.text, dialog.answers, dialog.activity) == (
            "By its hook: Bash: touch x",
            (),
            Activity.NEEDS_INPUT,
        )
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.WORKING
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.IDLE))
        assert await octet.agent_actions.dialogs.list_open() == ()


async def test_a_hook_and_a_window_that_disagree_are_both_shown(tmp_path: Path) -> None:
    lane = FakeLane()
    async with window_house(tmp_path, lane) as octet:
        await work(octet)
        await octet.dispatch.window_shows("main", Shown(window="agent-1", activity=Activity.BUSY))
        await says(octet, received(lane.submitted[0]), HookShows(**OURS, shows=Activity.IDLE, text=""))
        found = await octet.fleet.agent("Agent-1", by=OPERATOR)
        assert found.hook is not None
        assert (found.hook.shows, found.shows) == (Activity.IDLE, Activity.BUSY)
