"""A program in which a user copied something: owns a selection in several forms, long ones in pieces.

Run as a program: clipboard_owner FOLDER [SELECTION]. Each file of the folder is one form: its name is the target,
with % for /. `ready` is written into the folder's parent once it owns the selection; it ends when it loses it.
While `late` lies there it gives no form but text.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event

from sandbox.thieves.selection import answer, notify

MOST = 200_000


def main(folder: Path, selection_name: str) -> None:
    display = Display()
    atom = display.intern_atom
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
    selection = atom(selection_name)
    forms = {atom(path.name.replace("%", "/")): path.read_bytes() for path in sorted(folder.iterdir())}
    rest: dict[tuple[int, int], tuple[int, bytes]] = {}
    window.set_selection_owner(selection, X.CurrentTime)
    display.sync()
    (folder.parent / "ready").touch()
    while True:
        happened = display.next_event()
        if isinstance(happened, event.SelectionClear):
            return
        if isinstance(happened, event.PropertyNotify) and happened.state == X.PropertyDelete:
            place = (happened.window.id, happened.atom)
            if place in rest:
                target, data = rest[place]
                happened.window.change_property(place[1], target, 8, data[:MOST])
                rest[place] = (target, data[MOST:])
                if not data:
                    del rest[place]
                display.flush()
        if isinstance(happened, event.SelectionRequest):
            requestor, target, place = happened.requestor, happened.target, happened.property
            while (folder.parent / "late").exists() and target not in {atom("TARGETS"), atom("UTF8_STRING")}:
                time.sleep(0.01)
            if len(forms.get(target, b"")) > MOST:
                requestor.change_attributes(event_mask=X.PropertyChangeMask)
                rest[requestor.id, place] = (target, forms[target])
                requestor.change_property(place, atom("INCR"), 32, [len(forms[target])])
                notify(display, happened, place)
            else:
                answer(display, happened, forms)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "CLIPBOARD")
