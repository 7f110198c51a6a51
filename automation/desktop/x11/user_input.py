"""Whose input it is on an X display: a user's, Octet's, or another program's."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from Xlib import XK, error
from Xlib.display import Display
from Xlib.ext import ge, screensaver, xinput
from Xlib.protocol import event, rq

from automation.desktop.worker.user_presence import UserInput, is_corner
from automation.desktop.x11.connection import DisplayThread
from automation.desktop.x11.input import KEYSYMS
from core.desks.model import InputSource, ScreenCorner, UserActivityPolicy
from core.kit.field_types import split_chord

_RAW = (
    xinput.RawKeyPressMask
    | xinput.RawKeyReleaseMask
    | xinput.RawButtonPressMask
    | xinput.RawButtonReleaseMask
    | xinput.RawMotionMask
)
RAW_HEAD = struct.Struct("=HIIH")  # device, the server's time, key or button, source device
_ANY_DEVICE = 0  # of a key that was down before Octet listened
LOOK_S = 0.1  # where the server has no raw events, its idle time is looked at this often


class _WhereIs(rq.ReplyRequest):
    """XIQueryPointer, for a device that is held: it has a separate pointer then, and the core's does not move."""

    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(40), rq.RequestLength(), rq.Window("window"), rq.Card16("device"), rq.Pad(2)
    )
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Pad(1),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Pad(8),
        rq.Int32("root_x"),
        rq.Int32("root_y"),
        rq.Pad(32),
    )


class X11UserInput(DisplayThread, UserInput):
    """What users do at one display's devices. Hears all keys, also while another program holds them."""

    def __init__(
        self,
        display: str,
        user_activity: UserActivityPolicy,
        *,
        is_ours: Callable[[float], bool],
        stopped: Callable[[str], None],
    ) -> None:
        """Call `stopped`, in this object's own thread, when the user presses the kill switch keys or moves the pointer
        into the corner. `is_ours` says whether Octet acted at that moment of time.monotonic(). Injected input counts as
        `user_activity` says; where the server does not tell whose it is, all that is not ours counts."""
        DisplayThread.__init__(self, display)
        UserInput.__init__(self)
        self._is_ours = is_ours
        self._counts_injected = user_activity.input_source is InputSource.OTHERS
        self._stopped = stopped
        self._corner = user_activity.kill_switch_corner
        self._chords = [(chord, *split_chord(chord)) for chord in user_activity.kill_switch_keys]
        self._down: set[tuple[int, int]] = set()
        """The device and code of each pressed key. The user's Ctrl stays down when Octet releases its own."""
        self._codes: dict[str, frozenset[int]] = {}
        self._injectors: frozenset[int] = frozenset()
        self._was_in_corner = False
        self.sees = has_raw_events(self._display)  # If not, all input counts but that around our own acts
        if self.sees:
            self._listen()
        else:
            self._wait_s = LOOK_S
        self._start("people")

    # What follows runs in the thread, but for what the constructor calls.

    def _listen(self) -> None:
        wanted = [(xinput.AllDevices, _RAW | xinput.HierarchyChangedMask)]
        self._root.xinput_select_events(wanted)
        self._injectors = injectors(self._display)
        self._learn_keys()
        keymap = self._display.query_keymap()
        self._down = {(_ANY_DEVICE, code) for code in range(8, 256) if keymap[code // 8] & (1 << (code % 8))}

    def _learn_keys(self) -> None:
        keys = {key for _, held, last in self._chords for key in (*held, last)}
        self._codes = {key: self._codes_of(key) for key in keys}

    def _codes_of(self, key: str) -> frozenset[int]:
        names = KEYSYMS.get(key, (key, key.capitalize(), key.upper()))
        symbols = [XK.string_to_keysym(name) for name in names] + [ord(letter) for letter in key if len(key) == 1]
        found = (self._display.keysym_to_keycodes(symbol) for symbol in symbols if symbol)
        return frozenset(int(code) for codes in found for code, _ in codes)

    def _handle(self, happened: rq.Event) -> None:
        if isinstance(happened, event.MappingNotify):
            self._display.refresh_keyboard_mapping(happened)
            self._learn_keys()
        elif happened.type == ge.GenericEventCode and happened.evtype == xinput.HierarchyChanged:
            self._injectors = injectors(self._display)
        elif happened.type == ge.GenericEventCode and isinstance(happened.data, bytes):
            self._raw(int(happened.evtype), happened.data)

    def _raw(self, kind: int, data: bytes) -> None:
        device, at_ms, detail, source = RAW_HEAD.unpack_from(data)
        if device != source:
            return  # each comes twice: from the device, and from the core device it belongs to
        if kind == xinput.RawKeyPress:
            self._down.add((source, detail))
            self._key_pressed(detail)
        elif kind == xinput.RawKeyRelease:
            self._down -= {(source, detail), (_ANY_DEVICE, detail)}
        if source in self._injectors and (not self._counts_injected or self._is_ours(happened_s(at_ms))):
            return
        self.note_activity()
        if kind == xinput.RawMotion and self._corner is not ScreenCorner.NONE:
            self._pointer_moved(source)

    def _key_pressed(self, code: int) -> None:
        down = {code for _, code in self._down}
        for chord, held, last in self._chords:
            if code in self._codes[last] and all(self._codes[key] & down for key in held):
                self._stopped(chord)
                return

    def _pointer_moved(self, device: int) -> None:
        here = self._root.query_pointer()
        is_in = self._is_corner(int(here.root_x), int(here.root_y)) or self._is_held_in_corner(device)
        if is_in and not self._was_in_corner:
            self._stopped("the pointer in the corner")
        self._was_in_corner = is_in

    def _is_held_in_corner(self, device: int) -> bool:
        opcode = self._display.display.get_extension_major(xinput.extname)
        try:
            here = _WhereIs(display=self._display.display, opcode=opcode, window=self._root, device=device)
        except error.XError:
            return False  # it is not held
        return self._is_corner(here.root_x >> 16, here.root_y >> 16)

    def _is_corner(self, x: int, y: int) -> bool:
        screen = self._display.screen()
        return is_corner(self._corner, x, y, screen.width_in_pixels, screen.height_in_pixels)

    def _waited(self) -> None:
        """Look at the server's idle time, which our acts end too: there are no raw events."""
        if not self._display.has_extension(screensaver.extname):
            return
        at_s = time.monotonic() - float(screensaver.query_info(self._root).idle) / 1000
        if at_s > self._last_s and not self._is_ours(at_s):
            self.note_activity(at_s)


def injectors(display: Display) -> frozenset[int]:
    """Return the devices by which programs press and move, ours among them."""
    devices = display.xinput_query_device(xinput.AllDevices).devices
    return frozenset(one.deviceid for one in devices if "XTEST" in str(one.name))


def happened_s(at_ms: int) -> float:
    """Convert a moment of the server's clock to time.monotonic(): on this machine they are the same, in 32 bits."""
    now_s = time.monotonic()
    ago_ms = (int(now_s * 1000) - at_ms) & 0xFFFFFFFF
    return now_s - (ago_ms / 1000 if ago_ms < 60_000 else 0.0)


def has_raw_events(display: Display) -> bool:
    """Ask the server for XInput 2.2 on this connection; return whether it has that. Then raw events come also while
    others hold the devices (measured); the library itself asks for 2.0."""
    if not display.has_extension(xinput.extname):
        return False
    opcode = display.display.get_extension_major(xinput.extname)
    version = xinput.XIQueryVersion(display=display.display, opcode=opcode, major_version=2, minor_version=2)
    return (version.major_version, version.minor_version) >= (2, 2)
