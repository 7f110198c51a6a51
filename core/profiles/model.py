"""What config/profiles says, parsed: how one kind of window is driven, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

AT = "@"
"""Between a profile's name and its window's, where that window has values of its own: `cursor@main.agent-1`."""

LONGEST_TITLE = 1_000
"""So many characters of a window's title are compared; a program chooses its title."""


class Selection(StrEnum):
    """Which X11 selection a window pastes from."""

    CLIPBOARD = "clipboard"
    PRIMARY = "primary"


class Newline(StrEnum):
    """What becomes of a newline, or a tab, in a prompt for this kind of window."""

    KEEP = "keep"
    COLLAPSE = "collapse"
    REFUSE = "refuse"


class TooLong(StrEnum):
    """What becomes of a prompt that is longer than `max_chars`."""

    FILE = "file"
    """Its body goes into a file of the home, which the prompt names: for agents that can read files here."""
    REFUSE = "refuse"
    """It is not sent, and a person is told: for agents that cannot, such as a chat in a browser."""
    SPLIT = "split"
    """It comes in parts, each a delivery of its own; all but the last say that the agent shall wait for the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Longest:
    """The longest prompt that an agent's window takes, and what becomes of a longer one."""

    chars: int
    then: TooLong = TooLong.FILE
    lines: bool = True
    """A text of several lines stays one; else it is handled as one that is too long."""
    tabs: bool = True
    """The same for tabs."""


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
    BLANKS = "blanks"
    """Every blank and line end: programs in a terminal break a text into lines as they like."""


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
    NEW_CHAT = "new_chat"
    """Begins a new conversation, while the agent rests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels. On the screen x and y may be negative (a monitor to the left)."""

    x: int
    y: int
    width: int
    height: int

    @property
    def has_area(self) -> bool:
        """Whether it is anywhere: programs tell -1 or 0 of what they do not show."""
        return self.width > 0 and self.height > 0

    def on_screen(self, window: Box) -> Box:
        """This part of a window, counted from its corner, as a place on the screen."""
        return replace(self, x=window.x + self.x, y=window.y + self.y)

    def overlaps(self, other: Box) -> bool:
        """Whether they share a pixel."""
        return (
            self.has_area
            and other.has_area
            and self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def fits_into(self, outer: Box) -> bool:
        """Whether all of it lies within the other, both counted from the same corner."""
        return (
            outer.x <= self.x
            and outer.y <= self.y
            and self.x + self.width <= outer.x + outer.width
            and self.y + self.height <= outer.y + outer.height
        )

    def holds(self, x: int, y: int) -> bool:
        """Whether this point lies in it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A colour that stands in a region of the window while something is so (busy: the agent works)."""

    box: Box
    colour: str
    share: float = 0.2
    """The smallest part of the region's pixels that must have the colour, 0–1."""
    is_learned: bool = False
    """Octet learned it from prompts: before Enter it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A picture that stands at a place of the window while something is so."""

    box: Box
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Accessible:
    """An object that the window's program tells of over the accessibility bus, and shows, while something is so."""

    role: str
    """One of AT-SPI's: `dialog`, `alert`, `push button`."""
    name: str = ""
    """Regular expression for a part of what it is called; empty: any."""
    text: str = ""
    """Regular expression for a part of all that stands in it, whose dots match line ends too; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """A window of its own that stands in the way of another one of the same program."""

    match_class: str
    """Regular expression for the whole class part of WM_CLASS."""
    title: str
    """Regular expression for a part of its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """How an act is done: a chord, or one click at a point of the window."""

    chord: str = ""
    at: tuple[int, int] | None = None
    """From the window's top left corner; only without a chord."""
    anchor: Box | None = None
    """The part of the window around the point that must look as it did the first time: the button."""


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
    None for a window of its own, which is shown whole, and for an object that tells where it stands."""
    sign: Sign | None = None
    picture: Likeness | None = None
    accessible: Accessible | None = None
    window: Modal | None = None
    acts: Mapping[Act, Press] = field(default_factory=dict[Act, Press])
    """How this very dialog is answered, where not as the profile's `acts` say; in a window of its own, points are from
    its own top left corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Where a prompt is written. The box is relative to the window's top left corner."""

    box: Box
    background: str
    """`#rrggbb` of an empty composer."""
    caret_px: int = 120
    """How many pixels of the box may differ from the background in an empty composer: the caret."""
    has_placeholder: bool = False
    """An empty composer shows a placeholder: what looks as it did when it was seen to be empty is empty too."""
    prompt: Box | None = None
    """In a terminal: where the prompt stood when its line was kept, as high as that line. The composer is the lowest
    line in the box that begins with this prompt, and is empty while it looks as it was kept."""
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
class Habits:
    """How a program takes texts, in a window as in a terminal's pane. Chords are written `ctrl+v`, `enter`."""

    name: str
    submit: str
    newline: Newline
    normalise: Normalise
    max_chars: int
    clear: tuple[str, ...]
    paste_timeout_ms: int = 600
    """The longest wait for the whole text to stand in the composer."""
    settle_ms: int = 0
    """Rest between an equal read-back and Enter."""
    confirm_timeout_ms: int = 2500
    """How long an Enter may take to show; after that the delivery is `unknown`."""
    weak_by_emptying: bool = True
    """A composer that held our text and empties after Enter while the user's devices are held is a weak delivery."""
    too_long: TooLong = TooLong.FILE
    tab: Newline = Newline.KEEP
    """What becomes of a tab in a prompt; collapsed it is four blanks."""
    forbidden_prefixes: tuple[str, ...] = ()
    """What a text may not begin with: there it would be a command."""
    accepts_input_while_busy: bool = False
    """While the agent works its composer takes input as usual and keeps it for later: words may go in meanwhile."""
    acts: Mapping[Act, Press] = field(default_factory=dict[Act, Press])
    """What can be done to the agent, and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Habits):
    """How one kind of window is driven."""

    match_class: str
    """Regular expression for the class part of WM_CLASS; the instance part is not used."""
    match_program: str = ""
    """Regular expression for the name of the executable of its process; empty: any."""
    composer: Composer
    paste: str
    selection: Selection
    readback: tuple[Readback, ...]
    """The ways to read back, in the order in which they are tried; the first that this window allows is used."""
    busy: Sign | None
    """The colour that stands there while the agent works. A window with neither this nor `busy_accessible` never
    counts as idle."""
    confirm: frozenset[Confirm]
    anchor: Box | None = None
    """A part of the window that always looks the same, relative to its top left corner. None where the window's class,
    its title and what its program tells of its composer identify it."""
    copy: tuple[str, ...] = ("ctrl+a", "ctrl+c")
    """Chords that select all of the composer and copy it, for the read-back `copy`."""
    after_copy: tuple[str, ...] = ("ctrl+end",)
    """Chords that end the selection which `copy` made and leave the text as it is."""
    focus: Focus = Focus.CLICK
    max_clipboard_reads: int = 1
    """How often the program reads the selection for one paste at most; what it takes more often came from somewhere."""
    transcript: Transcript | None = None
    """None where it cannot be copied out."""
    idle: Sign | None = None
    """What stands there while the agent rests; a window that shows neither this nor `busy` is `unknown`."""
    busy_accessible: Accessible | None = None
    """What its program tells of while the agent works; with `busy` too, one of both is enough."""
    idle_accessible: Accessible | None = None
    """The same while it rests; with `idle` too, both are needed."""
    idle_ms: int = 600
    """How long the busy sign must be gone, and nothing may change, before the window counts as idle."""
    masks: tuple[Box, ...] = ()
    """Parts of the window that no picture shows: they are painted over before one leaves the worker."""
    store_full_window: bool = False
    """Receipts keep pictures of the whole window too; of a prompt that nobody saw arrive they always do."""
    follow_moved_window: bool = False
    """A window that was moved is used at its new place, while it is certain that it is the one."""
    dialogs: tuple[Dialog, ...] = ()
    """What this window shows when its agent waits for an answer, met an error or reached a limit."""

    @property
    def tells_answers(self) -> bool:
        """Whether answers are read there."""
        return self.transcript is not None and self.transcript.answers

    @property
    def has_busy_sign(self) -> bool:
        """Whether anything says how it looks while the agent works."""
        return self.busy is not None or self.busy_accessible is not None

    @property
    def listens(self) -> tuple[Accessible, ...]:
        """Every sign that is looked for on the accessibility bus."""
        of_dialogs = (dialog.accessible for dialog in self.dialogs)
        return tuple(sign for sign in (*of_dialogs, self.busy_accessible, self.idle_accessible) if sign is not None)

    def press(self, act: Act, dialog: Dialog | None) -> Press | None:
        """How this act is done while this dialog stands there; None where it cannot be. In a dialog that is a window of
        its own nothing is pressed but its answers, and no click that is meant for the agent's window."""
        if dialog is not None and act in dialog.acts:
            return dialog.acts[act]
        known = self.acts.get(act)
        if known is None or dialog is None or dialog.window is None:
            return known
        return known if act in dialog.answers and known.at is None else None

    def chords(self) -> tuple[str, ...]:
        """Every chord that Octet presses in such a window."""
        said = self.transcript.copy if self.transcript else ()
        presses = (*self.acts.values(), *(press for dialog in self.dialogs for press in dialog.acts.values()))
        acts = (press.chord for press in presses if press.chord)
        return (self.paste, self.submit, *self.clear, *self.copy, *self.after_copy, *said, *acts)
