"""What a calibration asks its user, the answers, and how it ends: facts, of which `texts` makes sentences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from core.calibration.model import FoundWindow, Point
from core.kit.errors import Conflict, Invalid
from core.profiles.model import Box

WHOLE_GRID = (6, 8)
"""Columns and rows over a window."""
FINE_GRID = (4, 4)
"""The same over one of their places."""
DEEPEST = 4


class WhyNot(StrEnum):
    """Why Octet does not propose a window as an agent's."""

    NO_PROFILE = "no_profile"
    DISABLED = "disabled"
    OWN_TERMINAL = "own_terminal"
    NO_COMPOSER = "no_composer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A window that may be an agent's."""

    number: int
    """On the picture, and in answers."""
    window: FoundWindow
    profile: str = ""
    """How Octet would drive it; empty where no profile fits."""
    agent: str = ""
    """Whose it would become; empty where Octet does not propose it."""
    why_not: WhyNot | None = None
    reason: str = ""
    """Why the profile is disabled, where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseWindows:
    """Which of these windows are agents', and whose. Octet then types a draft into each and saves what works."""

    kind: Literal["choose_windows"] = "choose_windows"
    desk: str
    """Empty for a pane of tmux: its profile learns, and no agent gets it."""
    candidates: tuple[Candidate, ...]
    monitors: tuple[Box, ...]
    hidden: int = 0
    """How many more windows are on other workspaces, or iconified."""

    @property
    def proposed(self) -> tuple[Candidate, ...]:
        """Those that Octet takes for agents'."""
        return tuple(one for one in self.candidates if one.why_not is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAt:
    """Where the composer of this window is, which Octet did not find."""

    kind: Literal["point_at"] = "point_at"
    number: int
    window: FoundWindow
    agent: str
    why: str
    within: str = ""
    """The place of the grid that did not do, and in which finer ones are offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowByPlace:
    """Whether Octet shall identify these windows, whose titles do not differ, by their places."""

    kind: Literal["know_by_place"] = "know_by_place"
    candidates: tuple[Candidate, ...]


class Risk(StrEnum):
    """Why Octet may not identify a window again."""

    BY_PLACE = "by_place"
    UNTIL_CLOSED = "until_closed"
    """Nothing but its tag identifies it, and that is gone with the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedWindow:
    """A window that took a draft and gave it back, and that config/ describes now."""

    window: str
    """What the desk calls it."""
    title: str
    """The pattern by which it is identified."""
    agent: str
    profile: str
    read_by: str
    is_told: bool
    """Its program tells where the composer is."""
    untried: str = ""
    """Why the draft did not work, where it was written all the same."""
    lacks_busy: bool = False
    risks: tuple[Risk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWindow:
    """A window that Octet did not connect."""

    called: str
    agent: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a calibration ended."""

    kind: Literal["result"] = "result"
    desk: str
    connected: tuple[ConnectedWindow, ...] = ()
    failed: tuple[FailedWindow, ...] = ()
    files: tuple[str, ...] = ()
    why: str = ""
    """Why nothing was written, where something else than a window was wrong."""


Question = ChooseWindows | PointAt | KnowByPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One window that the user wants connected; what is empty stays as Octet proposed it."""

    number: int
    agent: str = ""
    profile: str = ""
    name: str = ""
    """What the desk shall call it."""
    point: Point | None = None
    """Where its composer is, on the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The answer to ChooseWindows."""

    kind: Literal["chosen"] = "chosen"
    picks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """The answer to PointAt; with nothing in it the window is skipped."""

    kind: Literal["pointed"] = "pointed"
    point: Point | None = None
    """On the screen."""
    place: str = ""
    """A number of the grid over the window, or one within another as `37-4`."""
    is_here: bool = False
    """Where the pointer is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The answer to KnowByPlace."""

    kind: Literal["agreed"] = "agreed"
    is_yes: bool


Answer = Chosen | Pointed | Agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a calibration is asked for beforehand."""

    only: str = ""
    """A window that the desk has already, to be measured again; empty: Octet asks which."""
    send: str = ""
    """What to send to one window of each kind of which Octet does not know how it looks at work."""
    keeps_untried: bool = False
    """Windows that took no draft are written, too."""
    own_window: int = 0
    """The window in which the user types the answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a calibration stands."""

    number: int
    """Grows with each question."""
    now: Question | Result | None
    """What Octet asks, or how it ended; None while Octet works."""
    lines: tuple[str, ...]
    """What Octet has done so far."""


class NoSuchPlace(Invalid):
    """{place} is no place on the picture. Name one by its number, or one within another as 37-4."""


class NoSuchNumber(Invalid):
    """There is no window with the number {number}; there are {most}."""


class OutsideWindow(Invalid):
    """{x},{y} is not in {called}, whose composer is asked for."""


class LookFirst(Conflict):
    """No calibration of desk {id} is open. Begin one: `/desk calibrate`, or `octet calibrate {id}` at the machine."""


class BeingCalibrated(Conflict):
    """Octet calibrates desk {id} just now. Wait until it asks again, or ends."""


class NotAsked(Conflict):
    """Octet did not ask that. Look at its last question, or begin again."""


def cells(part: Box, within: str = "") -> list[Box]:
    """Cut this part of the screen, the place `within` of a window or a whole one, into its grid, row by row."""
    columns, rows = FINE_GRID if within else WHOLE_GRID
    found: list[Box] = []
    for row in range(rows):
        top, bottom = (part.y + part.height * n // rows for n in (row, row + 1))
        for column in range(columns):
            left, right = (part.x + part.width * n // columns for n in (column, column + 1))
            found.append(Box(x=left, y=top, width=max(1, right - left), height=max(1, bottom - top)))
    return found


def place_of(window: Box, place: str) -> Box:
    """Find the part of the window that `37` names, or `37-4` within that one. Raises NoSuchPlace."""
    part, within = window, ""
    words = place.split("-") if place else []
    if len(words) > DEEPEST:
        raise NoSuchPlace(place=place[:20])
    for word in words:
        listed = cells(part, within)
        if not (word.isascii() and word.isdigit() and 1 <= int(word) <= len(listed)):
            raise NoSuchPlace(place=place[:20])
        part, within = listed[int(word) - 1], word
    return part


def from_corner(at: Point, window: FoundWindow) -> Point:
    """Find the place on the screen at this offset from the window's left and top; negative: from its right, bottom."""
    (x, y), box = at, window.box
    return box.x + x + (box.width if x < 0 else 0), box.y + y + (box.height if y < 0 else 0)
