"""How much of the time six desks deliver, as the benchmark `ack` reads it from the journal."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from bench.ack import BUSY_DESKS, deliveries


def journal(folder: Path, moves: list[tuple[int, str, str]]) -> Path:
    path = folder / "octet.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table journal (seq integer primary key, at_ms integer, name text, data text)")
        connection.executemany(
            "insert into journal (at_ms, name, data) values (?, 'DeliveryMoved', ?)",
            [(at_ms, json.dumps({"delivery": one, "now": now})) for at_ms, one, now in moves],
        )
    return path


def test_time_counts_only_while_six_deliveries_are_between_lease_and_end(tmp_path):
    moves = [(100 * number, f"d{number}", "leased") for number in range(BUSY_DESKS)]
    moves += [(600, f"d{number}", "staging") for number in range(BUSY_DESKS)]
    moves += [(900, "d0", "delivered")]
    found = deliveries(journal(tmp_path, moves), 0, 1_000)
    assert found.share_busy == 0.4
    assert found.ended == {"delivered": 1}


def test_what_lies_outside_the_span_does_not_count(tmp_path):
    moves = [(0, f"d{number}", "leased") for number in range(BUSY_DESKS)]
    moves += [(2_000, f"d{number}", "queued") for number in range(BUSY_DESKS)]
    assert deliveries(journal(tmp_path, moves), 500, 1_000).share_busy == 1
    assert deliveries(journal(tmp_path, moves[:-1]), 3_000, 4_000).share_busy == 0


def test_five_desks_are_not_six(tmp_path):
    moves = [(0, f"d{number}", "leased") for number in range(BUSY_DESKS - 1)]
    assert deliveries(journal(tmp_path, moves), 0, 1_000).share_busy == 0
