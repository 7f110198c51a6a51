"""The home's secret keys: files that only the owner of the account can read, made on first use."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_BYTES = 32


def load_key(path: Path) -> bytes:
    """The key in the file at `path`; a new random one is written (mode 0600) if there is none."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return bytes.fromhex(path.read_text(encoding="ascii"))
    with os.fdopen(handle, "w", encoding="ascii") as file:
        key = secrets.token_bytes(_BYTES)
        file.write(key.hex())
        file.flush()
        os.fsync(file.fileno())
    return key
