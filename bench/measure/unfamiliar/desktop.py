"""A desktop of chats in programs for which Octet was not tuned, each window at a place of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import mss
import mss.tools

from bench.measure.unfamiliar.site import site
from tests.display import VirtualDisplay, until, virtual_display

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's own, for which there are bindings of GTK, Qt and FLTK."""
SIZE = "1920x1200x24"
_CELL = 480, 395
_FRAME = 28
"""So many pixels at most a window's area is from the corner of its frame."""
ANSWER_S = 2.0
ACCESSIBLE = {
    "ACCESSIBILITY_ENABLED": "1",
    "QT_ACCESSIBILITY": "1",
    "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    "GTK_MODULES": "gail:atk-bridge",
}
"""What docs/desktop.md has users start programs with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramKind:
    """One kind of window; `title` is a part of its title that no other window has."""

    title: str
    page: str = ""
    """The page that Chromium shows; otherwise:"""
    command: tuple[str, ...] = ()
    """With {heard}, {answer}, {x}, {y} and {python} to be filled in."""
    composer: tuple[int, int] = (100, -30)
    """Where a user sees that one writes: from the window's left edge, and from its top, or negative from its bottom."""


def _script(name: str) -> str:
    return str(HERE / f"{name}_chat.py")


_CHAT = ("{heard}", "{answer}")
KINDS = {
    "gtk": ProgramKind(title="Bureau", command=(SYSTEM_PYTHON, _script("gtk"), *_CHAT)),
    "fltk": ProgramKind(title="Fluid chat", command=(SYSTEM_PYTHON, _script("fltk"), *_CHAT, "{x}", "{y}")),
    "qt": ProgramKind(title="Kontor", command=(SYSTEM_PYTHON, _script("qt"), *_CHAT)),
    "urxvt": ProgramKind(
        title="Rolle",
        command=(
            *("urxvt", "-title", "Rolle", "-geometry", "56x20+{x}+{y}", "-fn", "xft:DejaVu Sans Mono:size=9", "-bc"),
            *("-pe", "-confirm-paste"),  # else it asks before a paste of several lines, and Octet refuses the window
            *("-e", SYSTEM_PYTHON, _script("readline"), *_CHAT),
        ),
        composer=(200, 40),
    ),
    "sakura": ProgramKind(
        title="Kirsche",
        command=(
            *("sakura", "-t", "Kirsche", "-f", "DejaVu Sans Mono 9", "-c", "58", "-r", "19"),
            *("-x", f"{{python}} {_script('toolkit')} {{heard}} {{answer}}"),
        ),
        composer=(200, 40),
    ),
    "textarea": ProgramKind(title="Plainfield", page="textarea"),
    "contenteditable": ProgramKind(title="Edita", page="contenteditable"),
    "quill": ProgramKind(title="Federkiel", page="quill"),
    "trix": ProgramKind(title="Tricks", page="trix"),
    "codemirror": ProgramKind(title="Spiegel", page="codemirror"),
    "st": ProgramKind(
        title="Schlicht",
        command=(
            *("stterm", "-t", "Schlicht", "-f", "DejaVu Sans Mono:size=9", "-g", "58x20+{x}+{y}"),
            *("-e", SYSTEM_PYTHON, _script("readline"), *_CHAT, "chat: "),
        ),
        composer=(200, 40),
    ),
}
HELD_OUT = ("codemirror", "st")
"""Octet first met these two when everything else was finished: then one of them connected seldom, the other never."""
NINE = tuple(kind for kind in KINDS if kind not in HELD_OUT)


@dataclass(slots=True, kw_only=True)
class UnfamiliarDesktop:
    """The display and its windows."""

    display: VirtualDisplay
    folder: Path
    """What the programs heard: KIND.heard. Octet does not read it."""
    windows: dict[str, int] = field(default_factory=dict[str, int])
    """By kind."""

    @property
    def session(self) -> dict[str, str]:
        """What somebody who sits at this display has in their environment."""
        return {"DISPLAY": self.display.name} | {
            name: self.display.buses[name] for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
        }

    def picture(self) -> bytes:
        """Return the whole display as a PNG."""
        with mss.MSS(display=self.display.name) as screen:
            shot = screen.grab(screen.monitors[0])
        return mss.tools.to_png(shot.rgb, shot.size) or b""

    def heard(self, kind: str) -> list[str]:
        """Return what was really sent in this window."""
        file = self.folder / f"{kind}.heard"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def desktop(
    folder: Path, kinds: Sequence[str] = tuple(KINDS), *, answer_s: float = ANSWER_S
) -> Iterator[UnfamiliarDesktop]:
    """Open one window of each kind on a display of its own; all are ended with the block."""
    heard = folder / "heard"
    heard.mkdir(parents=True)
    with (
        virtual_display(folder / "display", SIZE, decorated=True) as display,
        display.accessible(),
        site(heard) as address,
    ):
        display.buses |= ACCESSIBLE
        opened = UnfamiliarDesktop(display=display, folder=heard)
        pages = [kind for kind in kinds if KINDS[kind].page]
        for kind in sorted(kinds, key=pages[:1].count, reverse=True):
            if kind in pages[1:2]:  # two browsers that start at once spoil the profile that they share
                display.window(KINDS[pages[0]].title)
            _start(opened, kind, _place(list(kinds).index(kind)), address, answer_s)
        for number, kind in enumerate(kinds):
            opened.windows[kind] = display.window(KINDS[kind].title).id
            until(partial(_is_there, opened, kind, _place(number)), f"{kind} is at its place")
            if KINDS[kind].page:
                until((heard / f"{kind}.ready").exists, f"the page of {kind} is loaded")
        yield opened


def _is_there(desktop: UnfamiliarDesktop, kind: str, place: tuple[int, int]) -> bool:
    """Whether the window is at its place, give or take its frame; else move it there."""
    seen = desktop.display.windows.see(desktop.windows[kind])
    if (
        seen is not None
        and seen.is_viewable
        and 0 <= seen.box.x - place[0] < _FRAME
        and 0 <= seen.box.y - place[1] < _FRAME
    ):
        return True
    desktop.display.xdotool("windowmove", str(desktop.windows[kind]), *map(str, place))
    return False


def _place(number: int) -> tuple[int, int]:
    return 10 + _CELL[0] * (number % 4), 24 + _CELL[1] * (number // 4)


def _start(desktop: UnfamiliarDesktop, kind: str, place: tuple[int, int], address: str, answer_s: float) -> None:
    of, (x, y), display = KINDS[kind], place, desktop.display
    if of.page:
        url = f"{address}/pages/{of.page}.html?name={kind}&answer={answer_s}"
        display.start(
            *("chromium", f"--app={url}", f"--user-data-dir={display.folder / 'chromium'}", "--window-size=440,340"),
            *(f"--window-position={x},{y}", "--force-renderer-accessibility", "--no-first-run", "--disable-gpu"),
            *("--password-store=basic", "--disable-component-update", "--disable-background-networking"),
            *(("--no-sandbox", "--test-type") if os.getuid() == 0 else ()),
        )
        return
    known = {"heard": str(desktop.folder / f"{kind}.heard"), "answer": str(answer_s), "x": str(x), "y": str(y)}
    display.start(*(word.format(python=sys.executable, **known) for word in of.command))
