"""A chat in GTK 3, run by the system's Python: gtk_chat.py HEARD ANSWER_S. Full at its start; Enter sends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gi  # pyright: ignore[reportMissingImports] the system's Python has it

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402 # pyright: ignore[reportMissingImports] the version comes first


class GtkChat:
    """The window, with its transcript and composer."""

    def __init__(self, heard: Path, answer_s: float) -> None:
        self._heard, self._answer_s = heard, answer_s
        window = Gtk.Window(title="Bureau")
        window.set_default_size(440, 340)
        window.connect("destroy", Gtk.main_quit)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin=6)
        window.add(column)
        self._transcript = Gtk.TextView(editable=False, cursor_visible=False, wrap_mode=Gtk.WrapMode.WORD_CHAR)
        column.pack_start(self._scrolled(self._transcript), True, True, 0)
        row = Gtk.Box(spacing=6)
        column.pack_start(row, False, False, 0)
        self._composer = Gtk.TextView(wrap_mode=Gtk.WrapMode.WORD_CHAR, left_margin=4, top_margin=4)
        self._composer.connect("key-press-event", self._on_key)
        frame = self._scrolled(self._composer)
        frame.set_size_request(-1, 72)
        row.pack_start(frame, True, True, 0)
        self._button = Gtk.Button(label="Send")
        self._button.connect("clicked", lambda *_: self._send())
        row.pack_start(self._button, False, False, 0)
        for number in range(30):
            self._say("you" if number % 2 == 0 else "assistant", f"Earlier message number {number}, about nothing.")
        window.show_all()
        self._composer.grab_focus()

    @staticmethod
    def _scrolled(view: Any) -> Any:
        scrolled = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN)
        scrolled.add(view)
        return scrolled

    def _on_key(self, _: object, event: Any) -> bool:
        is_enter = event.keyval in {Gdk.KEY_Return, Gdk.KEY_KP_Enter}
        if is_enter and not event.state & Gdk.ModifierType.SHIFT_MASK:
            self._send()
            return True
        return False

    def _send(self) -> None:
        buffer = self._composer.get_buffer()
        text = buffer.get_text(buffer.get_start_iter(), buffer.get_end_iter(), False)
        if not text:
            return
        with self._heard.open("a", encoding="utf-8") as file:
            file.write(json.dumps(text) + "\n")
        buffer.set_text("")
        self._say("you", text)
        self._button.set_label("Stop")
        GLib.timeout_add(round(self._answer_s * 1000), self._answer, len(text))

    def _answer(self, count: int) -> bool:
        self._say("assistant", f"That was a message of {count} characters.")
        self._button.set_label("Send")
        return False

    def _say(self, who: str, text: str) -> None:
        buffer = self._transcript.get_buffer()
        buffer.insert(buffer.get_end_iter(), f"{who}: {text}\n\n")
        GLib.idle_add(self._scroll_down)

    def _scroll_down(self) -> bool:
        buffer = self._transcript.get_buffer()
        self._transcript.scroll_to_mark(buffer.create_mark(None, buffer.get_end_iter()), 0, False, 0, 0)
        return False


if __name__ == "__main__":
    GtkChat(Path(sys.argv[1]), float(sys.argv[2]))
    Gtk.main()
