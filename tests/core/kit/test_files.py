"""Files that must outlive a power cut."""

from __future__ import annotations

import itertools
import os
import stat
from pathlib import Path
from threading import Event, Thread

import pytest

from core.kit.files import read_regular, write_private


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


def test_a_path_that_is_exchanged_while_octet_reads_never_gives_another_file_and_never_waits(tmp_path: Path) -> None:
    path, secret, pipe, ended = tmp_path / "a.json", tmp_path / "secret", tmp_path / "pipe", Event()
    path.write_bytes(b"mine")
    secret.write_bytes(b"secret")
    os.mkfifo(pipe)

    def exchange() -> None:
        for number in itertools.count():
            new = tmp_path / f"{number}"
            match number % 3:
                case 0:
                    new.symlink_to(secret)
                case 1:
                    os.link(pipe, new)
                case _:
                    new.write_bytes(b"mine")
            new.replace(path)
            if ended.is_set() and number > 100:
                return

    other = Thread(target=exchange)
    other.start()
    found = set[bytes | int | None]()
    try:
        for _ in range(2000):
            try:
                found.add(read_regular(path, 10, follows_links=False))
            except OSError as error:
                found.add(error.errno)
    finally:
        ended.set()
        other.join()
    assert b"secret" not in found
    (tmp_path / "last").write_bytes(b"mine")
    (tmp_path / "last").replace(path)
    assert read_regular(path, 10, follows_links=False) == b"mine"
    path.unlink()
    path.symlink_to(secret)
    assert read_regular(path, 3) == b"sec"
