"""The scripted agent of the demo, over the Agent Client Protocol. A prompt says what happens in its turn.

Beside the words that the agents in windows know (`demo: wait 3`, `demo: ask COMMAND`, `demo: fail`, `demo: long`,
`demo: silent`, `demo: error`, `demo: limit`): `demo: plan`, `demo: think WORDS`, `demo: tool TITLE`, `demo: edit PATH`
(asks with a diff), `demo: stop REASON` (the protocol's stop reasons), `demo: code NUMBER` (a JSON-RPC error before
anything), `demo: break` (the same error amid the answer) and `demo: end` (the program exits amid the answer).
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from acp import RequestError, helpers, schema
from acp.interfaces import Client

from sandbox.acp.faults import ProgramFaults
from sandbox.acp.history import History
from sandbox.desktop.agent.answer import write_answer
from sandbox.desktop.agent.prompt import ReceivedPrompt, Stop, StopKind, read_prompt

VERSION = "1.0.0"
MODES = ("ask", "auto")  # in the second it does not ask
CONTEXT_SIZE = 100_000
LIMITED, BROKEN = "Usage limit reached", "Internal error"
_WORD_PAUSE_S = 0.005
_WORDS = re.compile(r"^\s*demo:\s*(plan|think|tool|edit|stop|code|break|end)\b[ \t]*(.*?)\s*$", re.MULTILINE)
_LIMIT_S = 5
_OPTIONS = (
    ("allow-once", "Allow once", "allow_once"),
    ("allow-always", "Always allow", "allow_always"),
    ("reject", "Reject", "reject_once"),
)
_MB = 1 << 20


class ScriptedAcpAgent:
    """Answers over the connection that the SDK makes. One turn at a time for each conversation."""

    def __init__(self, name: str, history: History, faults: ProgramFaults) -> None:
        self._name, self._history, self._faults = name, history, faults
        self._client: Client
        self._is_logged_in = not faults.login
        self._modes: dict[str, str] = {}
        self._cancels: dict[str, asyncio.Event] = {}
        self._used: dict[str, int] = {}
        self._unwritten: list[tuple[str, str]] = []  # what a late history still has to note

    def on_connect(self, conn: Client) -> None:
        self._client = conn
        if self._faults.outlives:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def write_late(self) -> None:
        """Write the prompts that the history does not have yet."""
        for conversation, text in self._unwritten:
            self._history.note(conversation, "user", text)
        self._unwritten.clear()

    async def initialize(self, protocol_version: int, **_: Any) -> schema.InitializeResponse:
        await asyncio.sleep(self._faults.start)
        sessions = schema.SessionCapabilities(
            list=schema.SessionListCapabilities(), resume=schema.SessionResumeCapabilities()
        )
        return schema.InitializeResponse(
            protocol_version=min(protocol_version, 1),
            agent_capabilities=schema.AgentCapabilities(
                load_session=not self._faults.loads,
                mcp_capabilities=schema.McpCapabilities(http=True),
                session_capabilities=sessions,
            ),
            agent_info=schema.Implementation(name="scripted-agent", title="Scripted agent", version=VERSION),
            auth_methods=[schema.AuthMethodAgent(id="script", name="Log in as the script says")],
        )

    async def authenticate(self, method_id: str, **_: Any) -> schema.AuthenticateResponse:
        self._is_logged_in = method_id == "script"
        return schema.AuthenticateResponse()

    async def new_session(self, cwd: str, **_: Any) -> schema.NewSessionResponse:
        if not self._is_logged_in:
            raise RequestError.auth_required()
        if self._faults.new:
            await asyncio.Event().wait()
        conversation = self._history.begin()
        await self._chatter(conversation)
        return schema.NewSessionResponse(
            session_id=conversation, modes=self._mode_state(conversation), config_options=self._options(conversation)
        )

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> schema.LoadSessionResponse:
        if self._faults.loads:
            raise RequestError.method_not_found("session/load")
        self._check(session_id)
        for number in range(int(self._faults.replay)):
            await self._send(session_id, helpers.update_agent_message_text(f"{number} ".ljust(_MB, "x")))
        for role, text in self._history.read(session_id):
            is_user = role == "user"
            message = helpers.update_user_message_text(text) if is_user else helpers.update_agent_message_text(text)
            await self._send(session_id, message)
        return schema.LoadSessionResponse(modes=self._mode_state(session_id), config_options=self._options(session_id))

    async def resume_session(self, session_id: str, **_: Any) -> schema.ResumeSessionResponse:
        self._check(session_id)
        return schema.ResumeSessionResponse(
            modes=self._mode_state(session_id), config_options=self._options(session_id)
        )

    async def list_sessions(self, **_: Any) -> schema.ListSessionsResponse:
        found = [schema.SessionInfo(session_id=one, cwd=str(Path.cwd())) for one in self._history.conversations()]
        return schema.ListSessionsResponse(sessions=found)

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> schema.SetSessionModeResponse:
        if mode_id not in MODES:
            raise RequestError.invalid_params({"modeId": mode_id})
        self._modes[session_id] = mode_id
        return schema.SetSessionModeResponse()

    async def set_config_option(
        self,
        config_id: str,
        session_id: str,
        value: str | bool,  # noqa: FBT001  the SDK's signature
        **_: Any,
    ) -> schema.SetSessionConfigOptionResponse:
        if config_id != "mode" or value not in MODES:
            raise RequestError.invalid_params({"configId": config_id, "value": value})
        self._modes[session_id] = str(value)
        return schema.SetSessionConfigOptionResponse(config_options=self._options(session_id))

    async def cancel(self, session_id: str, **_: Any) -> None:
        if not self._faults.deaf and session_id in self._cancels:
            self._cancels[session_id].set()

    async def prompt(self, session_id: str, prompt: Sequence[Any], **_: Any) -> schema.PromptResponse:
        text = "".join(one.text for one in prompt if isinstance(one, schema.TextContentBlock))
        self._check(session_id)
        if self._faults.outlives or self._faults.late:
            self._unwritten.append((session_id, text))
        elif not self._faults.forgets:
            self._history.note(session_id, "user", text)
        self._history.hear(session_id, text)
        if self._faults.silent:
            await asyncio.Event().wait()
        await self._chatter(session_id)
        cancelled = self._cancels[session_id] = asyncio.Event()
        turn = asyncio.create_task(self._turn(session_id, text))
        end = asyncio.create_task(cancelled.wait())
        try:
            await asyncio.wait((turn, end), return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                turn.cancel()
                return schema.PromptResponse(stop_reason="cancelled", usage=self._usage(text, ""))
            return await turn
        finally:
            end.cancel()
            self._cancels.pop(session_id, None)
            if self._faults.late:
                self.write_late()

    async def _turn(self, conversation: str, text: str) -> schema.PromptResponse:
        prompt = read_prompt(text)
        words = _WORDS.findall(prompt.body)
        wishes: dict[str, str] = dict(words)
        if "code" in wishes:
            raise RequestError(int(wishes["code"] or -32603), BROKEN)
        await asyncio.sleep((prompt.script.wait_s or 0) / 2)
        for number, (word, rest) in enumerate(words):
            await self._act(conversation, f"call-{number}", word, rest)
        verdicts: list[tuple[Stop, bool]] = []
        for number, stop in enumerate(prompt.script.stops):
            if stop.kind is StopKind.LIMIT:
                raise RequestError(-32603, LIMITED, {"status": 429, "retryAfter": _LIMIT_S})
            if stop.kind is StopKind.ERROR:
                raise RequestError(-32603, BROKEN, {"details": stop.text})
            verdict = await self._ask(conversation, f"ask-{number}", stop.text)
            if verdict is None:
                return schema.PromptResponse(stop_reason="cancelled")
            verdicts.append((stop, verdict))
        answer = "" if prompt.script.silent else self._answer(prompt, verdicts)
        await self._say(conversation, answer, wishes, text)
        await asyncio.sleep((prompt.script.wait_s or 0) / 2)
        if not self._faults.forgets:
            self._history.note(conversation, "agent", answer)
        self._used[conversation] = self._used.get(conversation, 0) + len((text + answer).split())
        await self._send(conversation, self._usage_update(conversation))
        reason = cast("schema.StopReason", wishes.get("stop") or "end_turn")
        return schema.PromptResponse(stop_reason=reason, usage=self._usage(text, answer))

    def _answer(self, prompt: ReceivedPrompt, verdicts: list[tuple[Stop, bool]]) -> str:
        return (prompt.script.lie or write_answer(self._name, prompt, verdicts)).strip()

    async def _say(self, conversation: str, answer: str, wishes: dict[str, str], prompt: str) -> None:
        """Send the answer word by word, and what is wrong with that."""
        if self._faults.huge:
            size = int(self._faults.huge * _MB)
            await self._send(conversation, helpers.update_agent_thought_text("x" * size))
        words = re.findall(r"\s*\S+\s*?", answer)
        for number, word in enumerate(words, 1):
            await self._send(conversation, helpers.update_agent_message_text(word))
            await asyncio.sleep(_WORD_PAUSE_S)
            if number == 1 and self._faults.repeats:
                await self._send(conversation, helpers.update_user_message_text(prompt))
            if number == int(self._faults.dies) or ("end" in wishes and number == len(words) // 2):
                os._exit(3)
            if "break" in wishes and number == len(words) // 2:
                raise RequestError(-32603, BROKEN)

    async def _act(self, conversation: str, call: str, word: str, rest: str) -> None:
        """Report what one word asks for: a plan, a thought, a tool call, or an edit for which it asks."""
        if word == "plan":
            for done in range(3):
                states = ["completed"] * done + ["in_progress"] + ["pending"] * (2 - done)
                steps = zip(("Read", "Count", "Answer"), states, strict=True)
                await self._send(
                    conversation,
                    helpers.update_plan([schema.PlanEntry(content=s, priority="medium", status=t) for s, t in steps]),  # type: ignore[arg-type]  # the states are the protocol's
                )
        elif word == "think":
            await self._send(conversation, helpers.update_agent_thought_text(rest or "I count."))
        elif word == "tool":
            await self._send(
                conversation, helpers.start_tool_call(call, rest or "Read notes", kind="read", status="in_progress")
            )
            await self._send(conversation, helpers.update_tool_call(call, status="completed"))
        elif word == "edit":
            diff = helpers.tool_diff_content(rest or "/notes.txt", "new\n", "old\n")
            await self._ask(conversation, call, rest or "/notes.txt", diff)

    async def _ask(self, conversation: str, call: str, what: str, diff: Any = None) -> bool | None:
        """Ask for permission, and report the call; return what the client chose, None if it cancelled."""
        title, kind = (f"Edit {what}", "edit") if diff else (what, "execute")
        raw = {"path": what} if diff else {"command": what, "description": "the script asks"}
        start = helpers.start_tool_call(
            call,
            title,
            kind=cast("schema.ToolKind", kind),
            status="pending",
            raw_input=raw,
            content=[diff] if diff else None,
            locations=[schema.ToolCallLocation(path=what)] if diff else None,
        )
        await self._send(conversation, start)
        if self._modes.get(conversation) == "auto":
            await self._send(conversation, helpers.update_tool_call(call, status="completed"))
            return True
        options = [schema.PermissionOption(option_id=i, name=n, kind=cast("Any", k)) for i, n, k in _OPTIONS]
        if self._faults.kinds:
            options = [
                schema.PermissionOption.model_construct(
                    option_id="for-a-day", name="Allow for a day", kind="allow_day"
                ),
                schema.PermissionOption.model_construct(option_id="never", name="Never here", kind="reject_folder"),
            ]
        asked = await self._client.request_permission(
            session_id=f"{conversation}-sub" if self._faults.subagent else conversation,
            tool_call=schema.ToolCallUpdate(
                tool_call_id=call, title=title, kind=start.kind, status="pending", raw_input=raw, content=start.content
            ),
            options=options,
        )
        if isinstance(asked.outcome, schema.DeniedOutcome):
            return None
        is_allowed = asked.outcome.option_id.startswith(("allow", "for"))
        await self._send(conversation, helpers.update_tool_call(call, status="completed" if is_allowed else "failed"))
        return is_allowed

    async def _chatter(self, conversation: str) -> None:
        """Report what belongs to no turn."""
        if self._faults.chatter:
            await self._send(conversation, helpers.update_available_commands([]))
            await self._send(conversation, helpers.update_current_mode(self._modes.get(conversation, MODES[0])))
            await self._send(conversation, self._usage_update(conversation))

    async def _send(self, conversation: str, update: Any) -> None:
        await self._client.session_update(session_id=conversation, update=update)

    def _check(self, conversation: str) -> None:
        if not self._history.has(conversation):
            raise RequestError.resource_not_found(conversation)

    def _mode_state(self, conversation: str) -> schema.SessionModeState:
        modes = [schema.SessionMode(id=one, name=one.capitalize()) for one in MODES]
        return schema.SessionModeState(current_mode_id=self._modes.get(conversation, MODES[0]), available_modes=modes)

    def _options(self, conversation: str) -> list[Any]:
        choices = [schema.SessionConfigSelectOption(value=one, name=one.capitalize()) for one in MODES]
        return [
            schema.SessionConfigOptionSelect(
                type="select",
                id="mode",
                name="Mode",
                category="mode",
                current_value=self._modes.get(conversation, MODES[0]),
                options=choices,
            )
        ]

    def _usage_update(self, conversation: str) -> schema.UsageUpdate:
        used = self._used.get(conversation, 0)
        return schema.UsageUpdate(
            session_update="usage_update",
            used=used,
            size=CONTEXT_SIZE,
            cost=schema.Cost(amount=used / 1_000_000, currency="USD"),
        )

    def _usage(self, prompt: str, answer: str) -> schema.Usage:
        asked, said = len(prompt.split()), len(answer.split())
        return schema.Usage(total_tokens=asked + said, input_tokens=asked, output_tokens=said)
