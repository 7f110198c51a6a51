"""The status of a virtual display, as its keeper reports it. Every platform may load this."""

from __future__ import annotations

from dataclasses import dataclass

from core.reasons import Diagnostic, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayStatus:
    """One display as it is now."""

    display: str = ""
    xauthority: str = ""
    reason: Reason | None = Reason.DISPLAY_STARTING  # why it is not up; None when server, manager and program run
    note: Diagnostic = ""  # what exactly happened
    keeper: int = 0
    restarts: int = 0  # of its server, manager or program, unasked, since its keeper began

    @property
    def is_up(self) -> bool:
        """Server, window manager and program run."""
        return self.reason is None


NOT_KEPT = DisplayStatus(reason=Reason.DISPLAY_DOWN)
