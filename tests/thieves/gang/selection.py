"""Takes a selection and offers words of its own on it: selection.py EVERY_S CLIPBOARD|PRIMARY WORDS."""

from __future__ import annotations

import sys

from Xlib import X
from Xlib.protocol import event

from tests.thieves.gang.thief import connect, pause, steal


class SelectionThief:
    """Serves whoever asks between its strikes."""

    def __init__(self, name: str, words: str) -> None:
        self._display = connect()
        self._selection = self._display.intern_atom(name)
        self._words = words.encode()
        self._utf8 = self._display.intern_atom("UTF8_STRING")
        self._targets = self._display.intern_atom("TARGETS")
        self._window = self._display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)

    def strike(self) -> None:
        self._window.set_selection_owner(self._selection, X.CurrentTime)
        self._display.sync()
        for _ in range(4):
            while self._display.pending_events():
                asked = self._display.next_event()
                if isinstance(asked, event.SelectionRequest):
                    self._answer(asked)
            pause(0.002)

    def undo(self) -> None:
        return

    def _answer(self, asked: event.SelectionRequest) -> None:
        place = asked.property or asked.target
        if asked.target == self._targets:
            asked.requestor.change_property(place, self._display.intern_atom("ATOM"), 32, [self._targets, self._utf8])
        elif asked.target == self._utf8:
            asked.requestor.change_property(place, self._utf8, 8, self._words)
        else:
            place = X.NONE
        notice = event.SelectionNotify(
            time=asked.time, requestor=asked.requestor, selection=asked.selection, target=asked.target, property=place
        )
        asked.requestor.send_event(notice)
        self._display.flush()


if __name__ == "__main__":
    steal(SelectionThief(sys.argv[2], sys.argv[3]), float(sys.argv[1]))
