"""What a commit costs on this machine, by the plainest code: one row, to a database that keeps what it says."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.measure.report import median

BARE = 200


def commits_ms(count: int) -> list[float]:
    """Return the milliseconds of each of so many bare commits, WAL and FULL, one after the other."""
    took: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="octet-bench-") as folder,
        closing(sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)) as database,
    ):
        database.executescript("pragma journal_mode=wal; pragma synchronous=full; create table rows (words text)")
        for _ in range(count):
            began = time.perf_counter()
            database.execute("insert into rows values (?)", ("x" * 400,))
            took.append((time.perf_counter() - began) * 1000)
    return took


def commit_ms() -> float:
    """Return the median bare commit of this moment."""
    return median(commits_ms(BARE))
