"""Files that must outlive a power cut."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.kit.files import write_private


def test_a_file_and_its_name_are_on_the_disk_before_it_counts_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def replaced(draft: Path, path: Path) -> Path:
        done.append("name")
        return replace(draft, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_private(tmp_path / "audit.key", "words\r\nand more")
    assert done == ["file", "name", "folder"]
    assert (tmp_path / "audit.key").read_bytes() == b"words\r\nand more"
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    write_private(tmp_path / "audit.key", "old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "audit.key", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["audit.key"]
    assert (tmp_path / "audit.key").read_text() == "old"
