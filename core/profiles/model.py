"""What config/profiles says: how Octet drives one kind of window, or program in a pane, and what it shows. Each class
is a table of a file, checked by pydantic. Editors and errors show the comment beside a field, or the text below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from core.kit.field_types import OPEN, Bool, Float, Int, Internal, Limits, ListOf, Text, config_table, rule, wrong
from core.kit.problems import show
from core.profiles.value_types import (
    Chord,
    Chords,
    Class,
    Colour,
    Length,
    Milliseconds,
    Pattern,
    Place,
    Role,
    Title,
)

AT = "@"  # Between a profile's name and its window's, where that window has separate values: `cursor@main.agent-1`.

_TIME_LEFT = (
    r"\bin +(?=\d)(?:(?P<days>\d{1,2}) *d\w{0,8})?[, ]{0,2}(?:(?P<hours>\d{1,3}) *h\w{0,8})?[, ]{0,2}(?:and +)?"
    r"(?:(?P<minutes>\d{1,4}) *m(?!o)\w{0,8})?[, ]{0,2}(?:and +)?(?:(?P<seconds>\d{1,6}) *s\w{0,8})?"
)
_TIME_OF_DAY = (
    r"\b(?:resets?|again|until|available)(?: +at)? +(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))? *(?P<half>[ap]m)?\b"
)
LIMIT_ENDS = (_TIME_LEFT, _TIME_OF_DAY)
"""When a limit ends, as programs say it: "try again in 2 hours", "resets at 3pm"."""

LONGEST_TITLE = 1_000  # So many characters of a window's title are compared; a program chooses its title.


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

    FILE = "file"  # Its body goes into a file of the home, which the prompt names: for agents that can read files here.
    REFUSE = "refuse"  # Octet does not send it and tells the user: for agents that cannot, such as a chat in a browser.
    SPLIT = "split"
    """Octet sends it in parts, each a separate delivery; all but the last ask the agent to wait for the rest."""


class Readback(StrEnum):
    """How Octet proves before Enter that the composer holds the whole text, the strongest way first."""

    ACCESSIBILITY = "accessibility"
    """The program reports the composer's whole text over the accessibility bus; compared, and again before Enter."""
    COPY = "copy"  # The whole text is copied back out of the composer and compared
    PIXELS = "pixels"
    """The program took the text, and the composer's picture changed and stays the same. Octet compares nothing."""


class Normalise(StrEnum):
    """Which differences between asked and read text are the program's habit and not damage."""

    RAW = "raw"
    NL = "nl"
    NBSP = "nbsp"
    LINES = "lines"
    BLANKS = "blanks"  # Every blank and line end: programs in a terminal break a text into lines as they like.


class Confirm(StrEnum):
    """What must be seen after Enter; at least one, else the delivery is `unknown`."""

    COMPOSER_EMPTY = "composer_empty"
    BUSY_SEEN = "busy_seen"


class Activity(StrEnum):
    """What a window shows of its agent."""

    IDLE = "idle"  # Its composer is empty, its busy sign is not shown, and nothing changed in it for a while
    BUSY = "busy"
    NEEDS_INPUT = "needs_input"  # A dialog waits for an answer
    ERROR = "error"
    LIMITED = "limited"  # Its agent says that it has used up what it may use for now
    UNKNOWN = "unknown"
    """Octet cannot tell: it cannot see the window, the profile has no busy sign, or no sign explains the view."""


class Act(StrEnum):
    """What can be done to the agent in a window besides giving it a text."""

    INTERRUPT = "interrupt"
    APPROVE = "approve"
    DENY = "deny"
    CONTINUE = "continue"
    NEW_CHAT = "new_chat"  # Begins a new conversation, while the agent rests


Share = Annotated[Float, Limits(gt=0, le=1)]


