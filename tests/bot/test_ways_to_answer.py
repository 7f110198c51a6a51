"""One suite for all ways by which an agent answers: MCP, the commands, HTTP, the folder, and its window. The same steps
have the same effect; a way may lack a step."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bot.answer_spool import FOLDER, REFUSED, SpooledAnswer, report_spooled, spool_answer
from bot.cli import agent_commands, answers
from bot.runfile import Run
from core.kit.files import write_private
from core.messages.answer_markers import MarkedAnswer
from core.messages.model import Source, read_evidence
from core.tasks.model import TaskId, TaskState
from tests.house import NO_TLS, House, open_house
from tests.pace import patience

pytestmark = pytest.mark.contract

PROGRESS, REPLY, DONE, PROVED = "progress", "reply", "done", "proved"
PROOFS: list[dict[str, str | bool | None]] = [
    {"kind": "command", "text": "make test: all", "ok": True},
    {"kind": "url", "text": "https://ci.example/7", "ok": False},
    {"kind": "file", "text": "src/nests.py", "ok": None},
]
FILES = [{"name": "../a report.txt", "content": base64.b64encode(b"\x00seven\xff").decode()}]
LINES = ("command: make test: all: passed", "url: https://ci.example/7: failed", "file: src/nests.py")
Say = Callable[[str, str, str, str], Awaitable[bool]]
"""Takes a step (PROGRESS, REPLY, DONE, or PROVED: done with evidence and a file) for a task with a code and a text;
returns whether Octet accepted it."""


@dataclass(frozen=True)
class Agent:
    """An agent that works on a task, and its way to answer."""

    house: House
    way: str
    task: TaskId
    code: str
    say: Say

    async def says(self, step: str, text: str, *, code: str | None = None) -> bool:
        return await self.say(step, self.task, self.code if code is None else code, text)

    async def heard(self) -> list[tuple[str, bool, bool]]:
        return [(one.body, one.final, one.late) for one in await self.house.answers(self.task)]


@asynccontextmanager
async def by_mcp(house: House, run: Run, agent: str) -> AsyncGenerator[Say]:
    headers = {"Authorization": f"Bearer {house.core.reply_keys.key(agent)}"}
    tools = {PROGRESS: "report_progress", REPLY: "reply", DONE: "report_done", PROVED: "report_done"}
    async with httpx2.AsyncClient(verify=NO_TLS, headers=headers, timeout=patience(60)) as http:
        transport = streamable_http_client(f"http://{run.address}:{run.port}/mcp", http_client=http)
        async with Client(transport) as client:

            async def say(step: str, task: str, code: str, text: str) -> bool:
                proofs = {"evidence": PROOFS, "attachments": FILES} if step == PROVED else {}
                result = await client.call_tool(tools[step], {"task": task, "code": code, "text": text, **proofs})
                return not result.is_error

            yield say


@asynccontextmanager
async def by_command(house: House, run: Run, agent: str) -> AsyncGenerator[Say]:
    file = house.home / "words.md"

    async def say(step: str, task: str, code: str, text: str) -> bool:
        file.write_text(text, "utf-8")
        rest = [text] if step == PROGRESS else ["--file", str(file)]
        if step == PROVED:
            report = house.home / "a report.txt"
            write_private(report, base64.b64decode(FILES[0]["content"]))
            step, rest = (
                DONE,
                [*rest, "--attach", str(report), *(word for line in LINES for word in ("--evidence", line))],
            )
        ended = await asyncio.to_thread(agent_commands.main, [step, task, "--code", code, *rest])
        assert ended in {answers.OK, answers.REFUSED}
        return ended == answers.OK

    yield say


@asynccontextmanager
async def by_http(house: House, run: Run, agent: str) -> AsyncGenerator[Say]:
    headers = {"Authorization": f"Bearer {house.core.reply_keys.key(agent)}"}
    address = f"http://{run.address}:{run.port}/api/v2/replies"
    async with httpx.AsyncClient(verify=NO_TLS, headers=headers, timeout=patience(60)) as http:

        async def say(step: str, task: str, code: str, text: str) -> bool:
            path = {REPLY: "", PROVED: "/done"}.get(step, f"/{step}")
            body = {"task": task, "code": code, "text": text} | (
                {"evidence": PROOFS, "attachments": FILES} if step == PROVED else {}
            )
            return (await http.post(address + path, json=body)).is_success

        yield say


@asynccontextmanager
async def by_folder(house: House, run: Run, agent: str) -> AsyncGenerator[Say]:
    async def say(step: str, task: str, code: str, text: str) -> bool:
        key = hashlib.sha256(f"{step} {text}".encode()).hexdigest()
        answer = SpooledAnswer(task=task, code=code, text=text, final=step in {DONE, PROVED}, key=key)
        if step == PROVED:
            answer = replace(answer, evidence=tuple(PROOFS), attachments=tuple(FILES))
        spool_answer(house.home, answer)
        await report_spooled(house.core, house.home)
        late = any(one.late and one.body == text for one in await house.answers(TaskId(task)))
        return not late and not (house.home / FOLDER / REFUSED / f"{key}.json").exists()

    yield say


@asynccontextmanager
async def by_window(house: House, run: Run, agent: str) -> AsyncGenerator[Say]:
    awaited = await house.core.tasks.find_pending_answer(agent)
    assert awaited is not None

    async def say(step: str, task: str, code: str, text: str) -> bool:
        return await house.core.tasks.accept_scraped_answer(awaited, MarkedAnswer(text=text, is_whole=True))

    yield say


WAYS = {"mcp": by_mcp, "command": by_command, "http": by_http, "folder": by_folder, "window": by_window}


AtWork = Callable[[], AbstractAsyncContextManager[Agent]]


@pytest.fixture(params=WAYS)
def at_work(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AtWork:
    """Make an agent at work. The official client must end in the task in which it began, which no fixture does."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", answers.URL, answers.KEY, answers.OLD_KEY):
        monkeypatch.delenv(name, raising=False)

    @asynccontextmanager
    async def open_agent() -> AsyncGenerator[Agent]:
        async with open_house(tmp_path / "home", is_read=True) as house, house.served({"HOME": str(tmp_path)}) as run:
            task, code = await house.working()
            name = str((await house.task(task)).agent)
            async with WAYS[request.param](house, run, name) as say:
                yield Agent(house=house, way=request.param, task=task, code=code, say=say)

    return open_agent


