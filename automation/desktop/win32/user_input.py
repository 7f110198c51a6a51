"""Whose input it is: a separate thread hears every key before any window does, and Windows says whether a program made
it. The mouse is known by Windows' time of the last input, and by the pointer's place."""

from __future__ import annotations

import ctypes
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from automation.desktop.gui import keys_of
from automation.desktop.win32 import api
from automation.desktop.win32.api import C
from automation.desktop.win32.windows import Desktop
from automation.desktop.worker.user_presence import UserInput, is_corner
from core.desks.model import InputSource, ScreenCorner, UserActivityPolicy

log = structlog.get_logger(__name__)
LOOK_S = 0.1
MARGIN_S = 0.06  # Windows counts its times in steps of up to 16 ms, and a click of ours is one call
_SIDES = {0xA0: 0x10, 0xA1: 0x10, 0xA2: 0x11, 0xA3: 0x11, 0xA4: 0x12, 0xA5: 0x12, 0x5C: 0x5B, 0x03: 0x13}
_NAMES = {
    "backspace": 0x08,
    "tab": 0x09,
    "enter": 0x0D,
    "shift": 0x10,
    "ctrl": 0x11,
    "alt": 0x12,
    "pause": 0x13,
    "esc": 0x1B,
    "insert": 0x2D,
    "delete": 0x2E,
    "win": 0x5B,
    **{
        name: 0x20 + number
        for number, name in enumerate(("space", "pageup", "pagedown", "end", "home", "left", "up", "right", "down"))
    },
    **{f"f{number}": 0x6F + number for number in range(1, 25)},
}
"""The virtual key code of each key of a chord."""


class WindowsUserInput(UserInput):
    """What users do at this machine. A separate thread hears it, others ask."""

    def __init__(
        self,
        desktop: Desktop,
        *,
        ours: int,
        is_ours: Callable[[float], bool],
        user_activity: UserActivityPolicy,
        stopped: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`ours` marks our own input; `is_ours` tells of a moment whether Octet acted then. `user_activity` says what
        counts as the user's. `stopped` is called in this object's thread."""
        super().__init__()
        self._desktop = desktop
        self._ours = ours
        self._is_ours = is_ours
        self._corner = user_activity.kill_switch_corner
        self._counts_injected = user_activity.input_source is InputSource.OTHERS
        self._stopped = stopped
        self._chords = [(chord, _codes(chord)) for chord in user_activity.kill_switch_keys]
        self._down: set[int] = set()
        self._was_in_corner = False
        self._keys_s = -math.inf
        self.sees = True  # If not, all input counts but that around our own acts
        self._thread = 0
        self._begun = threading.Event()
        self._closing = threading.Event()
        threading.Thread(target=self._listen, name="people", daemon=True).start()
        self._begun.wait(LOOK_S * 20)
        threading.Thread(target=self._watch, name="mouse", daemon=True).start()

    def idle_s(self) -> float:
        self._look_at_idle()
        return super().idle_s()

    def typed_since(self, moment_s: float) -> bool:
        """Return whether a user pressed, typed or moved anything since that moment of time.monotonic()."""
        self._look_at_idle()
        return self._last_s > moment_s

    def close(self) -> None:
        self._closing.set()
        if self._thread:
            api.windows().PostThreadMessageW(self._thread, C.WM_QUIT, 0, 0)
        self.news.set()

    def note_key(self, key: int, *, is_down: bool, is_injected: bool, word: int) -> None:
        """Note that a key went down or up. `word` is the mark that its sender gave it."""
        self._keys_s = time.monotonic()
        if word == self._ours or (is_injected and not self._counts_injected):
            return
        code = _SIDES.get(key, key)
        if is_down:
            self._down.add(code)
            if not is_injected:
                for chord, (held, last) in self._chords:
                    if code == last and held <= self._down:
                        self._stopped(f"the keys {chord}")
        else:
            self._down.discard(code)
        self.note_activity()

    def _look_at_idle(self) -> None:
        """Look for mouse or pen input: input that was not a key and not ours."""
        at_s = time.monotonic() - self._desktop.idle_s()
        if at_s <= self._last_s or self._is_ours(at_s):
            return
        if self.sees and abs(at_s - self._keys_s) < MARGIN_S:
            return  # it was a key, whose source is known
        self.note_activity(at_s)

    def _watch(self) -> None:
        while not self._closing.wait(LOOK_S):
            self._look_at_idle()
            if self._corner is not ScreenCorner.NONE:
                self._look_at_corner()

    def _look_at_corner(self) -> None:
        x, y = self._desktop.pointer()
        is_in = any(
            is_corner(self._corner, x - one.x, y - one.y, one.width, one.height)
            for one in self._desktop.monitors()
            if one.holds(x, y)
        )
        if is_in and not self._was_in_corner:
            self._stopped("the pointer in the corner")
        self._was_in_corner = is_in

    def _listen(self) -> None:
        calls = api.windows()
        self._thread = int(calls.GetCurrentThreadId())
        hook: Any = None

        def key(code: int, message: int, where: int) -> int:
            if code == 0:
                try:
                    event = api.KBDLLHOOKSTRUCT.from_address(where)
                    self.note_key(
                        event.vkCode,
                        is_down=message in {C.WM_KEYDOWN, C.WM_SYSKEYDOWN},
                        is_injected=bool(event.flags & C.LLKHF_INJECTED),
                        word=event.dwExtraInfo,
                    )
                except Exception:  # nothing may be raised into Windows
                    log.exception("key_event_failed")
            return int(calls.CallNextHookEx(hook, code, message, where))

        procedure = api.HOOKPROC(key)  # kept: Windows calls it until it is taken away
        hook = calls.SetWindowsHookExW(C.WH_KEYBOARD_LL, procedure, calls.GetModuleHandleW(None), 0)
        self.sees = bool(hook)
        self._begun.set()
        if not hook:
            return
        message = api.MSG()
        while calls.GetMessageW(ctypes.addressof(message), None, 0, 0) > 0:
            calls.DispatchMessageW(ctypes.addressof(message))
        calls.UnhookWindowsHookEx(hook)


def _codes(chord: str) -> tuple[frozenset[int], int]:
    codes = [_NAMES.get(key) or (ord(key.upper()) if len(key) == 1 else 0) for key in keys_of(chord)]
    return frozenset(codes[:-1]), codes[-1]