@config_table
class Box:
    """A rectangle in pixels. On the screen x and y may be negative (a monitor to the left)."""

    x: Place  # Its distance from the left edge, in pixels
    y: Place  # Its distance from the top edge, in pixels
    width: Length  # How wide it is, in pixels
    height: Length  # How high it is, in pixels

    @classmethod
    def of_edges(cls, left: int, top: int, right: int, bottom: int) -> Box:
        return cls(x=left, y=top, width=right - left, height=bottom - top)

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """Return its left, top, right and lower edge, as Pillow takes a box; the last two are outside of it."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def has_area(self) -> bool:
        """Whether it is anywhere: programs tell -1 or 0 of what they do not show."""
        return self.width > 0 and self.height > 0

    def on_screen(self, window: Box) -> Box:
        """Return this part of a window, counted from its corner, as a place on the screen."""
        return replace(self, x=window.x + self.x, y=window.y + self.y)

    def in_window(self, window: Box) -> Box:
        """Return this place on the screen, counted from the corner of a window."""
        return replace(self, x=self.x - window.x, y=self.y - window.y)

    def grown(self, by: int, by_y: int | None = None) -> Box:
        """Return it with so many pixels more at each side; `by_y` above and below, where those differ."""
        more = by if by_y is None else by_y
        return Box(x=self.x - by, y=self.y - more, width=self.width + 2 * by, height=self.height + 2 * more)

    def shared(self, other: Box) -> Box:
        """Return the part that lies in both; it has no area where they share no pixel."""
        (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = self.edges, other.edges
        left, top = max(left, left_2), max(top, top_2)
        return Box.of_edges(left, top, max(left, min(right, right_2)), max(top, min(bottom, bottom_2)))

    def overlaps(self, other: Box) -> bool:
        return self.shared(other).has_area

    def fits_into(self, outer: Box) -> bool:
        """Whether all of it lies within the other, both counted from the same corner."""
        (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = self.edges, outer.edges
        return left_2 <= left and top_2 <= top and right <= right_2 and bottom <= bottom_2

    def holds(self, x: int, y: int) -> bool:
        left, top, right, bottom = self.edges
        return left <= x < right and top <= y < bottom


@config_table
class Sign:
    """A colour that fills a part of a box while something is so (busy: the agent works)."""

    box: Box  # Where the sign appears, from the window's top left corner
    colour: Colour  # The colour of the sign, `#rrggbb`
    share: Share = 0.2  # The smallest part of the box that must have the colour, 0–1
    is_learned: Internal[bool] = False  # Octet learned it from prompts: before Enter it proves nothing.


@config_table
class Accessible:
    """An object that the window's program shows on the accessibility bus while something is so."""

    role: Role  # What the object is on the accessibility bus, for example `dialog`, `alert` or `push button`
    name: Pattern = ""  # Regular expression for a part of its name; left out: any.
    text: Pattern = ""  # Regular expression for a part of its text, whose dots match line ends too; left out: any.


@config_table
class StateSigns:
    """How a window shows one state: a colour in a box, an object on the accessibility bus, both, or in no known way. Of
    being at work either is enough; of resting both are needed."""

    box: Box | None = None  # Where the sign appears, from the window's corner
    colour: Colour = ""  # The colour of the sign, `#rrggbb`
    share: Share = 0.2  # The smallest part of the box that must have the colour, 0–1
    accessible: Accessible | None = None  # What its program shows on the accessibility bus then
    is_learned: Internal[bool] = False  # Octet learned it from prompts: before Enter it proves nothing.

    @property
    def sign(self) -> Sign | None:
        if self.box is None or not self.colour:
            return None
        return Sign(box=self.box, colour=self.colour, share=self.share, is_learned=self.is_learned)


@config_table
class Modal:
    """A separate window that covers another one of the same program."""

    match_class: Class  # Regular expression for the whole class part of its WM_CLASS
    title: Title  # Regular expression for a part of its title


@config_table
class Press:
    """How an act is done: a chord, or one click at a point of the window."""

    chord: Chord = ""  # The chord to press
    times: Annotated[Int, Limits(ge=1, le=3)] = 1  # How often it is pressed in a pane, a moment apart
    x: Place | None = None  # Where to click, from the window's left edge
    y: Place | None = None  # Where to click, from the window's top edge
    anchor: Box | None = None  # The button around that point, which must look as it did the first time

    @property
    def at(self) -> tuple[int, int] | None:
        """Return the point to click; None where a chord is pressed."""
        return (self.x, self.y) if self.x is not None and self.y is not None else None


