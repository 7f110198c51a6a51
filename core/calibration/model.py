"""What is found on a display while its windows are connected, and what was tried with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.desks.model import Window
from core.kit.errors import Conflict, NotFound
from core.profiles.model import Box, Sign

Point = tuple[int, int]
"""A place of the screen."""


TERMINAL = "terminal"


class Cause(StrEnum):
    """Why Octet could not measure a window, or get a draft into it."""

    GONE = "gone"
    HIDDEN = "hidden"
    OFF_SCREEN = "off_screen"
    COVERED = "covered"
    CHANGED = "changed"
    NOT_EMPTY = "not_empty"
    NO_COMPOSER = "no_composer"
    SEVERAL_COMPOSERS = "several_composers"
    WRONG_PLACE = "wrong_place"
    MARGIN = "margin"
    SCROLLED = "scrolled"
    DIALOG = "dialog"
    OTHER = "other"

    @property
    def needs_point(self) -> bool:
        """Whether a user who points at the composer would help."""
        return self in {Cause.NO_COMPOSER, Cause.SEVERAL_COMPOSERS, Cause.WRONG_PLACE, Cause.MARGIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWindow:
    """One window as it stands on the display now."""

    id: int
    kind: str
    """The class part of WM_CLASS; another platform's name for the same."""
    title: str
    program: str
    """The name of its process's executable; empty where nobody tells."""
    box: Box
    """Its own area on the screen, without a frame."""
    is_shown: bool
    """Whether it is on the workspace that is shown, and not iconified."""
    cover: str = ""
    """What lies over it; empty when nothing does."""
    is_terminal: bool = False

    @property
    def called(self) -> str:
        """As people call it."""
        return f"“{self.title}”" if self.title else f"a window of {self.kind or 'an unknown program'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A window that may be an agent's, and the profiles that may drive it, the likeliest first."""

    window: FoundWindow
    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What stands on a display."""

    screen: Box
    monitors: tuple[Box, ...]
    windows: tuple[FoundWindow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was seen at one window around the point that a person showed. Boxes are from the window's corner."""

    window: int
    composer: Box
    background: str
    """`#rrggbb` of the empty composer."""
    anchors: tuple[Box, ...]
    """Parts of the window that stand still and can be told from others, the best first."""
    by: str
    """`accessibility` where the program told the composer's place, else `picture`; TERMINAL of a terminal."""
    hint: bool = False
    """It is empty, as its program tells, and yet something stands there."""
    role: str = ""
    label: str = ""
    """What the program calls its composer."""
    prompt: Box | None = None
    """In a terminal: the prompt, as high as its line, before what is written."""
    habits: Mapping[str, object] = field(default_factory=dict[str, object])
    """What drafts showed of its program, by their paths in `[windows.calibrated]`."""
    by_line: bool = False
    """The program in a terminal reads line by line: each pasted newline would send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a draft that was staged, read back and cleared."""

    ok: bool
    why: str = ""
    """Why not, and what to do."""
    cause: Cause = Cause.OTHER
    passes: bool = False
    """What was in the way passes by itself: it is worth another try."""
    missed: bool = False
    """Nothing took the draft: a click may have gone beside the composer."""
    read_by: str = ""
    """How the whole draft was read back: `accessibility`, `copy`, `pixels`, `none`."""
    draft_left: bool = False
    """Our draft may still stand there."""
    sent: bool = False
    """Enter was pressed, because somebody asked for that."""
    busy: Sign | None = None
    """How the window looks while its agent works, and only then; where something was sent."""
    habits: Mapping[str, object] = field(default_factory=dict[str, object])
    """What its profile has to say of the program for the draft to come back as it did."""
    read_chars: int = 0
    """The length of what was read back last."""
    hint: bool = False
    """Something stood where the draft was seen, and was gone while that stood there: a hint."""
    empties: tuple[bytes, ...] = ()
    """Pictures of the empty composer, where it shows a hint."""
    drawn: Box | None = None
    """Where the draft was seen, from the window's corner."""
    ground: str = ""
    """`#rrggbb` of most of what was there before the draft."""
    caret: Box | None = None
    """What the composer looked otherwise in once it had the focus; where that is small, a caret."""
    anchor: Box | None = None
    """The first of the proposed anchors that stood still all the while."""
    anchor_png: bytes = b""
    candidates: tuple[tuple[Box, bytes], ...] = ()
    """Other parts that stood still, with their pictures: one replaces an anchor that changes later."""
    tag: str = ""
    """The tag of this very window: it identifies the window for as long as it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A window that took a draft and gave it back: what config/ is told about it."""

    window: Window
    """With the profile of its kind."""
    agent: str
    calibrated: Mapping[str, object]
    """As `[windows.calibrated]` has it."""
    measured: Measured
    tried: Tried
    found: FoundWindow
    lacks_busy: bool = False
    """Nothing says yet how it looks while its agent works: no arrival can be seen in it."""


class NoSuchWindow(NotFound):
    """No window on the display {what}. `octet calibrate --list` shows those there are."""


class SeveralWindows(Conflict):
    """{count} windows {what}: {titles}. Say more of the title, so that one is left."""


class NotToldApart(Conflict):
    """{called} cannot be told apart by what stands still in their titles. Give each a part of its own there (another
    workspace folder, a name), or a display of its own (`octet desk up`), and calibrate again."""

    def __init__(self, *, called: str, windows: frozenset[int]) -> None:
        """`windows` by their ids."""
        super().__init__(called=called)
        self.windows = windows


class _Failed(Conflict):
    """{why}."""

    def __init__(self, *, why: str, cause: Cause = Cause.OTHER) -> None:
        """`cause` is what code decides by."""
        super().__init__(why=why.removesuffix("."), cause=cause.value)
        self.cause = cause

    @property
    def needs_point(self) -> bool:
        """Whether a user who points at the composer would help."""
        return self.cause.needs_point


class NotMeasured(_Failed):
    """{why}."""


class NotTried(_Failed):
    """{why}."""


class NoProfileFits(NotFound):
    """No profile fits {window} (class {kind}). Name one that drives a program like it, such as gtk, chromium or xterm;
    `octet profile list` shows all, and docs/profiles.md tells how to write your own."""
