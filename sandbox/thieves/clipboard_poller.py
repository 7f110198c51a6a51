"""A clipboard manager: asks for the clipboard's text again and again and writes down what it gets.

Run as a program: clipboard_poller LOG MILLISECONDS [--takes]. With --takes it takes the clipboard over, with the
last text it knew, when it is refused: it thinks that the clipboard is empty. (parcellite does so, measured.)
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event

from sandbox.thieves.selection import answer


def main(log: Path, pause_s: float, *, takes: bool) -> None:
    display = Display()
    atom = display.intern_atom
    clipboard, utf8, place = atom("CLIPBOARD"), atom("UTF8_STRING"), atom("POLLED")
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
    last, next_s, is_asking = b"", 0.0, False

    while True:
        owner = display.get_selection_owner(clipboard)
        if time.monotonic() >= next_s and not is_asking and owner not in {X.NONE, window}:
            window.convert_selection(clipboard, utf8, place, X.CurrentTime)
            next_s, is_asking = time.monotonic() + pause_s, True
        display.flush()
        select.select([display.fileno()], [], [], 0.005)
        while display.pending_events():
            happened = display.next_event()
            if isinstance(happened, event.SelectionRequest):
                answer(display, happened, {utf8: last})
            elif isinstance(happened, event.SelectionNotify):
                is_asking = False
                found = window.get_full_property(place, X.AnyPropertyType) if happened.property else None
                if found is not None and found.format == 8:
                    last = bytes(found.value)
                with log.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(last.decode("utf-8", "replace") if found is not None else None) + "\n")
                if found is None and takes:
                    window.set_selection_owner(clipboard, X.CurrentTime)
        display.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) / 1000, takes="--takes" in sys.argv)
