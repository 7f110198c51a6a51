"""What a worker has taken from other programs on its display, in memory that its parent reads.

The parent can read it even when the worker is stopped: eight bytes each, 0 or since when (the monotonic clock, in
nanoseconds)."""

from __future__ import annotations

import mmap
import os
import struct
import time
from enum import IntEnum
from typing import Self

NOT_SHARED = -1  # mmap takes it for memory of this process alone
_SLOT = struct.Struct("=Q")


class InputLock(IntEnum):
    """What can be taken; its place in the shared memory."""

    SERVER = 0  # the display server serves no other program
    DEVICES = 1  # the user's keyboard and mouse reach nothing


class InputLockState:
    """The worker's end. Costs next to nothing: it is written inside a grab."""

    def __init__(self, fd: int = NOT_SHARED) -> None:
        """`fd` is the parent's memory; without one no process watches."""
        self._memory = mmap.mmap(fd, _SLOT.size * len(InputLock))
        if fd != NOT_SHARED:
            os.close(fd)

    def begin(self, what: InputLock) -> None:
        _SLOT.pack_into(self._memory, what * _SLOT.size, time.monotonic_ns())

    def end(self, what: InputLock) -> None:
        _SLOT.pack_into(self._memory, what * _SLOT.size, 0)


class InputLockMonitor:
    """The parent's end: notices a seizure that lasts for many looks."""

    def __init__(self) -> None:
        self.fd = NOT_SHARED
        self._memory: mmap.mmap | None = None
        if hasattr(os, "memfd_create"):  # Linux; elsewhere there is no display server whose grab could be held
            size = _SLOT.size * len(InputLock)
            self.fd = os.memfd_create("octet-seized")
            os.ftruncate(self.fd, size)
            self._memory = mmap.mmap(self.fd, size)
        self._seen: dict[InputLock, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._memory is not None:
            self._memory.close()
            os.close(self.fd)

    def look(self) -> dict[InputLock, int]:
        """Return how many looks in a row, this one included, each thing has been taken by the same seizure."""
        for what in InputLock:
            since = 0 if self._memory is None else int(_SLOT.unpack_from(self._memory, what * _SLOT.size)[0])
            before, looks = self._seen.get(what, (0, 0))
            self._seen[what] = (since, looks + 1 if since and since == before else int(since != 0))
        return {what: looks for what, (_, looks) in self._seen.items()}
