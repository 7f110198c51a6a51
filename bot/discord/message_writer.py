"""The common part of the outbox and the board writer: a loop that finds what is due, and several writes at once."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import NoReturn

import structlog

from bot.discord.channel_client import ChannelClient
from bot.discord.errors import DiscordBusy
from core.kit.clock import Clock
from core.kit.errors import Unavailable
from core.kit.supervise import supervise

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 300.0


class MessageWriter(ABC):
    """Looks for what is due whenever something has changed, and writes it, until it drains."""

    rest_s = 0.0  # the shortest time between two looks: many changes in that time become one look
    failed_rest_s = 5.0  # the rest after a look that failed

    def __init__(self, name: str, channels: ChannelClient, clock: Clock) -> None:
        self._name = name
        self._channels = channels
        self._limits = channels.limits
        self._clock = clock
        self._busy: dict[Hashable, str] = {}  # what Octet is writing now, and the channel of each
        self._news = asyncio.Event()  # something has changed
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closing = False

    def wake(self) -> None:
        """Look again, for a change without a journal row."""
        self._news.set()

    async def drain(self, limit_s: float) -> None:
        """Begin nothing more; wait for the writes under way, at most `limit_s`. The next start makes the others."""
        self._is_closing = True
        try:
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("writer_not_drained", writer=self._name, left=len(self._busy), limit_s=limit_s)

    @abstractmethod
    async def _sweep(self, group: asyncio.TaskGroup) -> float:
        """Begin the writes that are due. Return the seconds until more may be due."""

    async def run(self) -> None:
        """Look and write until cancelled."""
        async with asyncio.TaskGroup() as group:
            await self._sweep_forever(group)

    async def _sweep_forever(self, group: asyncio.TaskGroup) -> NoReturn:
        while True:
            await self._channels.wait_until_ready()
            self._news.clear()
            try:
                pause_s = await self._sweep(group)
            except Unavailable as error:
                log.debug("writer_waits_for_store", writer=self._name, why=error.message)
                pause_s = self.failed_rest_s
            except Exception:  # the outer edge of the loop: the next sweep tries again
                log.exception("writer_sweep_failed", writer=self._name)
                pause_s = self.failed_rest_s
            await asyncio.sleep(self.rest_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause_s - self.rest_s)):
                    await self._news.wait()

    def _begin(
        self, group: asyncio.TaskGroup, key: Hashable, *, channel: str, write: Callable[[], Awaitable[None]]
    ) -> None:
        self._busy[key] = channel
        self._idle.clear()
        supervise(group, f"discord-{self._name}:{key}", self._finish(key, write))

    async def _finish(self, key: Hashable, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        finally:
            del self._busy[key]
            if not self._busy:
                self._idle.set()
            self._news.set()


def retry_after_s(busy: DiscordBusy, tries: int) -> float:
    """Return in how many seconds to try again: as Discord says, else longer after each try."""
    return busy.after_s or min(2.0 ** min(tries, 16), LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
