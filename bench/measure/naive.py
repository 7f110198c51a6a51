"""The loop that most people write: click, clipboard, Ctrl+V, Enter, said to be delivered. The control of `adversarial`.

A process of its own, because PyAutoGUI has one display: orders come as JSON lines, each is answered when it is "done".
"""

from __future__ import annotations

import json
import os
import queue
import select
import sys
import threading

import pyautogui
from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event


class Clipboard:
    """Serves its words to whoever asks, from a thread of its own; as xclip does."""

    def __init__(self) -> None:
        self._display = Display()
        self._window = self._display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        self._words = b""
        self._utf8 = self._display.intern_atom("UTF8_STRING")
        self._targets = self._display.intern_atom("TARGETS")
        self._asked: queue.SimpleQueue[tuple[bytes, int, threading.Event]] = queue.SimpleQueue()
        self._wake_out, self._wake_in = os.pipe()
        threading.Thread(target=self._serve, daemon=True).start()

    def copy(self, words: str, selection: str) -> None:
        done = threading.Event()
        self._asked.put((words.encode(), self._display.intern_atom(selection), done))
        os.write(self._wake_in, b".")
        done.wait(5)

    def _serve(self) -> None:
        while True:
            while self._display.pending_events():
                asked = self._display.next_event()
                if isinstance(asked, event.SelectionRequest):
                    self._answer(asked)
            ready, _, _ = select.select([self._display.fileno(), self._wake_out], [], [])
            if self._wake_out in ready:
                os.read(self._wake_out, 1)
                self._words, selection, done = self._asked.get()
                self._window.set_selection_owner(selection, X.CurrentTime)
                self._display.sync()
                done.set()

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


def main() -> None:
    pyautogui.FAILSAFE = False
    clipboard = Clipboard()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        pyautogui.click(order["x"], order["y"])
        clipboard.copy(order["text"], order["selection"])
        pyautogui.hotkey(*order["paste"])
        pyautogui.press("enter")
        print("delivered", flush=True)


if __name__ == "__main__":
    main()
