"""The status of a virtual display, as its keeper tells it. Every platform may load this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayStatus:
    """One display as it is now."""

    display: str = ""
    xauthority: str = ""
    why: str = "it is starting"
    keeper: int = 0
    restarts: int = 0  # how often its server, manager or program ended by itself since it is kept

    @property
    def is_up(self) -> bool:
        """Server, window manager and program run."""
        return not self.why


NOBODY = DisplayStatus(why="its virtual display is not up: `octet desk up` starts it")
