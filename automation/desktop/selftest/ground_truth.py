"""What the scratch window really received against what the driver claimed. Each difference is a violation, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.deliveries.model import Assurance, Outcome, Result


class Violation(StrEnum):
    """What must never be."""

    NOT_RECEIVED = "said to be delivered, and not received"
    TWICE = "received twice"
    GARBLED = "received something that nobody asked for"
    IN_SPITE = "received, though said not to be delivered"
    STRAY_KEY = "a key went into another window"
    CLIPBOARD = "the clipboard was not given back"
    DRAFT = "a draft of ours was left, and nothing said of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestDelivery:
    """One delivery: its thief, how it ended, and what the window heard meanwhile."""

    number: int
    thief: str
    text: str
    outcome: Outcome
    bounces: Mapping[str, int]  # attempts that ended before Enter through something that passes, by their reasons
    seconds: float
    heard: tuple[str, ...]
    stolen: int = 0
    stray_keys: int = 0  # keys that a thief's window was given
    composer: str = ""
    is_draft_told: bool = False
    """One of the attempts said that a draft of ours may be left; the next one, or the worker, clears it."""
    is_clipboard_back: bool | None = None  # none where that cannot be told: a thief put its own words there

    @property
    def is_delivered(self) -> bool:
        return self.outcome.result is Result.DELIVERED

    def violations(self) -> list[Violation]:
        """All that went wrong; a delivery of which nobody knows claims nothing, but must not come twice."""
        found: list[Violation] = []
        times = self.heard.count(self.text)
        if self.is_delivered and times == 0:
            found.append(Violation.NOT_RECEIVED)
        if times > 1:
            found.append(Violation.TWICE)
        if times and self.outcome.result not in {Result.DELIVERED, Result.UNKNOWN}:
            found.append(Violation.IN_SPITE)
        found += [Violation.GARBLED] * (len(self.heard) - times)
        found += [Violation.STRAY_KEY] * self.stray_keys
        if self.is_clipboard_back is False:
            found.append(Violation.CLIPBOARD)
        if self.composer and not self.is_draft_told:
            found.append(Violation.DRAFT)
        return found


@dataclass(slots=True)
class Tally:
    """All deliveries of one run."""

    shots: list[SelfTestDelivery] = field(default_factory=list[SelfTestDelivery])

    def results(self) -> dict[str, int]:
        return dict(Counter(shot.outcome.result.value for shot in self.shots))

    def assurances(self) -> dict[str, int]:
        found = (shot.outcome.assurance for shot in self.shots)
        return dict(Counter(one.value for one in found if isinstance(one, Assurance)))

    def bounces(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for shot in self.shots:
            total.update(shot.bounces)
        return dict(total)

    def violations(self) -> dict[str, int]:
        """By name; empty when there is none."""
        return dict(Counter(one.value for shot in self.shots for one in shot.violations()))

    def milliseconds(self, thief: str) -> list[float]:
        """How long those took that were delivered, bounces and their pauses too, in order."""
        return sorted(shot.seconds * 1000 for shot in self.shots if shot.thief == thief and shot.is_delivered)