def _as_press(given: object) -> object:
    return {"chord": given} if isinstance(given, str) else given


def _act_of_a_table(act: Act) -> Act:
    if act is Act.NEW_CHAT:
        raise wrong("unexpected_keyword_argument", "there is no such key here; write `new_chat` above the tables")
    return act


Presses = Mapping[
    Annotated[Act, rule(_act_of_a_table)],
    Annotated[Press, BeforeValidator(_as_press, json_schema_input_type=Chord | Press)],
]


def _means_more_than_work(activity: Activity) -> Activity:
    if activity not in DIALOG_ACTIVITIES:
        given = show(activity.value)
        raise wrong("literal_error", f'must be one of "needs_input", "error" or "limited", not {given}')
    return activity


DIALOG_ACTIVITIES = (Activity.NEEDS_INPUT, Activity.ERROR, Activity.LIMITED)
DialogActivity = Annotated[
    Activity, rule(_means_more_than_work), WithJsonSchema({"enum": [one.value for one in DIALOG_ACTIVITIES]})
]
Answers = Annotated[ListOf[Act], Limits(max_length=10)]


@config_table
class Dialog:
    """Something a window shows now and then that means more than being at work: a question, an error, a limit. It is
    there when all of its signs are; it has one at least."""

    shows: DialogActivity  # What it means, `needs_input`, `error` or `limited`
    answers: Answers = ()  # The acts that answer it, for example `["approve", "deny"]`
    box: Box | None = None
    """The part of the window that Octet shows to users; an answer is valid for exactly this view. Left out for a
    separate window, which Octet shows whole, and for an object that reports its place."""
    sign: Sign | None = None  # A colour in a box that is there then
    accessible: Accessible | None = None  # What its program shows on the accessibility bus then
    window: Modal | None = None  # A separate window
    acts: Presses = field(default_factory=dict[Act, Press])
    """How to answer this dialog, if not as the profile's `acts` say. In a separate window, points count from its top
    left corner."""


@config_table
class Composer:
    """Where prompts are written."""

    box: Box = OPEN  # Where prompts are written, from the window's top left corner
    background: Colour = OPEN  # The colour of the empty composer, `#rrggbb`
    caret_px: Annotated[Int, Limits(ge=0, le=1_000_000)] = 120
    """How many pixels may differ from the background in an empty composer: the caret."""
    has_placeholder: Bool = False
    """Whether an empty composer shows a placeholder. `octet calibrate` keeps pictures of it, and they count as
    empty."""
    prompt: Box | None = None
    """In a terminal: the prompt before what is written, as high as its line, where it was when `octet calibrate` kept
    a picture of that line. The composer is then the lowest line that begins with it."""
    role: Annotated[Text, Limits(max_length=100)] = ""
    """Its role on the accessibility bus, such as `entry`; left out: any object that takes text."""
    label: Annotated[Text, Limits(max_length=200)] = ""  # Its name on the accessibility bus; left out: any.


@config_table
class Transcript:
    """Where the window shows what was said, and how Octet copies it."""

    box: Box  # Where what was said is shown: a place to click into.
    copy: Annotated[Chords, Limits(min_length=1)] = ("ctrl+a", "ctrl+c")
    """Chords that select all of it, also what is scrolled away, and copy it."""
    role: Annotated[Text, Limits(max_length=60)] = ""  # Its role on the accessibility bus; left out: it is copied.
    answers: Bool = True  # Whether agents may answer here, between the markers of their prompt
    complete: Bool = False  # True only if a copy was seen to hold the last 50 messages all, else false


@config_table
class NewChat:
    """How a user begins a new conversation: a chord, or a prompt that is a command."""

    chord: Chord = ""  # The chord that begins a new conversation
    prompt: Annotated[Text, Limits(min_length=1, max_length=100)] = ""
    """What is sent to begin one, for example `/clear`."""


