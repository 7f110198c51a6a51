"""Desks: displays with their windows, as config/desks says, and their state now."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field

from core import remedies
from core.home import Home
from core.journal.model import Event
from core.kit.errors import Conflict, Unavailable
from core.kit.field_types import (
    OPEN,
    Bool,
    Float,
    Internal,
    Limits,
    ListOf,
    Name,
    Text,
    config_table,
    matching,
    rule,
    split_chord,
    wrong,
)
from core.kit.problems import show, suggest
from core.profiles.model import AT, Act, Activity, Box, Driven, PaneProfile, Profile, Sign
from core.profiles.value_types import Title, chord
from core.reasons import AnyReason, Diagnostic, Reason


class MatchBy(StrEnum):
    """What tells a window from others of its class."""

    TITLE = "title"  # The stable part of its title; among several that have it, its place.
    PLACE = "place"
    """By a tag on the window that was at this place when a user connected it. The tag lasts until the window closes;
    another window at the place later does not belong to the desk."""


class InputSource(StrEnum):
    """Whose input counts as a person's."""

    DEVICES = "devices"  # That of keyboards and mice, not what other programs inject by XTEST, as xdotool does
    OTHERS = "others"  # All but Octet's own: for desks used over x11vnc or the like, which types by XTEST


class ScreenCorner(StrEnum):
    """A corner of the screen."""

    NONE = "none"
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class ClipboardScope(StrEnum):
    """Who may read our text from the clipboard while it is pasted."""

    TARGET = "target"  # The target's program alone
    EVERYBODY = "everybody"  # Clipboard managers too: some take the clipboard over when they are refused.


DAY_MIN = 24 * 60
_IS_DISPLAY = matching(
    r"[A-Za-z0-9.-]*:\d{1,5}(\.\d{1,3})?",
    "bad_display",
    'is not a display; write it as ":0" (`echo $DISPLAY` prints yours)',
)
_SIZE = re.compile(r"(\d{3,4})x(\d{3,4})")
_SMALLEST, _LARGEST = (320, 200), (7680, 4320)
_IS_PANE = matching(
    r"%\d{1,6}|[A-Za-z0-9_ @=-][A-Za-z0-9_ @=-]*:[A-Za-z0-9_ @=-]*(\.\d{1,3})?",
    "bad_pane",
    'is not a pane of tmux; write it as "work:1.0" or "%5" (prefix + q shows them)',
)
_IS_SESSION = matching(r"[A-Za-z0-9_-]{1,50}", "bad_session", "is not a valid session: use letters, digits, - and _")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = re.compile(r"((?P<days>[A-Za-z.,]+)\s+)?(?P<h1>\d{1,2}):(?P<m1>\d{2})\s*-\s*(?P<h2>\d{1,2}):(?P<m2>\d{2})")
_FUNCTION_KEYS = frozenset(f"f{number}" for number in range(1, 13))


def _size(text: str) -> str:
    found = _SIZE.fullmatch(text)
    width, height = map(int, found.groups()) if found else (0, 0)
    if not (_SMALLEST[0] <= width <= _LARGEST[0] and _SMALLEST[1] <= height <= _LARGEST[1]):
        text = f'{show(text)} is not a valid display size; write it as "1920x1080", from 320x200 to 7680x4320'
        raise wrong("bad_size", text)
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise wrong("nul", "must not contain the character NUL")
    return text


def _kill_switch(text: str) -> str:
    held, last = split_chord(chord(text))
    if not set(held) & {"ctrl", "alt", "win"} and last != "pause" and last not in _FUNCTION_KEYS:
        text = f"{show(text)} would stop the desk whenever a user types it; combine it with ctrl, alt or win"
        raise wrong("bad_kill_switch", text)
    return text


Word = Annotated[Text, Limits(max_length=10_000), rule(_no_nul)]
Program = Annotated[ListOf[Word], Limits(max_length=200)]
NOWHERE = Box(x=0, y=0, width=0, height=0)  # The place of a pane


