"""What the command line does on a terminal only: colours, spinners and a live table. Elsewhere its output is plain."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.verbs.naming import at_the_machine
from core.kit.console import escaped, unfiltered

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {
    "green": re.compile(
        r"^ok\b|^Everything works|(?<=  )(?:idle|ready|Done|yes)\b|\b(?<!not )connected\b", re.MULTILINE
    ),
    "blue": re.compile(r"(?m)(?<=  )(?:Starting|Working|In review|busy)\b|\bworks on\b"),
    "yellow": re.compile(
        r"^warning\b|(?<=  )(?:Waiting|Needs|needs|Parked|at its|paused|held)\b|^\d+ things? need.*$",
        re.MULTILINE,
    ),
    "red": re.compile(
        r"^problem\b|(?<=  )(?:Failed|Expired|unknown|offline)\b|\bnot (?:usable|connected|available)\b",
        re.MULTILINE,
    ),
    "dim": re.compile(r"(?m)^ *(?:→|➜) .*$|^… and .*$"),
    "bold": re.compile(r"(?m)\b[TM]-\d+\b"),
}
"""The colour of parts of a text, by the pattern that finds them. The words alone say everything."""


def is_terminal() -> bool:
    return sys.stdout.isatty()


def console() -> Console:
    """Make Rich's console for the terminal. It obeys NO_COLOR; texts for it must be `printable`."""
    from rich.console import Console

    return Console(file=unfiltered(sys.stdout), force_terminal=True, markup=False, highlight=False, emoji=False)


def show(text: str) -> None:
    """Print a text with the machine's commands, coloured on a terminal."""
    text = at_the_machine(text)
    if not is_terminal():
        print(text)
        return
    from rich.text import Text

    shown = Text(escaped(text))
    for colour, pattern in _COLOURS.items():
        shown.highlight_regex(pattern, colour)
    sys.stdout.flush()
    console().print(shown, soft_wrap=True)


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Turn a spinner beside `what` while the block waits; it leaves no trace. Elsewhere print nothing."""
    if not is_terminal():
        yield
        return
    with console().status(escaped(what)):
        yield
