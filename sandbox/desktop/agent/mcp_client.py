"""Speaks MCP with Octet: the official client, over the program `octet mcp serve` that it starts.

The agent's token is in its environment, or that program finds it in Octet's home."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.desktop.agent.goals import ENDED, GOALS, summary_of
from sandbox.desktop.agent.prompt import DoneLine, Talk, TalkKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp import Client

TOKEN = "OCTET_AGENT_TOKEN"  # noqa: S105  the name of the variable
_KEPT = frozenset({"PATH", "HOME", "PYTHONPATH", "OCTET_HOME", "OCTET_URL", TOKEN})
_LIMIT_S = 60.0
_LOOK_EVERY_S = 0.3
_CALLS = 6  # `octet mcp serve` waits for Octet during each of them
_REPLY_LIMIT_S = 20.0  # another agent may be busy for longer: then this one continues


class _Refused(Exception):
    """Octet refused a call; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """One connection, about one prompt."""

    client: Client
    about: dict[str, str]
    is_over: Callable[[], bool]  # the agent was interrupted

    async def call(self, tool: str, **given: object) -> Any:
        """Call a tool about the prompt and return its result; while Octet is away, call again. Raises _Refused."""
        from mcp import MCPError  # as below

        about = {} if tool == "my_task" else self.about
        key = {"key": f"{self.about['task']} {given['key']}"} if "key" in given else {}
        tries = 0
        while True:
            try:
                result = await self.client.call_tool(tool, {**about, **given, **key})
            except MCPError:
                tries += 1
                if tries == _CALLS or self.is_over():
                    raise
                await asyncio.sleep(_LOOK_EVERY_S)
            else:
                break
        if result.is_error:
            raise _Refused(f"MCP {tool}: refused: {' '.join(str(getattr(one, 'text', '')) for one in result.content)}")
        return result.structured_content

    async def look(self, within_s: float, find: Callable[[], Awaitable[str]]) -> str:
        """Look again and again until something is found; return "" after the time or an interrupt."""
        ends_s = asyncio.get_running_loop().time() + within_s
        while True:
            if (found := await find()) or self.is_over() or asyncio.get_running_loop().time() > ends_s:
                return found
            await asyncio.sleep(_LOOK_EVERY_S)


def answer_by_mcp(done: DoneLine, answer: str, *, agent: str) -> str:
    """Report progress and then the answer; return what was called and what Octet said, as one text."""

    async def report() -> str:
        said: list[str] = []
        async with asyncio.timeout(_LIMIT_S), _connected(done, agent, lambda: False) as session:
            if done.verb != "reply":
                await session.call("report_progress", text="sending the answer over MCP")
                said.append("MCP report_progress")
            tool = "reply" if done.verb == "reply" else f"report_{done.verb}"
            said.append(f"MCP {tool}: {await session.call(tool, text=answer)}")
        return "\n".join(said)

    return _run(report())


def talk_by_mcp(done: DoneLine, talks: Sequence[Talk], *, agent: str, is_over: Callable[[], bool]) -> str:
    """Do what the lines say, one after the other; return what came of each, as one text for the answer."""

    async def talk() -> str:
        async with _connected(done, agent, is_over) as session:
            return "\n".join([await _DO[one.kind](session, one, number) for number, one in enumerate(talks)])

    return _run(talk())


async def _ask_person(session: _Session, talk: Talk, number: int) -> str:
    """Ask the user who asked for the task, and wait until the question is settled, as its message in Discord says."""
    choices = list(talk.choices)
    ticket = (await session.call("ask", text=talk.text, choices=choices, key=f"ask {number}"))["ticket"]

    async def find() -> str:
        found = await session.call("ask", ticket=ticket)
        if found["answer"]:
            return f"{found['answered_by']} answered: {found['answer']}"
        return "" if found["state"] == "open" else "no answer came"

    return f"- asked “{talk.text}”: {await session.look(math.inf, find) or 'no answer came'}"


async def _tell(session: _Session, talk: Talk, number: int) -> str:
    """Send the agent a message, and look for its reply in the inbox."""
    await session.call("send_message", to=talk.to, text=talk.text, key=f"talk {number}")
    reply = await session.look(_REPLY_LIMIT_S, lambda: _read(session, talk.to))
    return f"- told {talk.to} “{talk.text}”: {reply or 'no reply yet'}"


async def _read(session: _Session, sender: str) -> str:
    """Read the inbox, and acknowledge and return what this sender wrote."""
    found = [one for one in (await session.call("read_inbox"))["messages"] if one["sender"] == sender]
    if found:
        await session.call("ack", messages=[one["name"] for one in found])
    return " / ".join(one["text"].strip() for one in found)


async def _pursue(session: _Session, talk: Talk, number: int) -> str:
    """Split the goal into subtasks for other agents, and wait for them."""
    if talk.text not in GOALS:
        return f"- there is no goal “{talk.text}”; the demo has: {', '.join(GOALS)}"
    created: list[str] = []
    for place, step in enumerate(GOALS[talk.text]):
        after, key = [created[one] for one in step.after], f"goal {number} {place}"
        subtask = await session.call("create_subtask", text=step.brief, to=step.agent, after=after, key=key)
        created.append(subtask["subtask"])

    async def find() -> str:
        found = [one for one in (await session.call("my_task"))["subtasks"] if one["id"] in created]
        return summary_of(talk.text, found) if all(one["state"] in ENDED for one in found) else ""

    return await session.look(math.inf, find) or f"- the goal “{talk.text}” was interrupted"


_DO = {TalkKind.ASK_PERSON: _ask_person, TalkKind.TELL: _tell, TalkKind.GOAL: _pursue}
"""What a line of each kind does."""


@asynccontextmanager
async def _connected(done: DoneLine, agent: str, is_over: Callable[[], bool]) -> AsyncGenerator[_Session]:
    from mcp import Client, StdioServerParameters  # slow to import, and most agents never use it

    program = done.words[: done.words.index(done.verb)]
    names = [] if os.environ.get(TOKEN) else ["--agent", agent]
    environ = {name: value for name, value in os.environ.items() if name in _KEPT}
    server = StdioServerParameters(command=program[0], args=[*program[1:], "mcp", "serve", *names], env=environ)
    about = {"task": done.subject, "code": done.words[done.words.index("--code") + 1]}
    async with Client(server) as client:
        yield _Session(client=client, about=about, is_over=is_over)


def _run(work: Any) -> str:
    """Return what the work says, or why it could not be done."""
    from mcp import MCPError

    try:
        return asyncio.run(work)
    except* (OSError, TimeoutError, MCPError, _Refused) as trouble:
        found: BaseException = trouble
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        said = str(found) if isinstance(found, _Refused) else f"MCP: {found!r}: the answer was not sent"
    return said