@config_table
class Pane:
    """A pane of tmux: one that Octet starts and keeps running, or one of the user's."""

    program: Annotated[Program, Limits(min_length=1)] = ()
    """What runs in Octet's own pane, and its arguments, without a shell. Left out: the pane is the user's."""
    directory: Word = ""  # The folder it starts in; a relative one counts from the home.
    target: Annotated[Text, Field(alias="pane"), Limits(max_length=200), _IS_PANE] = ""
    """The user's pane, as tmux writes it: `work:1.0`, `%5`."""


@config_table
class Window:
    """One agent's window on a desk: its profile, its title and its fixed place; or its pane."""

    name: Name  # How agents.toml calls this window
    profile: Text  # How it is driven, the name of a file in config/profiles
    title: Title = OPEN  # Regular expression for the stable part of its title
    box: Box = OPEN  # The place of the window's own area on the screen, without its frame
    match_by: MatchBy = MatchBy.TITLE  # What tells it from others of its class; `place` is for equal titles.
    pane: Internal[Pane | None] = None  # On a desk of terminals: its pane, which has neither title nor box.

    @property
    def kind(self) -> str:
        return self.profile.partition(AT)[0]


@config_table
class Tmux:
    """The tmux server on which a desk's panes are."""

    session: Annotated[Text, _IS_SESSION] = "octet"
    """The session in which Octet makes its own panes, a window of tmux for each."""
    socket: Word = ""  # The path of the user's own server; left out: a server of Octet's own.
    server: Internal[str] = ""  # The name of Octet's own server, as `tmux -L` takes it


@config_table
class Virtual:
    """A display of the desk's own, with a window manager and the agent's program on it."""

    size: Annotated[Text, rule(_size)] = "1920x1080"  # Its width and height in pixels
    program: Annotated[Program, Limits(min_length=1)]
    """The agent's program and its arguments, for example `["xterm", "-e", "claude"]`; no shell reads them."""
    directory: Word = ""  # The folder it starts in; left out: the home. A relative one counts from the home.
    fill: Bool = True  # Whether its windows fill the whole display, without a frame; else the program places them.

    @property
    def width(self) -> int:
        return int(self.size.partition("x")[0])

    @property
    def height(self) -> int:
        return int(self.size.partition("x")[2])


@config_table
class QuietHours:
    """Hours of the week in which nothing is delivered, in the machine's own time: from a minute to another."""

    start_min: int  # Of the day; the end may be the next day's.
    end_min: int
    days: frozenset[int] = frozenset(range(7))  # On which days it begins; 0 is Monday.

    def holds(self, day: int, minute: int) -> bool:
        if self.start_min < self.end_min:
            return day in self.days and self.start_min <= minute < self.end_min
        began_today = day in self.days and minute >= self.start_min
        return began_today or ((day - 1) % 7 in self.days and minute < self.end_min)


def _quiet_hours(given: object) -> object:
    """Read `22:00-07:00`, on all days; `Mon..Fri 22:00-07:00` or `Sat,Sun 00:00-24:00` on those it begins on."""
    if not isinstance(given, str):
        return given
    text, days = given, set[int]()
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        text = f'{show(text)} is not a time range; write it as "22:00-07:00" or "Sat,Sun 00:00-24:00"'
        raise wrong("bad_quiet_hours", text)
    start, end = (int(match[hour]) * 60 + int(match[minute]) for hour, minute in (("h1", "m1"), ("h2", "m2")))
    if start >= DAY_MIN or end > DAY_MIN or int(match["m1"]) > 59 or int(match["m2"]) > 59 or start == end:
        text = f"{show(text)} is not a time range; hours go from 00:00 to 24:00, and it must not be empty"
        raise wrong("bad_quiet_hours", text)
    for part in (match["days"] or "Mon..Sun").split(","):
        first, _, last = part.strip().partition("..")
        for name in filter(None, (first, last)):
            if name.capitalize() not in _DAYS:
                raise wrong("unknown_day", f"{show(text)} names a day {show(name)}; {suggest(name, _DAYS)}")
        since = _DAYS.index(first.capitalize())
        until = _DAYS.index((last or first).capitalize())
        days |= {(since + number) % 7 for number in range((until - since) % 7 + 1)}
    return QuietHours(start_min=start, end_min=end, days=frozenset(days))


