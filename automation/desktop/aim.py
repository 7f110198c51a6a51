"""The target of one delivery: that it is the window, that it has the focus, and that keys and clicks reach only it."""

from __future__ import annotations

import time
from collections.abc import Callable

from automation.desktop.clicks import Clicks
from automation.desktop.eyes import Eyes
from automation.desktop.hands import Fingers, do_nothing
from automation.desktop.x11.windows import Seen, Windows
from automation.protocol.ports import Bounced, Pace, Refused
from core.deliveries.model import Reason
from core.desks.model import Box, Profile

FOCUS_S = 0.4
"""The longest wait for the window manager to give a clicked window the focus."""
RELEASE_S = 0.05
"""How long a key or button may be down before it counts as held by somebody."""


class Aim:
    """One window as the place that keys and clicks go to. Remembers whose focus and pointer it took."""

    def __init__(self, *, name: str, eyes: Eyes, fingers: Fingers, clicks: Clicks, pace: Pace) -> None:
        self.name = name
        self.eyes = eyes
        self.pace = pace
        self._fingers = fingers
        self._clicks = clicks
        self._seen: Seen | None = None
        self._pointer_was: tuple[int, int] | None = None
        self._active_was = 0

    @property
    def profile(self) -> Profile:
        """How the window is driven."""
        return self.eyes.profile(self.name)

    @property
    def windows(self) -> Windows:
        """All windows of the display."""
        return self.eyes.windows

    @property
    def client(self) -> int:
        """The X client of the target."""
        return self.windows.client_of(self.target().id)

    def take(self, seen: Seen) -> None:
        """From now on this very window is the target."""
        self._seen = seen

    def target(self) -> Seen:
        """The window; looked for at its place if nothing was taken yet."""
        if self._seen is None:
            self._seen = self.eyes.place(self.name)
        return self._seen

    def click_into(self, part: Box) -> None:
        """Click into a part of the window, if the window is what lies there, and wait until it has the focus."""
        seen = self.target()
        if self._pointer_was is None:
            self._pointer_was, self._active_was = self._fingers.pointer(), self.windows.active()
        point = self._clicks.choose(self._points(part))
        if seen.id not in self.windows.chain_at(*point):
            raise Bounced(Reason.COVERED, "another window lies where the click would go")
        self.pace.check()
        self._click(point)
        if not self.until(self.has_focus, FOCUS_S):
            raise Bounced(Reason.FOCUS_TAKEN, "the window did not get the focus")

    def has_focus(self) -> bool:
        """The active window and the one that gets the keys are the target."""
        target = self.target().id
        return self.windows.active() == target and self.windows.focused_client() == self.windows.client_of(target)

    def hands_free(self) -> None:
        """Nobody holds a key or button; our own click may still wait for the window manager to let it through."""
        if not self.until(lambda: not self.windows.is_anything_down(), RELEASE_S):
            raise Bounced(Reason.KEYS_DOWN)

    def guard(self) -> None:
        """See that a key pressed now goes into the target, at its place, and that nobody else holds a key."""
        if self.eyes.place(self.name).id != self.target().id:
            raise Refused(Reason.CLOSED, "another window stands in its place")
        if not self.has_focus():
            raise Bounced(Reason.FOCUS_TAKEN, "another window has the focus")
        self.hands_free()

    def press(self, chord: str, *, while_down: Callable[[], None] = do_nothing) -> None:
        """Press a chord, unless somebody asked to stop. Whoever calls has guarded."""
        self.pace.check()
        self._fingers.press(chord, while_down=while_down)

    def press_unseen(self, chord: str) -> None:
        """Press a chord that clears our own draft: a cover does not hinder it, and a stop is no reason to leave it."""
        if self.eyes.identify(self.name).id != self.target().id or not self.has_focus():
            raise Bounced(Reason.FOCUS_TAKEN)
        self._fingers.press(chord)

    def regain_focus(self) -> None:
        """Have the focus again, for our draft's sake: by a click, or by the window manager where none is possible."""
        if self.has_focus():
            return
        try:
            self.eyes.place(self.name)
            self._click(self._clicks.choose(self._points(self.profile.composer.box)))
        except Bounced:
            self.windows.activate(self.target().id)
        if not self.until(self.has_focus, FOCUS_S):
            raise Bounced(Reason.FOCUS_TAKEN)

    def give_back(self) -> None:
        """Pointer and focus go back, unless somebody moved them meanwhile."""
        if self._pointer_was is not None and self._fingers.pointer() == self._fingers.placed:
            self._fingers.move(*self._pointer_was)
        mine = self._seen.id if self._seen is not None else 0
        if self._active_was and mine not in {0, self._active_was} and self.windows.active() == mine:
            self.windows.activate(self._active_was)
        self._pointer_was = None

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it holds within that time; looked at again and again."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= end:
                return False
            self.wait(0.003)
        return True

    def wait(self, seconds: float) -> None:
        """Let that much time pass, whoever asks to stop."""
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two questions to the display server

    def _click(self, point: tuple[int, int]) -> None:
        self._fingers.click(*point)
        self._clicks.made(point)

    def _points(self, part: Box) -> list[tuple[int, int]]:
        """Places in a part of the window that may be clicked, far enough from each other."""
        box = self.eyes.box(self.name, part)
        row = box.y + box.height // 2
        return [(box.x + box.width * share // 4, row) for share in (2, 1, 3)]
