"""An upgrade brings a database of an older schema to the present one with all its rows, by a migration made here."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.store import engine, schema
from core.store.engine import Store, upgrade_file
from core.store.errors import DatabaseDamaged, StoreLocked
from tests.builders import refuses

LATER = """
from alembic import op
import sqlalchemy as sa

revision, down_revision = "later", "{head}"

def upgrade():
    with op.batch_alter_table("facts") as facts:
        facts.add_column(sa.Column("note", sa.Text(), nullable=False, server_default="none"))
    {more}
"""


async def make_database(path: Path) -> None:
    async with Store.open(path) as store:
        await store.write(lambda tx: tx.execute(text("INSERT INTO facts (name, value) VALUES ('a', 'b')")))


def release(monkeypatch: pytest.MonkeyPatch, folder: Path, *, more: str = "") -> None:
    """Make this an Octet with one more migration."""
    shutil.copytree(schema.MIGRATIONS, folder / "migrations")
    migration = folder / "migrations" / "versions" / "later.py"
    migration.write_text(LATER.format(head=schema.head(), more=more), encoding="utf-8")
    monkeypatch.setattr(schema, "MIGRATIONS", folder / "migrations")
    monkeypatch.setattr(schema, "LATER", (*schema.LATER, "later"))


async def test_an_upgrade_keeps_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "octet.db"
    await make_database(path)
    before = schema.head()
    release(monkeypatch, tmp_path)
    assert upgrade_file(path) == (before, "later")
    async with Store.open(path) as store:
        assert [tuple(row) for row in await store.fetch(text("SELECT name, value, note FROM facts"))] == [
            ("a", "b", "none")
        ]
    assert upgrade_file(path) == ("later", "later")


async def test_an_upgrade_that_orphans_rows_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "octet.db"
    await make_database(path)
    before = schema.head()
    orphan = "INSERT INTO receipts VALUES ('gone', 0, '', NULL, '', '', '', '', '', '', NULL, 0)"
    release(monkeypatch, tmp_path, more=f'op.execute("{orphan}")')
    with pytest.raises(DatabaseDamaged):
        upgrade_file(path)
    assert schema.version_of(path) == before


@pytest.mark.parametrize("found", ["0.3.0", "0.4.0.delays"])
async def test_a_database_of_an_unreleased_octet_is_refused(tmp_path: Path, found: str) -> None:
    path = tmp_path / "octet.db"
    await make_database(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (found,))
    with refuses("database_unknown", match="use another home"):
        upgrade_file(path)
    assert schema.version_of(path) == found


async def test_an_upgrade_of_a_locked_database_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "octet.db"
    await make_database(path)
    before = schema.head()
    release(monkeypatch, tmp_path)
    monkeypatch.setattr(engine, "_BUSY_MS", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            upgrade_file(path)
    assert upgrade_file(path) == (before, "later")
