"""The errors of the database and the home's files."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from core.kit.errors import Misconfigured, NoRoom, OctetError, Unavailable
from core.remedies import refused

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT}) if hasattr(errno, "EDQUOT") else frozenset({errno.ENOSPC})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class SqliteTooOld(Misconfigured):
    """SQLite {found} is too old: Octet needs {needed} or newer. Use a newer Python, or a newer system."""


class DatabaseDamaged(Misconfigured):
    """The database {path} is damaged ({why}). Octet has not changed it and does not start. Keep a copy of the file,
    then restore a backup."""


class StoreUnavailable(Unavailable):
    """Octet cannot write its database: {why}. Nothing was saved. Fix the cause and try again."""


class StoreFull(StoreUnavailable, NoRoom):
    """The disk that holds Octet's home is full. Nothing was saved. Free space and try again."""


class StoreLocked(StoreUnavailable):
    """Another program locks Octet's database ({why}). Nothing was saved. End that program and try again."""


class StoreReadOnly(StoreUnavailable):
    """Octet's database is write-protected ({why}). Nothing was saved. Make it writable and try again."""


class StoreDamaged(StoreUnavailable):
    """Octet's database is damaged ({why}). Nothing was saved, and Octet stops. Restore a backup."""


def of_sqlite(error: sqlite3.DatabaseError) -> StoreUnavailable:
    """Return the error for what SQLite says about the disk or another program."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    why = str(error) if code else type(error).__name__  # what Python's module says quotes the text of a row
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(why=why)
    if code in _LOCKED:
        return StoreLocked(why=why)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return StoreReadOnly(why=why)
    return StoreDamaged(why=why) if code in _DAMAGED else StoreUnavailable(why=why)


def is_full(error: OSError) -> bool:
    return error.errno in _NO_ROOM


def of_system(error: OSError, path: Path) -> OctetError:
    """Return the error for what the system says about a file of the home."""
    why = error.strerror or type(error).__name__
    return StoreFull(why=why) if is_full(error) else refused("home_unusable", path=path, why=why)