async def test_progress_shows_on_the_card_and_is_no_answer(at_work: AtWork) -> None:
    async with at_work() as agent:
        if agent.way in {"folder", "window"}:
            return  # progress is for now: nothing keeps it for later
        assert await agent.says(PROGRESS, "half way")
        assert (await agent.house.task(agent.task)).progress == "half way"
        assert await agent.heard() == []


async def test_a_reply_speaks_and_done_ends_the_task_and_the_same_text_again_counts_once(at_work: AtWork) -> None:
    async with at_work() as agent:
        said = [("all done", True, False)]
        if agent.way != "window":  # what is between the markers of a window is the whole answer
            for _ in range(2):
                assert await agent.says(REPLY, "a question")
            assert (await agent.house.task(agent.task)).state is TaskState.WORKING
            said = [("a question", False, False), *said]
        assert await agent.says(DONE, "all done")
        ended = await agent.house.task(agent.task)
        assert (ended.state, ended.is_unverified) == (TaskState.DONE, agent.way == "window")
        await agent.says(DONE, "all done")
        assert await agent.heard() == said
        source = Source.WINDOW if agent.way == "window" else Source.AGENT
        assert {one.source for one in await agent.house.answers(agent.task)} == {source}


async def test_evidence_and_files_are_stored_with_the_answer_as_the_agent_gave_them(at_work: AtWork) -> None:
    async with at_work() as agent:
        if agent.way == "window":
            return  # a window has only the text
        assert await agent.says(PROVED, "all done")
        (answer,) = await agent.house.answers(agent.task)
        assert (answer.body, answer.final) == ("all done", True)
        assert answer.evidence == read_evidence(PROOFS)
        assert [one.line for one in answer.evidence] == [*LINES]
        (file,) = answer.attachments
        assert file.name in {"_a_report.txt", "a_report.txt"}
        assert await agent.house.core.messages.attachments.read(file) == b"\x00seven\xff"


async def test_a_wrong_code_changes_nothing(at_work: AtWork) -> None:
    async with at_work() as agent:
        if agent.way == "window":
            return  # it has a marker in place of the code: tests/core/messages/test_answer_markers
        steps = {REPLY, DONE} if agent.way == "folder" else {PROGRESS, REPLY, DONE}
        before = await agent.house.task(agent.task)
        for step in steps:
            assert not await agent.says(step, "forged", code=agent.code[:-1] + ("A" if agent.code[-1] != "A" else "B"))
        assert await agent.house.task(agent.task) == before
        assert await agent.heard() == []


async def test_a_second_answer_is_late_and_the_first_one_stays(at_work: AtWork) -> None:
    async with at_work() as agent:
        assert await agent.says(DONE, "the first")
        assert not await agent.says(DONE, "the second")
        late = [] if agent.way == "window" else [("the second", True, True)]  # a window is read once
        assert await agent.heard() == [("the first", True, False), *late]
        assert (await agent.house.task(agent.task)).state is TaskState.DONE
