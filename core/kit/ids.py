"""Ids and other randomness. Callers get an `Ids` by their constructor, so that tests can foresee them."""

from __future__ import annotations

import secrets
import threading
from typing import NewType

from ulid import ULID

from core.kit.clock import Clock, SystemClock
from core.kit.redaction import remember

MessageId = NewType("MessageId", str)  # A ULID
MARKER_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # Without letters and digits that look or sound alike
_RANDOM_BITS = 80  # the random part of a ULID, after the time in milliseconds


class Ids:
    """Ids from the operating system's randomness and a clock. Ids give messages and deliveries their order."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Take the time of ids from `clock`; without one, from the machine's clock."""
        self._clock = clock or SystemClock()
        self._last = 0
        self._lock = threading.Lock()  # the store's writer and the event loop both make ids

    def ulid(self) -> str:
        """Return a new id of 26 characters that sorts after every earlier one, even if the clock was set back."""
        with self._lock:
            self._last = max(self._last + 1, self._clock.now_ms() << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS))
            return str(ULID.from_int(self._last))

    def start_after(self, newest: str) -> None:
        """Return only ids that sort after `newest`, which a former process stored."""
        with self._lock:
            self._last = max(self._last, int(ULID.from_str(newest)))

    def marker(self, length: int) -> str:
        """Return `length` random characters that are safe in prompts, file names and chat."""
        return "".join(secrets.choice(MARKER_ALPHABET) for _ in range(length))

    def secret(self) -> str:
        """Return a new secret with 256 bits, safe in headers and on a command line."""
        return remember(secrets.token_urlsafe(32))
