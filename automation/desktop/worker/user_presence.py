"""Whether a delivery may begin as far as the user is concerned: no user types, no quiet hour, no locked screen."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from core.deliveries.model import Reason
from core.desks.model import ScreenCorner, UserActivityPolicy
from core.kit.clock import Clock, as_datetime

LONGEST_S = 20.0  # between two looks at the clock on the wall
EDGE_PX = 2  # so near to a corner the pointer counts as in it


def is_corner(corner: ScreenCorner, x: int, y: int, width: int, height: int) -> bool:
    """Return whether a point of a screen of this size lies in the corner that stops a desk."""
    left, right = x <= EDGE_PX, x >= width - 1 - EDGE_PX
    top, bottom = y <= EDGE_PX, y >= height - 1 - EDGE_PX
    sides = {
        ScreenCorner.TOP_LEFT: (left, top),
        ScreenCorner.TOP_RIGHT: (right, top),
        ScreenCorner.BOTTOM_LEFT: (left, bottom),
        ScreenCorner.BOTTOM_RIGHT: (right, bottom),
    }
    return all(sides[corner]) if corner in sides else False


class UserInput:
    """What users do at a display. This class hears nothing: only quiet hours hold."""

    def __init__(self) -> None:
        self.news = threading.Event()  # set at each input of a user
        self._last_s = -math.inf

    def idle_s(self) -> float:
        """Return how long no user has pressed, typed or moved anything; infinite when no input was seen yet."""
        return time.monotonic() - self._last_s

    def note_activity(self, at_s: float | None = None) -> None:
        """Note that a user did something, just now if no moment is given."""
        self._last_s = time.monotonic() if at_s is None else at_s
        self.news.set()


class UserActivityGate:
    """The worker's thread asks it before each delivery; a separate thread reports each change."""

    def __init__(
        self,
        user_activity: UserActivityPolicy,
        *,
        people: UserInput,
        clock: Clock,
        tell: Callable[[Reason | None], None],
    ) -> None:
        """`tell` hears why no delivery may begin from now on; None when one may again."""
        self._user_activity = user_activity
        self._people = people
        self._clock = clock
        self._tell = tell
        self._reported: Reason | None = None
        self._closing = False
        if user_activity.idle_s or user_activity.quiet_hours:
            threading.Thread(target=self._watch, name="gate", daemon=True).start()

    def why_not(self) -> Reason | None:
        """Return why no delivery may begin now."""
        if self._is_quiet():
            return Reason.QUIET_HOURS
        if self._people.idle_s() < self._user_activity.idle_s:
            return Reason.PERSON_TYPING
        return None

    def close(self) -> None:
        self._closing = True
        self._people.news.set()

    def _is_quiet(self) -> bool:
        if not self._user_activity.quiet_hours:
            return False
        now = as_datetime(self._clock.now_ms()).astimezone()
        return any(quiet.holds(now.weekday(), now.hour * 60 + now.minute) for quiet in self._user_activity.quiet_hours)

    def _watch(self) -> None:
        pause = threading.Event()
        while not self._closing:
            self._people.news.clear()
            why = self.why_not()
            if why is not self._reported:
                self._reported = why
                self._tell(why)
            limit_s = LONGEST_S if self._user_activity.quiet_hours else math.inf
            if why is Reason.PERSON_TYPING:
                left_s = self._user_activity.idle_s - self._people.idle_s()
                pause.wait(min(max(left_s, 0.01), limit_s))
            else:
                self._people.news.wait(None if math.isinf(limit_s) else limit_s)


LOCKED_AFTER_S = 10.0  # menus and a window being dragged take all keys too, but mostly for a shorter while


class ScreenLockWatch:
    """Belongs to the worker's thread, which reports what it sees: about once a second while the keys are taken."""

    def __init__(self, tell: Callable[[bool], None], *, now_s: Callable[[], float] = time.monotonic) -> None:
        """`tell` hears at first whether it is locked, and then each change."""
        self._tell = tell
        self._now_s = now_s
        self._reported: bool | None = None
        self._since_s: float | None = None

    @property
    def is_known_locked(self) -> bool:
        return self._reported is True

    def note_keyboard(self, *, is_taken: bool) -> None:
        """Note whether something takes all keys now."""
        if not is_taken:
            self._since_s = None
            self._say(is_locked=False)
            return
        if self._since_s is None:
            self._since_s = self._now_s()
        if self._now_s() - self._since_s >= LOCKED_AFTER_S:
            self._say(is_locked=True)

    def _say(self, *, is_locked: bool) -> None:
        if self._reported is not is_locked:
            self._reported = is_locked
            self._tell(is_locked)
