"""A grab of the whole display server: what is checked inside still holds when the key is pressed inside.

Everybody else on the display waits meanwhile, other connections of this very process too: nothing slow belongs inside,
and no question over another connection (a screenshot, the clipboard, accessibility): it would wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from Xlib.display import Display

from automation.desktop.seized import InputLock, InputLockState
from automation.desktop.x11.connection import Replies

T = TypeVar("T")
GRAB_S = 0.25
"""How long the server is waited for when somebody else has grabbed it."""


class ServerGrab:
    """Grabs of the server over one connection, one at a time. Belongs to the connection's thread."""

    def __init__(self, display: Display, seized: InputLockState) -> None:
        self._display = display
        self._replies = Replies(display)
        self._seized = seized
        self._spans_s: list[float] = []

    @contextmanager
    def taken(self, *, within_s: float = GRAB_S) -> Generator[None]:
        """The server is ours inside the block, and free after it in any case. Raises DisplayHeld if it is not to be had
        in time; then it will not be taken later either."""
        with self.asking(lambda: self._display.sync, within_s=within_s):
            yield

    @contextmanager
    def asking(self, questions: Callable[[], Callable[[], T]], *, within_s: float = GRAB_S) -> Generator[T]:
        """As `taken`. `questions` sends what is to be known first inside, and returns what waits for the answers: they
        go out with the wish for the server, and are answered when it is ours."""
        self._seized.begin(InputLock.SERVER)
        try:
            answers = self._take(questions, within_s)
            since = time.monotonic()
            try:
                yield answers
            finally:
                self._free()
                self._spans_s.append(time.monotonic() - since)
        finally:
            self._seized.end(InputLock.SERVER)

    def spans_s(self) -> tuple[float, ...]:
        """How long each grab since the last asking lasted."""
        spans, self._spans_s = tuple(self._spans_s), []
        return spans

    def _take(self, questions: Callable[[], Callable[[], T]], within_s: float) -> T:
        """Ask for the server, and then something: an answer comes only when nobody else has it."""
        self._display.grab_server()
        try:
            with self._replies.within(within_s):
                return questions()()
        except BaseException:
            # Our request may stand in line. Its end right behind it makes it harmless, whatever becomes of us.
            self._display.ungrab_server()
            self._display.flush()
            raise

    def _free(self) -> None:
        """Its end goes out at once, and is not waited for: nothing of ours can come before it."""
        self._display.ungrab_server()
        self._display.flush()
