"""A person's own keyboard and mouse on a virtual display: events that come from its real devices, not from XTEST's."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_uint, c_ulong, c_void_p

from Xlib import XK
from Xlib.display import Display
from Xlib.ext import xinput


class Device:
    """One device of the display, whose keys and moves a test makes. Xlib's C library does it: python-xlib cannot."""

    def __init__(self, display: str, number: int) -> None:
        self._xlib, self._xtst, xi = (
            ctypes.CDLL("libX11.so.6"),
            ctypes.CDLL("libXtst.so.6"),
            ctypes.CDLL("libXi.so.6"),
        )
        self._xlib.XOpenDisplay.restype, self._xlib.XOpenDisplay.argtypes = c_void_p, [c_char_p]
        self._xlib.XSync.argtypes = [c_void_p, c_int]
        self._xlib.XCloseDisplay.argtypes = [c_void_p]
        xi.XOpenDevice.restype, xi.XOpenDevice.argtypes = c_void_p, [c_void_p, c_ulong]
        one = [c_void_p, c_void_p, c_uint, c_int, c_void_p, c_int, c_ulong]
        self._xtst.XTestFakeDeviceKeyEvent.argtypes = one
        self._xtst.XTestFakeDeviceButtonEvent.argtypes = one
        self._xtst.XTestFakeDeviceMotionEvent.argtypes = [c_void_p, c_void_p, c_int, c_int, c_void_p, c_int, c_ulong]
        self._display = self._xlib.XOpenDisplay(display.encode())
        self._device = xi.XOpenDevice(self._display, number)
        assert self._device, f"no device {number} on {display}"

    def key(self, code: int, *, down: bool) -> None:
        """Press or release a key."""
        self._xtst.XTestFakeDeviceKeyEvent(self._display, self._device, code, int(down), None, 0, 0)
        self._xlib.XSync(self._display, 0)

    def button(self, number: int, *, down: bool) -> None:
        """Press or release a button."""
        self._xtst.XTestFakeDeviceButtonEvent(self._display, self._device, number, int(down), None, 0, 0)
        self._xlib.XSync(self._display, 0)

    def move(self, x: int, y: int) -> None:
        """Move the pointer to a place of the screen."""
        place = (c_int * 2)(x, y)
        self._xtst.XTestFakeDeviceMotionEvent(self._display, self._device, 0, 0, place, 2, 0)
        self._xlib.XSync(self._display, 0)

    def close(self) -> None:
        self._xlib.XCloseDisplay(self._display)


class Person:
    """Somebody at the keyboard and mouse of a virtual display."""

    def __init__(self, display: str) -> None:
        connection = Display(display)
        connection.xinput_query_version()
        self._codes = {
            name: connection.keysym_to_keycode(XK.string_to_keysym(name))
            for name in ("a", "b", "x", "Control_L", "Alt_L", "Shift_L", "Pause", "End", "F9")
        }
        real = [one for one in connection.xinput_query_device(xinput.AllDevices).devices if "XTEST" not in one.name]
        numbers = {int(one.use): int(one.deviceid) for one in real}
        connection.close()
        self._mouse, self._keyboard = Device(display, numbers[3]), Device(display, numbers[4])

    def down(self, *names: str) -> None:
        """Press these keys and keep them down."""
        for name in names:
            self._keyboard.key(self._codes[name], down=True)

    def up(self, *names: str) -> None:
        """Release these keys."""
        for name in names:
            self._keyboard.key(self._codes[name], down=False)

    def chord(self, *names: str) -> None:
        """Press these keys, the last one last, and release them."""
        self.down(*names)
        self.up(*reversed(names))

    def move(self, x: int, y: int) -> None:
        """Move the mouse."""
        self._mouse.move(x, y)

    def close(self) -> None:
        self._keyboard.close()
        self._mouse.close()
