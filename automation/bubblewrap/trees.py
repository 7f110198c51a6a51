"""Folders in which confined commands ran: handed over, measured and removed, whatever a command left in them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)  # Windows lacks both
_LEAST = 4_096
"""Bytes that each name in a folder counts for at least: a million empty files fill a disk, too."""


def give(folder: str, account: int) -> None:
    """Make this account the owner of all that lies in the folder, of links and not of what they name."""
    for _, folders, files, here in os.fwalk(folder):
        os.fchown(here, account, account)
        for name in (*folders, *files):
            os.chown(name, account, account, dir_fd=here, follow_symlinks=False)


def stored(folder: str) -> tuple[int, bool]:
    """Return how many bytes the folder takes on the disk, and whether all of it could be read."""
    total, is_whole, left = 0, True, [folder]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    total += max(_LEAST, entry.stat(follow_symlinks=False).st_blocks * 512)
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except FileNotFoundError:
            continue  # the command removed it meanwhile
        except OSError:
            is_whole = False  # the command made it unreadable, or too deep for a path
    return total, is_whole


def remove_tree(folder: str) -> None:
    """Remove a folder in which nothing runs any more: of any depth, with any modes; follow no link.

    Each folder inside moves to the top before it is emptied, so that no path and no recursion gets long."""
    if os.geteuid() != 0:  # root needs no permission
        Path(folder).chmod(0o700)
    top = os.open(folder, _FOLDER)
    try:
        left = _empty(top, top)
        while left:
            name = left.pop()
            here = os.open(name, _FOLDER, dir_fd=top)
            try:
                left += _empty(here, top)
            finally:
                os.close(here)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    Path(folder).rmdir()


def _empty(here: int, top: int) -> list[str]:
    """Remove the files of a folder and move its folders to the top; return their new names."""
    moved: list[str] = []
    with os.scandir(here) as entries:
        found = list(entries)
    for entry in found:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=here)
            continue
        if os.geteuid() != 0:
            os.chmod(entry.name, 0o700, dir_fd=here)
        moved.append(secrets.token_hex(16))
        os.rename(entry.name, moved[-1], src_dir_fd=here, dst_dir_fd=top)
    return moved
