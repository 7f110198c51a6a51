"""A grab of the whole display server: what is checked inside still holds when the key is pressed inside.

Everybody else on the display waits meanwhile, other connections of this very process too: nothing slow belongs inside,
and no question over another connection (a screenshot, the clipboard, accessibility): it would wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

from Xlib.display import Display

from automation.desktop.seized import Seized, Seizure
from automation.desktop.x11.connection import DisplayHeld, Replies

GRAB_S = 0.25
"""How long the server is waited for when somebody else has grabbed it."""


class ServerGrab:
    """Grabs of the server over one connection, one at a time. Belongs to the connection's thread."""

    def __init__(self, display: Display, seized: Seized) -> None:
        self._display = display
        self._replies = Replies(display)
        self._seized = seized
        self._spans_s: list[float] = []

    @contextmanager
    def taken(self, *, within_s: float = GRAB_S) -> Generator[None]:
        """The server is ours inside the block, and free after it in any case. Raises DisplayHeld if it is not to be had
        in time; then it will not be taken later either."""
        self._seized.begin(Seizure.SERVER)
        try:
            self._take(within_s)
            since = time.monotonic()
            try:
                yield
            finally:
                self._free()
                self._spans_s.append(time.monotonic() - since)
        finally:
            self._seized.end(Seizure.SERVER)

    def spans_s(self) -> tuple[float, ...]:
        """How long each grab since the last asking lasted."""
        spans, self._spans_s = tuple(self._spans_s), []
        return spans

    def _take(self, within_s: float) -> None:
        """Ask for the server, and whether we have it: the second answer comes only when nobody else has."""
        self._display.grab_server()
        try:
            with self._replies.within(within_s):
                self._display.sync()
        except DisplayHeld:
            # Our request stands in line. Its end right behind it makes it harmless, whatever becomes of us meanwhile.
            self._display.ungrab_server()
            self._display.flush()
            raise

    def _free(self) -> None:
        self._display.ungrab_server()
        with suppress(DisplayHeld):  # ours was over when somebody else's began; what was done inside was done
            self._display.sync()
