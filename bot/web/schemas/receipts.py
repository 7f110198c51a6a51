"""What goes out over HTTP about receipts: what was claimed, what that rests on, and which pictures there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Self

from bot.web.schemas.answers import Answer, DeliveryAnswer
from core.receipts.model import Receipt


class PictureAnswer(Answer):
    """A picture of a receipt; itself it is had by its name, unless it was deleted."""

    name: str
    shows: str
    size: int
    sha256: str
    at_ms: int
    deleted_ms: int | None


class EvidenceAnswer(Answer):
    """Who acted where, and how the text was read before Enter. Title and host are hashes."""

    readback: str
    normalise: str
    sha256: str
    hand: dict[str, str | int] | None
    target: dict[str, str | int | list[int]] | None


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
    evidence: EvidenceAnswer | None
    settled: str | None
    settled_ms: int | None
    at_ms: int
    pictures: list[PictureAnswer]

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        return cls.like(
            receipt,
            delivery=DeliveryAnswer.of(receipt.delivery),
            evidence=EvidenceAnswer.model_validate(asdict(receipt.evidence)) if receipt.evidence else None,
            pictures=[PictureAnswer.like(one) for one in receipt.pictures],
        )
