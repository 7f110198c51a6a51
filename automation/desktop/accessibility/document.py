"""What a window reports outside its composer, before Enter and after it: whether it gained a text, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from automation.desktop.accessibility.bus import NoBusReply, Vanished
from automation.desktop.accessibility.tree import EMBEDDED, Node, State, kinds_of, texts_of
from automation.protocol.text import gained_once
from core.profiles.value_types import ROLES

MOST_OBJECTS = 2_000  # A window with more objects that have a text is not read
MOST_CHARS = 1_000_000
AT_ONCE = 50  # asked together: questions about the composer wait no longer than that
DEEPEST = 200


class Document:
    """The text of one window without its composer. Octet reads it while it brings the text."""

    def __init__(self, frame: Node, composer: Node, *, now_s: Callable[[], float]) -> None:
        """Begin to read at once, in a separate thread."""
        self._now_s = now_s
        self._frame = frame
        self._composer = composer
        self._before: str | None = None
        self._is_sealed = False
        self._again_s = 0.0
        self._reading = threading.Thread(target=self._read_before, name="document", daemon=True)
        self._reading.start()

    def wait(self, limit_s: float) -> None:
        """Wait so long at most until the first reading is complete."""
        self._reading.join(limit_s)

    def seal(self) -> None:
        """Note that Enter comes next: a reading that is not complete by now does not count as one from before it."""
        self._is_sealed = True

    def has_gained(self, text: str) -> bool | None:
        """Return whether the document holds `text` once more than before Enter; None where that is not known."""
        if self._before is None:
            return None
        began = self._now_s()
        if began < self._again_s:
            return False
        after = self._read()
        ended = self._now_s()
        self._again_s = ended + (ended - began)  # half of the program's time is its own
        return after is not None and gained_once(text, self._before, after)

    def _read_before(self) -> None:
        text = self._read(is_before=True)
        if not self._is_sealed:
            self._before = text

    def _read(self, *, is_before: bool = False) -> str | None:
        try:
            pages = self._frame.find(State.SHOWING, kinds={ROLES["document web"]}, most=1)
            nodes = (pages or [self._frame])[0].find(interface="Text", most=MOST_OBJECTS + 1)
            if len(nodes) > MOST_OBJECTS:
                return None
            found: list[tuple[Node, str]] = []
            for first in range(0, len(nodes), AT_ONCE):
                if is_before and self._is_sealed:
                    return None
                some = nodes[first : first + AT_ONCE]
                read = zip(some, kinds_of(some), texts_of(some), strict=True)
                # Chromium reports a line of text twice: in its block, and as a separate object.
                found += [(node, text) for node, kind, text in read if kind != ROLES["static"]]
                if sum(len(text) for _, text in found) > MOST_CHARS:
                    return None
            rest = iter(found)
            return "\n".join(piece for _ in found for piece in self._in_order(rest, DEEPEST))
        except (NoBusReply, Vanished):
            return None

    def _in_order(self, nodes: Iterator[tuple[Node, str]], deep: int) -> list[str]:
        node, own = next(nodes, (None, ""))
        first, *more = own.split(EMBEDDED)
        pieces = [first]
        for piece in more:
            if deep == 0:
                raise NoBusReply(why="its text is nested too deep")
            pieces += [*self._in_order(nodes, deep - 1), piece]
        return [] if node == self._composer else pieces
