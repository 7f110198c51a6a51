"""What an attempt that passed Enter leaves for its receipt: pictures, which window it was, how the text was read. Of a
rehearsal the last two."""

from __future__ import annotations

from dataclasses import dataclass, replace

from automation.protocol.enter import COMPARED
from automation.protocol.ports import WindowPort
from core.deliveries.model import Evidence, Outcome, Result
from core.profiles.model import Normalise
from core.profiles.panes import Driven

RECOGNISED = "recognised"
"""Our whole draft, left by an interruption, was known again by the marks that were committed before it."""
_PASSED_ENTER = frozenset({Result.DELIVERED, Result.SENT, Result.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadbackProof:
    """How the whole text was seen in the composer before Enter."""

    by: str
    """The kind of read-back, or RECOGNISED."""
    sha256: str


def with_evidence(outcome: Outcome, window: WindowPort, profile: Driven, read: ReadbackProof | None) -> Outcome:
    """The outcome with all that its receipt needs; a rehearsal with how it was read; any other
    attempt before Enter as it is.

    The whole window is kept where its profile says so, and where a person has to decide by it.
    """
    has_passed = outcome.result in _PASSED_ENTER
    if not has_passed and outcome.result is not Result.REHEARSED:
        return outcome
    is_whole = profile.store_full_window or outcome.result is Result.UNKNOWN
    return replace(
        outcome,
        pictures=window.pictures(whole=is_whole) if has_passed else (),
        evidence=Evidence(
            readback=read.by if read else "",
            normalise=_compared(profile.normalise, read),
            sha256=read.sha256 if read else "",
            target=window.target_identity(),
        ),
    )


def _compared(level: Normalise, read: ReadbackProof | None) -> str:
    return level.value if read is not None and read.by in COMPARED else ""
