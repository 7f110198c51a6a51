"""The lookout over a desk's windows: what they show, which cannot be used, clearing what is ours there, and news."""

from __future__ import annotations

import time
from dataclasses import replace

import structlog
from Xlib.error import ConnectionClosedError

from automation.desktop.hands import Fingers
from automation.desktop.locked import LockWatch
from automation.desktop.pipe.frames import Locked, WindowShows, WindowStirred, WindowUsable
from automation.desktop.pipe.inbox import Inbox, Outbox
from automation.desktop.sight.eyes import Eyes
from automation.desktop.sight.screen import ScreenGone
from automation.desktop.sight.states import States
from automation.desktop.tidy import Tidy
from automation.desktop.x11.connection import DisplayHeld
from automation.desktop.x11.watch import News, Watch
from core.desks.model import Shown, WindowStatus

log = structlog.get_logger(__name__)

REST_S = 1.0
"""A window that could not be used is not called usable before this: that is written down first, and nothing spins."""
LONGEST_REST_S = 30.0
"""Between two tries to clear a draft of ours; each try may click into the window."""


class Lookout:
    """Belongs to the worker's thread. Where nothing can be used it waits for the display's news, and never polls."""

    def __init__(self, *, eyes: Eyes, tidy: Tidy, watch: Watch, fingers: Fingers, inbox: Inbox, outbox: Outbox) -> None:
        self._eyes = eyes
        self._tidy = tidy
        self._watch = watch
        self._fingers = fingers
        self._inbox = inbox
        self._outbox = outbox
        self._unusable: set[str] = set()
        self._refused_s: dict[str, float] = {}
        self._tries: dict[str, int] = {}
        self._lock = LockWatch(lambda is_locked: outbox.send(Locked(is_locked=is_locked)))
        self._states = States(
            eyes=eyes,
            tell=lambda shown: outbox.send(WindowShows(shown=shown)),
            stirs=lambda name: outbox.send(WindowStirred(window=name)),
        )

    def begin(self) -> None:
        """Clear what an earlier worker left in the windows, and look at each."""
        for name in self._tidy.names():
            self._clear_up(name)
        self._see()

    def tell_usable(self) -> None:
        """Say which windows can be used: nobody knows what an earlier worker, or none, left waiting for them."""
        for name in self._eyes.names():
            if name not in self._unusable:
                self._usable(name)
        try:
            self._lock.saw(is_taken=self._eyes.windows.is_keyboard_taken())
        except DisplayHeld:
            self._inbox.glance_in(REST_S)

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        """Look at every window, for people; those that cannot be used are followed. `closely`: also whether each can be
        read as its profile wants it."""
        shown = self._states.fresh(self._eyes.names(), self._inbox)
        return tuple(
            replace(
                status,
                activity=shown[status.name].activity,
                unread=self._eyes.why_unread(status.name) if closely else "",
            )
            for status in self._see()
        )

    def _see(self) -> tuple[WindowStatus, ...]:
        statuses = tuple(self._eyes.status(name) for name in self._eyes.names())
        self._unusable |= {status.name for status in statuses if not status.usable}
        self._unusable |= {name for name in self._tidy.names() if not self._eyes.is_ready(name)}
        self._follow()
        if self._unusable:
            self._inbox.glance()
        return statuses

    def shown(self, name: str) -> Shown:
        """What this window shows of its agent, by a fresh look."""
        return self._states.fresh([name], self._inbox)[name]

    def due_in_s(self) -> float | None:
        """When to call `look_again`; None while nothing happens on the display."""
        return self._states.due_in_s()

    def look_again(self) -> None:
        """Look at the windows in which something was drawn, and tell what they show."""
        self._states.look()
        self._follow()

    def glance(self) -> None:
        """Something happened on the display, or a rest is over."""
        try:
            self._eyes.take_in_news()  # if the display is gone, this raises
        except DisplayHeld:
            self._inbox.glance_in(REST_S)
            return
        news = self._watch.news()
        drawn = self._eyes.drawn(news.drawn)
        self._states.drawn(self._eyes.names() if news.is_stirred else drawn)
        if news == News() or news.is_stirred or drawn & self._unusable:
            self._look_at_unusable()
        self._follow()

    def _look_at_unusable(self) -> None:
        """Look at the windows that were not usable, clear what is ours there, and tell of those that are usable."""
        try:
            if self._unusable or self._lock.is_told_locked:
                is_taken = self._eyes.windows.is_keyboard_taken()
                self._lock.saw(is_taken=is_taken)
                if is_taken:
                    self._inbox.glance_in(REST_S)  # nothing tells when the keys are given back
        except DisplayHeld:
            self._inbox.glance_in(REST_S)
            return
        for name in sorted(self._unusable):
            if time.monotonic() - self._refused_s.get(name, 0.0) < REST_S:
                continue
            if not self._eyes.is_ready(name):
                self._clear_up(name)
            if self._eyes.is_ready(name):
                self._unusable.discard(name)
                self._usable(name)

    def ended(self, name: str, *, was_used: bool) -> None:
        """An order for this window ended: the window was used, or is followed until it can be."""
        self._states.drawn([name])
        if was_used and name not in self._tidy.names():
            self._unusable.discard(name)
        else:
            self._mark(name)

    def _clear_up(self, name: str) -> None:
        """Clear a draft of ours; if something was in the way, look again after a while that grows."""
        try:
            is_over = self._tidy.clear(name)
        except (ConnectionClosedError, ScreenGone):
            raise
        except Exception:
            # The outer edge of one try: a window that cannot be tidied must not end the worker of all.
            log.exception("clearing_failed", window=name)
            self._fingers.let_go()
            is_over = False
        if is_over:
            self._tries.pop(name, None)
            return
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        rest_s = min(REST_S * 2**tries, LONGEST_REST_S)
        self._refused_s[name] = time.monotonic() + rest_s - REST_S
        self._inbox.glance_in(rest_s + 0.05)

    def _usable(self, name: str) -> None:
        """Only a window that was seen empty is told: whoever hears it forgets that a draft of ours may be there."""
        self._tidy.forget(name)
        self._tries.pop(name, None)
        self._outbox.send(WindowUsable(window=name))

    def _mark(self, name: str) -> None:
        """This window could not be used: it is followed until it can, which may be at once.

        Also after a bounce: whoever tries again may decide that this was the last time.
        """
        self._unusable.add(name)
        self._refused_s[name] = time.monotonic()
        self._follow()
        self._inbox.glance_in(REST_S + 0.05)

    def _follow(self) -> None:
        """Be told of what happens in our windows; while one is not found, of every title that changes too."""
        known = self._eyes.ids()
        is_lost = any(name not in known for name in self._eyes.names())
        try:
            named = {seen.id for seen in self._eyes.windows.all()} if is_lost else set[int]()
        except DisplayHeld:
            named = set[int]()
            self._inbox.glance_in(REST_S)
        self._watch.follow(drawn=self._eyes.followed(), named=named)
