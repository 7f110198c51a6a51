"""Small files that must outlive a power cut, written whole or not at all. Standard library only."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from pathlib import Path

_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")  # the names of files while they are written; see `_replace`


def write_private(path: Path, content: str | bytes) -> None:
    """Write `path` whole or not at all, durable, so that only its owner can read it."""
    _replace(path, content, mode=0o600)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in the same way that others may read: keep its mode, and write through a link."""
    target = path.resolve()
    _replace(target, content, mode=stat.S_IMODE(target.stat().st_mode) if target.exists() else None)


def read_regular(path: Path, limit: int, *, follows_links: bool = True) -> bytes:
    """Read at most `limit` bytes of a regular file by one handle, because `path` may name another file at any moment.
    Raises OSError, at once also for a pipe without a writer; without `follows_links` for a link, too."""
    flags = ("O_BINARY", "O_NONBLOCK", "O_NOCTTY", *(() if follows_links else ("O_NOFOLLOW",)))
    handle = os.open(path, os.O_RDONLY | sum(getattr(os, one, 0) for one in flags))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(handle)


def drafts_left(folder: Path) -> list[Path]:
    """List the half-written files that a kill left in `folder`. Call it while no process writes there."""
    return [file for file in folder.iterdir() if _DRAFT.fullmatch(file.name)]


def try_lock(handle: int) -> bool:
    """Lock this open file if it is free; return whether this process has the lock. A crash leaves none behind."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _replace(path: Path, content: str | bytes, *, mode: int | None) -> None:
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        if mode is not None:
            draft.chmod(mode)  # whatever the umask says
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sys.platform == "win32":
        return  # folders cannot be opened there; the file system's journal keeps the rename
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
