"""Bringing a database file of an older Octet to the present schema."""

from __future__ import annotations

from pathlib import Path

from core.store import schema
from core.store.engine import as_unavailable, writer_engine
from core.store.errors import NoDatabase


def upgrade_file(path: Path) -> tuple[str, str]:
    """Upgrade the file; returns (schema before, schema now). The caller holds the home's lock.

    Raises NoDatabase, DatabaseDamaged, DatabaseUnknown or StoreUnavailable and then leaves the file as it is.
    """
    schema.check_library()
    if schema.inspect(path, allow_older=True) is schema.FileState.NEW:
        raise NoDatabase(id=path)
    was = schema.version_of(path)
    if was != schema.head():
        engine = writer_engine(path)
        try:
            with as_unavailable():
                schema.upgrade(engine)
        finally:
            engine.dispose()
    return was, schema.head()
