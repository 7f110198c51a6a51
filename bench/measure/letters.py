"""Which letters of a user's reach agents' windows, and when a hold ends, by the display server's own clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from automation.desktop.x11.watchdog import NOTE

ALLOWED_MS = 50.0
"""After a kill, so long a letter may still reach an agent's composer."""
_LETTERS = range(0x21, 0x7F)
_CHORDS = X.ControlMask | X.Mod1Mask | X.Mod4Mask


@dataclass(slots=True, kw_only=True)
class Letters:
    """Hears the keys that agents' windows are given, beside their programs, which miss none by that."""

    display: Display
    """A connection that nothing else reads."""
    letters_ms: list[float] = field(default_factory=list[float])
    """When each letter that an agent's window was given was typed."""
    kills_ms: list[float] = field(default_factory=list[float])
    workers_ms: list[float] = field(default_factory=list[float])
    """Those of them that killed a worker. One that lives ends its hold itself, and the devices until then."""
    _holds: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])
    """When a hold began to take a user's focus (True), and when that was given back."""
    _ahead_ms: float = 0.0
    """How far the server's clock is ahead of this process's."""

    def listen(self, windows: Sequence[int]) -> None:
        """Hear these windows, with all that is in them, from now on. Only where the program itself listens: elsewhere
        the server would hand the keys to us instead of to the window around."""
        self._ahead_ms = self._server_ms() - time.monotonic() * 1000
        self.display.screen().root.change_attributes(event_mask=X.PropertyChangeMask)
        for window in windows:
            self._listen(self.display.create_resource_object("window", window))
        self.display.sync()

    def killed(self, at_ns: int, *, is_worker: bool) -> None:
        """Note that a kill happened at this date of the machine."""
        self.kills_ms.append(time.monotonic() * 1000 - (time.time_ns() - at_ns) / 1e6)
        self.workers_ms += self.kills_ms[-1:] * is_worker

    def read(self) -> None:
        """Take in what has happened."""
        self.display.sync()
        note = self.display.intern_atom(NOTE)
        while self.display.pending_events():
            happened = self.display.next_event()
            if isinstance(happened, event.KeyPress):
                symbol = self.display.keycode_to_keysym(int(happened.detail), 0)
                if symbol in _LETTERS and not int(happened.state) & _CHORDS:
                    self.letters_ms.append(int(happened.time) - self._ahead_ms)
            elif isinstance(happened, event.PropertyNotify) and int(happened.atom) == note:
                is_taken = happened.state == X.PropertyNewValue
                self._holds.append((int(happened.time) - self._ahead_ms, is_taken))

    def after_kills_ms(self) -> list[float]:
        """How long after the last kill before it each letter in an agent's window was typed; a letter before all kills
        came infinitely late."""
        ages = ([at - kill for kill in self.kills_ms if kill <= at] for at in self.letters_ms)
        return sorted(min(age, default=float("inf")) for age in ages)

    def late(self) -> list[float]:
        """Those of them that no agent's window may have."""
        return [age for age in self.after_kills_ms() if age > ALLOWED_MS]

    def restored_ms(self) -> list[float]:
        """How long after each kill of a worker in a hold the user's focus was given back."""
        found: list[float] = []
        for kill in self.workers_ms:
            before = list(takewhile(lambda one, kill=kill: one[0] < kill, self._holds))
            ends = [at for at, is_taken in self._holds[len(before) :] if not is_taken]
            if before and before[-1][1] and ends:
                found.append(ends[0] - kill)
        return sorted(found)

    def _listen(self, window: Window) -> None:
        if window.get_attributes().all_event_masks & X.KeyPressMask:
            window.change_attributes(event_mask=X.KeyPressMask)
        for child in window.query_tree().children:
            self._listen(child)

    def _server_ms(self) -> int:
        """Return the server's time now: that of the event for an empty change of a property."""
        mark = self.display.intern_atom("LETTERS_TIME")
        window = self.display.screen().root.create_window(
            0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask
        )
        window.change_property(mark, Xatom.STRING, 8, b"", X.PropModeAppend)
        while not isinstance(happened := self.display.next_event(), event.PropertyNotify):
            pass
        window.destroy()
        return int(happened.time)
