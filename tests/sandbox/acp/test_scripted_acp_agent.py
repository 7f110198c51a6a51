"""The scripted agent speaks ACP as the official client understands it, and each of its faults is one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from acp import Agent, RequestError, spawn_agent_process
from acp.helpers import text_block
from acp.schema import AllowedOutcome, DeniedOutcome, PermissionOption, RequestPermissionResponse

ROOT = Path(__file__).parents[3]
WITHIN_S = 20.0


class Listener:
    """A client that keeps what it hears and answers each permission as it was made to."""

    def __init__(self, choice: str | None = "allow-once") -> None:
        self.choice = choice
        self.updates: list[tuple[str, Any]] = []
        self.asks: list[tuple[str, Any, list[PermissionOption]]] = []
        self.asked = asyncio.Event()
        self.spoken = asyncio.Event()

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append((session_id, update))
        if update.session_update == "agent_message_chunk":
            self.spoken.set()

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        self.asks.append((session_id, tool_call, options))
        self.asked.set()
        if self.choice is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=self.choice))

    def on_connect(self, conn: Any) -> None: ...

    def said(self, kind: str = "agent_message_chunk") -> str:
        return "".join(one.content.text for _, one in self.updates if one.session_update == kind)

    def kinds(self) -> list[str]:
        return [one.session_update for _, one in self.updates]


@asynccontextmanager
async def agent(
    folder: Path, faults: str = "", listener: Listener | None = None
) -> AsyncGenerator[tuple[Agent, Listener, Any]]:
    listener = listener or Listener()
    environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "ACP_FAULTS": faults}
    arguments = ("-m", "sandbox.acp", "--history", str(folder))
    limits = {"limit": 8 << 20, "shutdown_timeout": 0.2}
    async with (
        asyncio.timeout(WITHIN_S),
        spawn_agent_process(
            listener,  # type: ignore[arg-type]  # it has what the agent calls
            sys.executable,
            *arguments,
            env=environ,
            transport_kwargs=limits,
            use_unstable_protocol=True,
        ) as (connection, process),
    ):
        yield connection, listener, process


async def conversation(connection: Agent) -> str:
    await connection.initialize(protocol_version=1)
    return (await connection.new_session(cwd="/", mcp_servers=[])).session_id


def heard(folder: Path) -> list[str]:
    return [json.loads(line)["prompt"] for line in (folder / "heard.jsonl").read_text().splitlines()]


async def test_a_turn_streams_its_answer_and_reports_plan_tools_thoughts_and_usage(tmp_path: Path) -> None:
    async with agent(tmp_path) as (connection, listener, _):
        about = await connection.initialize(protocol_version=1)
        assert about.agent_capabilities is not None
        assert about.agent_capabilities.load_session
        assert about.agent_info is not None
        own = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        text = "What is 6 * 7?\ndemo: plan\ndemo: think so\ndemo: tool Read notes\nEnd  of\tit. 👩‍💻"
        ended = await connection.prompt(session_id=own, prompt=[text_block(text)])
        assert ended.stop_reason == "end_turn"
        assert ended.usage is not None
        assert ended.usage.output_tokens > 0
        assert "6 * 7 = 42" in listener.said()
        assert len([one for one in listener.kinds() if one == "agent_message_chunk"]) > 3
        assert {"plan", "agent_thought_chunk", "tool_call", "tool_call_update", "usage_update"} <= {*listener.kinds()}
        assert heard(tmp_path) == [text]


@pytest.mark.parametrize(("choice", "says"), [("allow-once", "approved"), ("reject", "denied, so nothing was run")])
async def test_a_permission_carries_the_exact_command_and_its_answer_is_kept(
    tmp_path: Path, choice: str, says: str
) -> None:
    async with agent(tmp_path, listener=Listener(choice)) as (connection, listener, _):
        own = await conversation(connection)
        await connection.prompt(session_id=own, prompt=[text_block("demo: ask rm -rf 'a  b' && true")])
        ((session, call, options),) = listener.asks
        assert session == own
        assert call.raw_input["command"] == "rm -rf 'a  b' && true"
        assert [one.kind for one in options] == ["allow_once", "allow_always", "reject_once"]
        assert says in listener.said()


async def test_a_cancelled_question_ends_the_turn(tmp_path: Path) -> None:
    async with agent(tmp_path, listener=Listener(None)) as (connection, _, _):
        own = await conversation(connection)
        ended = await connection.prompt(session_id=own, prompt=[text_block("demo: ask ls")])
        assert ended.stop_reason == "cancelled"


async def test_it_asks_with_a_diff_before_it_edits_and_never_in_the_mode_auto(tmp_path: Path) -> None:
    async with agent(tmp_path) as (connection, listener, _):
        own = await conversation(connection)
        await connection.prompt(session_id=own, prompt=[text_block("demo: edit /tmp/x")])
        diff = listener.asks[0][1].content[0]
        assert (diff.path, diff.old_text, diff.new_text) == ("/tmp/x", "old\n", "new\n")
        await connection.set_session_mode(session_id=own, mode_id="auto")
        await connection.prompt(session_id=own, prompt=[text_block("demo: ask ls")])
        assert len(listener.asks) == 1


async def test_cancel_ends_a_turn_and_the_next_one_runs(tmp_path: Path) -> None:
    async with agent(tmp_path) as (connection, listener, _):
        own = await conversation(connection)
        turn = asyncio.ensure_future(connection.prompt(session_id=own, prompt=[text_block("demo: long")]))
        await listener.spoken.wait()
        await connection.cancel(session_id=own)
        assert (await turn).stop_reason == "cancelled"
        assert (await connection.prompt(session_id=own, prompt=[text_block("demo: stop refusal")])).stop_reason == (
            "refusal"
        )


@pytest.mark.parametrize(("words", "code"), [("demo: code -32000", -32000), ("demo: limit", -32603)])
async def test_it_fails_with_a_code_before_it_reports_anything(tmp_path: Path, words: str, code: int) -> None:
    async with agent(tmp_path) as (connection, listener, _):
        own = await conversation(connection)
        with pytest.raises(RequestError) as failed:
            await connection.prompt(session_id=own, prompt=[text_block(words)])
        assert failed.value.code == code
        assert not listener.updates


async def test_a_new_process_loads_what_a_killed_one_heard_and_resumes_without_a_replay(tmp_path: Path) -> None:
    async with agent(tmp_path) as (connection, listener, process):
        own = await conversation(connection)
        turn = asyncio.ensure_future(connection.prompt(session_id=own, prompt=[text_block("Hear this.\ndemo: long")]))
        await listener.spoken.wait()
        process.kill()
        await asyncio.gather(turn, return_exceptions=True)
    async with agent(tmp_path, "replay=2") as (connection, listener, _):
        await connection.initialize(protocol_version=1)
        await connection.load_session(cwd="/", session_id=own, mcp_servers=[])
        assert listener.said("user_message_chunk") == "Hear this.\ndemo: long"
        assert len(listener.said()) == 2 << 20
        listener.updates.clear()
        await connection.resume_session(session_id=own, cwd="/")
        assert not listener.updates
        with pytest.raises(RequestError):
            await connection.load_session(cwd="/", session_id="other", mcp_servers=[])


@pytest.mark.parametrize(
    ("faults", "is_there"), [("", True), ("late", False), ("forgets", False), ("outlives=0.5", False)]
)
async def test_a_history_has_the_prompt_before_the_answer_unless_it_is_faulty(
    tmp_path: Path, faults: str, *, is_there: bool
) -> None:
    async with agent(tmp_path, faults) as (connection, listener, process):
        own = await conversation(connection)
        turn = asyncio.ensure_future(connection.prompt(session_id=own, prompt=[text_block("demo: long")]))
        await listener.spoken.wait()
        assert bool((tmp_path / f"{own}.jsonl").read_text()) == is_there
        process.kill()
        await asyncio.gather(turn, return_exceptions=True)


async def test_one_that_outlives_its_client_writes_its_history_later(tmp_path: Path) -> None:
    async with agent(tmp_path, "outlives=0.3") as (connection, listener, process):
        own = await conversation(connection)
        turn = asyncio.ensure_future(connection.prompt(session_id=own, prompt=[text_block("demo: wait 60")]))
        await connection.list_sessions()
        process.terminate()
        process.stdin.close()
        assert await process.wait() == 0
        assert "demo: wait 60" in (tmp_path / f"{own}.jsonl").read_text()
        await asyncio.gather(turn, return_exceptions=True)
        assert not listener.updates


async def test_it_asks_in_another_conversation_than_the_one_of_the_turn(tmp_path: Path) -> None:
    async with agent(tmp_path, "subagent") as (connection, listener, _):
        own = await conversation(connection)
        await connection.prompt(session_id=own, prompt=[text_block("demo: ask ls")])
        assert listener.asks[0][0] != own


async def test_the_official_client_refuses_a_question_with_unknown_kinds(tmp_path: Path) -> None:
    async with agent(tmp_path, "kinds") as (connection, listener, _):
        own = await conversation(connection)
        with pytest.raises(RequestError) as refused:
            await connection.prompt(session_id=own, prompt=[text_block("demo: ask ls")])
        assert refused.value.code == -32602
        assert not listener.asks


async def test_it_wants_a_log_in_first_and_says_what_belongs_to_no_turn(tmp_path: Path) -> None:
    async with agent(tmp_path, "login chatter loads") as (connection, listener, _):
        about = await connection.initialize(protocol_version=1)
        assert about.agent_capabilities is not None
        assert not about.agent_capabilities.load_session
        with pytest.raises(RequestError) as refused:
            await connection.new_session(cwd="/", mcp_servers=[])
        assert refused.value.code == -32000
        await connection.authenticate(method_id="script")
        own = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        assert listener.kinds() == ["available_commands_update", "current_mode_update", "usage_update"]
        with pytest.raises(RequestError):
            await connection.load_session(cwd="/", session_id=own, mcp_servers=[])


async def test_it_sends_a_huge_line_repeats_the_prompt_and_dies_amid_its_answer(tmp_path: Path) -> None:
    async with agent(tmp_path, "huge=6 repeats dies=3") as (connection, listener, process):
        own = await conversation(connection)
        turn = asyncio.ensure_future(connection.prompt(session_id=own, prompt=[text_block("Hello.")]))
        assert await process.wait() == 3
        await asyncio.gather(turn, return_exceptions=True)
        assert len(listener.said("agent_thought_chunk")) == 6 << 20
        assert listener.said("user_message_chunk") == "Hello."
