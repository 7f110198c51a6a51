"""Windows as its documentation publishes it, for what the driver asks: windows in their order, the foreground and who
may take it, rights, monitors, keys; and a clipboard with one opener, an owner, a growing number, and promised formats.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from automation.desktop.win32.windows import Desktop
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box

OUR_PROCESS = 1
MEDIUM, HIGH = 0x2000, 0x3000
PLACE = Box(x=100, y=100, width=400, height=300)


@dataclass(slots=True, kw_only=True)
class Made:
    """One window."""

    id: int
    process: int = 7
    kind: str = "Chrome_WidgetWin_1"
    program: str = "Cursor"
    title: str = "work — Cursor"
    box: Box = PLACE
    is_shown: bool = True
    is_minimised: bool = False
    is_maximised: bool = False
    is_topmost: bool = False
    is_tool: bool = False
    obeys: bool = True
    """Whether its program goes where Windows puts it."""
    is_cloaked: bool = False
    is_seen_through: bool = False
    is_hung: bool = False
    rights: int = MEDIUM
    owner: int = 0
    tag: str = ""


def _asked_for(field: str) -> Any:
    """Answer a question about a window by this field of it."""
    return lambda desktop, window: getattr(desktop._get(window), field)


class FakeDesktop(Desktop):
    """The answers of user32; `windows` from the topmost down."""

    class_of = _asked_for("kind")
    title_of = _asked_for("title")
    process_of = _asked_for("process")
    is_shown = _asked_for("is_shown")
    is_minimised = _asked_for("is_minimised")
    is_maximised = _asked_for("is_maximised")
    is_topmost = _asked_for("is_topmost")
    is_tool = _asked_for("is_tool")
    is_cloaked = _asked_for("is_cloaked")
    is_seen_through = _asked_for("is_seen_through")
    is_hung = _asked_for("is_hung")
    owner_of = _asked_for("owner")
    name_tag = _asked_for("tag")

    def __init__(self, *windows: Made) -> None:
        self.windows = list(windows)
        self.front = 0
        self.menu = False
        self.locked = False
        self.held: list[int] = []
        self.seats = [Box(x=0, y=0, width=1920, height=1080)]
        self.here: tuple[int, int] = (5, 5)
        self.idle = 100.0
        self.grants = True
        """Whether Windows gives the foreground to the program that asks for it."""

    def one(self, window: int) -> Made | None:
        return next((made for made in self.windows if made.id == window), None)

    def _get(self, window: int) -> Made:
        return self.one(window) or Made(id=0, process=0, is_shown=False)

    def top_windows(self) -> list[int]:
        return [made.id for made in self.windows]

    def program_of(self, process: int) -> str:
        return next((made.program for made in self.windows if made.process == process), "")

    def rights_of(self, process: int) -> int:
        return next((made.rights for made in self.windows if made.process == process), MEDIUM)

    def own_process(self) -> int:
        return OUR_PROCESS

    def is_visible(self, window: int) -> bool:
        made = self._get(window)
        return made.is_shown and not made.is_minimised and not made.is_cloaked

    def show_again(self, window: int) -> None:
        made = self._asked(window)
        made.is_minimised = made.is_maximised = False

    def put(self, window: int, box: Box) -> None:
        made = self._asked(window)
        if made.obeys:
            made.box = box

    def lift(self, window: int) -> None:
        made = self._asked(window)
        self.windows.remove(made)
        self.windows.insert(0 if made.is_topmost else sum(one.is_topmost for one in self.windows), made)

    def _asked(self, window: int) -> Made:
        """Return the window if Windows lets us change it: its program has no more rights than ours."""
        made = self._get(window)
        return made if made.rights <= MEDIUM else Made(id=0)

    def content_of(self, window: int) -> Box | None:
        made = self.one(window)
        return None if made is None else made.box

    def frame_of(self, window: int) -> Box | None:
        return self.content_of(window)

    def at(self, x: int, y: int) -> int:
        lies = (made.id for made in self.windows if made.box.holds(x, y) and self.is_visible(made.id))
        return next((window for window in lies if not self.is_seen_through(window)), 0)

    def foreground(self) -> int:
        return self.front

    def focus(self) -> tuple[int, bool]:
        return self.front, self.menu

    def bring_forward(self, window: int) -> None:
        if self.grants:
            self.front = window

    def screen(self) -> Box:
        left, top = min(one.x for one in self.seats), min(one.y for one in self.seats)
        right, bottom = max(one.x + one.width for one in self.seats), max(one.y + one.height for one in self.seats)
        return Box(x=left, y=top, width=right - left, height=bottom - top)

    def monitors(self) -> list[Box]:
        return self.seats

    def is_locked(self) -> bool:
        return self.locked

    def idle_s(self) -> float:
        return self.idle

    def pointer(self) -> tuple[int, int]:
        return self.here

    def keys_down(self) -> list[int]:
        return self.held


@dataclass(slots=True)
class Shared:
    """The one clipboard of a session, with all that is put onto it by others."""

    data: dict[int, bytes | None] = field(default_factory=dict[int, bytes | None])
    owner: int = 0
    opener: int = 0
    number: int = 1
    names: dict[str, int] = field(default_factory=dict[str, int])
    held_by_another: bool = False
    board: FakeBoard | None = None

    def put_by(self, owner: int, **texts: str) -> None:
        """Another program copies a text."""
        self._lose()
        self.owner, self.number = owner, self.number + 1
        self.data = {13: (texts["text"] + "\0").encode("utf-16-le")}

    def read_by(self, window: int) -> str | None:
        """Another program opens it for `window` (0: for none) and reads the text: what was promised is asked for."""
        if 13 not in self.data:
            return None
        if self.data[13] is None and self.board is not None:
            self.opener = window
            self.data[13] = self.board.asked(13)
            self.opener, self.number = 0, self.number + 1
        data = self.data[13]
        return None if data is None else data.decode("utf-16-le").partition("\0")[0]

    def _lose(self) -> None:
        board, self.owner = self.board, -1
        if board is not None:
            board.tell_lost()


SHARED = Shared()
"""What the board that is made next belongs to."""


class FakeBoard:
    """The driver's end of it, with the window that owns what the driver puts there."""

    def __init__(
        self, *, render: Callable[[int], bytes | None], work: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        self.asked, self._work, self.tell_lost = render, work, lost
        self.window = 99
        self._shared = SHARED
        self._shared.board = self
        self._line: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def run(self) -> None:
        while self._line.get():
            self._work()

    def wake(self) -> None:
        self._line.put(True)

    def end(self) -> None:
        self._line.put(False)

    @contextmanager
    def opened(self) -> Generator[None]:
        if self._shared.held_by_another:
            raise TransientFailure(Reason.CLIPBOARD_FROZEN)
        self._shared.opener = self.window
        try:
            yield
        finally:
            self._shared.opener = 0

    def empty(self) -> None:
        self._shared.data, self._shared.owner = {}, self.window
        self._shared.number += 1

    def put(self, kind: int, data: bytes) -> bool:
        self._shared.data[kind] = data
        self._shared.number += 1
        return True

    def promise(self, kind: int) -> None:
        self._shared.data[kind] = None

    def formats(self) -> list[int]:
        return list(self._shared.data)

    def get(self, kind: int) -> bytes | None:
        return self._shared.data.get(kind)

    def number_of(self, name: str) -> int:
        return self._shared.names.setdefault(name, 0xC000 + len(self._shared.names))

    def owner(self) -> int:
        return self._shared.owner

    def opener(self) -> int:
        return self._shared.opener

    def sequence(self) -> int:
        return self._shared.number
