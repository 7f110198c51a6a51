"""The gateway to the package agent-client-protocol: one program as a child process, and JSON-RPC with it.

The package's models are not used: they refuse whole messages for one unknown word, such as a new kind of option."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import structlog
from acp.connection import Connection
from acp.exceptions import RequestError

from automation.acp.messages import AcpAgent
from automation.desktop.displays.child_process import MARK, ChildProcess, kill_group, sweep

log = structlog.get_logger(__name__)

Json = dict[str, Any]
MOST_LINE = 8 * 1024 * 1024  # bytes of one message; a longer one ends the program
INITIALIZE_S = 120.0  # on a busy machine real programs take 25 s
CALL_S = 60.0  # for everything but a turn: `session/new` once never returned
_ABOUT_OCTET: Json = {
    "protocolVersion": 1,
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "octet", "version": metadata.version("octet-dispatch")},
}


class ProgramGone(Exception):
    """The program ended."""


class CallFailed(Exception):
    """The program answered with an error."""

    def __init__(self, method: str, error: RequestError) -> None:
        said = " ".join(filter(None, (str(error), json.dumps(error.data) if error.data else "")))
        self.number, self.said = error.code, said[:1000]
        self.status, self.retry_after_s = value_at(error.data, "status"), value_at(error.data, "retryAfter")
        super().__init__(f"{method}: error {error.code}, {self.said}")


class AgentProgram:
    """One running program. `take` gets each request and notification, in the order of their arrival."""

    def __init__(self, agent: AcpAgent, child: ChildProcess, lines: _Lines, connection: Connection) -> None:
        self.agent, self._child, self.lines, self._connection = agent, child, lines, connection
        self.about: Json = {}  # its answer to `initialize`

    @staticmethod
    async def start(agent: AcpAgent, take: Callable[[str, Json], Awaitable[Json | None]]) -> AgentProgram:
        """Start it and shake hands. Raises NotStarted, ProgramGone, CallFailed or TimeoutError."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OCTET_")}  # noqa: TID251 handed on
        child = await ChildProcess.start(
            f"the program of agent {agent.name}",
            agent.program.command,
            environ={**kept, **agent.variables, MARK: mark(agent)},
            log=Path(agent.state) / "output.log",
            directory=Path(agent.folder),
            talks=True,
            listens_up_to=MOST_LINE,
        )
        process = child.process
        assert process.stdin is not None
        assert process.stdout is not None
        lines = _Lines(process.stdout, process.stdin)

        async def handle(method: str, params: Any, is_notification: bool) -> Json | None:  # noqa: FBT001 the package's form
            found = await take(method, as_object(params))
            if found is None and not is_notification:
                raise RequestError.method_not_found(method)
            return found

        program = AgentProgram(agent, child, lines, Connection(handle, lines))
        try:
            program.about = await program.call("initialize", _ABOUT_OCTET, within_s=INITIALIZE_S)
        except BaseException:
            await asyncio.shield(program.end())
            raise
        return program

    @property
    def pid(self) -> int:
        return self._child.process.pid

    @property
    def is_running(self) -> bool:
        return self._child.process.returncode is None and not self.lines.is_over

    async def call(self, method: str, params: Json, *, within_s: float | None = CALL_S) -> Json:
        """Return its answer. Raises CallFailed, ProgramGone, or TimeoutError."""
        try:
            async with asyncio.timeout(within_s):
                found = await self._connection.send_request(method, params)
        except RequestError as error:
            raise CallFailed(method, error) from error
        except ConnectionError as error:
            raise ProgramGone(await self._ending()) from error
        return as_object(found)

    async def notify(self, method: str, params: Json) -> None:
        with contextlib.suppress(ConnectionError):
            await self._connection.send_notification(method, params)

    async def end(self) -> None:
        """End the program and all that it started, and wait until they are gone."""
        if self._child.process.stdin is not None:
            self._child.process.stdin.close()
        await self._child.end()
        await self._connection.close()
        await sweep(mark(self.agent))

    async def _ending(self) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return await self._child.ended()
        return self.lines.why or "it closed its output"


async def end_earlier(agent: AcpAgent, pid: int, started: str) -> None:
    """End what an earlier worker left of the agent's program, and wait until it is gone."""
    kill_group(pid, started)
    await sweep(mark(agent))


def mark(agent: AcpAgent) -> str:
    return f"agent {agent.state}"


class _Lines:
    """The package's Transport over the pipes of a child process: a message a line, each of a bounded length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.is_over = False
        self.why = ""
        self.on_written: Callable[[str], None] = lambda _: None  # gets the method of each message that was written

    async def send(self, message: Json) -> None:
        self._writer.write((json.dumps(message, separators=(",", ":")) + "\n").encode())
        self.on_written(str(message.get("method")))
        await self._writer.drain()

    async def receive(self) -> Json | None:
        """Return the next message; None at the end. Pass over lines that programs print beside the messages."""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                self.why = f"a message had more than {MOST_LINE} bytes"
                self.is_over = True
                return None
            except (asyncio.IncompleteReadError, ConnectionError):
                self.is_over = True
                return None
            try:
                message: object = json.loads(line)
            except ValueError:
                log.debug("agent_line_is_no_json", bytes=len(line))
                continue
            if found := as_object(message):
                return found

    async def close(self) -> None:
        self._writer.close()


def as_object(found: object) -> Json:
    """Return `found` if it is a JSON object, else an empty one."""
    return cast("Json", found) if isinstance(found, dict) else {}


def value_at(found: object, *path: str) -> Any:
    """Return what lies at this path of keys; None where there is nothing, or no object on the way."""
    for key in path:
        found = as_object(found).get(key)
    return found
