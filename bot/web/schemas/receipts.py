"""What goes out over HTTP about receipts: what was claimed, what that rests on, and which pictures there are."""

from __future__ import annotations

from bot.web.schemas.answers import Answer, DeliveryAnswer
from core.deliveries.model import Evidence


class PictureAnswer(Answer):
    """A picture of a receipt; itself it is had by its name, unless it was deleted."""

    name: str
    shows: str
    size: int
    sha256: str
    at_ms: int
    deleted_ms: int | None


class DeliveryReceiptAnswer(Answer):
    """The receipt of one attempt, with its delivery as it stands now."""

    delivery: DeliveryAnswer
    fence: int
    state: str
    assurance: str | None
    claim: str
    before_enter: str
    reason: str
    note: str
    sha256: str
    timings_ms: dict[str, float]
    evidence: Evidence | None
    settled: str | None
    settled_ms: int | None
    at_ms: int
    pictures: list[PictureAnswer]
