"""One worker process as Octet has it: starts it, exchanges frames with it, ends it when it is silent or not needed."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import structlog

from automation.desktop.worker.frames import BadFrame, FrameCodec

log = structlog.get_logger(__name__)

ToWorker = TypeVar("ToWorker")
FromWorker = TypeVar("FromWorker")
_OF_ITS_OWN = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTimeouts:
    """How long the coordinator waits for its worker, in seconds."""

    silence_s: float = 15.0  # without a heartbeat for this long the worker is ended and started again
    first_word_s: float = 60.0
    """The same before its first frame: where a virus scanner reads each file of a new program, or the machine is busy,
    its interpreter alone takes tens of seconds to start."""
    seized_s: float = 1.5
    """A worker that holds the display server, or the user's devices, for this long was stopped, and is killed."""
    call_s: float = 15.0
    obey_s: float = 2.0  # for hold, stop and release, which a worker obeys whatever it does
    ready_s: float = 5.0  # an order waits so long for a worker that is just starting
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0  # the pause before a restart is doubled each time, up to this
    no_display_s: float = 60.0  # the pause when there is no display to work on
    farewell_s: float = 3.0
    delivery_s: float = 300.0  # then the worker is ended, and the delivery counts as interrupted


class WorkerLost(Exception):
    """There is no worker, or it ended; or `is_silent`: it does not answer in time."""

    def __init__(self, *, is_silent: bool = False) -> None:
        super().__init__()
        self.is_silent = is_silent


class WorkerConnection(Generic[ToWorker, FromWorker]):
    """The present process of one worker; None between two of them."""

    def __init__(
        self,
        name: str,
        frames: FrameCodec[ToWorker, FromWorker],
        limits: WorkerTimeouts,
        now_s: Callable[[], float],
    ) -> None:
        """`name` says in the log which worker it is."""
        self._name, self._frames, self._limits, self._now_s = name, frames, limits, now_s
        self.process: Process | None = None
        self._heard_s, self._has_spoken = 0.0, False
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    async def start(self, argv: Sequence[str], environ: Mapping[str, str], *, pass_fds: Sequence[int] = ()) -> Process:
        """Start the process. Raises OSError."""
        self.process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            env=dict(environ),
            start_new_session=True,
            creationflags=_OF_ITS_OWN,
            pass_fds=pass_fds,
        )
        self._heard_s, self._has_spoken = self._now_s(), False
        return self.process

    def kill(self, why: str) -> None:
        if self.process is not None and self.process.returncode is None:
            log.warning("worker_killed", worker=self._name, why=why)
            self.process.kill()

    def write(self, frame: ToWorker) -> None:
        """Send a frame without waiting until the pipe has room. Raises WorkerLost."""
        if self.process is None or self.process.stdin is None or self.process.stdin.is_closing():
            raise WorkerLost
        self.process.stdin.write(self._frames.pack(frame))

    async def send(self, frame: ToWorker) -> None:
        """Send a frame. Raises WorkerLost."""
        process = self.process
        try:
            self.write(frame)
            if process is not None and process.stdin is not None:
                await process.stdin.drain()
        except (ConnectionError, RuntimeError) as trouble:
            raise WorkerLost from trouble

    async def call(self, question: Any, *, within_s: float | None) -> Any:
        """Send a question under a new number, and return the frame that answers it. Raises WorkerLost."""
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            await self.send(replace(question, call=number))
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            raise WorkerLost(is_silent=True) from None
        finally:
            self._calls.pop(number, None)

    def take_answer(self, number: int, answer: FromWorker) -> None:
        """Hand the answer over to the caller who waits for it."""
        waiting = self._calls.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def listen(self, take: Callable[[FromWorker], Awaitable[None]]) -> None:
        """Hand over each frame until the worker ends."""
        assert self.process is not None
        assert self.process.stdout is not None
        stream = self.process.stdout
        while True:
            try:
                size = self._frames.length(await stream.readexactly(4))
                frame = self._frames.from_worker(await stream.readexactly(size))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            except BadFrame as trouble:
                self.kill(trouble.message)
                return
            self._heard_s, self._has_spoken = self._now_s(), True
            await take(frame)

    async def watch(self) -> None:
        """Kill the worker once it is silent for too long."""
        while True:
            await asyncio.sleep(self._limits.silence_s / 5)
            limit_s = self._limits.silence_s if self._has_spoken else self._limits.first_word_s
            if self._now_s() - self._heard_s > limit_s:
                self.kill(f"it is silent for {limit_s:g} s")
                return

    async def end(self) -> None:
        """Close the worker's pipe, which tells it to end, and wait; kill it if it does not."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._limits.farewell_s):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(WorkerLost())
