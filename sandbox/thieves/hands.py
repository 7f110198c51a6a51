"""A user's keyboard and mouse: events of the devices themselves, not of XTEST's, as real hands make them."""

from __future__ import annotations

from Xlib import XK, X
from Xlib.display import Display
from Xlib.ext import xinput
from Xlib.protocol import rq

_KEY_PRESS, _KEY_RELEASE, _BUTTON_PRESS, _BUTTON_RELEASE, _MOTION = 1, 2, 3, 4, 5
"""Events of the X input extension, counted from its first one."""
_PARTS = {0: "keyboard", 1: "pointer"}
"""What a device has: keys, buttons. While a program grabs it, it is attached to nothing and reports nothing."""
_MASTERS = (1, 2)


class _FakeDeviceInput(rq.Request):
    """XTestFakeInput for an input device that is not XTEST's own; python-xlib has it for XTEST's only."""

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


class _FakeDeviceMotion(rq.Request):
    """The same with the two values of a pointer's place behind it."""

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
        rq.Card8("values_type"),
        rq.Card8("values_device"),
        rq.Pad(4),
        rq.Card8("count"),
        rq.Card8("first"),
        rq.Int32("x"),
        rq.Int32("y"),
        rq.Pad(16),
    )


class UserHands:
    """The keyboard and the mouse of one display. The first device of each kind that is not XTEST's."""

    def __init__(self, display: Display) -> None:
        self._display = display
        faking, devices = display.query_extension("XTEST"), display.query_extension("XInputExtension")
        assert faking is not None
        assert devices is not None
        self._opcode, self._first = faking.major_opcode, devices.first_event
        xinput.query_version(display)
        self._ids: dict[str, int] = {}
        for device in xinput.query_device(display, xinput.AllDevices).devices:
            if device.use not in _MASTERS and "XTEST" not in device.name:
                for part in device.classes:
                    if part.type in _PARTS:
                        self._ids.setdefault(_PARTS[part.type], device.deviceid)

    def press(self, *keysyms: str) -> None:
        """Press these keys, in this order, and keep them down."""
        for keysym in keysyms:
            self._send(_KEY_PRESS, self._code(keysym), "keyboard")

    def release(self, *keysyms: str) -> None:
        """Release these keys."""
        for keysym in keysyms:
            self._send(_KEY_RELEASE, self._code(keysym), "keyboard")

    def chord(self, *keysyms: str) -> None:
        """Press these keys, the last one last, and release them."""
        self.press(*keysyms)
        self.release(*reversed(keysyms))

    def press_button(self, button: int = 1) -> None:
        self._send(_BUTTON_PRESS, button, "pointer")

    def release_button(self, button: int = 1) -> None:
        self._send(_BUTTON_RELEASE, button, "pointer")

    def move(self, x: int, y: int) -> None:
        """Put the pointer to a place, as the mouse would."""
        _FakeDeviceMotion(
            display=self._display.display,
            opcode=self._opcode,
            event_type=self._first + _MOTION,
            detail=0,
            time=X.CurrentTime,
            device=self._ids["pointer"],
            values_type=self._first,
            values_device=self._ids["pointer"],
            count=2,
            first=0,
            x=x,
            y=y,
        )
        self._display.sync()

    def _code(self, keysym: str) -> int:
        return self._display.keysym_to_keycode(XK.string_to_keysym(keysym))

    def _send(self, event: int, detail: int, device: str) -> None:
        _FakeDeviceInput(
            display=self._display.display,
            opcode=self._opcode,
            event_type=self._first + event,
            detail=detail,
            time=X.CurrentTime,
            device=self._ids[device],
        )
        self._display.sync()
