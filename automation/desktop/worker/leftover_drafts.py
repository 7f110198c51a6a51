"""Clears drafts that an interrupted delivery left, and reports windows that recover. Octet reports a change of
usability only when it has lasted, so never a short trouble."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping

import structlog

from automation.desktop.worker.backend import DraftPort, WorkerBackend
from automation.desktop.worker.messages import WindowStatusChanged, WindowUsable
from automation.protocol.ports import Cancelled, ClearResult, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import WindowStatus

log = structlog.get_logger(__name__)

STILL_S = 0.3  # so long no user may have typed, and nothing may have changed in the composer, before it is read
WAIT_S = 2.0
TRIES = 5  # a draft that survives so many clearings is left alone


class LeftoverDrafts:
    """Our known drafts in this desk's windows. Belongs to the worker's thread."""

    def __init__(self, marks: Mapping[str, tuple[str, ...]], backend: WorkerBackend) -> None:
        """Read `marks` by window; those of windows that this desk does not have are ignored."""
        self._marks = {name: set(marks[name]) for name in backend.inspector.names() if marks.get(name)}
        self._backend = backend
        self._persons: set[str] = set()  # windows in which the user's draft was read once
        self._tries: dict[str, int] = {}

    def names(self) -> tuple[str, ...]:
        """Return the windows in which a draft of ours may be left."""
        return tuple(self._marks)

    def know(self, name: str, marks: tuple[str, ...]) -> None:
        if marks:
            self._marks.setdefault(name, set()).update(marks)
            self._persons.discard(name)

    def forget(self, name: str) -> None:
        self._marks.pop(name, None)
        self._tries.pop(name, None)
        self._persons.discard(name)

    def clear(self, name: str) -> bool:
        if name not in self._marks or name in self._persons or self._backend.hands_off():
            return True
        window = self._backend.open_window(name)
        try:
            return self._clear(name, window)
        except PermanentFailure:
            return True  # the window's own news say when it is there again
        except (TransientFailure, Cancelled):
            return False
        finally:
            window.restore_user_state()

    def _clear(self, name: str, window: DraftPort) -> bool:
        window.find()
        if self._backend.inspector.is_composer_empty(name):
            return True
        if self._backend.inspector.is_busy(name) or not window.wait_until_still(STILL_S, within_s=WAIT_S):
            return False
        is_untouched = self._tries.get(name, 0) < TRIES and window.is_untouched()
        if not is_untouched and not window.matches_draft(tuple(self._marks[name])):
            window.find()  # the text was this window's, and not of something over it
            self._persons.add(name)
            log.info("draft_is_not_ours", window=name)
            return True
        cleared = window.clear(if_untouched=is_untouched)
        if is_untouched and cleared is not ClearResult.SEEN:
            self._tries[name] = self._tries.get(name, 0) + 1
        log.info("own_draft_cleared", window=name, seen=cleared, by="untouched" if is_untouched else "marks")
        return cleared is ClearResult.SEEN


USABLE_APART_S = 2.0  # between two looks at one window, however much is drawn in it
LASTS_S = 1.0
PASSES_S = 5.0
TYPING_S = 30.0
_LASTS_S = {
    Reason.COVERED: PASSES_S,
    Reason.MOVED: PASSES_S,
    Reason.HIDDEN: PASSES_S,
    Reason.NOT_TOLD: PASSES_S,
    Reason.NOT_READABLE: PASSES_S,
    Reason.PANE_NOT_READABLE: PASSES_S,
    Reason.SCROLLED: TYPING_S,  # its program may be at work
    Reason.COMPOSER_NOT_EMPTY: TYPING_S,  # a user may be writing there
}
"""How long a reason lasts before Octet reports it; a reason that does not pass is reported after a second."""


class UsabilityTracker:
    """All windows of one desk; belongs to the worker's thread."""

    def __init__(self, tell: Callable[[WindowStatus], None], *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._now_s = now_s
        self._seen: dict[str, tuple[Reason | None, float]] = {}  # by window: the last code, and since when
        self._reported: dict[str, tuple[Reason | None, str]] = {}  # by window; with what covers it
        self._looked_s: dict[str, float] = {}
        self._due_s: dict[str, float] = {}

    def mark_changed(self, names: Iterable[str]) -> None:
        """Note that something happened in these windows: Octet looks at them soon, not too often."""
        for name in names:
            due_s = max(self._now_s() + LASTS_S, self._looked_s.get(name, 0.0) + USABLE_APART_S)
            self._due_s[name] = min(due_s, self._due_s.get(name, due_s))

    def due_in_s(self) -> float | None:
        return max(0.0, min(self._due_s.values()) - self._now_s()) if self._due_s else None

    def look(self, status: Callable[[str], WindowStatus]) -> None:
        """Look at one of the windows that are due: a delivery need not wait for the others."""
        name = next((name for name, due_s in self._due_s.items() if due_s <= self._now_s()), None)
        if name is not None:
            self.note_status(status(name))

    def note_status(self, status: WindowStatus) -> None:
        """Take one look, and report it if it is news that has lasted. The first look at a window is always news."""
        name, code, now_s = status.name, status.reason, self._now_s()
        if self._seen.get(name, ("", 0.0))[0] != code:
            self._seen[name] = (code, now_s)
        self._looked_s[name] = now_s
        self._due_s.pop(name, None)
        news = code, status.note if code is Reason.COVERED else ""
        if self._reported.get(name) == news:
            return
        due_s = self._seen[name][1] + (_LASTS_S.get(code, LASTS_S) if code else 0.0)
        if now_s >= due_s:
            self._reported[name] = news
            self._tell(status)
        else:
            self._due_s[name] = due_s


REST_S = 1.0  # A window is not called usable again before this
LONGEST_REST_S = 30.0  # between two tries to clear a draft of ours; each try may click into the window


class RecoveringWindows:
    """Windows that recover; asks the inbox for a recheck to look again without news. Belongs to the worker's thread."""

    def __init__(self, backend: WorkerBackend, *, rest_s: float = REST_S) -> None:
        self._backend = backend
        self._inspector = backend.inspector
        self._tidy = backend.drafts
        self._inbox = inbox = backend.inbox
        self._rest_s = rest_s
        self.usability = UsabilityTracker(lambda status: inbox.outbox.send(WindowStatusChanged(status=status)))
        self._unusable: set[str] = set()
        self._refused_s: dict[str, float] = {}
        self._tries: dict[str, int] = {}

    def names(self) -> frozenset[str]:
        """Return the windows that Octet waits for."""
        return frozenset(self._unusable)

    def note_unusable(self, names: Iterable[str]) -> None:
        self._unusable.update(names)

    def wait_for_all(self) -> None:
        """Count no window as usable before Octet looked at it."""
        self._unusable.update(self._inspector.names())

    def clear_leftovers(self) -> None:
        for name in self._tidy.names():
            self._clear_leftover(name)

    def tell_others(self) -> None:
        """Report all others as usable: an earlier worker may have left something waiting for them."""
        for name in self._inspector.names():
            if name not in self._unusable:
                self._usable(name)

    def look_when_due(self) -> None:
        """Look at the windows that Octet waits for, clear its drafts there, and report those that can be used."""
        for name in sorted(self._unusable):
            if time.monotonic() - self._refused_s.get(name, -math.inf) < self._rest_s:
                continue
            if not self._inspector.is_ready(name):
                self._clear_leftover(name)
            if self._inspector.is_ready(name):
                self._unusable.discard(name)
                self._usable(name)

    def ended(self, name: str, *, was_used: bool) -> bool:
        """Note that an order ended; return whether Octet waits for the window, also after a bounce."""
        if was_used and name not in self._tidy.names():
            self._unusable.discard(name)
            return False
        self._unusable.add(name)
        self._refused_s[name] = time.monotonic()
        self._inbox.recheck_in(self._rest_s + 0.05)
        return True

    def _clear_leftover(self, name: str) -> None:
        try:
            is_over = self._tidy.clear(name)
        except self._backend.ends:
            raise
        except Exception:  # the outer edge of one try: one window must not end the worker of all
            log.exception("draft_clearing_failed", window=name)
            self._backend.release_keys()
            is_over = False
        if is_over:
            self._tries.pop(name, None)
            return
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        rest_s = min(REST_S * 2**tries, LONGEST_REST_S)
        self._refused_s[name] = time.monotonic() + rest_s - self._rest_s
        self._inbox.recheck_in(rest_s + 0.05)

    def _usable(self, name: str) -> None:
        """Report a window that was seen empty: core then forgets that a draft of ours may be there."""
        self._tidy.forget(name)
        self._tries.pop(name, None)
        self._inbox.outbox.send(WindowUsable(window=name))


class PollingWatcher(ABC):
    """Looks at all windows every `every_s`, where the platform reports no changes. Belongs to the worker's thread."""

    every_s = REST_S
    _due_s = 0.0
    _waiting: RecoveringWindows

    def begin(self) -> None:
        self._waiting.wait_for_all()

    def report_usable(self) -> None:
        self.look_when_due()

    def recheck_soon(self) -> None:
        self.look_when_due()

    def due_in_s(self) -> float | None:
        return max(0.0, self._due_s - time.monotonic())

    def look_when_due(self) -> None:
        self._due_s = time.monotonic() + self.every_s
        self._look_at_all()

    def ended(self, name: str, *, was_used: bool) -> None:
        self._waiting.ended(name, was_used=was_used)

    @abstractmethod
    def _look_at_all(self) -> None: ...
