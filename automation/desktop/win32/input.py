"""Pointer and keys on Windows. A chord, or a click, is one call of SendInput: Windows queues its parts with nothing
between them, so no other input comes into it, and a killed worker leaves no key down.

PyAutoGUI knows the keys and restores the pointer; it would press each key in a separate call."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from automation.desktop.gui import UnknownKey, import_gui, keys_of
from automation.desktop.target.own_input import OwnInputLog
from automation.desktop.win32 import api
from automation.desktop.win32.api import C
from automation.desktop.win32.windows import Desktop
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason

OURS = 0x0C7E7  # what our own input bears: the presence thread knows it by this
EXTENDED = frozenset({*range(C.VK_PRIOR, C.VK_DOWN + 1), C.VK_INSERT, C.VK_DELETE, C.VK_LWIN, C.VK_RWIN})
"""Keys that a keyboard has twice; without this flag the ones of the number block are meant."""
MARGIN_S = 0.06  # Windows counts its times in steps of up to 16 ms
ECHO_S = 0.5  # so long after an act Windows may still report a moved pointer
_SHIFTS = ((1, "shift"), (2, "ctrl"), (4, "alt"))  # what Windows says is held to type a sign, by bits


class WindowsInput:
    """Belongs to one thread. What cannot be pressed raises TransientFailure, and then nothing was pressed."""

    def __init__(self, desktop: Desktop) -> None:
        self._gui: Any = import_gui()
        self._codes: dict[str, int] = self._gui.platformModule.keyboardMapping
        self._api = api.windows()
        self._desktop = desktop
        self.acts = OwnInputLog()
        self.acted_s = -math.inf  # when Octet began to press, click or move last
        self.placed: tuple[int, int] | None = None

    def check(self, chords: Iterable[str]) -> None:
        """Raise UnknownKey unless each key of each chord can be pressed."""
        for chord in chords:
            self._keys(chord)

    def prepared(self, chord: str) -> Callable[[], None]:
        """Prepare what presses and releases this chord, so that nothing comes between. Raises UnknownKey."""
        keys = self._keys(chord)
        down = [self._key(code, 0) for code in keys]
        up = [self._key(code, C.KEYEVENTF_KEYUP) for code in reversed(keys)]
        return partial(self._send, (api.INPUT * (2 * len(keys)))(*down, *up))

    def click(self, x: int, y: int) -> None:
        """Move the pointer to a place of the screen and click the left button there, all in one call."""
        place = self._place(x, y)
        parts = (C.MOUSEEVENTF_MOVE, C.MOUSEEVENTF_LEFTDOWN, C.MOUSEEVENTF_LEFTUP)
        where = C.MOUSEEVENTF_ABSOLUTE | C.MOUSEEVENTF_VIRTUALDESK
        self._send((api.INPUT * len(parts))(*(self._mouse(place, part | where) for part in parts)))
        self.placed = self._desktop.pointer()

    def send_empty_input(self) -> None:
        """Send an input that does nothing: Windows permits the last program with input to choose the foreground."""
        self._send((api.INPUT * 1)(api.INPUT(type=C.INPUT_MOUSE, mi=api.MOUSEINPUT(dwExtraInfo=OURS))))

    def move(self, x: int, y: int) -> None:
        self.acted_s = time.monotonic()
        with self.acts.one():
            self._gui.moveTo(x, y, _pause=False)
        self.placed = self._desktop.pointer()

    def pointer(self) -> tuple[int, int]:
        return self._desktop.pointer()

    def is_ours(self, at_s: float) -> bool:
        """Return whether input of that moment was ours, also if Windows reports a pointer late. For any thread."""
        if any(self.acts.is_ours(at_s + late_s) for late_s in (0.0, MARGIN_S, -MARGIN_S)):
            return True
        acted_s = self.acted_s
        return acted_s <= at_s <= acted_s + ECHO_S and self.placed == self._desktop.pointer()

    def _keys(self, chord: str) -> list[int]:
        names = keys_of(chord)
        codes: list[int] = []
        for key in names:
            found = self._code(key)
            if found < 0:
                raise UnknownKey(chord=chord, key=key)
            for bit, held in _SHIFTS:
                if (found >> 8) & bit and held not in names:
                    codes.append(self._codes[held] & 0xFF)
            codes.append(found & 0xFF)
        return codes

    def _code(self, key: str) -> int:
        if len(key) == 1 and key.isascii() and key.isalnum():
            return ord(key.upper())  # the same on every layout, also on those that type other letters by it
        return self._codes.get(key, -1)

    def _key(self, code: int, flags: int) -> api.INPUT:
        extended = C.KEYEVENTF_EXTENDEDKEY if code in EXTENDED else 0
        key = api.KEYBDINPUT(
            wVk=code,
            wScan=self._api.MapVirtualKeyW(code, C.MAPVK_VK_TO_VSC),
            dwFlags=flags | extended,
            dwExtraInfo=OURS,
        )
        one = api.INPUT(type=C.INPUT_KEYBOARD)
        one.ki = key
        return one

    def _mouse(self, place: tuple[int, int], flags: int) -> api.INPUT:
        one = api.INPUT(type=C.INPUT_MOUSE)
        one.mi = api.MOUSEINPUT(dx=place[0], dy=place[1], dwFlags=flags, dwExtraInfo=OURS)
        return one

    def _place(self, x: int, y: int) -> tuple[int, int]:
        """Return a point as Windows counts it over all monitors, 0 to 65535: the middle of its pixel."""
        screen = self._desktop.screen()
        return _share(x - screen.x, screen.width), _share(y - screen.y, screen.height)

    def _send(self, many: ctypes.Array[api.INPUT]) -> None:
        self.acted_s = time.monotonic()
        with self.acts.one():
            sent = self._api.SendInput(len(many), ctypes.addressof(many), ctypes.sizeof(api.INPUT))
        if not sent:
            raise TransientFailure(Reason.LOCKED, "Windows refuses input: locked, or a window with more rights")


def _share(offset: int, size: int) -> int:
    return (offset * 65_536 + 32_768) // size if size > 1 else 0
