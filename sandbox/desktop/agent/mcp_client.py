"""Brings an answer to Octet over MCP: the official client, over the program `octet mcp serve` that it starts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from sandbox.desktop.agent.prompt import DoneLine

_LIMIT_S = 60.0


def answer_by_mcp(done: DoneLine, answer: str, *, agent: str) -> str:
    """Report progress and then the answer; return what was called and what Octet said, as one text."""
    verb = next(word for word in done.words if word in {"done", "reply"})
    program = done.words[: done.words.index(verb)]
    given = {"task": done.subject, "code": done.words[done.words.index("--code") + 1]}
    calls = [("report_done" if verb == "done" else "reply", {**given, "text": answer})]
    if verb == "done":
        calls.insert(0, ("report_progress", {**given, "text": "bringing the answer over MCP"}))
    try:
        return asyncio.run(_call_all([*program, "mcp", "serve", "--agent", agent], calls))
    except (OSError, TimeoutError, ExceptionGroup) as trouble:
        return f"MCP: {trouble}: the answer was not sent"


async def _call_all(server: Sequence[str], calls: Sequence[tuple[str, dict[str, str]]]) -> str:
    from mcp import Client, MCPError, StdioServerParameters  # slow to import, and most agents never use it

    said: list[str] = []
    environ = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "OCTET_HOME", "PYTHONPATH"}
    }
    parameters = StdioServerParameters(command=server[0], args=list(server[1:]), env=environ)
    async with asyncio.timeout(_LIMIT_S), Client(parameters) as client:
        for tool, arguments in calls:
            try:
                result = await client.call_tool(tool, dict(arguments))
                words = " ".join(str(getattr(one, "text", "")) for one in result.content)
                said.append(f"MCP {tool}: {'refused: ' if result.is_error else ''}{words}")
            except MCPError as refusal:
                said.append(f"MCP {tool}: {refusal}")
    return "\n".join(said)