@config_table
class UserActivityPolicy:
    """How Octet behaves where a user works too."""

    idle_s: Annotated[Float, Limits(ge=0, le=3600)] = 2.0
    """No delivery begins until the user has not pressed a key or moved the mouse for so long; 0 switches it off."""
    input_source: InputSource = InputSource.DEVICES  # Which input counts as the user's
    quiet_hours: Annotated[
        ListOf[Annotated[QuietHours, BeforeValidator(_quiet_hours, json_schema_input_type=str)]], Limits(max_length=50)
    ] = ()
    """When Octet delivers nothing, such as `22:00-07:00`, `Mon..Fri 22:00-07:00` or `Sat,Sun 00:00-24:00`."""
    kill_switch_keys: Annotated[ListOf[Annotated[Text, rule(_kill_switch)]], Limits(max_length=5)] = (
        "ctrl+alt+pause",
        "ctrl+alt+end",
    )
    """Chords that stop the desk, pressed anywhere."""
    kill_switch_corner: ScreenCorner = ScreenCorner.NONE
    """The corner that stops the desk when the user moves the pointer there."""
    clipboard_scope: ClipboardScope = ClipboardScope.TARGET  # Which programs may read Octet's text from the clipboard
    stay_awake: Bool = False
    """Keep the machine awake while the desk has work. Its screen may still lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskKind:
    """The parts and needs of one kind of desk. Code asks for these, never for the kind."""

    has: str  # What users know it by, for messages about its file
    table: str = ""  # The table of its file that makes a desk one of this kind; empty for all other desks
    without: tuple[str, ...] = ()  # Keys that such a file may not have
    owns: tuple[str, ...] = ()  # The key of what no two desks may share; empty where each desk gets its own
    lane: str = "window"  # How prompts reach its agents
    profile: type[Driven] = Profile  # What drives its windows
    worker: tuple[str, ...] = ()  # The arguments of its worker's command
    folder: Callable[[Home], Path] = lambda home: home.anchors  # With a folder for each desk, which its worker uses
    has_panes: bool = False  # Its windows are panes: without a title and a box, with a program or a target
    has_users: bool = False  # Its windows are on a screen that users work at too


DESK_KINDS = (
    DeskKind(
        has="has panes of tmux and no display",
        table="tmux",
        without=("display", "virtual", "block_user_input"),
        owns=("tmux", "socket"),
        lane="terminal",
        profile=PaneProfile,
        worker=("--tmux",),
        folder=lambda home: home.displays,
        has_panes=True,
    ),
    DeskKind(has="gets a virtual display", table="virtual", without=("display",)),
    DeskKind(has="has a display", owns=("display",), has_users=True),
)


@config_table
class Desk:
    """One display, or one tmux server, with its windows, as config/desks/NAME.toml describes it."""

    name: Internal[str] = ""
    display: Annotated[Text, _IS_DISPLAY] = OPEN  # The X display, for example `:0`
    windows: Internal[tuple[Window, ...]] = ()
    block_user_input: Bool = True
    """Whether Octet holds keyboard and mouse of this display while it delivers: a user may be there, or use VNC."""
    virtual: Virtual | None = None  # A separate display
    user_activity: UserActivityPolicy = UserActivityPolicy()  # How Octet behaves where a user works too
    tmux: Tmux | None = None  # Its windows are panes of this server; it has no display.

    @property
    def kind(self) -> DeskKind:
        return next(kind for kind in DESK_KINDS if not kind.table or getattr(self, kind.table) is not None)


class DeskState(StrEnum):
    """Whether Octet can use a desk now."""

    STARTING = "starting"
    READY = "ready"
    HELD = "held"
    STOPPED = "stopped"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a window shows now."""

    window: str
    activity: Activity
    answers: tuple[Act, ...] = ()  # What may be done about the dialog: the acts that answer it.
    text: str = ""  # The dialog's text, where it can be read
    mark: str = ""  # By which the worker recognises this very dialog; only the worker understands it.
    png: bytes = b""  # A picture of the dialog, and of nothing else
    note: Diagnostic = ""  # For users: how the worker knows it, or why it does not.


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """What was said in a window, as it was read there. It is looked through, never kept."""

    text: str
    by: str  # `accessibility` or `copy`


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What a window shows now: its last lines without secrets, else a masked picture."""

    text: str = ""
    png: bytes = b""


def mark_of(content: bytes) -> str:
    """Return the mark of what a window shows."""
    return f"{len(content)}-{zlib.crc32(content)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """What a window or pane shows, without what no user may see: a picture of a window, the text of a pane. Both are
    empty where it shows what the asker knows."""

    mark: str = ""  # another one once it shows something else
    jpeg: bytes = b""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatus:
    """What the worker sees of one configured window."""

    name: str
    usable: bool
    reason: Reason | None = None  # why it cannot be used
    note: Diagnostic = ""
    activity: Activity = Activity.UNKNOWN
    unread: str = ""
    """Why its composer cannot be read over the accessibility bus, though its profile tries that first; only looked at
    by `examine`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """What was done to bring one window back to its place, and how it was seen afterwards."""

    window: str
    done: tuple[str, ...] = ()  # In words, in their order; empty where nothing had to be done, or nothing could be.
    reason: Reason | None = None  # None when it is at its place and uncovered
    note: Diagnostic = ""


