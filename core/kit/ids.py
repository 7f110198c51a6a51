"""Ids and other randomness. Callers get an `Ids` by their constructor, so that tests can foresee them."""

from __future__ import annotations

import secrets
from typing import Protocol

from ulid import ULID

MARKER_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that cannot be taken for one another when a person reads them aloud."""


class Ids(Protocol):
    """Where new ids come from."""

    def ulid(self) -> str:
        """A new id that sorts by time: 26 characters."""
        ...

    def marker(self, length: int) -> str:
        """`length` random characters that are safe in prompts, file names and chat."""
        ...

    def secret(self) -> str:
        """A new secret with 256 bits, safe in headers and on a command line."""
        ...


class RandomIds:
    """Ids from the operating system's randomness."""

    def ulid(self) -> str:
        """A new id that sorts by time: 26 characters."""
        return str(ULID())

    def marker(self, length: int) -> str:
        """`length` random characters that are safe in prompts, file names and chat."""
        return "".join(secrets.choice(MARKER_ALPHABET) for _ in range(length))

    def secret(self) -> str:
        """A new secret with 256 bits, safe in headers and on a command line."""
        return secrets.token_urlsafe(32)
