"""Where a desk's worker works: the display that the configuration names, or the desk's own, as it stands now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from automation.desktop.displays.standing import DisplayStatus
from core.desks.model import Desk


class DisplayTarget:
    """One desk's display. A display of its own may go, and come back under another number."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        """The desk with the display that there is now."""
        self.environ: Mapping[str, str] = {} if desk.virtual or desk.tmux else {"DISPLAY": desk.display}
        """What a program needs to reach it."""
        self.why = "its virtual display is starting" if desk.virtual else ""
        """Why it cannot be used; empty when it can, as far as is known here."""
        self.there = asyncio.Event()
        """Set while there is a display to work on, though perhaps without its window manager for a moment."""
        if not desk.virtual:
            self.there.set()

    def take(self, standing: DisplayStatus) -> bool:
        """It stands so now. True when a worker of the display before is of no use any more."""
        environ = {"DISPLAY": standing.display, "XAUTHORITY": standing.xauthority}
        before, self.why = self.environ, standing.why
        if not standing.display:
            self.environ = {}
            self.there.clear()
            return bool(before)
        self.environ = environ
        self.desk = replace(self.desk, display=standing.display)
        self.there.set()
        return environ != before
