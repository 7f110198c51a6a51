"""The cookie of a virtual display: whoever has it may open windows there and press keys, and nobody else."""

from __future__ import annotations

import os
import secrets
import socket
import struct
from pathlib import Path

_FAMILY_LOCAL, _FAMILY_WILD = 256, 0xFFFF
_KIND = b"MIT-MAGIC-COOKIE-1"


def new_cookie() -> bytes:
    """A cookie that nobody can guess."""
    return secrets.token_bytes(16)


def write(path: Path, cookie: bytes, number: str = "") -> None:
    """An authority file with this cookie for the display `number` of this machine; empty: for any. 0600, whole."""
    entries = b"".join(
        struct.pack(">H", family) + b"".join(map(_counted, (address, number.encode(), _KIND, cookie)))
        # One entry for libraries that compare the host's name, one for those that take any.
        for family, address in ((_FAMILY_LOCAL, socket.gethostname().encode()), (_FAMILY_WILD, b""))
    )
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(entries)
    new.replace(path)


def _counted(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
