"""What was said in a window, copied out of it: only where that disturbs nobody, and nothing else that stands there."""

from __future__ import annotations

from typing import Protocol

from automation.protocol.ports import Cancelled, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Transcribed

QUIET_S = 1.0
"""So long nobody may have typed, and nothing may have changed in the composer, before a transcript is copied."""
QUIET_WITHIN_S = 3.0
MOST_SAID = 1_500_000
"""So many characters of a transcript are handed on, its last ones: an answer has a million at most."""
NO_TRANSCRIPT = "its profile does not say how its transcript is read"


class CopyableWindow(Protocol):
    """A window whose transcript can be copied."""

    def look(self, *, may_be_busy: bool = False) -> bool:
        """See that it may be used."""
        ...

    def stands_still(self, seconds: float, *, within_s: float) -> bool:
        """Whether nobody types and nothing changes in the composer for so long."""
        ...

    def transcript(self) -> str | None:
        """The text of the transcript; None when nothing was to be had."""
        ...


def copy_transcript(window: CopyableWindow, *, hands_off: str) -> Transcribed:
    """What was said in it, if its agent rests, its composer is empty and nobody types. `hands_off` says why nothing may
    be touched now; empty if it may. Raises Cancelled, TransientFailure or PermanentFailure."""
    if hands_off:
        raise Cancelled(hands_off)
    window.look()
    if not window.stands_still(QUIET_S, within_s=QUIET_WITHIN_S):
        raise TransientFailure(Reason.KEYS_DOWN, "somebody types, or something changes in the composer")
    text = window.transcript()
    if text is None:
        raise TransientFailure(Reason.PASTE_NOT_READ, "nothing could be copied out of it")
    return Transcribed(text=text[-MOST_SAID:], by="copy")


def refuse_without_transcript() -> PermanentFailure:
    """Why a window is not read whose profile does not say how."""
    return PermanentFailure(Reason.TEXT_REFUSED, NO_TRANSCRIPT)
