"""What somebody types at the console while something else is being watched: nobody waits for it, no line is lost."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol

from core.kit.console import unfiltered

ENTER, BACK, BREAK = ("\r", "\n"), ("\b", "\x7f"), "\x03"
FIRST_OF_TWO = ("\x00", "\xe0")
"""With these Windows' console begins a key that types no sign: an arrow, F1. Another one follows."""


class Typed(Protocol):
    """Lines that are typed meanwhile."""

    async def line(self, within_s: float) -> str | None:
        """The next one; None when none came in that time."""
        ...


@contextmanager
def typed() -> Generator[Typed]:
    """Inside the block lines are taken from the console."""
    if sys.platform == "win32":
        yield OnWindows()
        return
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: lines.put_nowait(sys.stdin.readline() or "n"))  # at its end
    try:
        yield _Read(lines)
    finally:
        loop.remove_reader(sys.stdin.fileno())


class _Read:
    """Where the event loop hears of standard input."""

    def __init__(self, lines: asyncio.Queue[str]) -> None:
        self._lines = lines

    async def line(self, within_s: float) -> str | None:
        try:
            return await asyncio.wait_for(self._lines.get(), within_s)
        except TimeoutError:
            return None


class OnWindows:
    """There no event loop hears of a console, and a thread that waited for a line would take the next question's: so
    each key is looked for, and shown."""

    def __init__(self, console: Any = None, show: Callable[[str], None] | None = None) -> None:
        """`console` is what `msvcrt` is on Windows."""
        self._console = console or importlib.import_module("msvcrt")
        self._show = show or _show
        self._signs: list[str] = []

    async def line(self, within_s: float) -> str | None:
        await asyncio.sleep(within_s)
        while self._console.kbhit():
            sign = self._console.getwch()
            if sign in ENTER:
                said, self._signs = "".join(self._signs), []
                self._show("\n")
                return said
            self._take(sign)
        return None

    def _take(self, sign: str) -> None:
        if sign == BREAK:
            raise KeyboardInterrupt
        if sign in FIRST_OF_TWO:
            self._console.getwch()
        elif sign in BACK:
            if self._signs:
                self._signs.pop()
                self._show("\b \b")
        elif sign.isprintable():
            self._signs.append(sign)
            self._show(sign)


def _show(text: str) -> None:
    print(text, end="", flush=True, file=unfiltered(sys.stdout))
