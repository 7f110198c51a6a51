"""Keeping the machine awake: one small port, and its form for Windows and macOS. Linux has `logind`."""

from __future__ import annotations

import asyncio
import ctypes
import os
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from core.kit.errors import Unavailable


class NotInhibited(Unavailable):
    """Octet cannot keep this machine awake: {why}."""

    def __init__(self, *, why: str) -> None:
        """`why` is also shown alone, with what to do about it."""
        super().__init__(why=why)
        self.why = why


class SleepInhibitor(Protocol):
    """Keeps the machine awake from `take` to `give`, and no longer than this process lives, however it ends."""

    async def take(self) -> None: ...  # a second time changes nothing; raises NotInhibited
    async def give(self) -> None: ...  # never raises
    def is_held(self) -> bool: ...


ES_CONTINUOUS = 0x80000000
ES_SYSTEM_REQUIRED = 0x00000001
"""SetThreadExecutionState (winbase.h): what is asked for holds until it is changed by the same thread, or that ends."""
_SETTLES_S = 0.2
_ENDS_S = 2.0


class WindowsInhibitor:
    """SetThreadExecutionState, asked for by a thread that stays: the state belongs to the thread that asked."""

    def __init__(self, call: Callable[[int], int] | None = None) -> None:
        self._call = call or _set_thread_execution_state
        self._thread: ThreadPoolExecutor | None = None

    async def take(self) -> None:
        if self._thread is not None:
            return
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="awake")
        loop = asyncio.get_running_loop()
        try:
            before = await loop.run_in_executor(thread, self._call, ES_CONTINUOUS | ES_SYSTEM_REQUIRED)
        except (OSError, AttributeError) as error:
            thread.shutdown(wait=False)
            raise NotInhibited(why=f"Windows refuses: {error}") from error
        if before == 0:
            thread.shutdown(wait=False)
            raise NotInhibited(why="Windows refuses SetThreadExecutionState")
        self._thread = thread

    async def give(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            with suppress(OSError, AttributeError):
                await asyncio.get_running_loop().run_in_executor(thread, self._call, ES_CONTINUOUS)
            thread.shutdown(wait=False)

    def is_held(self) -> bool:
        return self._thread is not None


class MacInhibitor:
    """`caffeinate`, which watches this process and ends with it."""

    def __init__(self, program: str = "caffeinate") -> None:
        self._program = program
        self._child: asyncio.subprocess.Process | None = None

    async def take(self) -> None:
        if self.is_held():
            return
        command = (self._program, "-i", "-w", str(os.getpid()))
        try:
            child = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        except OSError as error:
            raise NotInhibited(why=f"caffeinate cannot be started: {error.strerror or error}") from error
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLES_S):
                raise NotInhibited(why=f"caffeinate ended at once with exit code {await child.wait()}")
        self._child = child

    async def give(self) -> None:
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        with suppress(ProcessLookupError):
            child.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_S):
                await child.wait()

    def is_held(self) -> bool:
        return self._child is not None and self._child.returncode is None


def _set_thread_execution_state(flags: int) -> int:
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # pyright: ignore[reportAttributeAccessIssue,reportUnknownVariableType,reportUnknownMemberType] - Windows only
    return int(kernel32.SetThreadExecutionState(ctypes.c_uint(flags)))  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType] - as above
