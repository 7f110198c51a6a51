"""How a virtual display stands, as its keeper tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayStatus:
    """One display as it is now."""

    display: str = ""
    """`:7`, once its server runs; else empty."""
    xauthority: str = ""
    """The file with its cookie."""
    why: str = "it is starting"
    """Why it cannot be used; empty when it can."""
    keeper: int = 0
    """The process that keeps it; 0 when nobody does."""
    restarts: int = 0
    """How often its server, manager or program ended by itself since it is kept."""

    @property
    def is_up(self) -> bool:
        """Server, window manager and program run."""
        return not self.why


NOBODY = DisplayStatus(why="its virtual display is not up: `octet desk up` starts it")
