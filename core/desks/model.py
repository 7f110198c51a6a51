"""Desks: displays with their windows, as config/desks says, and what is known of them now."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.journal.model import Event
from core.kit.errors import Conflict, NotFound, Unavailable
from core.profiles.model import AT, Act, Activity, Box, Sign


class MatchBy(StrEnum):
    """What tells a window from others of its class."""

    TITLE = "title"
    """The stable part of its title; among several that have it, its place."""
    PLACE = "place"
    """Nothing in its title: it is the very one that stood at its place when a person connected it. A tag on the window
    tells that, for as long as it lives; another one that stands there later is none of the desk's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One agent's window on a desk: who it is (class of its profile and title) and its fixed place; or its pane."""

    name: str
    profile: str
    """The one it is driven by: that of its kind, or one of its own, where something was measured at this window."""
    title: str
    """Regular expression for the stable part of the window's title."""
    box: Box
    """The place of the window's own area on the screen, without what the window manager draws around it."""
    match_by: MatchBy = MatchBy.TITLE
    pane: Pane | None = None
    """On a desk of terminals: the pane it stands for, which has neither title nor box."""

    @property
    def kind(self) -> str:
        """The file in config/profiles that its profile comes from."""
        return self.profile.partition(AT)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pane:
    """A pane of tmux: one that Octet starts and keeps running, or one that a person has made."""

    program: tuple[str, ...] = ()
    """What runs in Octet's own, and its arguments, as they are: no shell reads them. Empty: it is a person's."""
    directory: str = ""
    """The folder it starts in, a whole path."""
    target: str = ""
    """Where a person's is, as tmux writes it: `work:1.0`, `%5`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmux:
    """The tmux server on which a desk's panes are."""

    session: str = "octet"
    """In which Octet makes its own panes, a window of tmux for each."""
    socket: str = ""
    """Of a person's own server, a path; empty: a server of Octet's own."""
    server: str = ""
    """The name of Octet's own server, as `tmux -L` takes it."""


VIRTUAL = "virtual"
"""The display of a desk that has one of its own; which number it gets is known once it is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Virtual:
    """A display of the desk's own, with a window manager and the agent's program on it."""

    width: int
    height: int
    program: tuple[str, ...]
    """The program and its arguments, as they are: no shell reads them."""
    directory: str = ""
    """The folder it starts in; empty: the home. A relative one counts from the home."""
    fill: bool = True
    """Its windows fill the whole display, without a frame; else they stand where the program puts them."""


class InputSource(StrEnum):
    """Whose input counts as a person's."""

    DEVICES = "devices"
    """That of keyboards and mice. What other programs inject by XTEST, as xdotool does, is not a person's."""
    OTHERS = "others"
    """Everything but our own: for desks that people come to by x11vnc or the like, which types by XTEST."""


class ScreenCorner(StrEnum):
    """A corner of the screen."""

    NONE = "none"
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class ClipboardScope(StrEnum):
    """Who may read our text from the clipboard while it is pasted."""

    TARGET = "target"
    """The target's program alone."""
    EVERYBODY = "everybody"
    """Clipboard managers too: some take the clipboard over when they are refused."""


DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Hours of the week in which nothing is delivered, in the machine's own time: from a minute to another."""

    start_min: int
    """Of the day; the end may be the next day's."""
    end_min: int
    days: frozenset[int] = frozenset(range(7))
    """On which days it begins; 0 is Monday."""

    def holds(self, day: int, minute: int) -> bool:
        """Whether this minute of this day of the week is quiet."""
        if self.start_min < self.end_min:
            return day in self.days and self.start_min <= minute < self.end_min
        began_today = day in self.days and minute >= self.start_min
        return began_today or ((day - 1) % 7 in self.days and minute < self.end_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserActivityPolicy:
    """How Octet behaves where a person sits too."""

    idle_s: float = 2.0
    """No delivery begins until nobody has pressed a key or moved the mouse for so long; 0 switches it off."""
    input_source: InputSource = InputSource.DEVICES
    quiet_hours: tuple[QuietHours, ...] = ()
    kill_switch_keys: tuple[str, ...] = ("ctrl+alt+pause", "ctrl+alt+end")
    """Chords that stop the desk, pressed anywhere."""
    kill_switch_corner: ScreenCorner = ScreenCorner.NONE
    """Where the pointer, moved there by a person, stops the desk."""
    show_banner: bool = False
    """A small notice on the screen before and during each delivery."""
    clipboard_scope: ClipboardScope = ClipboardScope.TARGET
    stay_awake: bool = False
    """The machine is kept from falling asleep while work waits or goes on here. Its screen may lock all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One display with its windows, as config/desks/NAME.toml describes it."""

    name: str
    display: str
    """As in $DISPLAY; VIRTUAL for a display of its own."""
    windows: tuple[Window, ...] = field(default=())
    block_user_input: bool = True
    """Whether Octet holds keyboard and mouse of this display while it delivers: a user may be there, or use VNC."""
    virtual: Virtual | None = None
    user_activity: UserActivityPolicy = field(default=UserActivityPolicy())
    tmux: Tmux | None = None
    """Its windows are panes of this server; it has no display."""


class DeskState(StrEnum):
    """Whether a desk's hands can be used now."""

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
    answers: tuple[Act, ...] = ()
    """What may be done about the dialog: the acts that answer it."""
    text: str = ""
    """The dialog's text, where it can be read."""
    mark: str = ""
    """By which this very dialog is known again; only whoever made it understands it."""
    png: bytes = b""
    """A picture of the dialog, and of nothing else."""
    note: str = ""
    """For people: what it was told by, or why it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """What was said in a window, as it was read there. It is looked through, never kept."""

    text: str
    by: str
    """`accessibility` or `copy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatus:
    """What the worker sees of one configured window."""

    name: str
    usable: bool
    reason: str
    """Empty when usable; else why not: closed, covered, moved, ambiguous, …"""
    code: str = ""
    """The reason alone, a `deliveries.model.Reason`, without what exactly was seen."""
    activity: Activity = Activity.UNKNOWN
    unread: str = ""
    """Why its composer cannot be read over the accessibility bus, though its profile tries that first; only looked at
    by `examine`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """What was done to bring one window back to its place, and how it was seen afterwards."""

    window: str
    done: tuple[str, ...] = ()
    """In words, in their order; empty where nothing had to be done, or nothing could be."""
    reason: str = ""
    """Empty when it stands at its place with nothing over it; else why not, as in WindowStatus."""


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
    value: Sign | Box
    """The busy sign's Sign, or the anchor's Box."""
    calibration: str = ""
    """The fingerprint of what config/ said of the window: with another one the fact no longer counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStatus:
    """A desk together with what is known of it now."""

    desk: Desk
    state: DeskState
    reason: str
    windows: tuple[WindowStatus, ...]
    since_ms: int = 0
    """Since when; 0 where nobody noted it."""
    awake: str = ""
    """That its machine is kept awake for it, or why it may fall asleep; empty while nothing waits or nobody asked."""
    learned: tuple[LearnedFact, ...] = ()
    unread: str = ""
    """Why Octet cannot read what it learned of the desk's windows; empty if it can."""


class Wish(StrEnum):
    """What people want of a desk. It outlives a restart."""

    OPEN = "open"
    HELD = "held"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskEvent(Event):
    """Something that happened to a desk, or to a window on it."""

    SUBJECT = "desk:{0.desk}"
    desk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskWished(DeskEvent):
    """Somebody held, stopped or released a desk."""

    wish: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStopped(DeskEvent):
    """Somebody stopped a desk at its own machine."""

    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenshotTaken(DeskEvent):
    """Somebody looked at a window through Octet."""

    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayPictured(DeskEvent):
    """Somebody looked at a desk's whole display through Octet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLearned(DeskEvent):
    """Octet learned something of a window."""

    window: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowForgotten(DeskEvent):
    """A user had Octet forget what it learned of a window."""

    window: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShowed(DeskEvent):
    """A window of an agent shows something else than before."""

    window: str
    activity: str


class DeskNotFound(NotFound):
    """There is no desk called {id}. `/desk status` shows the desks there are."""


class DeskUnavailable(Unavailable):
    """Desk {id} cannot be used at the moment: {why}. `octet doctor` tells how to mend it."""


class DeskWithoutHands(Unavailable):
    """Desk {id} has no hands: no agent works at it yet. Use `octet calibrate` at the machine."""


class DeskIsShared(Conflict):
    """Desk {id} is a screen that people use, so no picture of all of it is taken. `/desk screenshot` shows the window
    of one agent; a desk with a display of its own (`octet desk up`) can be seen whole."""


class DeskStoppedHere(Conflict):
    """Somebody has just stopped desk {id} at its machine. Release it again once they agree."""


class WindowNotSeen(Conflict):
    """The window {id} is not there to be shown: {why}. Bring it back to its place and try again."""


class WindowNotFound(NotFound):
    """Desk {desk} has no window called {id}. `/desk status` shows its windows."""


class NothingLearned(NotFound):
    """Octet has learned nothing of the window {id} on desk {desk}. `/desk status` shows what it learned."""
