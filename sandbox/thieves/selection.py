"""Takes a selection and offers words on it: selection EVERY_S CLIPBOARD|PRIMARY WORDS."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event

from sandbox.thieves.process import connect, pause, steal


def answer(display: Display, asked: event.SelectionRequest, forms: Mapping[int, bytes]) -> None:
    """Give a program that asks for a selection the form that it wants, or the list of forms, or a refusal."""
    place = asked.property or asked.target
    if asked.target == display.intern_atom("TARGETS"):
        asked.requestor.change_property(place, Xatom.ATOM, 32, [asked.target, *forms])
    elif asked.target in forms:
        asked.requestor.change_property(place, asked.target, 8, forms[asked.target])
    else:
        place = X.NONE
    notify(display, asked, place)


def notify(display: Display, asked: event.SelectionRequest, place: int) -> None:
    """Tell the program where its answer is; nowhere when it gets none."""
    notice = event.SelectionNotify(
        time=asked.time, requestor=asked.requestor, selection=asked.selection, target=asked.target, property=place
    )
    asked.requestor.send_event(notice)
    display.flush()


class SelectionThief:
    """Serves other programs between its strikes."""

    def __init__(self, name: str, words: str) -> None:
        self._display = connect()
        self._selection = self._display.intern_atom(name)
        self._forms = {self._display.intern_atom("UTF8_STRING"): words.encode()}
        self._window = self._display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)

    def strike(self) -> None:
        self._window.set_selection_owner(self._selection, X.CurrentTime)
        self._display.sync()
        for _ in range(4):
            while self._display.pending_events():
                asked = self._display.next_event()
                if isinstance(asked, event.SelectionRequest):
                    answer(self._display, asked, self._forms)
            pause(0.002)

    def undo(self) -> None:
        return


if __name__ == "__main__":
    steal(SelectionThief(sys.argv[2], sys.argv[3]), float(sys.argv[1]))
