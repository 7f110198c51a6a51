"""A GTK chat window for tests, as tk_window.py. Run by the system's Python: gtk_window.py TITLE LOG X Y [BUSY_MS].

LOG.keys gets one JSON line for each key that was pressed in the composer. Its log is for the test only; the driver must
not know it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import gi  # pyright: ignore[reportMissingImports] the system's Python has it

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402 # pyright: ignore[reportMissingImports] the version comes first

WIDTH, HEIGHT = 400, 300
STYLE = b"""
* { font: 13px "DejaVu Sans"; animation: none; transition: none }
window { background: #f0f0f0 }
.header { background: #203040; color: #ffffff; padding: 0 6px }
.lamp { background: #404040; color: #404040 }
.lamp.on { background: #d08000; color: #d08000 }
textview text { background: #ffffff; color: #000000 }
textview.said text { background: #f0f0f0 }
"""


class Chat:
    def __init__(self, title: str, log: Path, x: int, y: int, busy_ms: int) -> None:
        self._log, self._busy_ms = log, busy_ms
        provider: Any = Gtk.CssProvider()
        provider.load_from_data(STYLE)
        Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), provider, 800)
        Gtk.Settings.get_default().set_property("gtk-cursor-blink", False)
        window = Gtk.Window(title=title, resizable=False)
        window.set_wmclass("octetgtk", "Octetgtk")
        window.connect("destroy", Gtk.main_quit)
        place = Gtk.Fixed()
        window.add(place)
        header, self._lamp = Gtk.Label(label=title, xalign=0), Gtk.Label(label="lamp")
        header.get_style_context().add_class("header")
        self._lamp.get_style_context().add_class("lamp")
        self._said = Gtk.TextView(editable=False, wrap_mode=Gtk.WrapMode.WORD_CHAR)
        self._said.get_style_context().add_class("said")
        self._composer = Gtk.TextView(wrap_mode=Gtk.WrapMode.WORD_CHAR)
        self._composer.get_accessible().set_name("Message")
        self._composer.connect("key-press-event", self._on_key)
        for widget, at, size in (
            (header, (0, 0), (340, 30)),
            (self._lamp, (340, 0), (60, 30)),
            (self._scrolled(self._said), (0, 30), (WIDTH, 170)),
            (self._scrolled(self._composer), (0, 200), (WIDTH, 100)),
        ):
            widget.set_size_request(*size)
            place.put(widget, *at)
        window.move(x, y)
        window.show_all()
        window.move(x, y)
        self._composer.grab_focus()

    def _scrolled(self, view: Any) -> Any:
        scrolled = Gtk.ScrolledWindow()
        scrolled.add(view)
        return scrolled

    def _note_key(self, event: Any) -> None:
        code = Gdk.keyval_to_unicode(event.keyval)
        seen = {"key": Gdk.keyval_name(event.keyval), "char": chr(code) if code else "", "state": int(event.state)}
        with self._log.with_suffix(".keys").open("a", encoding="utf-8") as keys:
            keys.write(json.dumps({**seen, "at_s": time.monotonic()}) + "\n")

    def _on_key(self, view: Any, event: Any) -> bool:
        self._note_key(event)
        if event.keyval not in {Gdk.KEY_Return, Gdk.KEY_KP_Enter} or event.state & Gdk.ModifierType.SHIFT_MASK:
            return False
        buffer = view.get_buffer()
        text = buffer.get_text(*buffer.get_bounds(), True)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(text) + "\n")
        buffer.set_text("")
        said = self._said.get_buffer()
        said.insert(said.get_end_iter(), text + "\n")
        self._lamp.get_style_context().add_class("on")
        GLib.timeout_add(self._busy_ms, lambda: self._lamp.get_style_context().remove_class("on"))
        return True


if __name__ == "__main__":
    title, log, x, y, *more = sys.argv[1:]
    Chat(title, Path(log), int(x), int(y), int(more[0]) if more else 300)
    Gtk.main()
