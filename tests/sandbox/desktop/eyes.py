"""What a test sees and does on a display: windows by class and title, pixels, a selection of its own, keys."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mss import MSS
from PIL import Image
from Xlib import X, Xatom, display
from Xlib.error import ConnectionClosedError
from Xlib.protocol import event

from core.desks.model import Window
from core.profiles.model import Box, Profile

LIMIT_S = 60.0
LOOK_EVERY_S = 0.02


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """The X libraries read DISPLAY and XAUTHORITY from the process itself."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


class Eyes:
    """Knows nothing of the sandbox: only the display, as the driver does."""

    def __init__(self, name: str) -> None:
        self._display = display.Display(name)
        self._root = self._display.screen().root
        self._name = name

    def close(self) -> None:
        self._display.close()

    def matching(self, window: Window, profile: Profile) -> list[int]:
        """The managed windows with this class and title."""
        clients = self._root.get_full_property(self._display.intern_atom("_NET_CLIENT_LIST"), Xatom.WINDOW)
        found = []
        for number in [] if clients is None else clients.value:
            classes = self._window(number).get_wm_class()
            if classes and re.search(profile.match_class, classes[1]) and re.search(window.title, self.title(number)):
                found.append(int(number))
        return found

    def active(self) -> int:
        """The window that has the window manager's favour."""
        value = self._root.get_full_property(self._display.intern_atom("_NET_ACTIVE_WINDOW"), Xatom.WINDOW)
        return 0 if value is None else int(value.value[0])

    def title(self, number: int) -> str:
        utf8 = self._display.intern_atom("UTF8_STRING")
        value = self._window(number).get_full_property(self._display.intern_atom("_NET_WM_NAME"), utf8)
        return "" if value is None else bytes(value.value).decode()

    def class_name(self, number: int) -> str:
        names = self._window(number).get_wm_class()
        assert names is not None
        return names[1]

    def box(self, number: int) -> Box:
        size = self._window(number).get_geometry()
        corner = self._root.translate_coords(self._window(number), 0, 0)
        return Box(x=corner.x, y=corner.y, width=size.width, height=size.height)

    def picture(self, window: Box, part: Box) -> Image.Image:
        """The pixels of a part of the window whose own area is `window`."""
        with MSS(display=self._name) as eye:
            place = {"left": window.x + part.x, "top": window.y + part.y, "width": part.width, "height": part.height}
            shot = eye.grab(place)
        return Image.frombytes("RGB", (shot.width, shot.height), bytes(shot.bgra), "raw", "BGRX")

    def others(self, window: Box, part: Box, colour: str) -> int:
        """How many pixels of the part have not this colour."""
        picture = self.picture(window, part)
        return part.width * part.height - _count(picture, colour)

    def share(self, window: Box, part: Box, colour: str) -> float:
        """The part of the pixels that have exactly this colour, 0–1."""
        return _count(self.picture(window, part), colour) / (part.width * part.height)

    def _window(self, number: int):
        return self._display.create_resource_object("window", int(number))


def _count(picture: Image.Image, colour: str) -> int:
    wanted = tuple(bytes.fromhex(colour[1:]))
    found = picture.getcolors(picture.width * picture.height) or []
    return sum(number for number, seen in found if seen == wanted)


async def until(condition: Callable[[], object]) -> None:
    """Look again and again until it is so, within a limit."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 — the display tells nobody what was drawn: one must look
            await asyncio.sleep(LOOK_EVERY_S)


def keys(env: Mapping[str, str], *words: str) -> None:
    """xdotool, as a stranger's hands."""
    subprocess.run(["xdotool", *words], env={**os.environ, **env}, check=True, timeout=LIMIT_S)


class Offer(threading.Thread):
    """Owns CLIPBOARD or PRIMARY and gives `text` as UTF8_STRING to whoever asks."""

    def __init__(self, name: str, *, selection: str, text: str) -> None:
        super().__init__(daemon=True)
        self._display = display.Display(name)
        self._text = text.encode()
        self._utf8 = self._display.intern_atom("UTF8_STRING")
        self._targets = self._display.intern_atom("TARGETS")
        self._window = self._display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        atom = self._display.intern_atom(selection.upper())
        self._window.set_selection_owner(atom, X.CurrentTime)
        self._display.sync()
        owner = self._display.get_selection_owner(atom)
        assert not isinstance(owner, int)
        assert owner.id == self._window.id

    def run(self) -> None:
        try:
            self._answer_everybody()
        except ConnectionClosedError:
            pass  # the display has ended, and this offer with it

    def _answer_everybody(self) -> None:
        while True:
            happened = self._display.next_event()
            if happened.type == X.SelectionClear:
                self._display.close()
                return
            if happened.type == X.SelectionRequest:
                self._serve(happened)

    def _serve(self, asked) -> None:
        place = asked.property or asked.target
        if asked.target == self._utf8:
            asked.requestor.change_property(place, self._utf8, 8, self._text)
        elif asked.target == self._targets:
            asked.requestor.change_property(place, Xatom.ATOM, 32, [self._targets, self._utf8])
        else:
            place = X.NONE
        asked.requestor.send_event(
            event.SelectionNotify(
                time=asked.time,
                requestor=asked.requestor,
                selection=asked.selection,
                target=asked.target,
                property=place,
            )
        )
        self._display.flush()
