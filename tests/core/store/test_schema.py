"""What stands at the database's path, and how a new one is made."""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, create_engine, inspect, text

from core.store import schema
from core.store.engine import Store, writer_engine
from core.store.errors import SqliteTooOld, StoreUnavailable
from core.store.tables import metadata
from scripts.release_home import RELEASES, read_release
from tests.builders import refuses
from tests.core.store.test_plans import stores


async def make_database(path: Path) -> None:
    async with Store.open(path) as store:
        await store.write(lambda tx: tx.execute(text("INSERT INTO facts VALUES ('a', 'b')")))


def prints(folder: Path) -> dict[str, str]:
    """Hash every file beside the database except SQLite's shared-memory index, which any reader makes."""
    files = (path for path in folder.iterdir() if not path.name.endswith("-shm"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.stat().st_size}


async def is_refused(path: Path, code: str) -> None:
    before = prints(path.parent)
    with refuses(code, match=path.name):
        async with Store.open(path):
            raise AssertionError("it opened")
    assert prints(path.parent) == before


def test_an_sqlite_without_returning_is_refused() -> None:
    with pytest.raises(SqliteTooOld, match=r"3\.34\.1"):
        schema.check_library((3, 34, 1))
    schema.check_library((3, 35, 0))


async def test_a_new_file_gets_the_newest_schema_and_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    assert schema.inspect(path) is schema.FileState.NEW
    await make_database(path)
    assert schema.inspect(path) is schema.FileState.PRESENT
    async with Store.open(path) as store:
        assert len(await store.fetch(text("SELECT * FROM facts"))) == 1


async def test_an_empty_file_and_one_without_tables_are_begun_anew(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    await make_database(empty)
    interrupted = tmp_path / "interrupted.db"
    with closing(sqlite3.connect(interrupted)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert interrupted.stat().st_size > 0
    await make_database(interrupted)


async def test_a_first_start_that_the_power_ended_before_the_log_was_there_is_taken_back_and_begun_anew(
    tmp_path: Path,
) -> None:
    (tmp_path / "left").mkdir()
    with closing(sqlite3.connect(tmp_path / "octet.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("CREATE TABLE birds (name TEXT)")
        connection.execute("DROP TABLE birds")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE birds (name TEXT)")
        connection.executemany("INSERT INTO birds VALUES (?)", [("x" * 3_000,)] * 500)
        for name in ("octet.db", "octet.db-journal"):  # as the cut leaves them: the file is half written
            (tmp_path / "left" / name).write_bytes((tmp_path / name).read_bytes())
        connection.execute("ROLLBACK")
    path = tmp_path / "left" / "octet.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader, pytest.raises(sqlite3.Error):
        reader.execute("SELECT 1 FROM sqlite_master").fetchone()
    await make_database(path)
    assert schema.inspect(path) is schema.FileState.PRESENT


async def test_no_database_and_a_cut_off_one_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    path.write_text("Dear diary, " * 100)
    await is_refused(path, "database_damaged")
    path.unlink()
    await make_database(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])
    await is_refused(path, "database_damaged")


@pytest.mark.parametrize("seed", range(5))
async def test_random_bytes_over_its_pages_are_found_and_left_alone(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "octet.db"
    await make_database(path)
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = chance.randbytes(64)
    path.write_bytes(data)
    await is_refused(path, "database_damaged")


async def test_a_damaged_database_keeps_its_log_as_it_is(tmp_path: Path) -> None:
    """What a killed process left beside the file (the WAL) is evidence too."""
    path = tmp_path / "octet.db"
    await make_database(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        left = {name.name: name.read_bytes() for name in sorted(tmp_path.iterdir())}  # noqa: ASYNC240 - three small files
    for name, data in left.items():
        if not name.endswith("-shm"):
            (tmp_path / name).write_bytes(data)
    assert (tmp_path / "octet.db-wal").stat().st_size > 0
    await is_refused(path, "database_unknown")


async def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    await is_refused(path, "database_damaged")


async def test_an_older_schema_asks_for_the_upgrade_and_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "octet.db"
    await make_database(path)
    monkeypatch.setattr(schema, "LATER", (*schema.LATER, "9998"))
    await is_refused(path, "database_older")
    assert schema.inspect(path, allow_older=True) is schema.FileState.OLDER


def test_a_file_that_cannot_be_looked_at_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        schema.inspect(tmp_path)  # a folder: reading it fails as a file without permission does


def test_a_locked_file_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "octet.db"
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE birds (name TEXT)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            schema.inspect(path)


def declared() -> MetaData:
    """Return a copy of what the packages declare in their `_store`."""
    assert list(stores())
    copy = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(copy)
    return copy


def shape(engine: Engine) -> dict[str, object]:
    """Read what a database's tables and indexes are, in whatever order an upgrade added their columns."""
    see = inspect(engine)
    with engine.connect() as connection:
        said = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all())
    tables = [name for name in see.get_table_names() if name != "alembic_version"]
    return {
        name: (
            {column["name"]: {**column, "type": str(column["type"])} for column in see.get_columns(name)},
            see.get_pk_constraint(name),
            see.get_foreign_keys(name),
            see.get_unique_constraints(name),
            see.get_check_constraints(name),
            {str(index["name"]): " ".join(said[str(index["name"])].split()) for index in see.get_indexes(name)},
            "AUTOINCREMENT" in said[name],
        )
        for name in tables
    }


def declared_shape(tables: MetaData) -> dict[str, object]:
    engine = create_engine("sqlite://")
    tables.create_all(engine)
    return shape(engine)


@pytest.mark.parametrize(
    "found", [None, *sorted(RELEASES.glob("*/"))], ids=lambda found: found.name if found else "new"
)
def test_the_migrations_make_what_the_packages_declare(tmp_path: Path, found: Path | None) -> None:
    """If this fails after you changed a table, change the migration: see CONTRIBUTING.md, "Change a table"."""
    if found:
        read_release(found, tmp_path / "home")
    engine = writer_engine(tmp_path / "home" / "octet.db" if found else tmp_path / "octet.db")
    schema.upgrade(engine)
    assert shape(engine) == declared_shape(declared())
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        lambda tasks: tasks.append_column(Column("colour", Text)),
        lambda tasks: setattr(tasks.c.title, "nullable", True),
        lambda tasks: setattr(tasks.c.fence, "server_default", None),
        lambda tasks: tasks.indexes.clear(),
        lambda tasks: [index.dialect_options["sqlite"].update(where=None) for index in tasks.indexes],
        lambda tasks: tasks.metadata.remove(tasks),
    ],
)
def test_a_change_of_a_declared_table_needs_a_migration(change: Callable[[Table], object]) -> None:
    changed = declared()
    change(changed.tables["tasks"])
    assert declared_shape(changed) != declared_shape(declared())


def test_times_and_ranks_have_64_bits() -> None:
    columns = [column for table in declared().tables.values() for column in table.c]
    times = [column for column in columns if column.name == "rank" or column.name.endswith("_ms")]
    assert [str(column) for column in times if not isinstance(column.type, BigInteger)] == []
    assert len(times) >= 50


def revisions(folder: Path) -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def test_the_known_versions_are_those_of_the_migrations() -> None:
    assert revisions(schema.MIGRATIONS) == [schema.INITIAL, *schema.LATER]


def test_another_state_of_the_unreleased_schema_has_another_id(tmp_path: Path) -> None:
    shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations")
    unreleased = tmp_path / "migrations" / "versions" / "v0_3_0.py"
    changed = unreleased.read_text("utf-8").replace("is_delay INTEGER", "is_delay BOOLEAN")
    unreleased.write_text(changed, encoding="utf-8")
    *released, head = revisions(tmp_path / "migrations")
    assert released == [schema.INITIAL]
    assert head.startswith("0.3.0.")
    assert head != schema.head()


def test_a_schema_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE tasks (number INTEGER)")  # the first migration meets it half way
    store = Store(path)
    with pytest.raises(Exception, match="already exists"):
        schema.upgrade(store._writer)
    store._writer.dispose()
    store._thread.shutdown()
    with closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"tasks"}


async def test_foreign_keys_hold_after_the_schema_was_made(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "octet.db") as store:
        assert await store.write(lambda tx: tx.execute(text("PRAGMA foreign_keys")).scalar_one()) == 1
        assert await store.fetch(text("PRAGMA foreign_key_check")) == []
