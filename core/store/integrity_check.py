"""Reads the whole database file once per start, to find damage. A large file is read while Octet works already. A file
next to a damaged one marks it, so that Octet never works on it again unread."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import structlog

from core.kit.supervise import wait_for_event
from core.store.errors import DatabaseDamaged, StoreDamaged, of_sqlite

log = structlog.get_logger(__name__)

PATIENCE_S = 1.0  # How long a start waits for the end of the reading: a small file is read whole first


def mark_of(path: Path) -> Path:
    """Return the file that marks the database at `path` as damaged."""
    return path.with_name(f"{path.name}.damaged")


class Examination:
    """Reads the file once, in its own thread. `begin` it in the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = asyncio.Event()
        self._condemned = asyncio.Event()
        self._verdict: DatabaseDamaged | None = None

    def begin(self) -> None:
        """Start reading. The thread is not waited for: a process that ends leaves it."""
        loop, began_s = asyncio.get_running_loop(), time.monotonic()

        def read() -> None:
            why = _damage(self._path)
            took_s = time.monotonic() - began_s
            if took_s > PATIENCE_S and not why:  # the start has not waited for it
                log.info("database_read", seconds=round(took_s, 2))
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.is_over, why)

        threading.Thread(target=read, name="store-examination", daemon=True).start()

    def is_over(self, why: str = "") -> None:
        if why:
            self.condemn(why)
        self._over.set()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Return when all is read, or after `timeout_s`. Raises DatabaseDamaged, also for damage that work has met."""
        await wait_for_event(self._over, timeout_s)
        if self._verdict is not None:
            raise self._verdict

    async def damage(self) -> None:
        """Wait until damage is found, if ever. Raises DatabaseDamaged."""
        await self._condemned.wait()
        assert self._verdict is not None
        raise self._verdict

    def condemn(self, why: str) -> None:
        """Note that the file is damaged, also in a file next to it, for the next start."""
        self._verdict = self._verdict or DatabaseDamaged(path=self._path, why=why)
        try:
            mark_of(self._path).write_text(f"{why}\n", encoding="utf-8")
        except OSError as error:
            log.warning("damage_not_marked", file=str(mark_of(self._path)), why=error.strerror)
        self._condemned.set()


def _damage(path: Path) -> str:
    """Return the file's damage; empty when there is none, or when it cannot be read now."""
    try:
        with closing(read_only(path)) as connection:
            return first_damage(connection)
    except sqlite3.DatabaseError as error:
        return str(error) if isinstance(of_sqlite(error), StoreDamaged) else ""


def read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def first_damage(connection: sqlite3.Connection) -> str:
    """Read the whole file and return the first damage; empty if there is none."""
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else found.splitlines()[-1]  # the first line names the database, as the errors do
