"""Locks between processes, held by the operating system, so that no crash leaves one behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from core.kit.errors import OctetError
from core.store.errors import AlreadyRunning, of_system


def home_lock(path: Path) -> AbstractContextManager[None]:
    """Hold the home's lock file at `path` for the length of the block. Raises AlreadyRunning if somebody has it, and
    StoreFull or HomeUnusable when the home takes no file."""
    return file_lock(path, lambda: AlreadyRunning(path=path.parent))


@contextmanager
def file_lock(path: Path, refusal: Callable[[], OctetError]) -> Generator[None]:
    """Hold the lock file at `path` for the length of the block. Raises the `refusal` at once if somebody has it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise of_system(error, path) from error
    try:
        if not _try_lock(handle):
            raise refusal()
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
