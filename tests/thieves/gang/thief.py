"""What all thieves share: an X connection of their own, a rate, and an end at which they put right what they did.

A thief is a process, `python -m tests.thieves.gang.NAME EVERY_S WORDS...`. It says `ready`, strikes about every so
many seconds until its standard input ends, undoes what is left of it, and says in a last line how often it struck.
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import sys
import time
from typing import Protocol

from Xlib.display import Display
from Xlib.error import ConnectionClosedError


class Thief(Protocol):
    """One kind of mischief."""

    def strike(self) -> None: ...

    def undo(self) -> None:
        """Leave the display as it was found, as far as this thief can."""
        ...


def connect() -> Display:
    """$DISPLAY, for a thief."""
    return connect_to(None)


def connect_to(name: str | None) -> Display:
    """A display; a window that is gone already is no error of ours."""
    display = Display(name)
    display.set_error_handler(lambda *_: None)
    return display


def is_over(seconds: float) -> bool:
    """Let so much time pass; True when nobody wants this thief any more."""
    ready, _, _ = select.select([sys.stdin], [], [], max(0.0, seconds))
    return bool(ready) and not sys.stdin.readline()


def steal(thief: Thief, every_s: float) -> None:
    """Strike at irregular moments until the end."""
    chance, strikes = random.Random(7), 0
    print("ready", flush=True)
    with contextlib.suppress(ConnectionClosedError):
        while not is_over(every_s * chance.uniform(0.5, 1.5)):
            thief.strike()
            strikes += 1
        thief.undo()
    print(json.dumps({"strikes": strikes}), flush=True)


def pause(seconds: float) -> None:
    """Let the effect of a strike last, in the thief's own process."""
    time.sleep(seconds)
