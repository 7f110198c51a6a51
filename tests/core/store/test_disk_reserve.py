"""The room kept back for last words, where the disk refuses everything."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from core.store.disk_reserve import Reserve


def refuse(*_: object, **__: object) -> None:
    """As Linux does on a write-protected disk, which refuses to remove also what is not there."""
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_write_protected_disk_is_left_to_the_database_to_complain_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.disk_reserve.os.open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    Reserve(tmp_path / "reserve").keep()


def test_room_that_cannot_be_made_free_is_not_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path / "reserve")
    reserve.keep()
    monkeypatch.setattr(Path, "unlink", refuse)
    assert not reserve.give_up()
