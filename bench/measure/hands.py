"""What a display's person has in hand, seen from outside: keys and buttons that are down, what a selection gives."""

from __future__ import annotations

import time

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event

_ANSWER_S = 20.0
_BUTTONS = (X.Button1Mask, X.Button2Mask, X.Button3Mask)


def down(display: Display) -> list[str]:
    """Keys and buttons that the server believes to be down."""
    keymap = display.query_keymap()
    keys = [f"key {code}" for code in range(256) if keymap[code // 8] & (1 << (code % 8))]
    mask = display.screen().root.query_pointer().mask
    return keys + [f"button {number}" for number, bit in enumerate(_BUTTONS, 1) if mask & bit]


def words_on(display: Display, selection: str, target: str = "UTF8_STRING") -> str | None:
    """Return what a program receives that asks for the selection now; None for nothing."""
    mark = display.intern_atom("ARENA")
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    window.convert_selection(display.intern_atom(selection), display.intern_atom(target), mark, X.CurrentTime)
    display.sync()
    try:
        answer = _answer(display)
        there = window.get_full_property(mark, X.AnyPropertyType) if answer is not None and answer.property else None
        return None if there is None else bytes(there.value).decode("utf-8", "replace")
    finally:
        window.destroy()
        display.sync()


def _answer(display: Display) -> event.SelectionNotify | None:
    until = time.monotonic() + _ANSWER_S
    while time.monotonic() < until:
        while display.pending_events():
            came = display.next_event()
            if isinstance(came, event.SelectionNotify):
                return came
        time.sleep(0.005)
    return None
