"""What config/profiles says of programs in a terminal's pane, parsed: how their screen looks, how they are driven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.profiles.model import Act, Activity, Box, Confirm, Habits, Press, Profile, Readback, Transcript


class PaneReadback(StrEnum):
    """How that is seen in a pane of a terminal; no file says it."""

    SCREEN = "screen"
    """The composer's text stands on its screen, and is compared."""
    PLACEHOLDER = "placeholder"
    """A sign stands in the composer in place of a long paste; what it counts is compared."""


AnyReadback = Readback | PaneReadback


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerable:
    """What a terminal's screen shows now and then that means more than being at work."""

    shows: Activity
    """needs_input, error or limited."""
    text: str
    """Regular expression for what stands on the screen then."""
    answers: tuple[Act, ...] = ()
    acts: Mapping[Act, str] = field(default_factory=dict[Act, str])
    """Chords that answer it, where not those of the profile."""
    within: int = 0
    """So many lines that are not blank may stand between it and the composer, or the screen's end, as long as it
    counts; 0: any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """How a program of the command line looks on its screen. All are regular expressions, searched in its lines, whose
    blanks at the end are cut off; `^` and `$` match at each line's ends."""

    prompt: str
    """Begins the composer's first line; the last match on the screen counts, the text begins after it."""
    bar: str = ""
    """The edge that all lines of the composer have, and those of what was said: the last lines in a row that have it
    are the composer, and blank lines at its ends are no text."""
    end: str = ""
    """The first line below that which is no part of the composer; empty: all below is."""
    margin: str = ""
    """What stands before the text in the composer's further lines."""
    tail: str = ""
    """What stands after the text in the composer's lines: the edge of a box around it."""
    placeholder: str = ""
    """What an empty composer shows instead of nothing."""
    paste_placeholders: tuple[str, ...] = ()
    """What stands there in place of a long paste; groups named `lines` and `chars` must agree with the paste."""
    busy: str = ""
    """Stands there while the agent works."""
    ready: str = ""
    """Must stand there before anything is written; empty: the prompt is enough."""
    dialogs: tuple[Answerable, ...] = ()
    command: str = ""
    """The whole of what tmux calls the program that runs in the pane; empty: any."""
    echo: str = ""
    """What the program writes before each line of a prompt that it took; empty: its transcript proves nothing."""
    masks: tuple[str, ...] = ()
    """What no picture shows, and no text that people are given."""
    answers: bool = True
    """Whether agents may answer here, between the markers of their prompt."""
    dim_is_placeholder: bool = True
    """Dim letters in the composer are proposals of the program, and no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneProfile(Habits):
    """How a program in a pane of a terminal multiplexer is driven. Its acts are chords alone."""

    terminal: Terminal
    confirm: frozenset[Confirm] = frozenset({Confirm.COMPOSER_EMPTY, Confirm.BUSY_SEEN})
    idle_ms: int = 600
    """How long the busy sign must be gone, and nothing may change, before the pane counts as idle."""
    store_full_window: bool = False
    """Receipts keep pictures of the whole pane too; of a prompt that nobody saw arrive they always do."""

    @property
    def readback(self) -> tuple[AnyReadback, ...]:
        """The one way there is."""
        return (PaneReadback.SCREEN,)

    @property
    def transcript(self) -> Transcript | None:
        """What was said can be told from what is being written only where the program marks it."""
        return Transcript(box=Box(x=0, y=0, width=0, height=0)) if self.terminal.echo else None

    @property
    def tells_answers(self) -> bool:
        """Whether answers are read there."""
        return self.terminal.answers

    @property
    def has_busy_sign(self) -> bool:
        """Whether anything says how it looks while the agent works."""
        return bool(self.terminal.busy)

    def press(self, act: Act, dialog: Answerable | None) -> Press | None:
        """How this act is done while this dialog stands there; None where it cannot be."""
        if dialog is not None and act in dialog.acts:
            return Press(chord=dialog.acts[act])
        return self.acts.get(act)


Driven = Profile | PaneProfile
"""Whatever a prompt can be brought to."""
