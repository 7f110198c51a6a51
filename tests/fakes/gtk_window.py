"""A GTK chat window for tests, as tk_window.py. Run by the system's Python: gtk_window.py TITLE LOG X Y [BUSY_MS].

A prompt `show message WORDS` opens a message dialog (with `, later WORDS` it says something else after a while), and
`show dialog WORDS` (or alert, info_bar) an object of that role inside the window. window_log.py says what it records.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

import gi  # pyright: ignore[reportMissingImports] the system's Python has it

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
gi.require_version("Atk", "1.0")
from gi.repository import Atk, Gdk, GLib, Gtk  # noqa: E402 # pyright: ignore[reportMissingImports] the version comes first

from tests.fakes.window_log import WindowLog  # noqa: E402 the same

WIDTH, HEIGHT = 400, 300
STYLE = b"""
* { font: 13px "DejaVu Sans"; animation: none; transition: none; outline-style: none }
window { background: #f0f0f0 }
.header { background: #203040; color: #ffffff; padding: 0 6px }
.lamp { background: #404040; color: #404040 }
.lamp.on { background: #d08000; color: #d08000 }
textview text { background: #ffffff; color: #000000 }
textview.said text { background: #f0f0f0 }
overshoot, undershoot { background: none; border: none; box-shadow: none }
"""


class Chat:
    def __init__(self, title: str, log: Path, x: int, y: int, busy_ms: int) -> None:
        self._log, self._busy_ms = WindowLog(log), busy_ms
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
        self._window, self._place = window, place
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
        self._log.key(Gdk.keyval_name(event.keyval), chr(code) if code else "", int(event.state))

    def _rest(self, brought: str) -> bool:
        """Put the lamp out, but not before the hands that brought the text stopped looking for it (see tk_window)."""
        if brought and self._log.brought() == brought:
            GLib.timeout_add(20, self._rest, brought)
        else:
            self._lamp.get_style_context().remove_class("on")
        return False

    def _on_key(self, view: Any, event: Any) -> bool:
        self._note_key(event)
        if event.keyval not in {Gdk.KEY_Return, Gdk.KEY_KP_Enter} or event.state & Gdk.ModifierType.SHIFT_MASK:
            return False
        buffer = view.get_buffer()
        text = buffer.get_text(*buffer.get_bounds(), True)
        is_sent = self._log.submit(text)
        buffer.set_text("")
        if not is_sent:
            return True
        said = self._said.get_buffer()
        said.insert(said.get_end_iter(), text + "\n")
        self._lamp.get_style_context().add_class("on")
        GLib.timeout_add(self._busy_ms, self._rest, self._log.brought())
        if text.startswith("show message "):
            self._ask_apart(text.removeprefix("show message "))
        elif text.startswith("show "):
            _, role, words = text.split(" ", 2)
            self._ask_inside(role.replace("_", " "), words)
        return True

    def _ask_apart(self, words: str) -> None:
        """Ask in a window of its own."""
        buttons = Gtk.ButtonsType.YES_NO
        ask = Gtk.MessageDialog(transient_for=self._window, modal=True, buttons=buttons, text=words)
        ask.set_title("Permission")
        ask.set_size_request(240, 90)

        def respond(_: Any, answer: int) -> None:
            self._log.answer({Gtk.ResponseType.YES: "yes", Gtk.ResponseType.NO: "no"}.get(answer, "closed"))
            ask.destroy()

        ask.connect("response", respond)
        ask.show_all()
        now, _, later = words.partition(", later ")
        if later:
            ask.set_property("text", now)
            GLib.timeout_add(4500, lambda: ask.set_property("text", later))

    def _ask_inside(self, role: str, words: str) -> None:
        """Ask in a part of this window, over the transcript."""
        asks = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        told = asks.get_accessible()
        told.set_role(Atk.role_for_name(role))
        told.set_name(f"The {role}")
        for line in words.split("|"):
            label = Gtk.Label(label=line, xalign=0)
            label.set_size_request(-1, 20)
            asks.add(label)
        row = Gtk.Box()
        for label in ("Allow", "Deny"):
            button = Gtk.Button(label=label, can_focus=False)
            button.set_size_request(80, 30)
            button.connect("clicked", lambda _, label=label: (self._log.answer(label), asks.destroy()))
            row.add(button)
        asks.add(row)
        asks.set_size_request(WIDTH - 20, 120)
        self._place.put(asks, 10, 60)
        asks.show_all()


if __name__ == "__main__":
    title, log, x, y, *more = sys.argv[1:]
    Chat(title, Path(log), int(x), int(y), int(more[0]) if more else 300)
    Gtk.main()
