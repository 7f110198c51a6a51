"""The desk lock: one owner process per display, held by the operating system, gone with its process."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path


class DisplayLock:
    """An OS lock on a file named by the display. Two names of one display (`:0`, `:0.0`) are one lock."""

    def __init__(self, folder: Path, display: str) -> None:
        name = re.sub(r"\.\d+\Z", "", display)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"display-{re.sub(r'[^A-Za-z0-9]', '_', name)}.lock"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> bool:
        """Take the lock if it is free; whether we have it now. It is kept until this process ends."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)  # for a person who wonders who it is
        return True
