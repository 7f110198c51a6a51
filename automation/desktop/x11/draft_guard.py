"""Whether the text in a window is still what Octet left there: no other input can have reached it since.

Keys go to the focus, clicks and drops to the pointer, and the server reports every press, of whichever device, in order
with focus and pointer changes: a user who pressed nothing there wrote nothing there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from Xlib import X
from Xlib.display import Display
from Xlib.error import ConnectionClosedError
from Xlib.ext import ge, xinput
from Xlib.protocol import rq

from automation.desktop.window_info import DisplayHeld
from automation.desktop.x11.connection import Replies, open_display
from automation.desktop.x11.input import InputRouting
from automation.desktop.x11.user_input import RAW_HEAD, happened_s, has_raw_events, injectors
from automation.desktop.x11.windows import X11Windows

_PRESSES = xinput.RawKeyPressMask | xinput.RawKeyReleaseMask | xinput.RawButtonPressMask
_COMINGS = X.FocusChangeMask | X.EnterWindowMask | X.LeaveWindowMask | X.StructureNotifyMask
_MOVES = frozenset({X.FocusIn, X.FocusOut, X.EnterNotify, X.LeaveNotify})


@dataclass(slots=True, kw_only=True)
class _Left:
    is_at_hand: bool = True  # we are at it ourselves: focus and pointer are there because of us
    is_pressed: bool = False  # a key or button that is not ours was pressed meanwhile, wherever it went
    has_focus: bool = False
    has_pointer: bool = False
    is_touched: bool = False  # such a press may have gone into it

    def pressed(self, *, is_button: bool) -> None:
        """Note a key or button that is not ours. A click beside the window may be one on its menu."""
        self.is_pressed = True
        if not self.is_at_hand and (self.has_focus or (is_button and self.has_pointer)):
            self.is_touched = True

    def note_left(self, *, has_focus: bool, has_pointer: bool) -> None:
        """Note that Octet is not at it any more. Earlier presses went there if focus or pointer is there."""
        self.is_at_hand, self.has_focus, self.has_pointer = False, has_focus, has_pointer
        self.is_touched = self.is_touched or (self.is_pressed and (has_focus or has_pointer))


class DraftGuard:
    """Belongs to the worker's thread; has a separate connection. Knows nothing of the time before it was made."""

    def __init__(self, display: str, *, is_ours: Callable[[float], bool]) -> None:
        """`is_ours` says whether we pressed something ourselves at that moment of time.monotonic()."""
        self._display: Display = open_display(display)
        self._replies = Replies(self._display)
        self._is_ours = is_ours
        self._root = self._display.screen().root
        self._reach = InputRouting(self._display)
        self._windows = X11Windows(self._display)
        self._sees = has_raw_events(self._display)
        self._injectors = injectors(self._display) if self._sees else frozenset[int]()
        self._left: dict[int, _Left] = {}
        self._is_listening = False

    def begin(self, window: int) -> None:
        """Count what comes into this window as ours, unless another presses something, until `leave_window`."""
        self._drain()
        self._left[window] = _Left()
        self._select(window, _COMINGS)
        self._listen()

    def leave_window(self, window: int) -> None:
        """Note that Octet is not at it any more: focus and pointer are the user's again."""
        left = self._left.get(window)
        if left is None or not left.is_at_hand:
            return
        try:
            self._settle()
            here = self._root.query_pointer()
            under = self._windows.chain_at(int(here.root_x), int(here.root_y))
            left.note_left(has_focus=self._reach.has_focus_within(window), has_pointer=window in under)
        except DisplayHeld:
            left.note_left(has_focus=True, has_pointer=True)  # unknown

    def is_untouched(self, window: int) -> bool:
        """Return whether no other input came since `begin`; False where that is not known. Raises DisplayHeld."""
        if not self._sees or window not in self._left:
            return False
        self._settle()
        left = self._left.get(window)
        return left is not None and not left.is_touched and not (left.is_at_hand and left.is_pressed)

    def forget(self, window: int) -> None:
        if self._left.pop(window, None) is not None:
            self._select(window, X.NoEventMask)
        self._listen()

    def close(self) -> None:
        with suppress(ConnectionClosedError):
            self._display.close()

    def _settle(self) -> None:
        self._display.sync()
        self._drain()

    def _listen(self) -> None:
        """Hear presses only as long as they matter: a user may type all day."""
        matters = any(not left.is_touched for left in self._left.values())
        if self._sees and matters != self._is_listening:
            self._is_listening = matters
            self._root.xinput_select_events([(xinput.AllDevices, _PRESSES if matters else 0)])
        self._display.flush()

    def _select(self, window: int, mask: int) -> None:
        self._display.create_resource_object("window", window).change_attributes(event_mask=mask)

    def _drain(self) -> None:
        while self._display.pending_events():
            self._take(self._display.next_event())
        if self._is_listening:
            self._listen()

    def _take(self, came: rq.Event) -> None:
        if came.type == ge.GenericEventCode and isinstance(came.data, bytes):
            if self._is_foreign(came.data):
                for left in self._left.values():
                    left.pressed(is_button=came.evtype == xinput.RawButtonPress)
        elif came.type == X.DestroyNotify:
            self._left.pop(came.window.id, None)
        elif came.type in _MOVES and (left := self._left.get(came.window.id)) is not None:
            self._moved(left, came)

    def _moved(self, left: _Left, came: rq.Event) -> None:
        if came.detail == X.NotifyInferior:
            return
        has_come = came.type in {X.FocusIn, X.EnterNotify}
        if not has_come and came.mode != X.NotifyNormal:
            return
        if came.type in {X.FocusIn, X.FocusOut}:
            left.has_focus = has_come
        else:
            left.has_pointer = has_come

    def _is_foreign(self, data: bytes) -> bool:
        """Return whether a press is not ours. Input that other programs inject is not ours: users come by x11vnc."""
        device, at_ms, _, source = RAW_HEAD.unpack_from(data)
        if device != source:
            return False  # each comes twice: from the device, and from the core device it belongs to
        return source not in self._injectors or not self._is_ours(happened_s(at_ms))