class DeskNow(NamedTuple):
    """Whether a desk can be used now, and why not, or why nothing begins there for the moment."""

    state: DeskState
    reason: AnyReason | None = None
    note: Diagnostic = ""

    def describe(self, desk: str) -> str:
        """Say why no delivery may begin at the desk; empty if one may."""
        if self.state is DeskState.READY:
            return ""
        return f"desk {desk} is {self.state.value} ({remedies.explain(self.reason, self.note)})"


NOT_YET = DeskNow(DeskState.STARTING, Reason.WORKER_STARTING)


class Learnable(StrEnum):
    """What Octet can learn of a window."""

    BUSY_SIGN = "busy_sign"
    ANCHOR = "anchor"

    @property
    def words(self) -> str:
        """Name it for users: `learned …`."""
        return "its busy sign" if self is Learnable.BUSY_SIGN else "another anchor"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFact:
    """One value that Octet learned of a window."""

    desk: str
    window: str
    what: Learnable
    at_ms: int
    value: Sign | Box  # The busy sign's Sign, or the anchor's Box
    calibration: str = ""  # A hash of what config/ said of the window: with another one the fact does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStatus:
    """A desk with its present state."""

    desk: Desk
    state: DeskState
    windows: tuple[WindowStatus, ...]
    reason: AnyReason | None = None  # why it cannot be used, or why nothing begins there
    note: Diagnostic = ""
    since_ms: int = 0  # Since when; 0 if unknown.
    by: str = ""  # The actor who held or stopped it; empty where that was done at its machine
    awake: str = ""  # That Octet keeps its machine awake, or why it cannot; empty while nothing waits
    learned: tuple[LearnedFact, ...] = ()
    unread: str = ""  # Why Octet cannot read what it learned of the desk's windows; empty if it can.


class DeskMode(StrEnum):
    """Whether deliveries may begin at a desk, as users want it. It outlives a restart."""

    OPEN = "open"
    HELD = "held"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskEvent(Event):
    """Something that happened to a desk, or to a window on it."""

    SUBJECT = "desk:{0.desk}"
    desk: str


class DisplayPictured(DeskEvent):
    """A user looked at a desk's whole display through Octet."""


class DeskUnavailable(Unavailable):
    """Desk {id} is not available: {why}. `octet doctor` says how to fix it."""

    def __init__(self, desk: str, reason: AnyReason, note: str = "") -> None:
        """`note` says what exactly was seen."""
        super().__init__(id=desk, why=remedies.explain(reason, note))
        self.reason, self.note = reason, note


class DeskStoppedHere(Conflict):
    """A user has just stopped desk {id} at its machine. Release it again when they agree."""


class WindowNotSeen(Conflict):
    """Octet cannot show the window {id}: {why}. Bring it back to its place and try again."""
