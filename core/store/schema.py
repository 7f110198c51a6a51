"""The schema's versions: what a database file is, and how Octet upgrades it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from enum import Enum, auto
from pathlib import Path

from sqlalchemy import Engine

from core.remedies import refused
from core.store.errors import DatabaseDamaged, SqliteTooOld, StoreUnavailable, of_sqlite
from core.store.integrity_check import first_damage, read_only

OLDEST_SQLITE = (3, 35, 0)  # RETURNING exists from here on
INITIAL = "0.2.0"  # The first migration: the schema of the first release
LATER: tuple[str, ...] = ("0.3.0.167ebbc7",)  # The later ones; a test compares
MIGRATIONS = Path(__file__).parent / "migrations"
_PASSES = frozenset(  # the file itself may be whole
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
    | {sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
_MAGIC = b"SQLite format 3\x00"


class FileState(Enum):
    """What Octet found at the database's path."""

    NEW = auto()
    OLDER = auto()
    PRESENT = auto()


def head() -> str:
    """Return the id of the schema that this Octet needs."""
    return (INITIAL, *LATER)[-1]


LIBRARY_VERSION = sqlite3.sqlite_version_info[:3]


def check_library(version: tuple[int, int, int] = LIBRARY_VERSION) -> None:
    """Raise SqliteTooOld if the SQLite library is too old for Octet."""
    if version < OLDEST_SQLITE:
        raise SqliteTooOld(found=_dotted(version), needed=_dotted(OLDEST_SQLITE))


def inspect(path: Path, *, allow_older: bool = False, whole: bool = True) -> FileState:
    """Inspect the file without changing it; with `whole` read every page, which takes seconds for a large one. Raises
    DatabaseDamaged, database_unknown, database_older or StoreUnavailable."""
    try:
        if not path.exists() or path.stat().st_size == 0:
            return FileState.NEW
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise DatabaseDamaged(path=path, why="it is not an SQLite database")
    except OSError as error:
        raise StoreUnavailable(why=str(error)) from error
    try:
        _roll_back_first_start(path)
        with closing(read_only(path)) as connection:
            if whole and (why := first_damage(connection)):
                raise DatabaseDamaged(path=path, why=why)
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                return FileState.NEW  # a first start ended before it committed its schema
            found = _version(connection)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _PASSES:
            raise of_sqlite(error) from error
        raise DatabaseDamaged(path=path, why=str(error)) from error
    if found is None:
        raise DatabaseDamaged(path=path, why="it has no schema of Octet's")
    if found not in (INITIAL, *LATER):
        raise refused("database_unknown", path=path, found=found)
    if found == head():
        return FileState.PRESENT
    if not allow_older:
        raise refused("database_older", path=path, found=found, needed=head())
    return FileState.OLDER


def _roll_back_first_start(path: Path) -> None:
    """Roll back the journal that a power cut left before the file had its write-ahead log: no reader may."""
    if path.with_name(f"{path.name}-journal").exists():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()


def upgrade(engine: Engine) -> None:
    """Bring the database to HEAD in one transaction; undo all if rows lose their parents (DatabaseDamaged)."""
    # Alembic takes a fifth of a second to import and is needed on a first start only.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        # Batch migrations drop and re-create tables; with foreign keys on, that would delete the children.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            raise DatabaseDamaged(path=engine.url.database, why=f"{len(broken)} rows point at rows that are gone")
        connection.commit()
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.rollback()


def version_of(path: Path) -> str:
    """Return the schema of a file that `inspect` accepted."""
    with closing(read_only(path)) as connection:
        return _version(connection) or ""


def _version(connection: sqlite3.Connection) -> str | None:
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name='alembic_version'")
    if tables.fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
