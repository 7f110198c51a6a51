"""What config/desks and config/profiles say, parsed: desks, their windows, and how a kind of window is driven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.kit.errors import Conflict, NotFound, Unavailable


class Selection(StrEnum):
    """Which X11 selection a window pastes from."""

    CLIPBOARD = "clipboard"
    PRIMARY = "primary"


class Newline(StrEnum):
    """What becomes of a newline in a prompt for this kind of window."""

    KEEP = "keep"
    COLLAPSE = "collapse"
    REFUSE = "refuse"


class Readback(StrEnum):
    """How it is proven that the whole text stands in the composer before Enter, the strongest first."""

    ACCESSIBILITY = "accessibility"
    """The program tells the composer's whole text over the accessibility bus; compared, and once more before Enter."""
    COPY = "copy"
    """The whole text is copied back out of the composer and compared."""
    PIXELS = "pixels"
    """The program itself took the text, and the composer's picture changed and stands still. Nothing is compared."""
    NONE = "none"
    """The program itself took the text; nobody looks what it did with it. What was sent so is `sent`, not delivered."""


class Focus(StrEnum):
    """How the composer is given the focus where it does not have it."""

    CLICK = "click"
    GRAB_FOCUS = "grab_focus"
    """The program is asked for it over the accessibility bus; where it does not obey, by a click."""


class Normalise(StrEnum):
    """Which differences between asked and read text are the program's habit and not damage."""

    RAW = "raw"
    NL = "nl"
    NBSP = "nbsp"
    LINES = "lines"


class Confirm(StrEnum):
    """What must be seen after Enter; at least one, else the delivery is `unknown`."""

    COMPOSER_EMPTY = "composer_empty"
    BUSY_SEEN = "busy_seen"


class Activity(StrEnum):
    """What a window shows of its agent."""

    IDLE = "idle"
    """Its composer is empty, its busy sign is not shown, and nothing changed in it for a while."""
    BUSY = "busy"
    NEEDS_INPUT = "needs_input"
    """A dialog waits for somebody's answer."""
    ERROR = "error"
    LIMITED = "limited"
    """Its agent says that it has used up what it may use for now."""
    UNKNOWN = "unknown"
    """It cannot be told: the window cannot be seen, its profile has no busy sign, or it shows what no sign explains."""


