"""The lookout over a desk's windows: what they show, which cannot be used, clearing what is ours there, and news."""

from __future__ import annotations

from collections.abc import Callable

from Xlib.error import ConnectionClosedError

from automation.desktop.calibration.busy_learning import BusyLearning
from automation.desktop.desktop_backend import DesktopWatcher
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import ScreenGone
from automation.desktop.observation.screen_signs import WindowSnapshot
from automation.desktop.window_info import DisplayHeld
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import REST_S, LeftoverDrafts
from automation.desktop.x11.window_events import DisplayChanges, WindowEvents
from core.desks.model import WindowStatus

GONE = (ConnectionClosedError, ScreenGone)  # how the end of the display shows, by whichever connection is used first


class X11Watcher(DesktopWatcher):
    """Belongs to the worker's thread. Where nothing can be used it waits for the display's news, and never polls."""

    def __init__(
        self,
        *,
        eyes: WindowInspector,
        tidy: LeftoverDrafts,
        watch: WindowEvents,
        inbox: Inbox,
        release_keys: Callable[[], None],
    ) -> None:
        is_locked = eyes.windows.is_keyboard_taken
        super().__init__(eyes=eyes, tidy=tidy, inbox=inbox, release_keys=release_keys, is_locked=is_locked, ends=GONE)
        self._tidy = tidy
        self._watch = watch
        self._learning = BusyLearning(eyes=eyes)

    def _saw(self, name: str, view: WindowSnapshot) -> None:
        self._learning.saw(name, view.frame)

    def begin(self) -> None:
        self._waiting.clear_leftovers()
        self._see()

    def report_usable(self) -> None:
        self._waiting.tell_others()
        try:
            self._lock.saw(is_taken=self._is_locked())
        except DisplayHeld:
            self._inbox.recheck_in(REST_S)

    def _see(self) -> tuple[WindowStatus, ...]:
        statuses = super()._see()
        for status in statuses:
            self._waiting.usability.saw(status)
        self._waiting.saw(name for name in self._tidy.names() if not self._eyes.is_ready(name))
        self._follow()
        if self._waiting.names():
            self._inbox.recheck_soon()
        return statuses

    def due_in_s(self) -> float | None:
        due = [one for one in (self._states.due_in_s(), self._waiting.usability.due_in_s()) if one is not None]
        return min(due, default=None)

    def look_when_due(self) -> None:
        self._states.look()
        self._waiting.usability.look(self._eyes.status)
        self._follow()

    def recheck_soon(self) -> None:
        try:
            self._eyes.read_news()  # if the display is gone, this raises
        except DisplayHeld:
            self._inbox.recheck_in(REST_S)
            return
        news = self._watch.news()
        drawn = self._eyes.drawn(news.drawn)
        stirred = self._eyes.names() if news.is_stirred else drawn
        self._states.mark_drawn(stirred)
        self._waiting.usability.stirred(stirred)
        if news == DisplayChanges() or news.is_stirred or drawn & self._waiting.names():
            self._look_at_unusable()
        self._follow()

    def _look_at_unusable(self) -> None:
        try:
            if self._waiting.names() or self._lock.is_told_locked:
                is_taken = self._is_locked()
                self._lock.saw(is_taken=is_taken)
                if is_taken:
                    self._inbox.recheck_in(REST_S)  # nothing tells when the keys are given back
        except DisplayHeld:
            self._inbox.recheck_in(REST_S)
            return
        self._waiting.look_when_due()

    def ended(self, name: str, *, was_used: bool) -> None:
        if was_used:
            self._learning.sent(name)
        self._states.mark_drawn([name])
        self._waiting.usability.stirred([name])
        if self._waiting.ended(name, was_used=was_used):
            self._follow()

    def _follow(self) -> None:
        known = self._eyes.ids()
        is_lost = any(name not in known for name in self._eyes.names())
        try:
            named = {seen.id for seen in self._eyes.windows.all()} if is_lost else set[int]()
        except DisplayHeld:
            named = set[int]()
            self._inbox.recheck_in(REST_S)
        self._watch.follow(drawn=self._eyes.followed(), named=named)
