"""A chat in FLTK, run by the system's Python: fltk_chat.py HEARD ANSWER_S X Y. Empty at its start; Enter sends.

FLTK tells nothing over the accessibility bus.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fltk  # pyright: ignore[reportMissingImports] the system's Python has it


class FltkComposer(fltk.Fl_Multiline_Input):
    """Enter sends; Shift with Enter is a new line."""

    def __init__(self, chat: FltkChat, x: int, y: int, width: int, height: int) -> None:
        super().__init__(x, y, width, height)
        self._chat = chat

    def handle(self, event: int) -> int:
        is_enter = event == fltk.FL_KEYBOARD and fltk.Fl.event_key() in {fltk.FL_Enter, fltk.FL_KP_Enter}
        if is_enter and not fltk.Fl.event_state() & fltk.FL_SHIFT:
            self._chat.send()
            return 1
        return fltk.Fl_Multiline_Input.handle(self, event)


class FltkChat:
    """The window, with its transcript and composer."""

    def __init__(self, heard: Path, answer_s: float, x: int, y: int) -> None:
        self._heard, self._answer_s, self._waiting = heard, answer_s, list[int]()
        window = fltk.Fl_Double_Window(x, y, 440, 340, "Fluid chat")
        self._said = fltk.Fl_Text_Buffer()
        self._transcript = fltk.Fl_Text_Display(10, 10, 420, 250)
        self._transcript.buffer(self._said)
        self._transcript.wrap_mode(fltk.Fl_Text_Display.WRAP_AT_BOUNDS, 0)
        self._composer = FltkComposer(self, 10, 270, 420, 60)
        self._composer.wrap(1)
        window.resizable(self._transcript)
        window.end()
        window.xclass("Fluidchat")
        window.show()
        self._window = window
        self._composer.take_focus()

    def send(self) -> None:
        text = self._composer.value()
        if not text:
            return
        with self._heard.open("a", encoding="utf-8") as file:
            file.write(json.dumps(text) + "\n")
        self._composer.value("")
        self._say(f"> {text}")
        self._waiting.append(len(text))
        fltk.Fl.add_timeout(self._answer_s, self._answer)

    def _answer(self, *_: object) -> None:
        self._say(f"  That was a message of {self._waiting.pop(0)} characters.")

    def _say(self, text: str) -> None:
        self._said.append(f"{text}\n")
        self._transcript.insert_position(self._said.length())
        self._transcript.show_insert_position()


if __name__ == "__main__":
    chat = FltkChat(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    fltk.Fl.run()
