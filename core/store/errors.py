"""What can be wrong with the database, in words that tell what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from core.kit.errors import Conflict, Misconfigured, NoRoom, NotFound, Unavailable

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT}) if hasattr(errno, "EDQUOT") else frozenset({errno.ENOSPC})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class SqliteTooOld(Misconfigured):
    """SQLite {found} is too old: Octet needs {needed} or newer. Use a newer Python, or a newer system."""


class DatabaseDamaged(Misconfigured):
    """The database {path} is damaged ({why}). Octet does not run on it and has left it as it is. Keep a copy of the
    file, then put a backup in its place."""


class DatabaseUnknown(Misconfigured):
    """The database {path} has a schema that this Octet does not know ({found}): a newer or an unreleased Octet wrote
    it. Octet left it as it is. Use that Octet again, put a backup in its place, or begin with another home."""


class DatabaseOlder(Misconfigured):
    """The database {path} has an older schema ({found}; this Octet needs {needed}). Run `octet db upgrade` once."""


class StoreUnavailable(Unavailable):
    """The database cannot be written at the moment: {why}. Nothing of this was kept; mend the cause and try again."""


class StoreFull(StoreUnavailable, NoRoom):
    """The disk that holds Octet's home is full. Nothing of this was kept; make room there, and it works again."""


class StoreLocked(StoreUnavailable):
    """Another program keeps Octet's database locked ({why}). Nothing of this was kept; end that program, and it works
    again."""


class StoreReadOnly(StoreUnavailable):
    """Octet's database is write-protected ({why}). Nothing of this was kept; allow writing, and it works again."""


class StoreDamaged(StoreUnavailable):
    """Octet's database is damaged ({why}). Nothing of this was kept, and Octet ends; put a backup in its place."""


class HomeUnusable(Unavailable):
    """{path} cannot be used: {why}. Make room or allow writing there, then start again."""


class AlreadyRunning(Conflict):
    """Another Octet runs on the home {path} already. Stop it first, or use another home with --home."""


class NoDatabase(NotFound):
    """There is no database {id} yet. `octet run` makes one."""


def of_sqlite(error: sqlite3.DatabaseError) -> StoreUnavailable:
    """What SQLite says about the disk or about another program, in our words."""
    code, why = getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(why=why)
    if code in _LOCKED:
        return StoreLocked(why=why)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return StoreReadOnly(why=why)
    return StoreDamaged(why=why) if code in _DAMAGED else StoreUnavailable(why=why)


def is_full(error: OSError) -> bool:
    """Whether the system refused for want of room."""
    return error.errno in _NO_ROOM


def of_system(error: OSError, path: Path) -> Unavailable:
    """What the system says about a file of the home, in our words."""
    return StoreFull(why=_words(error)) if is_full(error) else HomeUnusable(path=path, why=_words(error))


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
