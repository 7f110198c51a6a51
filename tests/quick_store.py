"""Stores of this process that wait for no disk and take their first schema from a copy. Child processes have real ones.

Tests of the store itself see the real thing: their conftest.py imports `real_store`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

import pytest
from sqlalchemy import Engine

from core.store import engine, schema

_prepare_writer, _upgrade, _fsync = engine._prepare_writer, schema.upgrade, os.fsync
_empty = sqlite3.connect(":memory:", check_same_thread=False)
"""A database as the first upgrade of this process left it."""
_copying = Lock()


@contextmanager
def without_disk() -> Generator[None]:
    """Have stores that wait for no disk. Most of a test's time went into that; no test here cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "upgrade", _copied)
        patch.setattr(engine, "_prepare_writer", _careless)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def quick_store() -> Generator[None]:
    with without_disk():
        yield


@pytest.fixture(autouse=True)
def real_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the store as it is shipped."""
    monkeypatch.setattr(schema, "upgrade", _upgrade)
    monkeypatch.setattr(engine, "_prepare_writer", _prepare_writer)
    monkeypatch.setattr(os, "fsync", _fsync)


def _careless(connection: sqlite3.Connection, record: object) -> None:
    _prepare_writer(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


def _copied(writer: Engine) -> None:
    """Copy the schema into a new file. An older file is upgraded as ever."""
    pooled = writer.raw_connection()
    disk = pooled.driver_connection
    assert isinstance(disk, sqlite3.Connection)
    try:
        is_new = disk.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        with _copying:
            if is_new and _empty.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                _empty.backup(disk)
                return
            _upgrade(writer)
            if is_new:
                disk.backup(_empty)
    finally:
        pooled.close()
