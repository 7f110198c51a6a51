"""What an agent's window or pane shows of its agent over time: idle, busy, a question, an error, a limit."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

from core.profiles.model import Activity
from core.reasons import Diagnostic

DIALOG_S = 0.3  # a dialog must be unchanged for so long before users hear of it: it may be half drawn
RESTLESS_S = 10.0  # a window without a sign that never settles counts as unknown after this
ALIVE_S = 60.0  # between two reports of a window at work
UNSEEN_S = 2.0
"""Octet ignores what covers a window, or a program's silence, for less than this."""
DIALOGS = {
    Activity.NEEDS_INPUT: "it waits for an answer",
    Activity.ERROR: "it shows an error",
    Activity.LIMITED: "it shows that a limit is reached",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityReading:
    """What a window shows, and by what Octet knows it."""

    activity: Activity
    note: Diagnostic = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look gave."""

    why_not: str = ""  # why nothing was seen
    dialog: int | None = None
    shows: Activity = Activity.UNKNOWN  # what that dialog means
    is_busy: bool = False
    unheard: str = ""  # why its program does not report what its profile listens for
    has_busy_sign: bool = True  # its profile describes it at work
    odd: str = ""  # why it does not count as idle although no sign says that it is at work
    rest_s: float = 0.0  # nothing may change for so long before it is idle
    picture: object = None  # compared to see whether anything changes

    @property
    def kind(self) -> str | int:
        """What must stay the same for a reading to become certain."""
        if self.why_not:
            return "unseen"
        if self.dialog is not None:
            return self.dialog
        return "busy" if self.is_busy else "unheard" if self.unheard else ""


class ActivityClassifier:
    """Classifies what one window shows, by one look after the other. Pure: the clock comes in with each look. A busy
    sign means busy at once. Without it the window is idle only when nothing changes any more: agents pause for seconds
    while they work, and their signs flicker between two steps. What no sign explains is unknown, never idle."""

    def __init__(self, is_same: Callable[[object, object], bool] = operator.eq) -> None:
        """`is_same` compares the pictures of two looks."""
        self._is_same = is_same
        self._sight: Sight = Sight(why_not="Octet has not looked yet")
        self._is_new: bool = True
        self._kind_s = self._still_s = float("-inf")
        self._picture: object = None
        self._work: object = None
        self._work_s = 0.0

    def note_sight(self, sight: Sight, now_s: float) -> None:
        if self._is_new or sight.kind != self._sight.kind:
            self._kind_s, self._still_s, self._picture = now_s, now_s, sight.picture
        elif sight.kind != "busy" and not self._is_same(sight.picture, self._picture):
            self._still_s, self._picture = now_s, sight.picture
        self._is_new, self._sight = False, sight

    def reading(self, now_s: float) -> ActivityReading | None:
        """Return what it shows; None while that is not certain."""
        lasted_s, still_s, sight = now_s - self._kind_s, now_s - self._still_s, self._sight
        if sight.why_not:
            return _unknown(sight.why_not) if lasted_s >= UNSEEN_S else None
        if sight.dialog is not None:
            if still_s < DIALOG_S and not self.is_restless(now_s):
                return None
            return ActivityReading(activity=sight.shows, note=DIALOGS[sight.shows])
        if sight.is_busy:
            return ActivityReading(activity=Activity.BUSY, note="its agent is at work")
        if sight.unheard:
            silent = _unknown(f"its program does not report what it shows: {sight.unheard}")
            return silent if lasted_s >= UNSEEN_S else None
        if not sight.has_busy_sign:
            return _unknown("its profile does not say how it looks while it is at work")
        if still_s < sight.rest_s:
            restless = _unknown("it shows no sign, and keeps changing")
            return restless if lasted_s >= RESTLESS_S else None
        return _unknown(sight.odd) if sight.odd else ActivityReading(activity=Activity.IDLE)

    def certain_in_s(self, now_s: float) -> float | None:
        """Return in how many seconds it may be certain if nothing more is drawn; None when it is."""
        if self.reading(now_s) is not None:
            return None
        if self._sight.kind in {"unseen", "unheard"}:
            return self._kind_s + UNSEEN_S - now_s
        needed_s = DIALOG_S if self._sight.dialog is not None else self._sight.rest_s
        return max(0.0, self._still_s + needed_s - now_s)

    def has_progress(self, work: Callable[[], object] | None, now_s: float) -> bool:
        """Return whether the `work` that a window shows has changed, once in ALIVE_S; None: it is not at work."""
        if work is None:
            self._work = None
            return False
        if self._work is not None and now_s - self._work_s < ALIVE_S:
            return False
        before, self._work, self._work_s = self._work, work(), now_s
        return before is not None and not self._is_same(self._work, before)

    def is_restless(self, now_s: float) -> bool:
        """Return whether it shows the same thing for so long that Octet stops waiting until it settles."""
        return now_s - self._kind_s >= UNSEEN_S


def _unknown(note: str) -> ActivityReading:
    return ActivityReading(activity=Activity.UNKNOWN, note=note)
