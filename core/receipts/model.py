"""What a receipt is: what was claimed of a delivery that had passed Enter, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass

from core.deliveries.model import Assurance, Delivery, DeliveryState, Evidence, Moment, PictureArea, Settled, name_of
from core.journal.model import Event
from core.reasons import AnyReason, Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPicture:
    """One picture of a receipt."""

    moment: Moment
    part: PictureArea
    sha256: str  # of the PNG; empty for those kept before there were receipts
    size: int  # of the PNG, in bytes, also after it was deleted
    at_ms: int
    deleted_ms: int | None  # when it was deleted, because its time was over; None as long as it is kept
    shows: str = ""  # in words: of what, when, and whether it is still there
    png: bytes = b""  # empty if it was deleted, or if the user may not see windows

    @property
    def name(self) -> str:
        return name_of(self.moment, self.part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Of one attempt. `state`, `assurance`, `reason` and `note` are the verdict when the worker had finished."""

    delivery: Delivery  # its present row
    fence: int
    state: DeliveryState
    assurance: Assurance | None
    reason: AnyReason | None
    note: Diagnostic
    sha256: str  # of the whole text that was asked for
    timings_ms: dict[str, float]
    evidence: Evidence | None  # none if no window was touched, or the lane reported none
    settled: Settled | None
    settled_ms: int | None
    at_ms: int
    pictures: tuple[KeptPicture, ...]
    claim: str = ""  # in words: what Octet claims about the arrival, and what users said of it later
    before_enter: str = ""
    """In words: how Octet knew that the composer had the whole text; empty if no window was touched."""
    line: str = ""  # all of it on one short line


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsPurged(Event):
    """Receipts and pictures whose time was over were deleted."""

    SUBJECT = "hub"
    receipts: int
    pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsExpired(Event):
    """Octet cleared texts whose time was over, and deleted the notices about them."""

    SUBJECT = "hub"
    tasks: int
    messages: int
    notices: int
