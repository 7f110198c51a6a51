"""Reserved disk space, so that outcomes of deliveries under way can be stored when the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from core.store.errors import StoreFull, is_full

log = structlog.get_logger(__name__)

SIZE = 2 * 1024 * 1024  # Room for some hundred outcomes in the write-ahead log; at most one per desk is under way


class Reserve:
    """A file of zeros. Octet deletes it for last words; while it is gone nothing else may be written."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_kept, self._is_impossible = path, False, False

    def keep(self) -> None:
        """Make the reserve if it is not there. Raises StoreFull when there is no room for it."""
        if self._is_kept or self._is_impossible:
            return
        try:
            if not (self._path.exists() and self._path.stat().st_size == SIZE):
                self._make()
        except OSError as error:
            self._remove()  # an incomplete file takes room, too
            if is_full(error):
                raise StoreFull(why="no room for the reserve") from error
            log.warning("disk_reserve_missing", file=str(self._path), why=error.strerror)
            self._is_impossible = True
        else:
            self._is_kept = True

    def give_up(self) -> bool:
        """Free its room; return False when there was none."""
        was_kept, self._is_kept = self._is_kept, False
        return self._remove() and was_kept

    def _remove(self) -> bool:
        """Delete the file; return whether it is gone. A write-protected disk refuses even where there is none."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("reserve_not_removed", file=str(self._path), why=error.strerror)
            return False
        return True

    def _make(self) -> None:
        """Write zeros: a file system may not keep room that it only promised."""
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            left = SIZE
            while left:
                left -= os.write(handle, bytes(min(left, 256 * 1024)))
            os.fsync(handle)
        finally:
            os.close(handle)
