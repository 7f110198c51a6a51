"""Pictures as new files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path

from core.kit.errors import Conflict


class PictureNotWritten(Conflict):
    """The picture cannot be written to {file}: {why}. Nothing was overwritten."""


def write_picture(file: Path, png: bytes) -> None:
    """Write it to a new file and say so. Raises PictureNotWritten."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PictureNotWritten(file=file, why=(error.strerror or str(error)).lower()) from error
    with os.fdopen(handle, "wb") as opened:
        opened.write(png)
    print(f"wrote {file}")
