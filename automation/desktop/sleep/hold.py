"""Holding the machine awake: one small port, and what each system has for it."""

from __future__ import annotations

from typing import Protocol

from core.kit.errors import Unavailable

WHO = "Octet"
WHY = "Tasks wait or are worked on"


class NotInhibited(Unavailable):
    """This machine cannot be kept awake: {why}."""

    def __init__(self, *, why: str) -> None:
        """`why` also stands alone, with what to do about it."""
        super().__init__(why=why)
        self.why = why


class SleepInhibitor(Protocol):
    """Keeps the machine awake from `take` to `give`, and no longer than this process lives, however it ends."""

    async def take(self) -> None:
        """Keep it awake. Taken once, a second time changes nothing. Raises NotInhibited."""
        ...

    async def give(self) -> None:
        """It may fall asleep again. Never raises."""
        ...

    def is_held(self) -> bool:
        """Whether it is still kept awake by this."""
        ...
