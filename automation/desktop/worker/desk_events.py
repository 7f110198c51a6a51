"""What workers have to report, in order, to a listener whose store may be away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from automation.desktop.worker import messages
from core.desks.model import DeskNow, LearnedFact
from core.desks.ports import DeskNews
from core.kit.errors import OctetError, Unavailable
from core.reasons import Reason

log = structlog.get_logger(__name__)

T = TypeVar("T")
MOST = 256  # beyond this only the last of all news about one thing is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _News(Generic[T]):
    about: tuple[str, str]
    tell: Callable[[T], Awaitable[None]]


class NewsQueue(Generic[T]):
    """The news of one source. `run` reports them one by one; their senders do not wait."""

    def __init__(self, source: str, listener: Callable[[], T], *, pause_s: float) -> None:
        """Take the news of `source`; `listener` gets again after `pause_s` what it could not take."""
        self._source, self._listener, self._pause_s = source, listener, pause_s
        self._waiting: list[_News[T]] = []
        self._now: _News[T] | None = None  # now under way; None once it is not true any more
        self._came = asyncio.Event()

    async def run(self) -> None:
        """Report until cancelled; repeat what could not be taken."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                self._now = self._waiting.pop(0)
                await self._tell(self._now)

    def drop(self, about: tuple[str, str], *, now: bool = True) -> None:
        """Drop what was not reported of this yet; with `now` also what could not be taken so far."""
        self._waiting = [one for one in self._waiting if one.about != about]
        if now and self._now is not None and self._now.about == about:
            self._now = None

    def replace(self, about: tuple[str, str], tell: Callable[[T], Awaitable[None]]) -> None:
        self.drop(about)
        self.add(about, tell)

    def add(self, about: tuple[str, str], tell: Callable[[T], Awaitable[None]]) -> None:
        self._waiting.append(_News(about=about, tell=tell))
        if len(self._waiting) > MOST:
            last = {one.about: one for one in self._waiting}
            self._waiting = list(last.values())
        self._came.set()

    async def _tell(self, news: _News[T]) -> None:
        is_logged = False
        while self._now is news:
            try:
                await news.tell(self._listener())
            except Unavailable as trouble:
                if not is_logged:  # once, however long it takes
                    log.warning("worker_news_delayed", source=self._source, why=trouble.message)
                is_logged = True
                await asyncio.sleep(self._pause_s)
            except OctetError as trouble:
                log.warning("worker_news_refused", source=self._source, why=trouble.message)
                return
            else:
                return


class DeskEvents(NewsQueue[DeskNews]):
    """One desk's news."""

    def __init__(self, desk: str, news: Callable[[], DeskNews], *, pause_s: float) -> None:
        super().__init__(f"desk {desk}", news, pause_s=pause_s)
        self._desk = desk

    # The news are those of core.desks.ports.DeskNews.

    def desk(self, now: DeskNow) -> None:
        self.add(("desk", ""), lambda news: news.desk_changed(self._desk, now))

    def waits(self, why: Reason | None) -> None:
        self.drop(("waits", ""), now=False)
        self.add(("waits", ""), lambda news: news.desk_waits(self._desk, why))

    def stopped(self, how: str) -> None:
        self.add(("stopped", ""), lambda news: news.desk_stopped(self._desk, how))

    def released(self) -> None:
        """Drop an earlier stop: reported late, it would stop the released desk again."""
        self.drop(("stopped", ""))

    def no_longer_usable(self, window: str) -> None:
        """Drop that it was usable: a newer draft of ours is there, which late news would make core forget."""
        self.drop(("usable", window))

    def hear(self, frame: messages.OfWindow | messages.Locked) -> None:
        """Take what the worker says of a window, or of its screen's lock."""
        match frame:
            case messages.WindowUsable():
                self.add(("usable", frame.window), lambda news: news.window_usable(self._desk, frame.window))
            case messages.WindowActive():
                self.add(("stirred", frame.window), lambda news: news.window_stirred(self._desk, frame.window))
            case messages.WindowShows():
                about = ("shows", frame.shown.window)
                self.replace(about, lambda news: news.window_shows(self._desk, frame.shown))
            case messages.WindowStatusChanged():
                self.replace(("seen", frame.status.name), lambda news: news.window_seen(self._desk, frame.status))
            case messages.Locked():
                self.replace(("locked", ""), lambda news: news.desk_locked(self._desk, is_locked=frame.is_locked))

    def learned(self, fact: LearnedFact) -> None:
        self.add((fact.what, fact.window), lambda news: news.window_learned(fact))
