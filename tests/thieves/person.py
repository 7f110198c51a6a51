"""A person at the keyboard: types on the physical device of the display, as the server sees it, not by its test device.

Run as a program: person.py LOG WORDS MILLISECONDS types the letters of WORDS again and again, each down and up again,
so many milliseconds for each, and writes each down into LOG before it is pressed. An upper-case letter is made with
Shift, held around it alone.
person.py LOG --keys MILLISECONDS NAME … does the same with named keys (Left, Shift_L, …).
Both end on SIGTERM, when no key is down.
person.py LOG --hold KEY|button SECONDS holds one key (Shift_L, a, …) or the left button of the mouse, then ends.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from Xlib import XK
from Xlib.display import Display
from Xlib.ext import xtest
from Xlib.protocol import rq

POINTER, KEYBOARD = 1, 0
"""What a device has: buttons, keys. (While somebody has grabbed it, it is attached to nothing.)"""
MASTERS = (1, 2)
KEY_DOWN, KEY_UP, BUTTON_DOWN, BUTTON_UP = 1, 2, 3, 4
"""Offsets from the first event of the input extension."""
STOP = threading.Event()


class FakeDeviceInput(rq.Request):
    """XTEST's FakeInput on a device of one's choice."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(2),
        rq.RequestLength(),
        rq.Card8("event_type"),
        rq.Card8("detail"),
        rq.Pad(2),
        rq.Card32("time"),
        rq.Pad(23),
        rq.Card8("device"),
    )


class Device:
    """One physical device of the display."""

    def __init__(self, display: Display, use: int) -> None:
        self._display: Any = display
        self._display.xinput_query_version()
        devices = self._display.xinput_query_device(0).devices
        slaves = [each for each in devices if each.use not in MASTERS and "XTEST" not in str(each.name)]
        self._id = next(each.deviceid for each in slaves if use in [part.type for part in each.classes])
        self._base = int(self._display.query_extension("XInputExtension").first_event)

    def send(self, what: int, detail: int) -> None:
        FakeDeviceInput(
            display=self._display.display,
            opcode=self._display.display.get_extension_major(xtest.extname),
            event_type=self._base + what,
            detail=detail,
            time=0,
            device=self._id,
        )
        self._display.sync()


def presses(display: Display, log: Path, names: list[str], milliseconds: float) -> None:
    keyboard = Device(display, KEYBOARD)
    with log.open("a", encoding="utf-8") as typed:
        while not STOP.is_set():
            for name in names:
                code = display.keysym_to_keycode(XK.string_to_keysym(name))
                typed.write(f"{name} ")
                typed.flush()
                for what in (KEY_DOWN, KEY_UP):
                    keyboard.send(what, code)
                    time.sleep(milliseconds / 2000)


def types(display: Display, log: Path, words: str, milliseconds: float) -> None:
    keyboard = Device(display, KEYBOARD)
    shift = display.keysym_to_keycode(XK.string_to_keysym("Shift_L"))
    with log.open("a", encoding="utf-8") as typed:
        while not STOP.is_set():
            for letter in words:
                if STOP.is_set():
                    return
                name = {" ": "space"}.get(letter, letter.lower())
                code = display.keysym_to_keycode(XK.string_to_keysym(name))
                typed.write(letter)
                typed.flush()
                if letter.isupper():
                    keyboard.send(KEY_DOWN, shift)
                keyboard.send(KEY_DOWN, code)
                time.sleep(milliseconds / 2000)
                keyboard.send(KEY_UP, code)
                if letter.isupper():
                    keyboard.send(KEY_UP, shift)
                time.sleep(milliseconds / 2000)


def holds(display: Display, log: Path, what: str, seconds: float) -> None:
    is_button = what == "button"
    device = Device(display, POINTER if is_button else KEYBOARD)
    detail = 1 if is_button else display.keysym_to_keycode(XK.string_to_keysym(what))
    device.send(BUTTON_DOWN if is_button else KEY_DOWN, detail)
    log.write_text("held\n", encoding="utf-8")
    time.sleep(seconds)
    device.send(BUTTON_UP if is_button else KEY_UP, detail)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    where = Path(sys.argv[1])
    if sys.argv[2] == "--hold":
        holds(Display(), where, sys.argv[3], float(sys.argv[4]))
    elif sys.argv[2] == "--keys":
        presses(Display(), where, sys.argv[4:], float(sys.argv[3]))
    else:
        types(Display(), where, sys.argv[2], float(sys.argv[3]))
