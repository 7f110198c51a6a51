"""The home's secret files, which only the owner of the account can read; its keys, made on first use."""

from __future__ import annotations

import secrets
import stat
import sys
from pathlib import Path

import structlog

from core.kit.errors import Misconfigured
from core.kit.files import write_private
from core.kit.redaction import remember
from core.store.errors import of_system

log = structlog.get_logger(__name__)

_BYTES = 32
_OTHERS = 0o077


class KeyDamaged(Misconfigured):
    """The key {path} is not whole. Put it back from your backup; Octet does not start without it."""


def load_key(path: Path) -> bytes:
    """The key in the file at `path`; a new random one is written (mode 0600) if there is none. A key that other
    accounts can read is closed to them, and that is said. Raises KeyDamaged; StoreFull or HomeUnusable when the file
    cannot be read or written."""
    try:
        if not path.exists():
            write_private(path, secrets.token_hex(_BYTES))
        key = bytes.fromhex(path.read_text(encoding="ascii"))
        close_to_others(path, "if any may have, no code and no row of the journal proves anything")
    except ValueError as error:
        raise KeyDamaged(path=path) from error
    except OSError as error:
        raise of_system(error, path) from error
    if len(key) != _BYTES:
        raise KeyDamaged(path=path)
    remember(key.hex())
    return key


def close_to_others(path: Path, hint: str) -> None:
    """Take the file at `path` from other accounts if they may use it, and log that with the `hint`."""
    if sys.platform == "win32" or not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & _OTHERS:
        return
    log.warning("secret_was_open", file=str(path), mode=f"{mode:o}", hint=f"other accounts could read it; {hint}")
    try:
        path.chmod(mode & ~_OTHERS)
    except OSError as error:
        log.warning("secret_stays_open", file=str(path), why=error.strerror)
