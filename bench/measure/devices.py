"""What a display's devices and clipboards are like from outside: `python -m bench.measure.devices` says it in JSON.

A process of its own, because a program has one X authority only.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event

_ANSWER_S = 8.0
_BUTTONS = X.Button1Mask | X.Button2Mask | X.Button3Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Devices and selections of one display."""

    keys_down: list[int]
    """Codes of the keys that the X server believes to be down."""
    buttons_down: bool
    dead_selections: list[str]
    """Selections whose owner does not answer."""


def look() -> Devices:
    """Return the devices of $DISPLAY as they are now."""
    display = Display()
    keymap = display.query_keymap()
    keys = [code for code in range(256) if keymap[code // 8] & (1 << (code % 8))]
    pointer = display.screen().root.query_pointer()
    dead = [name for name in ("CLIPBOARD", "PRIMARY") if not _answers(display, name)]
    display.close()
    return Devices(keys_down=keys, buttons_down=bool(pointer.mask & _BUTTONS), dead_selections=dead)


def _answers(display: Display, selection: str) -> bool:
    """Whether the selection has no owner, or one that says what it has."""
    atom = display.intern_atom(selection)
    owner = display.get_selection_owner(atom)
    if not owner:
        return True
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    window.convert_selection(atom, display.intern_atom("TARGETS"), display.intern_atom("OCTET_BENCH"), X.CurrentTime)
    display.flush()
    until = time.monotonic() + _ANSWER_S
    while time.monotonic() < until:
        while display.pending_events():
            if isinstance(display.next_event(), event.SelectionNotify):
                return True
        time.sleep(0.01)
    return False


if __name__ == "__main__":
    print(json.dumps(asdict(look())))
