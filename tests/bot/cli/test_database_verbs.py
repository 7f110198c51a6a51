"""`octet db upgrade` and `octet audit verify`, as a person runs them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from core.store.lock import home_lock
from core.store.schema import head
from tests.builders import ADA, make_agent, make_new_task, open_coordinator
from tests.pace import patience


def octet(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bot", *words, "--home", str(home)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=patience(60), check=False)


async def make_home(home: Path) -> None:
    async with open_coordinator(home, agents=[make_agent()], lanes={}) as coordinator:
        await coordinator.tasks.new(make_new_task(), by=ADA)


async def test_a_whole_journal_verifies_with_its_count(tmp_path: Path) -> None:
    await make_home(tmp_path)
    done = octet(tmp_path, "audit", "verify")
    assert (done.returncode, done.stdout) == (0, "the journal is complete, rows: 1\n")
    assert "journal.head is missing" in done.stderr


async def test_a_changed_row_is_told_with_its_number(tmp_path: Path) -> None:
    await make_home(tmp_path)
    with closing(sqlite3.connect(tmp_path / "octet.db")) as database:
        database.execute("UPDATE journal SET actor = 'somebody else'")
        database.commit()
    done = octet(tmp_path, "audit", "verify")
    assert done.returncode == 78
    assert "fails verification from row 1 on" in done.stderr


async def test_a_missing_key_is_named_and_not_made_anew(tmp_path: Path) -> None:
    await make_home(tmp_path)
    (tmp_path / "audit.key").unlink()
    done = octet(tmp_path, "audit", "verify")
    assert done.returncode == 78
    assert "audit.key" in done.stderr
    assert not (tmp_path / "audit.key").exists()


def test_without_a_database_there_is_nothing_to_verify_or_upgrade(tmp_path: Path) -> None:
    for words in (("audit", "verify"), ("db", "upgrade")):
        done = octet(tmp_path, *words)
        assert done.returncode == 2
        assert "There is no database" in done.stderr


async def test_a_present_database_needs_no_upgrade(tmp_path: Path) -> None:
    await make_home(tmp_path)
    done = octet(tmp_path, "db", "upgrade")
    assert done.returncode == 0
    assert f"has schema {head()} already" in done.stdout


async def test_a_database_in_use_is_not_upgraded(tmp_path: Path) -> None:
    await make_home(tmp_path)
    with home_lock(tmp_path / "octet.lock"):
        done = octet(tmp_path, "db", "upgrade")
    assert done.returncode == 2
    assert "Another Octet already runs" in done.stderr
