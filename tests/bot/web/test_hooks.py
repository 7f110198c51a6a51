"""The route of hooks: what real programs sent is read as facts, and the answer is empty and waits for nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.cli.hooks import HookedProgram
from bot.web.app import ANSWER_LIMIT
from bot.web.hooks import READERS, facts_of
from core.config.program_hooks import HOOK_FILES
from core.deliveries.model import Assurance, Outcome, Result
from core.dispatch.model import HookFact, HookShows, PromptReceived
from core.profiles.model import Activity
from core.security.model import OPERATOR
from core.store.engine import Tx
from tests.bot.web.conftest import Face
from tests.pace import patience

DATA = Path(__file__).parents[2] / "data" / "hooks"
WEAK = Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK)
SAID = "A plain answer of the rig."


def event(name: str) -> dict[str, Any]:
    """Return what a real program sent: Claude Code 2.1.331, Codex 0.169.0, Gemini CLI 0.61.0."""
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))


def facts(name: str) -> list[HookFact]:
    return list(facts_of(name.partition(".")[0], json.dumps(event(name)).encode()))


@pytest.mark.parametrize(
    "name", ["claude_code.UserPromptSubmit", "codex.UserPromptSubmit", "codex.notify", "gemini_cli.BeforeAgent"]
)
def test_a_prompt_is_known_by_its_hash_and_its_first_line(name: str) -> None:
    text = event(name).get("prompt") or event(name)["input-messages"][0]
    fact = facts(name)[0]
    assert isinstance(fact, PromptReceived)
    assert (fact.task, fact.sha256) == (text.partition("task ")[2].partition(" ")[0], sha256(text))


def test_the_frame_that_claude_code_puts_around_a_long_paste_is_no_part_of_the_prompt() -> None:
    (fact,) = facts("claude_code.UserPromptSubmit.pasted")
    assert isinstance(fact, PromptReceived)
    text = event("claude_code.UserPromptSubmit.pasted")["prompt"].partition(">\n")[2].rpartition("\n</")[0]
    assert (fact.task, fact.sha256) == ("T-7", sha256(text))


def test_a_prompt_that_another_text_quotes_is_not_that_prompt() -> None:
    """Codex has a model title each conversation, and names the whole prompt there."""
    first, _ = facts("codex.notify.title")
    assert isinstance(first, PromptReceived)
    assert (first.task, first.code) == ("", "")


@pytest.mark.parametrize("name", ["claude_code.Stop", "codex.Stop", "gemini_cli.AfterAgent", "codex.notify"])
def test_a_stop_has_the_last_message(name: str) -> None:
    fact = facts(name)[-1]
    assert isinstance(fact, HookShows)
    assert (fact.text, fact.shows) == (SAID, Activity.IDLE)


def test_a_stop_says_that_shells_run_in_the_background() -> None:
    stop = event("claude_code.Stop") | {"background_tasks": [{"id": "b1"}]}
    (fact,) = facts_of("claude_code", json.dumps(stop).encode())
    assert isinstance(fact, HookShows)
    assert fact.shows is Activity.BUSY


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("claude_code.PermissionRequest", "Bash: touch /home/ada/work/asked3.txt"),
        ("codex.PermissionRequest", "Bash: touch /home/ada/asked.txt"),
        ("gemini_cli.Notification", "touch /home/ada/askedg.txt"),
        ("claude_code.Notification", "Claude needs your permission"),
    ],
)
def test_a_question_shows_the_whole_command(name: str, what: str) -> None:
    (fact,) = facts(name)
    assert isinstance(fact, HookShows)
    assert (fact.text, fact.has_waited) == (what, name == "claude_code.Notification")


@pytest.mark.parametrize(
    ("program", "body"),
    [
        ("claude_code", b""),
        ("claude_code", b"[1]"),
        ("claude_code", b"[" * 100_000),
        ("claude_code", b'{"hook_event_name": "PreToolUse", "session_id": "s"}'),
        ("claude_code", b'{"hook_event_name": "Stop"}'),
        ("claude_code", b'{"hook_event_name": ["Stop"], "session_id": {}}'),
        ("cursor", b'{"hook_event_name": "Stop", "session_id": "s"}'),
        ("codex", b'{"type": "agent-turn-complete", "thread-id": "s", "input-messages": "x"}'),
    ],
)
def test_what_no_table_names_is_no_fact(program: str, body: bytes) -> None:
    assert list(facts_of(program, body)) == []


def test_a_hostile_question_can_press_no_key_and_is_short() -> None:
    asks = event("codex.PermissionRequest") | {"tool_input": {"command": "\x1b[2J\x07rm\u202e -r\n" * 5_000}}
    (fact,) = facts_of("codex", json.dumps(asks).encode())
    assert isinstance(fact, HookShows)
    assert fact.text.isprintable()
    assert len(fact.text) < 5_000


def test_octet_reads_each_event_for_which_it_writes_a_hook_and_no_other() -> None:
    assert {name: set(of.events) for name, of in HOOK_FILES.items()} == {name: set(of) for name, of in READERS.items()}
    assert {one.value for one in HookedProgram} == HOOK_FILES.keys()


async def test_a_hook_gets_its_empty_answer_before_octet_has_judged_it(face: Face) -> None:
    face.house.lane.script.append(WEAK)
    task, _ = await face.house.working()
    sent = event("claude_code.UserPromptSubmit") | {"prompt": face.house.lane.submitted[-1]}
    is_blocked, is_answered = threading.Event(), threading.Event()

    def block(_tx: Tx) -> bool:
        is_blocked.set()
        return is_answered.wait(patience(20))

    async with asyncio.TaskGroup() as group:
        write = group.create_task(face.house.core.store.write(block))
        await asyncio.to_thread(is_blocked.wait, patience(20))
        got = await face.agent.post("/hooks/claude_code", json=sent)
        is_answered.set()
    assert (got.status_code, got.content, write.result()) == (204, b"", True)
    await face.house.core.hooks._waiting.join()
    (delivery,) = (await face.house.core.tasks.show(task, by=OPERATOR)).deliveries
    assert delivery.assurance is Assurance.EXACT


async def test_no_one_says_anything_by_hooks_without_a_key(face: Face) -> None:
    for stranger, headers in ((face.stranger, {}), (face.agent, {"Authorization": "Bearer octet-reply.Agent-1.00"})):
        got = await stranger.post("/hooks/claude_code", json=event("claude_code.Stop"), headers=headers)
        assert (got.status_code, got.json()["code"]) == (401, "no_reply_key")


async def test_ten_megabytes_are_refused_unread(face: Face) -> None:
    got = await face.agent.post("/hooks/claude_code", content=b"x" * 10_000_000)
    assert (got.status_code, ANSWER_LIMIT < 10_000_000) == (413, True)


async def test_a_program_that_octet_does_not_know_gets_the_same_empty_answer(face: Face) -> None:
    got = await face.agent.post("/hooks/cursor", json=event("claude_code.Stop"))
    assert (got.status_code, got.content) == (204, b"")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
