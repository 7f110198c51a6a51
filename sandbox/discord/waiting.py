"""Waiting for what the application does, for everyone who can list messages and hear of changes."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from sandbox.discord.model import Json, within

Wanted = Callable[[Json], bool]


class Watcher(ABC):
    """Waits by looking again after every change; never by sleeping."""

    @abstractmethod
    async def messages(self, *, user: str | int | None = None, channel: str | int | None = None) -> list[Json]:
        """The messages there are, oldest first."""

    @abstractmethod
    async def threads(self) -> list[Json]:
        """The threads there are, oldest first."""

    @abstractmethod
    async def commands(self) -> list[Json]:
        """The commands that are synced."""

    @abstractmethod
    async def changed(self, since: int, within_s: float) -> int:
        """Wait for a change after `since`; gives the newest version. -1 gives the version there is, at once."""

    async def wait_message(
        self,
        wanted: Wanted,
        *,
        within_s: float = 60.0,
        user: str | int | None = None,
        channel: str | int | None = None,
    ) -> Json:
        """The first message that fits, now or later; raises TimeoutError with what was there instead."""
        return await self._wait(wanted, "message", within_s, lambda: self.messages(user=user, channel=channel))

    async def wait_thread(self, wanted: Wanted = lambda _: True, *, within_s: float = 60.0) -> Json:
        """The first thread that fits, now or later."""
        return await self._wait(wanted, "thread", within_s, self.threads)

    async def wait_commands(self, *names: str, within_s: float = 60.0) -> list[Json]:
        """The synced commands, as soon as all of `names` (top level) are among them."""
        seen: set[str] = set()

        def all_there(command: Json) -> bool:
            seen.add(command["name"])
            return set(names) <= seen

        await self._wait(all_there, "commands", within_s, self.commands)
        return await self.commands()

    async def _wait(
        self, wanted: Wanted, what: str, within_s: float, listing: Callable[[], Awaitable[list[Json]]]
    ) -> Json:
        ends = time.monotonic() + within_s
        version = await self.changed(-1, 0)
        while True:
            found = await listing()
            for one in found:
                if wanted(one):
                    return one
            left = ends - time.monotonic()
            if left <= 0:
                seen = "; ".join(_short(one) for one in found[-8:])
                raise TimeoutError(f"No such {what} within {within_s:g} s. There are: {seen or 'none'}")
            version = await self.changed(version, left)


def _short(one: Json) -> str:
    text = str(one.get("name") or one.get("content") or "")
    if not text and one.get("components"):
        text = str(one["components"])
    return f"{within(one, 'author').get('username', '')}: {text[:200]!r}"