class Act(StrEnum):
    """What can be done to the agent in a window besides giving it a text."""

    INTERRUPT = "interrupt"
    APPROVE = "approve"
    DENY = "deny"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels. On the screen x and y may be negative (a monitor to the left)."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A colour that stands in a region of the window while something is so (busy: the agent works)."""

    box: Box
    colour: str
    share: float = 0.2
    """The smallest part of the region's pixels that must have the colour, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A picture that stands at a place of the window while something is so."""

    box: Box
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """A window of its own that stands in the way of another one of the same program."""

    match_class: str
    """Regular expression for the whole class part of WM_CLASS."""
    title: str
    """Regular expression for a part of its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """Something a window shows now and then that means more than being at work: a question, an error, a limit.

    It is there when all of its signs are; it has one at least.
    """

    shows: Activity
    """needs_input, error or limited."""
    answers: tuple[Act, ...]
    """The acts that answer it; each must be one that the profile knows how to do."""
    box: Box | None = None
    """The part of the window that people are shown, from its top left corner; an answer is good for exactly this.
    None for a window of its own, which is shown whole."""
    sign: Sign | None = None
    picture: Likeness | None = None
    window: Modal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """How an act is done: a chord, or one click at a point of the window."""

    chord: str = ""
    at: tuple[int, int] | None = None
    """From the window's top left corner; only without a chord."""
    anchor: Box | None = None
    """The part of the window around the point that must look as it did the first time: the button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Where a prompt is written. The box is relative to the window's top left corner."""

    box: Box
    background: str
    """`#rrggbb` of an empty composer."""
    caret_px: int = 120
    """How many pixels of the box may differ from the background in an empty composer: the caret."""
    role: str = ""
    """Its role in the accessibility tree, such as `entry`; empty: whatever can be written into there."""
    label: str = ""
    """Its name in the accessibility tree; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Where what was said stands, and how it is copied out. The box is relative to the window's top left corner."""

    box: Box
    """A place to click into; all of the transcript is then selected by the chords, also what is scrolled away."""
    copy: tuple[str, ...] = ("ctrl+a", "ctrl+c")
    role: str = ""
    """Of the object that holds it on the accessibility bus; empty: it is copied."""
    answers: bool = True
    """Whether agents may answer here, between the markers of their prompt."""
    complete: bool = False
    """Whether a copy certainly holds the last messages all. Lists that keep only what is seen do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """What was said in a window, as it was read there. It is looked through, never kept."""

    text: str
    by: str
    """`accessibility` or `copy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one kind of window is driven. Chords are written `ctrl+v`, `shift+insert`, `enter`."""

    name: str
    match_class: str
    """Regular expression for the class part of WM_CLASS; the instance part is not used."""
    composer: Composer
    anchor: Box
    """A part of the window that always looks the same; relative to its top left corner."""
    paste: str
    selection: Selection
    submit: str
    newline: Newline
    readback: tuple[Readback, ...]
    """The ways to read back, in the order in which they are tried; the first that this window allows is used."""
    normalise: Normalise
    max_chars: int
    clear: tuple[str, ...]
    busy: Sign | None
    """What stands there while the agent works. A window without it is never said to be idle."""
    confirm: frozenset[Confirm]
    copy: tuple[str, ...] = ("ctrl+a", "ctrl+c")
    """Chords that select all of the composer and copy it, for the read-back `copy`."""
    after_copy: tuple[str, ...] = ("ctrl+end",)
    """Chords that end the selection which `copy` made and leave the text as it is."""
    landed_ms: int = 600
    """The longest wait for the whole text to stand in the composer."""
    settle_ms: int = 0
    """Rest between an equal read-back and Enter."""
    confirm_ms: int = 2500
    """How long an Enter may take to show; after that the delivery is `unknown`."""
    queues: bool = False
    """While the agent works its composer takes input as usual and keeps it for later: words may go in meanwhile."""
    focus: Focus = Focus.CLICK
    paste_reads: int = 1
    """How often the program reads the selection for one paste at most; what it takes more often came from somewhere."""
    transcript: Transcript | None = None
    """None where it cannot be copied out."""
    idle: Sign | None = None
    """What stands there while the agent rests; a window that shows neither this nor `busy` is `unknown`."""
    idle_ms: int = 600
    """How long the busy sign must be gone, and nothing may change, before the window counts as idle."""
    masks: tuple[Box, ...] = ()
    """Parts of the window that no picture shows: they are painted over before one leaves the worker."""
    whole_window: bool = False
    """Receipts keep pictures of the whole window too; of a prompt that nobody saw arrive they always do."""
    acts: Mapping[Act, Press] = field(default_factory=dict[Act, Press])
    """What can be done to the agent in this window, and how."""
    dialogs: tuple[Dialog, ...] = ()
    """What this window shows when its agent waits for an answer, met an error or reached a limit."""

    def chords(self) -> tuple[str, ...]:
        """Every chord that Octet presses in such a window."""
        said = self.transcript.copy if self.transcript else ()
        acts = (press.chord for press in self.acts.values() if press.chord)
        return (self.paste, self.submit, *self.clear, *self.copy, *self.after_copy, *said, *acts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One agent's window on a desk: who it is (class of its profile and title) and its fixed place."""

    name: str
    profile: str
    title: str
    """Regular expression for the stable part of the window's title."""
    box: Box
    """The place of the window's own area on the screen, without what the window manager draws around it."""


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


class People(StrEnum):
    """Whose input counts as a person's."""

    DEVICES = "devices"
    """That of keyboards and mice. What other programs inject by XTEST, as xdotool does, is not a person's."""
    OTHERS = "others"
    """Everything but our own: for desks that people come to by x11vnc or the like, which types by XTEST."""


class Corner(StrEnum):
    """A corner of the screen."""

    NONE = "none"
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class Serve(StrEnum):
    """Who may read our text from the clipboard while it is pasted."""

    TARGET = "target"
    """The target's program alone."""
    EVERYBODY = "everybody"
    """Clipboard managers too: some take the clipboard over when they are refused."""


DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
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
class Manners:
    """How Octet behaves where a person sits too."""

    idle_s: float = 2.0
    """No delivery begins until nobody has pressed a key or moved the mouse for so long; 0 switches it off."""
    people: People = People.DEVICES
    quiet_hours: tuple[Quiet, ...] = ()
    stop_keys: tuple[str, ...] = ("ctrl+alt+pause", "ctrl+alt+end")
    """Chords that stop the desk, pressed anywhere."""
    stop_corner: Corner = Corner.NONE
    """Where the pointer, moved there by a person, stops the desk."""
    notice: bool = False
    """A small notice on the screen before and during each delivery."""
    clipboard: Serve = Serve.TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One display with its windows, as config/desks/NAME.toml describes it."""

    name: str
    display: str
    """As in $DISPLAY; VIRTUAL for a display of its own."""
    windows: tuple[Window, ...] = field(default=())
    hold: bool = True
    """Whether a person may sit at this display, whose keyboard and mouse are held while a prompt is brought."""
    virtual: Virtual | None = None
    manners: Manners = field(default=Manners())


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
class WindowStatus:
    """What the worker sees of one configured window."""

    name: str
    usable: bool
    reason: str
    """Empty when usable; else why not: closed, covered, moved, ambiguous, …"""
    anchor: str = ""
    """Where its anchor picture comes from: `kept`, `cut now`, or empty when there is none yet."""
    activity: Activity = Activity.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStatus:
    """A desk together with what is known of it now."""

    desk: Desk
    state: DeskState
    reason: str
    windows: tuple[WindowStatus, ...]
    since_ms: int = 0
    """Since when; 0 where nobody noted it."""


class DeskNotFound(NotFound):
    """There is no desk called {id}. `/desk status` shows the desks there are."""


class DeskUnavailable(Unavailable):
    """Desk {id} cannot be used at the moment: {why}. `octet doctor` tells how to mend it."""


class DeskStoppedHere(Conflict):
    """Somebody has just stopped desk {id} at its machine. Release it again once they agree."""


class WindowNotSeen(Conflict):
    """The window {id} is not there to be shown: {why}. Bring it back to its place and try again."""


class WindowNotFound(NotFound):
    """Desk {desk} has no window called {id}. `/desk status` shows its windows."""
