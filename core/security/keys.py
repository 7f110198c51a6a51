"""The home's secret keys: files that only the owner of the account can read, made on first use."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from core.kit.errors import Misconfigured

_BYTES = 32


class KeyDamaged(Misconfigured):
    """The key {path} is not whole. Put it back from your backup; Octet does not start without it."""


def load_key(path: Path) -> bytes:
    """The key in the file at `path`; a new random one is written (mode 0600) if there is none. Raises KeyDamaged."""
    if not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise KeyDamaged(path=path) from error
    if len(key) != _BYTES:
        raise KeyDamaged(path=path)
    return key


def _make(path: Path) -> None:
    """Write a new key beside its place and move it there whole, so that no crash leaves half a key."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
