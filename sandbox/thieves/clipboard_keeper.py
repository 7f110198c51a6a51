"""A desktop's clipboard manager: takes over what a program that ends leaves behind (SAVE_TARGETS).

Run as a program: clipboard_keeper LOG. It asks for each form by name and offers nothing: the log has what it got.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

from sandbox.thieves.selection import notify


def main(log: Path) -> None:
    display = Display()
    atom = display.intern_atom
    manager, save, clipboard = atom("CLIPBOARD_MANAGER"), atom("SAVE_TARGETS"), atom("CLIPBOARD")
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
    window.set_selection_owner(manager, X.CurrentTime)
    display.sync()
    log.write_text("")
    while True:
        asked = display.next_event()
        if not isinstance(asked, event.SelectionRequest) or asked.target != save:
            continue
        wanted = asked.requestor.get_full_property(asked.property, X.AnyPropertyType)
        taken = {display.get_atom_name(target): _take(display, window, clipboard, target) for target in wanted.value}
        log.write_text(json.dumps(taken))
        notify(display, asked, asked.property)


def _take(display: Display, window: Window, clipboard: int, target: int) -> str:
    place = display.intern_atom("TAKEN")
    window.convert_selection(clipboard, target, place, X.CurrentTime)
    while not isinstance(happened := display.next_event(), event.SelectionNotify):
        pass
    found = window.get_full_property(place, X.AnyPropertyType)
    return bytes(found.value).decode("utf-8", "replace") if happened.property and found is not None else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
