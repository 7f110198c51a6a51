"""The report of a self-test: what the window received against what the driver claimed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.deliveries.model import Outcome, Result


class Violation(StrEnum):
    """What must never be."""

    NOT_RECEIVED = "said to be delivered, and not received"
    TWICE = "received twice"
    GARBLED = "received something unrequested"
    IN_SPITE = "received, though said not to be delivered"
    STRAY_KEY = "a key went into another window"
    CLIPBOARD = "Octet did not restore the clipboard"
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
    """One of the attempts said that our draft may be left; the next one, or the worker, clears it."""
    is_clipboard_back: bool | None = None  # None where that is not known: a thief put its own text there

    @property
    def is_delivered(self) -> bool:
        return self.outcome.result is Result.DELIVERED

    def violations(self) -> list[Violation]:
        """Find all that went wrong; an unknown delivery claims nothing, but must not come twice."""
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


def count_violations(shots: Iterable[SelfTestDelivery]) -> dict[str, int]:
    return dict(Counter(one.value for shot in shots for one in shot.violations()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestReport:
    """One self-test."""

    machine: Mapping[str, str]  # where and how it ran
    wanted: int
    shots: Sequence[SelfTestDelivery]
    seconds: float
    trouble: str = ""  # why it ended early

    @property
    def is_clean(self) -> bool:
        """No violation, and everything that no thief disturbed was delivered."""
        calm = [shot.is_delivered for shot in self.shots if shot.thief == "none"]
        return not self.trouble and not count_violations(self.shots) and bool(calm) and all(calm)

    def verdict(self) -> str:
        """Say whether Octet may type on this machine."""
        if count_violations(self.shots):
            return "VIOLATIONS. Do not let Octet type on this machine; please report what follows."
        if self.is_clean:
            return "clean"
        return "no violation, but not every undisturbed delivery arrived"

    def as_json(self) -> str:
        shots = self.shots
        figures = {
            **self.machine,
            "wanted": self.wanted,
            "deliveries": len(shots),
            "seconds": round(self.seconds, 1),
            "results": dict(Counter(shot.outcome.result.value for shot in shots)),
            "violations": count_violations(shots),
            "thieves": {kind: self._of(kind) for kind in dict.fromkeys(shot.thief for shot in shots)},
            "trouble": self.trouble,
            "clean": self.is_clean,
            "troubled": [_named(shot) for shot in shots if shot.violations() or not shot.is_delivered],
        }
        return json.dumps(figures, indent=2, ensure_ascii=False) + "\n"

    def _of(self, kind: str) -> dict[str, Any]:
        shots, bounces = [shot for shot in self.shots if shot.thief == kind], Counter[str]()
        for shot in shots:
            bounces.update(shot.bounces)
        return {
            "deliveries": len(shots),
            "delivered": sum(shot.is_delivered for shot in shots),
            "stolen": sum(shot.stolen for shot in shots),
            "bounces": dict(bounces),
            "slowest_s": round(max(shot.seconds for shot in shots), 2),
        }


def _named(shot: SelfTestDelivery) -> dict[str, Any]:
    outcome = shot.outcome
    return {
        "number": shot.number,
        "thief": shot.thief,
        "result": outcome.result.value,
        "reason": outcome.reason.value if outcome.reason else "",
        "note": outcome.note,
        "received": shot.heard.count(shot.text),
        "violations": [one.value for one in shot.violations()],
    }
