"""A brief that is too long for its window stands in a file that the prompt names; everything else stays as it was."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.agents.model import AgentState, Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.limits import BRIEF
from core.messages.model import MessageKind, Source
from core.messages.prompts import PromptRenderer
from core.profiles.model import PaneProfile, TooLong
from core.tasks.model import TaskId, TaskState
from tests.builders import (
    ADA,
    list_tasks,
    longest,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    refuses,
)
from tests.core.agent_messages.test_words import say
from tests.core.dispatch.test_loop import QUICK, code_in, reach, running
from tests.core.messages.test_messages import make_message
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
LIMIT = 2_000
LONG = "@everyone 鳥 👍\r\n```\n" + "word " * 1_000 + "end"
KEPT = LONG.replace("\r\n", "\n")


@asynccontextmanager
async def narrow_house(home: Path, lane: FakeLane, *, limit: int | PaneProfile = LIMIT) -> AsyncGenerator[Coordinator]:
    """One agent, whose window takes prompts of at most `limit` characters."""
    async with open_coordinator(
        home,
        agents=[make_window_agent()],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": FakeDeskWorker()},
        policy=QUICK,
        longest_prompts={"Agent-1": limit},
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(octet):
            yield octet


async def test_a_long_brief_is_in_its_file_and_the_prompt_names_it_and_carries_the_code(tmp_path: Path) -> None:
    lane = FakeLane()
    async with narrow_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(LONG), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        file = tmp_path / "briefs" / "T-1.md"
        assert file.read_bytes() == KEPT.encode()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert [one.name for one in file.parent.iterdir()] == ["T-1.md"]
        (prompt,) = lane.submitted
        assert len(prompt) <= LIMIT
        assert prompt.startswith("[D2A] hub → Agent-1 · task T-1 · P2\n")
        assert str(file) in prompt.splitlines()
        assert "word word" not in prompt
        code = code_in(prompt)
        assert code not in file.read_text(encoding="utf-8")
        shown = (await octet.tasks.show(FIRST, by=ADA)).prompt
        assert str(file) in shown
        assert code not in shown
        await octet.tasks.accept_answer("T-1", code, "Seven.", final=True, key="a")
        assert (await octet.tasks.show(FIRST, by=ADA)).task.state is TaskState.DONE
        assert list(file.parent.iterdir()) == [], "nobody needs it any more"


async def test_the_file_goes_with_its_task_and_comes_back_with_a_retry(tmp_path: Path) -> None:
    folder = tmp_path / "briefs"
    async with narrow_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(LONG), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        words = await octet.agent_messages.send(say("word " * 1_000, task="T-1"), by=ADA)
        files = {"T-1.md", f"T-1.{words.message.id}.md"}
        async with asyncio.timeout(60):  # a file that is being written has a name of its own until it is whole
            while {one.name for one in folder.iterdir()} != files:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
        (folder / "T-12.md").write_text("of another task")
        await octet.tasks.cancel(FIRST, by=ADA)
        assert [one.name for one in folder.iterdir()] == ["T-12.md"]


async def test_a_start_deletes_what_a_kill_left_and_words_whose_time_is_over(tmp_path: Path) -> None:
    folder = tmp_path / "briefs"
    async with narrow_house(tmp_path, FakeLane()) as octet:
        await octet.tasks.new(make_new_task(LONG), by=ADA)
        await octet.tasks.new(make_new_task("second"), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.cancel(FIRST, by=ADA)
    for name in ("T-1.md", "T-2.md", "01KOLD.md", "01KNEW.md", "T-of nobody.md", ".T-2.md.0c1d2e3f"):
        (folder / name).write_text("text")
    long_ago = time.time() - 3 * 24 * 3600
    for name in ("01KOLD.md", "T-2.md"):
        os.utime(folder / name, (long_ago, long_ago))
    async with narrow_house(tmp_path, FakeLane()) as octet:
        assert await list_tasks(octet, by=ADA)
        assert {one.name for one in folder.iterdir()} == {"T-2.md", "01KNEW.md", "T-of nobody.md"}


async def test_the_longest_brief_comes_whole(tmp_path: Path) -> None:
    lane = FakeLane()
    async with narrow_house(tmp_path, lane) as octet:
        brief = "漢" * BRIEF.most
        await octet.tasks.new(make_new_task(brief), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert (tmp_path / "briefs" / "T-1.md").read_text(encoding="utf-8") == brief


@pytest.mark.parametrize("spare", [0, -1])
async def test_only_what_does_not_fit_goes_into_a_file(tmp_path: Path, spare: int) -> None:
    lane = FakeLane()
    async with narrow_house(tmp_path / "wide", lane, limit=100_000) as octet:
        await octet.tasks.new(make_new_task("x" * 900), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert not (tmp_path / "wide" / "briefs").exists()
    async with narrow_house(tmp_path / "narrow", lane, limit=len(lane.submitted[0]) + spare) as octet:
        await octet.tasks.new(make_new_task("x" * 900), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert ("x" * 900 in lane.submitted[1]) is (spare == 0)
        assert (tmp_path / "narrow" / "briefs").exists() is (spare != 0)


async def test_a_brief_that_cannot_be_written_fails_its_task_with_the_reason_and_no_other(tmp_path: Path) -> None:
    lane = FakeLane()
    (tmp_path / "briefs").write_text("in the way")
    async with narrow_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(LONG), by=ADA)
        failed = await reach(octet, FIRST, TaskState.FAILED, Reason.BRIEF_NOT_WRITTEN)
        assert "File exists" in failed.note
        assert "/task retry" in failed.note
        assert [d.state for d in (await octet.tasks.show(FIRST, by=ADA)).deliveries] == [DeliveryState.FAILED]
        second = await octet.tasks.new(make_new_task("short"), by=ADA)
        await reach(octet, second.id, TaskState.WORKING)
        await octet.tasks.cancel(second.id, by=ADA)
        (tmp_path / "briefs").unlink()
        await octet.tasks.retry(FIRST, by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY
        assert len(lane.submitted) == 2


async def test_an_attempt_after_a_stop_finds_its_file_again(tmp_path: Path) -> None:
    lane = FakeLane(Outcome(result=Result.BOUNCED, reason=Reason.FOCUS_TAKEN))
    async with narrow_house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(LONG), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert len(lane.orders) == 2
        assert lane.orders[0].sha256 == lane.orders[1].sha256
        assert (tmp_path / "briefs" / "T-1.md").read_bytes() == KEPT.encode()


def briefs(tmp_path: Path, **longest: PaneProfile) -> PromptRenderer:
    return PromptRenderer(tmp_path / "briefs", longest)


def test_a_text_that_every_window_refuses_is_refused_at_once_naming_agent_and_limit(tmp_path: Path) -> None:
    short = longest(600, then=TooLong.REFUSE)
    house = briefs(tmp_path, one=short, two=replace(short, max_chars=800), three=longest(600))
    for agents, limit in ((["one"], 600), (["one", "two"], 800)):
        with refuses("too_long_for_agent", match=rf"{', '.join(agents)} takes at most {limit}"):
            house.check_length("x" * 900, agents)
    house.check_length("x" * 700, ["one", "two"])
    house.check_length("x" * 900, ["one", "three"])
    house.check_length("x" * 900, ["a model"])


@pytest.mark.parametrize(
    ("longest", "body", "in_file"),
    [
        (longest(2000, lines=False), "a\nb", True),
        (longest(2000, lines=False), "a b", False),
        (longest(2000, tabs=False), "a\tb", True),
        (longest(2000, tabs=False), "a\nb", False),
        (longest(2000, lines=False, then=TooLong.REFUSE), "a\nb", False),
        (longest(2000), "a\n\tb", False),
    ],
)
async def test_a_body_whose_lines_or_tabs_a_window_does_not_take_comes_as_a_file(
    tmp_path: Path, longest: PaneProfile, body: str, *, in_file: bool
) -> None:
    lane = FakeLane()
    async with narrow_house(tmp_path, lane, limit=longest) as octet:
        await octet.tasks.new(make_new_task(body), by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        assert (tmp_path / "briefs/T-1.md").exists() is in_file


@pytest.mark.parametrize(
    ("longest", "body", "reason"),
    [
        (longest(500, lines=False), "word " * 200, "has 1,000 characters, too many for this window."),
        (longest(500, lines=False), "a\n\tb", "has line breaks, which this window cannot take."),
        (longest(500, tabs=False), "a\n\tb", "has tabs, which this window cannot take."),
        (longest(500, lines=False, tabs=False), "a\n\tb", "has line breaks and tabs, which this window cannot"),
    ],
)
def test_a_prompt_that_names_a_file_gives_the_true_reason(
    tmp_path: Path, longest: PaneProfile, body: str, reason: str
) -> None:
    message = make_message(body=body, task="T-1")
    prompt = briefs(tmp_path, one=longest).make_prompt(message, agent="one", code="code")
    assert f"Your task {reason}" in prompt.text
    assert str(tmp_path / "briefs/T-1.md") in prompt.text


def test_a_prompt_names_statuses_only_where_the_window_takes_them_with_the_whole(tmp_path: Path) -> None:
    status = make_message(kind=MessageKind.STATUS, source=Source.AGENT, sender_name="Bob", body="File 1 is read.")
    brief = make_message()
    plain = PromptRenderer(tmp_path, {}).make_prompt(brief, agent="Agent-1", code="c")
    for limit, named in ((len(plain.text) + 200, (status.id,)), (len(plain.text) + 20, ())):
        files = PromptRenderer(tmp_path, {"Agent-1": longest(limit)})
        made = files.make_prompt(brief, agent="Agent-1", code="c", news=[status])
        assert (made.news, "> Bob: File 1 is read." in made.text) == (named, bool(named))
        assert named or made == plain
