"""The socket file that a tmux server of Octet's own leaves behind when it ends. Unix alone: load it there only."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import threading
import time
from pathlib import Path

from core.desks.model import Tmux as Place

WITHIN_S = 15.0  # A server whose last pane was ended is gone by then; one that is not has panes of somebody else by now
_LOOK_S = 0.05


def sweep(place: Place) -> bool:
    """Remove the file once nobody answers there any more; whether it was there to be removed.

    A server of somebody's own (one with a `socket`) is none of ours, and one that lives keeps it."""
    if place.socket:
        return False
    file = socket_of(place)
    end = time.monotonic() + WITHIN_S
    while _answers(file):
        if time.monotonic() > end:
            return False
        threading.Event().wait(_LOOK_S)
    return _remove(file)


def socket_of(place: Place) -> Path:
    """Where tmux has the socket of a server that is known by its name."""
    return Path("/tmp") / f"tmux-{os.getuid()}" / place.server  # noqa: S108 tmux's own place, without TMUX_TMPDIR


def _remove(file: Path) -> bool:
    """Under tmux's own lock: whoever is just starting a server there has it, and makes the file anew under it."""
    lock = file.with_name(f"{file.name}.lock")
    try:
        if not stat.S_ISSOCK(file.lstat().st_mode):
            return False
        handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _answers(file):
            return False
        file.unlink(missing_ok=True)
        lock.unlink(missing_ok=True)
    except OSError:  # somebody starts a server there
        return False
    finally:
        os.close(handle)
    return True


def _answers(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(file))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True
