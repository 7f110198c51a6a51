"""Keeping the machine awake: one small port. Linux has `logind`."""

from __future__ import annotations

from typing import Protocol

from core.kit.errors import Unavailable


class NotInhibited(Unavailable):
    """Octet cannot keep this machine awake: {why}."""

    def __init__(self, *, why: str) -> None:
        """`why` is also shown alone, with what to do about it."""
        super().__init__(why=why)
        self.why = why


class SleepInhibitor(Protocol):
    """Keeps the machine awake from `take` to `give`, and no longer than this process lives, however it ends."""

    async def take(self) -> None: ...  # a second time changes nothing; raises NotInhibited
    async def give(self) -> None: ...  # never raises
    def is_held(self) -> bool: ...
