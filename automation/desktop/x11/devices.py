"""The person's own keyboards and mice: held by device grabs, which the server undoes if we die; their keys given back.

They are never detached ("floated"): after a kill they would stay so, and keyboard and mouse be dead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import structlog
from Xlib import X
from Xlib.display import Display
from Xlib.ext import ge, xinput, xtest
from Xlib.protocol import rq

log = structlog.get_logger(__name__)

SLAVES = frozenset({xinput.SlavePointer, xinput.SlaveKeyboard})
TEST_DEVICES = "XTEST"
"""In the names of the two devices through which programs, we too, press keys and move the pointer."""
WATCHED = (
    xinput.KeyPressMask | xinput.KeyReleaseMask | xinput.ButtonPressMask | xinput.ButtonReleaseMask | xinput.MotionMask
)
CLICKS = frozenset({1, 2, 3})
"""Buttons whose clicks are made again; the others scroll."""
_PRESS, _RELEASE = 1, 2
"""A key's events, counted from the first of the input extension."""
OURS = 0
"""In place of a device: the server's test keyboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One half of a tap."""

    device: int
    code: int
    is_press: bool


class _FakeDeviceInput(rq.Request):
    """XTEST's FakeInput on one device; the library knows it for the test devices only."""

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


class InputDevices:
    """Questions and grabs over one connection, which no two threads use at the same time."""

    def __init__(self, display: Display) -> None:
        self._display: Any = display  # the stubs do not know what the extensions add
        self._root: Any = display.screen().root
        self.can_hold = bool(display.has_extension(xinput.extname) and display.has_extension(xtest.extname))
        if self.can_hold:
            self._display.xinput_query_version()
            self._first_event = int(self._display.query_extension(xinput.extname).first_event)
        self._held: list[int] = []
        self._moved: set[int] = set()
        """Held devices that were moved since: the server does not know where their pointer would be."""
        self._down: set[tuple[int, int]] = set()
        self._clicks: list[int] = []

    def physical(self) -> tuple[int, ...]:
        """The devices that people use: those attached to the pointer or the keyboard and no program's means."""
        if not self.can_hold:
            return ()
        found = self._display.xinput_query_device(xinput.AllDevices).devices
        return tuple(
            int(each.deviceid)
            for each in found
            if each.use in SLAVES and each.enabled and TEST_DEVICES not in str(each.name)
        )

    def grab(self, devices: Iterable[int]) -> bool:
        """Have all of them to ourselves; False, and none of them, when somebody else has one already."""
        # What an earlier hold could not give back, because somebody held the display, would come out of time by now.
        late = self.strokes()
        if late:
            log.warning("keys_not_given_back", strokes=len(late))
        for device in devices:
            answer = self._root.xinput_grab_device(
                device, X.CurrentTime, xinput.GrabModeAsync, xinput.GrabModeAsync, False, WATCHED
            )
            if answer.status != X.GrabSuccess:
                self.free()
                return False
            self._held.append(device)
        self._moved, self._down, self._clicks = set(), set(), []
        return True

    def free(self) -> None:
        """Give them back. Told to the server with what is sent next, or by `flush`."""
        for device in self._held:
            self._display.xinput_ungrab_device(device, X.CurrentTime)
        self._held = []

    def strokes(self) -> list[Stroke]:
        """Which keys were pressed and released on the held devices since the last asking."""
        self._display.sync()
        found: list[Stroke] = []
        while self._display.pending_events():
            happened: Any = self._display.next_event()
            if happened.type != ge.GenericEventCode:
                continue
            if happened.evtype not in {xinput.KeyPress, xinput.KeyRelease}:
                self._note_pointer(int(happened.evtype), int(happened.data.deviceid), int(happened.data.detail))
                continue
            is_press = happened.evtype == xinput.KeyPress
            if not (is_press and happened.data.flags & xinput.KeyRepeat):
                device, code = int(happened.data.deviceid), int(happened.data.detail)
                found.append(Stroke(device=device, code=code, is_press=is_press))
                self._clicks = []  # made again it would come after what was typed after it
        return found

    def clicks(self) -> list[int]:
        """The buttons that were clicked, after all keys, by a hand that rested, in the hold that ends now. As far as
        `strokes` has seen."""
        clicked, self._clicks = self._clicks, []
        return clicked

    def click_again(self, buttons: Iterable[int]) -> None:
        """Click these buttons where the pointer is."""
        for button in buttons:
            xtest.fake_input(self._display, X.ButtonPress, button)
            xtest.fake_input(self._display, X.ButtonRelease, button)
        self._display.flush()

    def _note_pointer(self, kind: int, device: int, button: int) -> None:
        if kind == xinput.Motion:
            self._moved.add(device)
        elif device in self._moved or button not in CLICKS:
            return
        elif kind == xinput.ButtonPress:
            self._down.add((device, button))
        elif (device, button) in self._down:
            self._down.discard((device, button))
            self._clicks.append(button)

    def replay(self, strokes: Iterable[Stroke]) -> None:
        """Press and release these keys, each on its device."""
        opcode = self._display.display.get_extension_major(xtest.extname)
        for stroke in strokes:
            kind = _PRESS if stroke.is_press else _RELEASE
            if stroke.device == OURS:
                xtest.fake_input(self._display, X.KeyPress if stroke.is_press else X.KeyRelease, stroke.code)
                continue
            _FakeDeviceInput(
                display=self._display.display,
                opcode=opcode,
                event_type=self._first_event + kind,
                detail=stroke.code,
                time=0,
                device=stroke.device,
            )
        self._display.flush()

    def modifiers(self) -> frozenset[int]:
        """The key codes of shift, control and their like."""
        return frozenset(int(code) for row in self._display.get_modifier_mapping() for code in row if code)


def whole_taps(strokes: Sequence[Stroke], modifiers: AbstractSet[int]) -> list[Stroke]:
    """What to replay so that every letter arrives, and no key stays down whatever the person does in that instant.

    A tap that was made whole is replayed on its own device. Of a key that is still down the release comes by itself
    and might come first: then it would stay down. So a letter becomes a whole tap on the test keyboard, and a modifier
    is held there around what was typed with it.
    """
    last = {(stroke.device, stroke.code): stroke.is_press for stroke in strokes}
    down = {key for key, is_press in last.items() if is_press}
    whole: list[Stroke] = []
    at_end: list[Stroke] = []
    for place, stroke in enumerate(strokes):
        key = (stroke.device, stroke.code)
        # The device itself thinks that this key is down, and would not press it: its earlier taps are made by ours too.
        device = OURS if key in down else stroke.device
        others = strokes[:place] if not stroke.is_press else strokes[place + 1 :]
        if any((other.device, other.code) == key and other.is_press != stroke.is_press for other in others):
            whole.append(replace(stroke, device=device))
        elif stroke.is_press and stroke.code not in modifiers:
            whole += (replace(stroke, device=OURS), replace(stroke, device=OURS, is_press=False))
        elif stroke.is_press and place + 1 < len(strokes):
            whole.append(replace(stroke, device=OURS))
            at_end.insert(0, replace(stroke, device=OURS, is_press=False))
    return whole + at_end