@config_table
class Answerable:
    """What a terminal's screen shows now and then that means more than being at work."""

    shows: DialogActivity  # What it means, `needs_input`, `error` or `limited`
    text: Pattern  # Regular expression for what is on the screen then
    answers: Answers = ()  # The acts that answer it, for example `["approve", "deny"]`
    acts: Mapping[Act, Chord] = field(default_factory=dict[Act, str])
    """Chords that answer it, where not those in `[acts]`."""
    within: Annotated[Int, Limits(ge=0, le=500)] = 0
    """So many lines that are not blank may be between it and the composer, or the screen's end, as long as it counts;
    0: any number."""
    begins: Pattern = ""  # The line above the match where it begins, for what users see of it; left out: at the match


@config_table
class Terminal:
    """How a program of the command line looks on its screen. All are regular expressions, searched in its lines, whose
    blanks at the end are cut off; `^` and `$` match at each line's ends."""

    prompt: Pattern = ""
    """Regular expression for the beginning of the composer's first line: the last match on the screen counts, the text
    begins after it."""
    bar: Pattern = ""
    """The edge that all lines of the composer have, and those of what was said: the last lines in a row that have it
    are the composer, and blank lines at its ends do not count."""
    end: Pattern = ""  # The first line below the composer; default: all below belongs to it.
    margin: Pattern = ""  # What comes before the text in the composer's further lines
    tail: Pattern = ""  # What comes after the text in the composer's lines: the edge of a box around it.
    placeholder: Pattern = ""  # What an empty composer shows instead of nothing
    paste_placeholders: Annotated[ListOf[Pattern], Limits(max_length=20)] = ()
    """What is shown in place of a long paste; groups named `lines` and `chars` must agree with the paste."""
    busy: Pattern = ""  # What is on the screen while the agent works
    ready: Pattern = ""  # What must be there before anything is written; left out: the prompt is enough.
    dialogs: Annotated[ListOf[Answerable], Limits(max_length=50)] = ()
    """What the screen shows when the agent waits, met an error or reached a limit."""
    command: Pattern = ""  # The whole of what tmux calls the program in the pane; left out: any.
    echo: Pattern = ""
    """What the program writes before each line of a prompt that it took; left out: its transcript proves nothing."""
    masks: Annotated[ListOf[Pattern], Limits(max_length=50)] = ()  # What no picture shows, and no text that users get
    answers: Bool = True  # Whether agents may answer here, between the markers of their prompt
    dim_is_placeholder: Bool = True  # Whether dim letters in the composer are proposals of the program, and no text


