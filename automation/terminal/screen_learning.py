"""Learns a program's composer in a pane from two looks at it: empty, and with a draft of one line in it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from automation.terminal.panes import asked
from automation.terminal.screen import ScreenLine, parse, view
from automation.terminal.tmux import TmuxServer, key
from core.calibration.model import CalibrationFailed, FoundWindow
from core.profiles.model import Box, Terminal
from core.reasons import Reason

LOOKS, LOOK_S = 20, 0.3  # Octet looks so often whether the pane stays the same, and so far apart
BUFFER = "octet-calibration"

Looks = tuple[tuple[ScreenLine, ...], tuple[ScreenLine, ...]]  # a pane, empty and with the draft
_SIZE = "#{window_width} #{window_height} #{?#{==:#{window-size},manual},manual,}"
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


@dataclass(frozen=True, slots=True)
class UnknownPane:
    """A pane whose program no profile describes yet."""

    tmux: TmuxServer
    target: str
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep

    def found(self) -> FoundWindow:
        """Look at its program and size. Raises NoServer, TmuxSilent, TmuxMissing or CalibrationFailed."""
        wanted = f"#{{pane_width}} #{{pane_height}} {asked('pane_current_command')}"
        width, height, kind = self.tmux.ask(["display-message", "-p", "-t", self.target, wanted])[0].split(" ", 2)
        if not width:
            raise CalibrationFailed(Reason.CLOSED, f"there is no pane {self.target} on this tmux server")
        box = Box(x=0, y=0, width=int(width), height=int(height))
        return FoundWindow(id=0, kind=kind, title=self.target, program=kind, box=box, is_shown=True, is_terminal=True)

    async def learn(self, draft: str, clear: Sequence[str]) -> Terminal:
        """Paste this draft at two sizes of its tmux window, look, and delete it by these chords; it is never sent.
        Raises CalibrationFailed."""
        first = await self._looks(draft, clear)
        async with self._resized():
            second = await self._looks(draft, clear)
        found = learnt((first, second), draft)
        if found is None:
            what = "no pattern separates its composer from the rest"
            raise CalibrationFailed(Reason.NO_COMPOSER, f"{what}, or the composer was not empty before")
        return found

    async def _looks(self, draft: str, clear: Sequence[str]) -> Looks:
        """Return what it shows empty, and with the draft."""
        empty = await self._still(lambda _: True)
        if empty is None:
            raise CalibrationFailed(Reason.BUSY, "the pane does not stay the same")
        # One line, without a newline: no program sends it because it was pasted.
        paste = ["paste-buffer", "-p", "-d", "-b", BUFFER, "-t", self.target]
        self.tmux.ask(["load-buffer", "-b", BUFFER, "-"], paste, given=draft)
        drafted = await self._still(lambda text: draft in text)
        if clear:
            self.tmux.ask(["send-keys", "-t", self.target, *map(key, clear)])
        if await self._still(lambda text: draft not in text) is None:
            raise CalibrationFailed(Reason.NOT_CLEARED)
        if drafted is None:
            raise CalibrationFailed(Reason.NO_COMPOSER, "the draft did not show, or the composer was not empty before")
        return empty, drafted

    @asynccontextmanager
    async def _resized(self) -> AsyncGenerator[None]:
        """Make its window smaller for the block: a composer may be in another place then."""
        width, height, by = self.tmux.ask(["display-message", "-p", "-t", self.target, _SIZE])[0].split(" ")
        resize = ["resize-window", "-t", self.target]
        self.tmux.ask([*resize, "-x", str(int(width) * 3 // 4), "-y", str(int(height) * 3 // 4)])
        try:
            await self.rest(LOOK_S)  # its program redraws
            yield
        finally:
            option = ["set-option", "-w", "-t", self.target, *(["window-size", by] if by else ["-u", "window-size"])]
            self.tmux.ask([*resize, "-x", width, "-y", height], option)
            await self.rest(LOOK_S)

    async def _still(self, is_meant: Callable[[str], bool]) -> tuple[ScreenLine, ...] | None:
        before: tuple[ScreenLine, ...] | None = None
        for _ in range(LOOKS):
            now = self._look()
            if now == before and is_meant("\n".join(line.text for line in now)):
                return now
            before = now
            await self.rest(LOOK_S)
        return None

    def _look(self) -> tuple[ScreenLine, ...]:
        return parse(self.tmux.ask(["capture-pane", "-p", "-e", "-J", "-t", self.target]))


def learnt(sizes: Sequence[Looks], draft: str) -> Terminal | None:
    """Find the simplest patterns that show at each size the first look as empty, the second with this draft; or None.
    The first size proposes them."""
    _, drafted = sizes[0]
    at = next((n for n in range(len(drafted) - 1, -1, -1) if draft in drafted[n].text), None)
    if at is None:
        return None
    hinted: Terminal | None = None
    for found in _candidates(drafted, at, draft):
        before = view(sizes[0][0], found)
        if _fits(found, sizes, draft):
            return found
        if before.composer and hinted is None:  # a draft makes it vanish: it is a hint
            hint = replace(found, placeholder=f"^{_escaped(_words(before.composer))}")
            hinted = hint if _fits(hint, sizes, draft) else None
    return hinted


def _fits(terminal: Terminal, sizes: Sequence[Looks], draft: str) -> bool:
    return all(view(drafted, terminal).composer == draft and view(empty, terminal).is_empty for empty, drafted in sizes)


def _candidates(drafted: Sequence[ScreenLine], at: int, draft: str) -> Iterator[Terminal]:
    left, _, right = drafted[at].text.partition(draft)
    if not left.strip() or any(letter.isalnum() for letter in left):
        return  # no sign before the text identifies the composer; or a user's text precedes it
    edge = left.strip()
    tail = rf"\s*{_escaped(right.strip())}$" if right.strip() else ""
    ends = [f"^{_indented(_beginning(line.text))}" for line in drafted[at + 1 :] if line.text.strip()]
    lone = Terminal(prompt=f"^{_indented(left)}", tail=tail)
    barred = Terminal(
        bar=rf"^\s*{_escaped(edge)}", prompt=rf"^\s*{_escaped(left.lstrip())}|^\s*{_escaped(edge)}\s*$", tail=tail
    )
    for one in (lone, barred):
        yield one
        yield from (replace(one, end=end) for end in ends)


def _beginning(text: str) -> str:
    """Return what stays of a line: its edge and its first word; of a drawn line only its beginning."""
    words = text.split()
    if not any(letter.isalnum() for letter in words[0]) and len(words) == 1:
        return text[: text.index(words[0]) + 2]
    return text[: text.index(words[1]) + len(words[1])] if len(words) > 1 else text


def _words(text: str) -> str:
    found = re.match(r"\s*\S+(?:\s+\S+)?", text)
    return found[0] if found else text


def _indented(text: str) -> str:
    """Return the pattern of a line's beginning. How far it is indented depends on the pane's size."""
    return rf"\s*{_escaped(text.lstrip())}" if text[:1].isspace() else _escaped(text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
