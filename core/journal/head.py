"""The journal's head: a signed file beside the database that says how far the journal reached.

The chain shows rows that were changed; only this file shows that rows were removed from its end. Octet writes it after
the commit, at most once in `REST_S`, so that it may say less than the database, never more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import NamedTuple

from core.journal.model import HeadDamaged
from core.kit.files import write_private

HEAD_FILE = "journal.head"
REST_S = 10.0


class Position(NamedTuple):
    """How far the journal reached: the number and the link of its newest row."""

    seq: int
    link: str


class Head:
    """Reads and writes the file."""

    def __init__(self, path: Path, *, key: bytes) -> None:
        """`key` signs the position; it is the key of the journal's chain."""
        self.path = path
        self._key = key

    def read(self) -> Position | None:
        """Return what the file says; None if there is no file. Raises HeadDamaged."""
        try:
            seq, link, mark = json.loads(self.path.read_text(encoding="ascii"))
            position = Position(int(seq), str(link))
            is_signed = hmac.compare_digest(self._mark(position), str(mark))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise HeadDamaged(path=self.path) from error
        if not is_signed:
            raise HeadDamaged(path=self.path)
        return position

    def write(self, position: Position) -> None:
        """Replace the file, whole or not at all. Raises OSError."""
        write_private(self.path, json.dumps([*position, self._mark(position)]))

    def _mark(self, position: Position) -> str:
        return hmac.new(self._key, json.dumps(["head", *position]).encode(), hashlib.sha256).hexdigest()
