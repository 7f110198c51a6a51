"""A window as Octet saw it."""

from __future__ import annotations

from dataclasses import dataclass

from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Box


class DisplayHeld(TransientFailure):
    """Another program holds the whole display, so the display server answers no other program."""

    def __init__(self) -> None:
        super().__init__(Reason.DISPLAY_HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowInfo:
    """One window as Octet saw it."""

    id: int
    kind: str  # the class part of WM_CLASS; on Windows the name of its program
    title: str
    box: Box
    is_viewable: bool
