"""What a calibration finds, tries and asks, the answers, and how it ends: facts, of which `texts` makes sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from core.desks.model import DeskEvent, Window
from core.kit.errors import Conflict
from core.kit.field_types import Text
from core.limits import COUNTER, NAME, NAMES, PIXELS
from core.profiles.model import Box
from core.reasons import Diagnostic, Reason
from core.remedies import explain, next_step, refused

_Pixel = Annotated[int, Field(ge=-PIXELS.most, le=PIXELS.most)]
_Name = Annotated[str, Field(max_length=NAME.most)]
_Number = Annotated[int, Field(ge=0, le=COUNTER.most)]
Point = tuple[_Pixel, _Pixel]  # A place of the screen


TERMINAL = "terminal"
NO_PROMPT = "no prompt sign before the draft marks its line"


POINTING_HELPS = frozenset(
    {
        Reason.NO_COMPOSER,
        Reason.SEVERAL_COMPOSERS,
        Reason.WRONG_PLACE,
        Reason.MARGIN,
        Reason.PASTE_NOT_READ,
        Reason.FOCUS_TAKEN,
    }
)
"""A user who points at the composer may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWindow:
    """One window as it is on the display now."""

    id: int
    kind: str  # the class part of WM_CLASS; another platform's name for the same
    title: str
    program: str  # the name of its process's executable; empty if unknown
    box: Box  # its own area on the screen, without a frame
    is_shown: bool  # it is on the current workspace, and not iconified
    cover: str = ""  # what lies over it
    is_terminal: bool = False
    tag: str = ""  # attached to this very window, and gone with it

    @property
    def called(self) -> str:
        return f"“{self.title}”" if self.title else f"a window of {self.kind or 'an unknown program'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A display with its windows."""

    screen: Box
    monitors: tuple[Box, ...]
    windows: tuple[FoundWindow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPane:
    """One pane of a tmux server that belongs to no window of any Octet."""

    place: str  # as tmux writes it: `work:1.0`
    title: str
    program: str
    fits: tuple[str, ...]  # the profiles whose composer its screen shows


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProposal:
    """A window or pane that may be an agent's. Octet adds no agent without a user."""

    desk: str
    title: str
    profile: str  # the likeliest that fits it
    pane: str = ""  # as tmux writes it; empty: a window


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What Octet saw at one window around the point that the user showed. Boxes are from the window's corner."""

    window: int
    composer: Box
    background: str  # `#rrggbb` of the empty composer
    anchors: tuple[Box, ...]  # distinctive parts of the window that stay the same, the best first
    by: str  # `accessibility` if the program reported the composer's place, else `picture`; TERMINAL of a terminal
    hint: bool = False  # its program reports it as empty, and yet it shows something
    prompt: Box | None = None  # in a terminal: the prompt before the input, as high as its line
    quirks: Mapping[str, object] = field(default_factory=dict[str, object])  # Measured, by their paths in its config
    by_line: bool = False  # the program in a terminal reads line by line: each pasted newline would send


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of a draft that was staged, read back and cleared."""

    ok: bool
    reason: Reason | None = None
    note: Diagnostic = ""
    is_transient: bool = False  # worth another try
    is_not_pasted: bool = False  # the program did not take the draft: the click may have missed the composer
    read_by: str = ""  # how the whole draft was read back: `accessibility`, `copy` or `pixels`
    quirks: Mapping[str, object] = field(default_factory=dict[str, object])
    """Measured, by their paths in its config; of a draft that worked, other chords that cleared it."""
    read_chars: int = 0  # the length of what was read back last
    hint: bool = False  # the composer showed a hint, which the draft replaced
    empties: tuple[bytes, ...] = ()  # pictures of the empty composer, where it shows a hint
    drawn: Box | None = None  # where the draft was seen, from the window's corner
    ground: str = ""  # `#rrggbb` of most of what was there before the draft
    caret: Box | None = None  # What changed in the composer when it got the focus; where that is small, a caret
    anchor: Box | None = None  # the first of the proposed anchors that did not change meanwhile
    anchor_png: bytes = b""
    candidates: tuple[tuple[Box, bytes], ...] = ()
    """Other stable parts, with pictures: one replaces an anchor that changes."""
    tag: str = ""  # the tag of this very window: it identifies the window for as long as it is open


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedWindow:
    """A window in which a draft was typed, read back and cleared, as Octet writes it into config/."""

    window: Window
    agent: str
    calibrated: Mapping[str, object]  # its `[windows.calibrated]`
    measured: Measurement
    tried: TrialResult
    found: FoundWindow
    lacks_busy: bool = False  # Octet does not know yet how it looks while its agent works


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCalibrated(DeskEvent):
    """A window was measured, tried out and written into config/."""

    window: str
    agent: str
    profile: str


class NotToldApart(Conflict):
    """Octet cannot tell {called} apart by their titles. Put a different text into each title (another workspace
    folder, a name), or give each a virtual display (`octet desk up`), and calibrate again."""

    def __init__(self, *, called: str, windows: frozenset[int]) -> None:
        """`windows` by their ids."""
        super().__init__(called=called)
        self.windows = windows


class CalibrationFailed(Conflict):
    """{why}. {next}."""

    def __init__(self, reason: Reason, note: Diagnostic = "") -> None:
        """`note` has no name of the window, and no full stop."""
        super().__init__(why=explain(reason, note), next=next_step(reason).removesuffix("."))
        self.reason, self.note = reason, note


WHOLE_GRID = (6, 8)  # columns and rows over a window
FINE_GRID = (4, 4)  # the same over one of their places
DEEPEST = 4


class NotProposed(StrEnum):
    """Why Octet does not propose a window as an agent's."""

    NO_PROFILE = "no_profile"
    DISABLED = "disabled"
    OWN_TERMINAL = "own_terminal"
    NO_COMPOSER = "no_composer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A window that may be an agent's."""

    number: int  # on the picture, and in answers
    window: FoundWindow
    profile: str = ""
    agent: str = ""  # whose it is or would become; empty where Octet proposes none
    is_known: bool = False  # it is connected, and this agent's
    leaves: str = ""  # the title of another window of this agent, which was here and is not on the display
    why_not: NotProposed | None = None
    disabled: Text = ""  # why the profile is disabled, as its author wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseWindows:
    """Which of these windows are agents', and whose. Octet then types a draft into each and saves what works."""

    kind: Literal["choose_windows"] = "choose_windows"
    desk: str  # empty for a pane of tmux: its profile learns, and no agent gets it
    candidates: tuple[Candidate, ...]
    monitors: tuple[Box, ...]
    hidden: int = 0  # how many more windows are on other workspaces, or iconified

    @property
    def proposed(self) -> tuple[Candidate, ...]:
        return tuple(one for one in self.candidates if one.why_not is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAt:
    """Where the composer of this window is, which Octet did not find."""

    kind: Literal["point_at"] = "point_at"
    number: int
    window: FoundWindow
    agent: str
    note: Diagnostic
    within: str = ""  # the place of the grid that did not do, and in which finer ones are offered


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowByPlace:
    """Asks whether to identify these windows, which no stable part of a title tells apart, by their places."""

    kind: Literal["know_by_place"] = "know_by_place"
    candidates: tuple[Candidate, ...]
    titles_differ: bool = False  # in what changes, such as a file's name


class Risk(StrEnum):
    """Why Octet may not identify a window again."""

    BY_PLACE = "by_place"
    UNTIL_CLOSED = "until_closed"  # nothing but its tag identifies it, and that is gone with the window


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedWindow:
    """A window in which a draft was typed, read back and cleared, and which config/ describes now."""

    window: str  # what the desk calls it
    title: str  # the pattern by which it is identified
    agent: str
    profile: str
    read_by: str
    is_told: bool  # its program tells where the composer is
    lacks_busy: bool = False
    risks: tuple[Risk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWindow:
    """A window that Octet did not connect."""

    called: str
    agent: str
    code: str
    note: Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationResult:
    """How a calibration ended."""

    kind: Literal["result"] = "result"
    desk: str
    connected: tuple[ConnectedWindow, ...] = ()
    failed: tuple[FailedWindow, ...] = ()
    files: tuple[str, ...] = ()
    code: str = ""  # of the error that kept Octet from writing, or from using what it wrote; else empty
    note: Diagnostic = ""


Question = ChooseWindows | PointAt | KnowByPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One window that the user wants to connect; empty fields stay as Octet proposed them."""

    number: _Number
    agent: _Name = ""
    profile: _Name = ""
    name: _Name = ""  # its name in the desk's config
    point: Point | None = None  # where its composer is, on the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The answer to ChooseWindows."""

    kind: Literal["chosen"] = "chosen"
    picks: Annotated[tuple[Pick, ...], Field(max_length=NAMES.most)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposerPlace:
    """The answer to PointAt; with nothing in it the window is skipped."""

    kind: Literal["pointed"] = "pointed"
    point: Point | None = None  # on the screen
    place: _Name = ""  # A number of the grid over the window, or one within another as `37-4`
    is_here: bool = False  # where the pointer is


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The answer to KnowByPlace."""

    kind: Literal["agreed"] = "agreed"
    is_yes: bool


Answer = Chosen | ComposerPlace | Agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOptions:
    """How a user wants a calibration done."""

    only: _Name = ""  # A window that the desk has already, to be measured again; empty: Octet asks which
    own_window: _Number = 0  # the window in which the user types the answers


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationStep:
    """The state of a calibration."""

    number: int  # grows with each question
    now: Question | CalibrationResult | None  # what Octet asks, or how it ended; None while Octet works
    lines: tuple[str, ...]  # what Octet has done so far


class NotTheQuestion(Conflict):
    """Octet did not ask that. Answer its last question, or start again."""


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
    """Find the part of the window that `37` names, or `37-4` within that one. Raises unknown_grid_place."""
    part, within = window, ""
    words = place.split("-") if place else []
    if len(words) > DEEPEST:
        raise refused("unknown_grid_place", place=place[:20])
    for word in words:
        listed = cells(part, within)
        if not (word.isascii() and word.isdigit() and 1 <= int(word) <= len(listed)):
            raise refused("unknown_grid_place", place=place[:20])
        part, within = listed[int(word) - 1], word
    return part


def from_corner(at: Point, window: FoundWindow) -> Point:
    """Find the place on the screen at this offset from the window's left and top; negative: from its right, bottom."""
    (x, y), box = at, window.box
    return box.x + x + (box.width if x < 0 else 0), box.y + y + (box.height if y < 0 else 0)
