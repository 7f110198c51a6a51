"""The worker of all ACP agents of one home: takes frames, and drives each agent by its own driver.

Its loop may be busy with what programs write; the coordinator's never is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog

from automation.acp.driver import AgentDriver
from automation.acp.messages import (
    FRAMES,
    AcpResult,
    Alive,
    AnswerAsk,
    Call,
    Control,
    FromWorker,
    Prepare,
    TurnEndStored,
    UseAgents,
    WritePrompt,
)
from automation.desktop.worker.frames import MOST_BYTES, BadFrame
from core.deliveries.model import Outcome, Result
from core.kit import faults
from core.kit.supervise import supervise
from core.reasons import Reason

log = structlog.get_logger(__name__)

BEAT_S = 1.0


def run() -> int:
    """Work for the coordinator at the other end of standard input and output until it is gone; return the exit code."""
    return asyncio.run(_run())


async def _run() -> int:
    loop = asyncio.get_running_loop()
    inlet = asyncio.StreamReader(limit=MOST_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inlet), os.fdopen(os.dup(0), "rb"))
    outlet, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # all other output of this process goes to standard error
    worker = AcpWorker(outlet)
    try:
        async with asyncio.TaskGroup() as group:
            supervise(group, "beats", worker.beat())
            await worker.read(inlet, group)
            raise _PipeEnded  # which ends the rest
    except* _PipeEnded:
        log.debug("acp_pipe_ended")
    finally:
        await worker.end()
    return 0


class _PipeEnded(Exception):
    pass


class AcpWorker:
    """Owns the drivers."""

    def __init__(self, outlet: asyncio.WriteTransport) -> None:
        self._outlet = outlet
        self._drivers: dict[str, AgentDriver] = {}
        self._used: frozenset[str] = frozenset()

    async def beat(self) -> None:
        while True:
            self._send(Alive())
            await asyncio.sleep(BEAT_S)

    async def read(self, inlet: asyncio.StreamReader, group: asyncio.TaskGroup) -> None:
        """Take frames until the pipe ends."""
        try:
            while True:
                size = FRAMES.length(await inlet.readexactly(4))
                frame = FRAMES.for_worker(await inlet.readexactly(size))
                match frame:
                    case UseAgents():
                        self._use(frame, group)
                    case TurnEndStored():
                        if frame.agent in self._drivers:
                            self._drivers[frame.agent].note_end_stored(frame.delivery)
                    case _:
                        supervise(group, f"call {frame.call}", self._take(frame))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except BadFrame as trouble:
            log.warning("acp_frame_invalid", why=trouble.message)

    async def end(self) -> None:
        """End all programs."""
        await asyncio.gather(*(one.end_program() for one in self._drivers.values()))

    def _use(self, frame: UseAgents, group: asyncio.TaskGroup) -> None:
        if frame.fault_points:
            faults.arm(Path(frame.fault_points), other=faults.parent())
        self._used = frozenset(agent.name for agent in frame.agents)
        for agent in frame.agents:
            driver = self._drivers.get(agent.name)
            if driver is None:
                driver = self._drivers[agent.name] = AgentDriver(agent, group, self._send)
                supervise(group, f"begin {agent.name}", driver.begin())
            driver.agent = agent
        for name, driver in self._drivers.items():
            if name not in self._used:
                supervise(group, f"retire {name}", self._retire(driver))

    async def _retire(self, driver: AgentDriver) -> None:
        """End the program of an agent that is gone, after its turn."""
        await driver.idle.wait()
        if driver.agent.name not in self._used:
            await driver.end_program()

    async def _take(self, call: Call) -> None:
        try:
            self._send(await self._answered(call, self._drivers[call.agent]))
        except Exception:  # the outer edge of one call: its caller waits for an answer
            log.exception("acp_call_failed", agent=call.agent, call=type(call).__name__)
            outcome = Outcome(
                result=Result.UNKNOWN, reason=Reason.WORKER_LOST, note="the worker met an error; see the log"
            )
            self._send(AcpResult(call=call.call, is_done=False, outcome=outcome))

    async def _answered(self, call: Call, driver: AgentDriver) -> AcpResult:
        match call:
            case Prepare():
                outcome, needs_tools = await driver.prepare(call)
                return AcpResult(call=call.call, is_done=not needs_tools, outcome=outcome)
            case WritePrompt():
                work = driver.settle if call.settles else driver.prompt
                return AcpResult(call=call.call, outcome=await work(call.order))
            case AnswerAsk():
                return AcpResult(call=call.call, is_done=driver.answer(call.ask, call.choice))
            case Control(do="interrupt"):
                return AcpResult(call=call.call, is_done=await driver.interrupt())
            case Control(do="begin_conversation"):
                return AcpResult(call=call.call, is_done=driver.begin_conversation())
            case Control():
                return AcpResult(call=call.call, status=driver.status())

    def _send(self, frame: FromWorker) -> None:
        self._outlet.write(FRAMES.pack(frame))
