"""PyAutoGUI is imported here and nowhere else, without its sleeps and without what would end our process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.kit.field_types import split_chord

if TYPE_CHECKING:
    from types import ModuleType


class UnknownKey(TransientFailure):
    """Octet cannot press a key of this profile: {note}."""

    def __init__(self, *, chord: str, key: str) -> None:
        super().__init__(Reason.NO_SUCH_KEY, f"{chord} needs {key}, which no key types in the keyboard's first layout")


def import_gui(display: str = "") -> ModuleType:
    """Import PyAutoGUI, bound to the X display `display`; empty: to the one screen of this platform."""
    if display:
        os.environ["DISPLAY"] = display  # PyAutoGUI takes its display from here and nowhere else
    blocked: Any = None
    # Its import ends the process where tkinter is missing; None makes that an ImportError, which PyAutoGUI expects.
    sys.modules["mouseinfo"] = blocked
    import pyautogui

    pyautogui.PAUSE = 0
    # The pointer in a corner stops a desk by our own kill switch, which reports and waits for a release. PyAutoGUI's
    # raises from the middle of a chord, and an agent's window may lie in a screen's corner.
    pyautogui.FAILSAFE = False
    return pyautogui


def keys_of(chord: str) -> list[str]:
    """Return the keys of a chord in the order they are pressed: `ctrl+shift+v`; `ctrl++` ends in the key +."""
    held, last = split_chord(chord)
    return [*(key.strip().lower() for key in held), last.strip() if len(last.strip()) == 1 else last.strip().lower()]
