"""The home's secret files, which only their owner can read; its keys, made on first use."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from core.kit.files import write_private
from core.kit.redaction import remember
from core.remedies import refused
from core.store.errors import of_system

log = structlog.get_logger(__name__)

_BYTES = 32
_OTHERS = 0o077


def hasher(key: bytes, purpose: str) -> Callable[[str], str]:
    """Return what makes the hashes of secrets by which Octet knows them again; other keys and purposes make others."""
    pepper = hmac.new(key, purpose.encode(), hashlib.sha256).digest()
    return lambda secret: hmac.new(pepper, secret.encode(errors="replace"), hashlib.sha256).hexdigest()


def load_key(path: Path) -> bytes:
    """Read the key at `path`; write a new random one (mode 0600) if there is none. Close it to other accounts, and log
    that. Raises key_damaged, StoreFull or home_unusable."""
    try:
        if not path.exists():
            write_private(path, secrets.token_hex(_BYTES))
        key = bytes.fromhex(path.read_text(encoding="ascii"))
        close_to_others(path, "if one may have, codes and journal rows prove nothing")
    except ValueError as error:
        raise refused("key_damaged", path=path) from error
    except OSError as error:
        raise of_system(error, path) from error
    if len(key) != _BYTES:
        raise refused("key_damaged", path=path)
    remember(key.hex())
    return key


def close_to_others(path: Path, hint: str) -> None:
    """Take the file at `path` from other accounts if they may use it, and log that with the `hint`."""
    if sys.platform == "win32" or not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & _OTHERS:
        return
    log.warning(
        "secret_file_was_readable", file=str(path), mode=f"{mode:o}", hint=f"other accounts could read it; {hint}"
    )
    try:
        path.chmod(mode & ~_OTHERS)
    except OSError as error:
        log.warning("secret_file_still_readable", file=str(path), why=error.strerror)
