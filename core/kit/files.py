"""Small files that must outlive a power cut, written whole or not at all. Standard library only."""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from pathlib import Path

_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")  # the names of files while they are written; see `_replace`


def write_private(path: Path, text: str) -> None:
    """Write `path` whole or not at all, so that only its owner can read it, and so that it outlives a power cut."""
    _replace(path, text.encode("utf-8"), mode=0o600)


def write_bytes_private(path: Path, content: bytes) -> None:
    _replace(path, content, mode=0o600)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that others may read in the same way: its mode stays as it is, and a link stays a link."""
    target = path.resolve()
    data = content.encode("utf-8") if isinstance(content, str) else content
    _replace(target, data, mode=stat.S_IMODE(target.stat().st_mode) if target.exists() else None)


def drafts_left(folder: Path) -> list[Path]:
    """List what a kill left in `folder` of files that were being written. Call it while no process writes there."""
    return [file for file in folder.iterdir() if _DRAFT.fullmatch(file.name)]


def try_lock(handle: int) -> bool:
    """Lock this open file for this process if it is free; return whether it has the lock now. The operating system
    holds it, so that no crash leaves one behind."""
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


def _replace(path: Path, content: bytes, *, mode: int | None) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        if mode is not None:
            draft.chmod(mode)  # whatever the umask says
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sys.platform == "win32":
        return  # folders cannot be opened there; the rename is kept by the file system's own journal
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