@config_table
class Habits:
    """How a program takes texts, in a window as in a terminal's pane. Chords are written `ctrl+v`, `enter`."""

    name: Internal[str] = ""
    submit: Chord = OPEN  # The chord that sends the prompt, for example `enter`
    newline: Newline = OPEN  # What becomes of a newline in a prompt, `keep`, `collapse` or `refuse`
    normalise: Normalise = OPEN  # Which differences are the program's habit, `raw`, `nl`, `nbsp` or `lines`
    max_chars: Annotated[Int, Limits(ge=500, le=100_000)] = 20_000
    """The longest prompt in characters that is written there."""
    clear: Annotated[ListOf[Chord], Limits(min_length=1, max_length=40)] = OPEN
    """The chords that empty the composer, for example `["ctrl+a", "backspace"]`."""
    paste_timeout_ms: Annotated[Milliseconds, Limits(ge=1)] = 600
    """Milliseconds: the longest wait for the whole text to appear in the composer."""
    settle_ms: Milliseconds = 0  # Milliseconds of rest between an equal read-back and sending
    confirm_timeout_ms: Annotated[Milliseconds, Limits(ge=1)] = 2500
    """Milliseconds in which sending must show; after that the delivery is `unknown`."""
    weak_by_emptying: Bool = True
    """Whether a delivery counts as weak when its composer empties after Enter while Octet holds the user's keyboard and
    mouse, or the pane, and no other sign shows; false: it stays unknown, and Octet asks the user."""
    too_long: TooLong = TooLong.FILE
    """What becomes of a longer prompt, `file` (it goes into one that the prompt names), `split` (it comes in parts) or
    `refuse`."""
    tab: Newline = Newline.KEEP  # What becomes of a tab in a prompt, `keep`, `collapse` (to four blanks) or `refuse`
    forbidden_prefixes: Annotated[
        ListOf[Annotated[Text, Limits(min_length=1, max_length=20)]], Limits(max_length=20)
    ] = ()
    """What no text may begin with, for example `["/", "!"]`: there it would be a command."""
    accepts_input_while_busy: Bool = False  # Whether the composer keeps for later what is sent while the agent works
    acts: Presses = field(default_factory=dict[Act, Press])  # What can be done to the agent, and how
    limit_ends: Annotated[ListOf[Pattern], Limits(max_length=20)] = LIMIT_ENDS
    """Regular expressions for when a limit ends, in the text of a dialog that shows `limited`. Their groups are `hour`,
    `minute` and `half` (am or pm) of the machine's clock, or `days`, `hours`, `minutes` and `seconds` from now."""
    idle_ms: Annotated[Milliseconds, Limits(ge=100)] = 600
    """Milliseconds without the busy sign or any change before the agent counts as idle."""
    store_full_window: Bool = False
    """Whether receipts keep pictures of the whole window. They always do for a prompt whose
    arrival was not seen."""

    def limit_ends_at(self, text: str, now: datetime) -> datetime | None:
        """Return when the limit ends that a window shows as `text`; None where it does not say. `now` has the zone of
        the machine's clock."""
        found = (re.search(pattern, text, re.IGNORECASE) for pattern in self.limit_ends)
        for match in (one for one in found if one is not None):
            parts = {name: value.lower() for name, value in match.groupdict().items() if value}
            half = parts.pop("half", "")
            numbers = {name: int(value) for name, value in parts.items()}
            if not numbers:
                continue
            if "hour" not in numbers:
                return now + timedelta(**numbers)
            hour = numbers["hour"] % 12 + 12 * (half == "pm") if half else numbers["hour"]
            if hour < 24 and numbers.get("minute", 0) < 60:
                at = now.replace(hour=hour, minute=numbers.get("minute", 0), second=0, microsecond=0)
                return at if at > now else at + timedelta(days=1)
        return None


