"""The eight windows of the desktop, with their kinds and their fixed places in a grid of four by two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

COLUMNS = 4
ROWS = 2
MOST = COLUMNS * ROWS
SMALLEST_SIZE = (1280, 720)
CELL_WIDTH, CELL_HEIGHT = 7, 15
"""One character of DejaVu Sans Mono at 12 pixels in xterm. Places are whole cells, so that xterm fits them exactly."""
XTERM_BORDER = 4
_SIDE, _TITLE, _BOTTOM = 4, 24, 4
_WORKSPACES = ("apollo", "gemini", "mercury", "vostok", "soyuz", "voyager", "cassini", "juno")
_LIVELY = 2
BROWSER = "chromium"
PAGE = 3  # the chat window, counted from 0, that becomes a page in a browser on request


class WindowKind(StrEnum):
    """The kinds of window. The value is the class part of WM_CLASS."""

    CHAT = "OctetChat"
    PAGE = "OctetPage"
    TERMINAL = "OctetTerm"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowArea:
    """A window's own area on the screen, in pixels, without what the window manager draws around it."""

    x: int
    y: int
    width: int
    height: int

    def as_list(self) -> list[int]:
        return [self.x, self.y, self.width, self.height]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWindow:
    """The description of one window. `name` is also the instance part of its WM_CLASS."""

    name: str
    agent: str
    workspace: str
    kind: WindowKind
    lively_title: bool
    box: WindowArea


def cast(*, size: tuple[int, int], windows: int, page: bool = False) -> tuple[AgentWindow, ...]:
    """Return the first `windows` of the eight. Their places depend on the size alone."""
    roles = [_role(number, size) for number in range(windows)]
    if page and windows > PAGE:
        roles[PAGE] = replace(roles[PAGE], kind=WindowKind.PAGE)
    return tuple(roles)


def _role(number: int, size: tuple[int, int]) -> AgentWindow:
    return AgentWindow(
        name=f"agent-{number + 1}",
        agent=f"Agent-{number + 1}",
        workspace=_WORKSPACES[number],
        kind=WindowKind.CHAT if number < COLUMNS else WindowKind.TERMINAL,
        lively_title=number < _LIVELY,
        box=_place(number, size),
    )


def _place(number: int, size: tuple[int, int]) -> WindowArea:
    row, column = divmod(number, COLUMNS)
    width, height = size[0] // COLUMNS, size[1] // ROWS
    columns = (width - 2 * _SIDE - 2 * XTERM_BORDER) // CELL_WIDTH
    lines = (height - _TITLE - _BOTTOM - 2 * XTERM_BORDER) // CELL_HEIGHT
    return WindowArea(
        x=column * width + _SIDE,
        y=row * height + _TITLE,
        width=columns * CELL_WIDTH + 2 * XTERM_BORDER,
        height=lines * CELL_HEIGHT + 2 * XTERM_BORDER,
    )


def cells(box: WindowArea) -> tuple[int, int]:
    return (box.width - 2 * XTERM_BORDER) // CELL_WIDTH, (box.height - 2 * XTERM_BORDER) // CELL_HEIGHT
