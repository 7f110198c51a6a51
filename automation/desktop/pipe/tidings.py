"""What a desk has to tell, in its order, to a listener whose store may not be there for a while."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from core.desks.model import DeskState, Shown
from core.desks.ports import DeskNews
from core.kit.errors import OctetError, Unavailable

log = structlog.get_logger(__name__)

MOST = 256
"""Beyond this, of all news about one window, or about the desk itself, only the last is kept: older ones are worth
nothing, and the last may not be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    state: DeskState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waits:
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    is_locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stopped:
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shows:
    shown: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stirred:
    window: str


_News = _Desk | _Waits | _Locked | _Stopped | _Window | _Shows | _Stirred


class Tidings:
    """One desk's news. `run` tells them one by one; whoever has news does not wait for it."""

    def __init__(self, desk: str, news: DeskNews, *, pause_s: float) -> None:
        """`pause_s` is the rest before news are told again that could not be taken."""
        self._desk = desk
        self._news = news
        self._pause_s = pause_s
        self._waiting: list[_News] = []
        self._now: _News | None = None
        """What is being told, perhaps again and again; None once it is not true any more."""
        self._came = asyncio.Event()

    def desk(self, state: DeskState, reason: str) -> None:
        """The desk's hands came up, went away, or cannot be used for `reason`."""
        self._add(_Desk(state=state, reason=reason))

    def waits(self, why: str) -> None:
        """No delivery begins for now because of `why`; empty: they may begin again."""
        self._waiting = [one for one in self._waiting if not isinstance(one, _Waits)]
        self._add(_Waits(why=why))

    def locked(self, *, is_locked: bool) -> None:
        """The desk's screen is locked, or is not any more. What was to be told of it before is worth nothing now."""
        self._waiting = [one for one in self._waiting if not isinstance(one, _Locked)]
        if isinstance(self._now, _Locked):
            self._now = None
        self._add(_Locked(is_locked=is_locked))

    def stopped(self, how: str) -> None:
        """Somebody stopped the desk at its machine."""
        self._add(_Stopped(how=how))

    def released(self) -> None:
        """The desk was released: that it was stopped before, told late, would stop it again."""
        self._waiting = [one for one in self._waiting if not isinstance(one, _Stopped)]
        if isinstance(self._now, _Stopped):
            self._now = None

    def usable(self, window: str) -> None:
        """A window can be used."""
        self._add(_Window(name=window))

    def no_longer_usable(self, window: str) -> None:
        """A newer draft of ours stands there: that it was usable before, told late, would have the draft forgotten."""
        self._waiting = [news for news in self._waiting if news != _Window(name=window)]
        if self._now == _Window(name=window):
            self._now = None

    def shows(self, shown: Shown) -> None:
        """A window shows something else. What was to be told of it before and was not yet is worth nothing now."""
        about = shown.window
        self._waiting = [one for one in self._waiting if not (isinstance(one, _Shows) and one.shown.window == about)]
        if isinstance(self._now, _Shows) and self._now.shown.window == about:
            self._now = None
        self._add(_Shows(shown=shown))

    def stirred(self, window: str) -> None:
        """Something goes on in a window at work."""
        self._add(_Stirred(window=window))

    async def run(self) -> None:
        """Tell until cancelled; what cannot be taken now is told again."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                self._now = self._waiting.pop(0)
                await self._tell(self._now)

    def _add(self, news: _News) -> None:
        self._waiting.append(news)
        if len(self._waiting) > MOST:
            last = {_about(one): one for one in self._waiting}
            self._waiting = list(last.values())
        self._came.set()

    async def _tell(self, news: _News) -> None:
        is_said = False
        while self._now is news:
            try:
                await self._say(news)
            except Unavailable as trouble:
                if not is_said:  # once, however long it takes
                    log.warning("desk_news_not_taken_yet", desk=self._desk, why=trouble.message)
                is_said = True
                await asyncio.sleep(self._pause_s)
            except OctetError as trouble:
                log.warning("desk_news_refused", desk=self._desk, why=trouble.message)
                return
            else:
                return

    async def _say(self, news: _News) -> None:
        match news:
            case _Desk():
                await self._news.desk_changed(self._desk, news.state, news.reason)
            case _Waits():
                await self._news.desk_waits(self._desk, news.why)
            case _Locked():
                await self._news.desk_locked(self._desk, is_locked=news.is_locked)
            case _Stopped():
                await self._news.desk_stopped(self._desk, news.how)
            case _Window():
                await self._news.window_usable(self._desk, news.name)
            case _Shows():
                await self._news.window_shows(self._desk, news.shown)
            case _Stirred():
                await self._news.window_stirred(self._desk, news.window)


def _about(news: _News) -> tuple[str, str]:
    """What the news are about: of several with the same the last counts."""
    match news:
        case _Desk():
            return ("desk", "")
        case _Waits():
            return ("waits", "")
        case _Locked():
            return ("locked", "")
        case _Stopped():
            return ("stopped", "")
        case _Window():
            return ("usable", news.name)
        case _Shows():
            return ("shows", news.shown.window)
        case _Stirred():
            return ("stirred", news.window)
