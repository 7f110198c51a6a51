"""Questions on a console, and showing a place of the screen with the mouse: nothing is clicked, nothing typed there."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.cli.operator import shown
from bot.cli.typed import Typed, typed
from core.calibration.model import FoundWindow, Point
from core.calibration.ports import Scout

LOOK_S = 0.04
"""Between two looks at the pointer: a key is down longer than that."""
_PAIR = re.compile(r"\s*(-?\d{1,6})\s*[, ]\s*(-?\d{1,6})\s*")


class Shows(Protocol):
    """A way in which a person shows a place of the screen."""

    def how(self, window: FoundWindow) -> str:
        """What they are to do, for this window."""
        ...

    async def shown(self) -> Point | None:
        """What they have shown since this was asked last; None: nothing."""
        ...


@dataclass(slots=True)
class ByMouse:
    """They put the mouse there and tap Ctrl: nothing is clicked."""

    scout: Scout
    _held: Point | None = None

    def how(self, window: FoundWindow) -> str:
        """For people."""
        return f"Put the mouse over the empty composer of {window.called}, do not click, and tap the Ctrl key."

    async def shown(self) -> Point | None:
        """Where the mouse was when Ctrl was let go."""
        pointer, held = await self.scout.pointer(), self._held
        self._held = pointer.at if pointer.ctrl else None
        return None if pointer.ctrl else held


@dataclass(slots=True)
class Asker:
    """Asks whoever sits at the console, if anybody does."""

    is_person: bool
    yes: bool = False
    """Whatever can be answered with yes is."""

    def say(self, line: str = "") -> None:
        """Tell them. Titles of windows among it, which anybody chooses, can do nothing to their console."""
        print(shown(line, keep_lines=True), flush=True)

    async def line(self, question: str) -> str:
        """What they type; empty at the end of the input, and where nobody is asked."""
        if not self.is_person:
            return ""
        print(question, end=" ", flush=True)
        return (await asyncio.to_thread(sys.stdin.readline)).strip()

    async def agrees(self, question: str) -> bool:
        """Whether they say yes; Enter alone is yes."""
        if self.yes or not self.is_person:
            return self.yes
        return (await self.line(f"{question} [Y/n]")).casefold() in {"", "y", "yes"}

    async def chosen(self, question: str, among: Sequence[int], proposed: Sequence[int]) -> list[int]:
        """Numbers out of a list: `1 3-5`, `all`, `none`; Enter alone takes what is proposed."""
        usual = ",".join(map(str, proposed)) or "none"
        while True:
            said = await self.line(f"{question} [{usual}]")
            if not said:
                return list(proposed)
            found = _numbers(said, among)
            if found is not None:
                return found
            self.say(f"  Type numbers from the list, such as 1,3-5; or all; or none. “{said[:40]}” is neither.")

    async def pointed(self, shows: Shows, window: FoundWindow) -> Point | None:
        """Where they show it, with the mouse or on a page; or a place that they type. None: not this window."""
        self.say(f"  {shows.how(window)}")
        print("  (Or type its place from the window's corner, such as 200,-40; or s to skip it.)", flush=True)
        with typed() as lines:
            return await self._shown(shows, window, lines)

    async def _shown(self, shows: Shows, window: FoundWindow, lines: Typed) -> Point | None:
        while True:
            shown = await shows.shown()
            if shown is not None and window.box.holds(*shown):
                return shown
            if shown is not None:
                self.say(f"  That is not in {window.called}; try again.")
            line = await lines.line(LOOK_S)
            if line is None:
                continue
            said = line.strip()
            if said.casefold() in {"s", "skip", ""}:
                return None
            place = _from_corner(said, window)
            if place is not None:
                return place
            self.say("  That is no place in this window; show it, or type x,y from its corner.")


def _numbers(said: str, among: Sequence[int]) -> list[int] | None:
    if said.casefold() in {"all", "none"}:
        return list(among) if said.casefold() == "all" else []
    found: list[int] = []
    for part in re.split(r"[,\s]+", said.strip(", ")):
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if ends is None:
            return None
        numbers = range(int(ends[1]), int(ends[2] or ends[1]) + 1)
        if not numbers or any(number not in among for number in numbers):
            return None
        found += [number for number in numbers if number not in found]
    return found


def _from_corner(said: str, window: FoundWindow) -> Point | None:
    pair = _PAIR.fullmatch(said)
    if pair is None:
        return None
    x, y = int(pair[1]), int(pair[2])
    box = window.box
    place = (box.x + x + (box.width if x < 0 else 0), box.y + y + (box.height if y < 0 else 0))
    return place if box.holds(*place) else None
