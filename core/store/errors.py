"""What can be wrong with the database, in words that tell what to do."""

from __future__ import annotations

from core.kit.errors import Conflict, Misconfigured, NotFound, Unavailable


class SqliteTooOld(Misconfigured):
    """SQLite {found} is too old: Octet needs {needed} or newer. Use a newer Python, or a newer system."""


class DatabaseDamaged(Misconfigured):
    """The database {path} is damaged ({why}). Octet does not start and has left it as it is. Keep a copy of the file,
    then put a backup in its place."""


class DatabaseNewer(Misconfigured):
    """The database {path} was written by a newer Octet (schema {found}). Octet does not start and has left it as it
    is. Install that version again, or put an older backup in its place."""


class DatabaseOlder(Misconfigured):
    """The database {path} has an older schema ({found}; this Octet needs {needed}). Run `octet db upgrade` once."""


class StoreUnavailable(Unavailable):
    """The database cannot be written at the moment: {why}. Nothing of this was kept; mend the cause and try again."""


class AlreadyRunning(Conflict):
    """Another Octet runs on the home {path} already. Stop it first, or use another home with --home."""


class NoDatabase(NotFound):
    """There is no database {id} yet. `octet run` makes one."""
