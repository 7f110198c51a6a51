"""The desk lock: one owner process per display, held by the operating system, gone with its process."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path


class DisplayLock:
    """An OS lock on a file named by the display. Two names of one display (`:0`, `:0.0`) are one lock."""

    def __init__(self, folder: Path, display: str) -> None:
        name = re.sub(r"\.\d+\Z", "", display)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"display-{re.sub(r'[^A-Za-z0-9]', '_', name)}.lock"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self) -> bool:
        """Take the lock if it is free; whether we have it now. It is kept until this process ends."""
        if not _try_lock(self._file):
            return False
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, f"{os.getpid()}\n".encode())  # for a person who wonders who it is
        return True


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
