"""What all thieves share: a connection to the display, a rate, and an end at which they undo what they did.

A thief is a process, `python -m sandbox.thieves.NAME EVERY_S WORDS...`. It prints `ready`, strikes about every so many
seconds until its standard input ends or SIGTERM comes, undoes the rest, and prints how often it struck. With no
standard input (/dev/null) only a signal ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import stat
import sys
import time
from typing import Protocol

from Xlib.display import Display
from Xlib.error import ConnectionClosedError

_ENDED: list[int] = []
"""The SIGTERM that came, if one did."""


class Thief(Protocol):
    """One kind of mischief."""

    def strike(self) -> None: ...

    def undo(self) -> None: ...  # Leave the display as it was found, as far as this thief can


def connect(name: str | None = None) -> Display:
    """Connect to a display, else to $DISPLAY; ignore errors about windows that are gone already."""
    display = Display(name)
    display.set_error_handler(_ignore)
    return display


def is_over(seconds: float) -> bool:
    """Let so much time pass; say whether this thief must end."""
    if stat.S_ISCHR(os.fstat(0).st_mode):
        time.sleep(seconds)
        return bool(_ENDED)
    ready, _, _ = select.select([sys.stdin], [], [], max(0.0, seconds))
    return bool(_ENDED) or (bool(ready) and not sys.stdin.readline())


def steal(thief: Thief, every_s: float) -> None:
    """Strike at irregular moments until the end."""
    signal.signal(signal.SIGTERM, lambda number, _: _ENDED.append(number))
    chance, strikes = random.Random(7), 0
    _tell("ready")
    with contextlib.suppress(ConnectionClosedError):
        while not is_over(every_s * chance.uniform(0.5, 1.5)):
            thief.strike()
            strikes += 1
        thief.undo()
    _tell(json.dumps({"strikes": strikes}))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _ignore(*_: object) -> None: ...


def pause(seconds: float) -> None:
    """Let the effect of a strike last, in the thief's own process."""
    time.sleep(seconds)