@config_table
class Profile(Habits):
    """How one kind of window is driven."""

    match_class: Class = OPEN  # Regular expression for the whole class part of WM_CLASS
    match_program: Class = ""  # Regular expression for the whole name of the executable of its process; left out: any.
    match_title: Title = ""
    """Regular expression for a part of the title; `octet calibrate` proposes the profile for no other."""
    composer: Composer = OPEN  # A table with the box and background of where prompts are written
    anchor: Box | None = None
    """A box around a part of the window that always looks the same; left out where its class and title identify the
    window."""
    paste: Chord = OPEN  # The chord that pastes, for example `ctrl+v`
    selection: Selection = OPEN  # What it pastes, `clipboard` or `primary`
    readback: Annotated[
        ListOf[Readback],
        Limits(min_length=1, max_length=3),
        BeforeValidator(
            lambda given: [given] if isinstance(given, str) else given, json_schema_input_type=Readback | list[Readback]
        ),
    ] = OPEN
    """How the text is read back before it is sent: `accessibility`, `copy` or `pixels`, or several of them in the order
    in which they are tried."""
    max_clipboard_reads: Annotated[Int, Limits(ge=1, le=20)] = 1
    """How often the program reads the selection for one paste at most."""
    busy: StateSigns = StateSigns()  # How it shows that the agent works
    idle: StateSigns = StateSigns()  # How it shows that the agent rests; a window that shows neither counts as unknown.
    new_chat: NewChat | None = None  # How a user begins a new conversation there
    dialogs: Annotated[ListOf[Dialog], Limits(max_length=50)] = ()
    """What the window shows when its agent waits, met an error or reached a limit."""
    confirm: Annotated[frozenset[Confirm], Limits(min_length=1, max_length=10)] = OPEN
    """What must be seen after sending, for example `["composer_empty"]`."""
    copy: Annotated[Chords, Limits(min_length=1)] = ("ctrl+a", "ctrl+c")
    """Chords that select all of the composer and copy it."""
    after_copy: Chords = ("ctrl+end",)  # Chords that end the selection and change nothing
    transcript: Transcript | None = None  # Where what was said is shown; left out where it cannot be copied.
    masks: Annotated[ListOf[Box], Limits(max_length=50)] = ()  # Parts of the window that no picture shows
    follow_moved_window: Bool = False
    """Whether Octet uses a window that was moved at its new place, as long as its class and title fit no other window
    and its anchor looks the same there."""
    terminal: Terminal | None = None  # How the program looks on a terminal's screen, for agents in panes

    @property
    def all_acts(self) -> Mapping[Act, Press]:
        """What can be done to the agent, with a new conversation where one chord begins it."""
        anew = self.new_chat.chord if self.new_chat else ""
        return {**self.acts, Act.NEW_CHAT: Press(chord=anew)} if anew else self.acts

    @property
    def tells_answers(self) -> bool:
        return self.transcript is not None and self.transcript.answers

    @property
    def has_busy_sign(self) -> bool:
        """Whether anything says how it looks while the agent works."""
        return self.busy.sign is not None or self.busy.accessible is not None

    @property
    def listens(self) -> tuple[Accessible, ...]:
        """Every sign that is looked for on the accessibility bus."""
        of_dialogs = (dialog.accessible for dialog in self.dialogs)
        return tuple(sign for sign in (*of_dialogs, self.busy.accessible, self.idle.accessible) if sign is not None)

    def press(self, act: Act, dialog: Dialog | None) -> Press | None:
        """Return how this act is done while this dialog is open; None where it cannot be. In a dialog with its own
        window only its answers are pressed, and no click meant for the agent's window."""
        if dialog is not None and act in dialog.acts:
            return dialog.acts[act]
        known = self.acts.get(act)
        if known is None or dialog is None or dialog.window is None:
            return known
        return known if act in dialog.answers and known.at is None else None

    def chords(self) -> tuple[str, ...]:
        """Every chord that Octet presses in such a window."""
        transcript = self.transcript.copy if self.transcript else ()
        presses = (*self.acts.values(), *(press for dialog in self.dialogs for press in dialog.acts.values()))
        acts = (press.chord for press in presses if press.chord)
        return (self.paste, self.submit, *self.clear, *self.copy, *self.after_copy, *transcript, *acts)


class PaneReadback(StrEnum):
    """How Octet sees in a terminal's pane that the text is there; no file says it."""

    SCREEN = "screen"  # The composer's text is on the screen, and is compared
    PLACEHOLDER = "placeholder"
    """A placeholder is in the composer in place of a long paste; what it counts is compared."""


AnyReadback = Readback | PaneReadback


@config_table
class PaneProfile(Habits):
    """How a program in a pane of a terminal multiplexer is driven. Its acts are chords alone."""

    terminal: Terminal
    confirm: frozenset[Confirm] = frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN})

    @property
    def readback(self) -> tuple[AnyReadback, ...]:
        return (PaneReadback.SCREEN,)

    @property
    def transcript(self) -> Transcript | None:
        """What was said differs from what is being written only where the program marks it."""
        return Transcript(box=Box(x=0, y=0, width=0, height=0)) if self.terminal.echo else None

    @property
    def tells_answers(self) -> bool:
        return self.terminal.answers

    @property
    def has_busy_sign(self) -> bool:
        return bool(self.terminal.busy)

    def press(self, act: Act, dialog: Answerable | None) -> Press | None:
        """Return how this act is done while this dialog is open; None where it cannot be."""
        if dialog is not None and act in dialog.acts:
            return Press(chord=dialog.acts[act])
        return self.acts.get(act)


Driven = Profile | PaneProfile  # Whatever a prompt can be brought to
