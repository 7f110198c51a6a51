"""The report of a self-test, for users and as JSON: what the window received against what the driver claimed."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from core.deliveries.model import Outcome, Result

FEWEST_P95 = 20  # A 95th percentile of fewer says nothing
WAYS = {
    "x11": "X11: keys are checked and pressed as one, the person's devices are held meanwhile",
    "windows": "Windows: look, press, look again; Octet cannot block user input in between",
    "portable": "portable: PyAutoGUI, clipboard and pixels alone",
}


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
class SelfTestMachine:
    """Where it ran."""

    octet: str  # its version
    platform: str
    python: str
    way: str
    screen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestReport:
    """One self-test."""

    machine: SelfTestMachine
    wanted: int
    shots: Sequence[SelfTestDelivery]
    seconds: float
    trouble: str = ""

    @property
    def is_clean(self) -> bool:
        """No violation, and everything that no thief disturbed was delivered."""
        calm = [shot.is_delivered for shot in self.shots if shot.thief == "none"]
        return not self.trouble and not count_violations(self.shots) and bool(calm) and all(calm)

    def as_json(self) -> str:
        return json.dumps(self._figures(), indent=2, ensure_ascii=False) + "\n"

    def _figures(self) -> dict[str, Any]:
        shots, bounces = self.shots, Counter[str]()
        for shot in shots:
            bounces.update(shot.bounces)
        return {
            **asdict(self.machine),
            "wanted": self.wanted,
            "deliveries": len(shots),
            "seconds": round(self.seconds, 1),
            "results": dict(Counter(shot.outcome.result.value for shot in shots)),
            "assurances": dict(Counter(one.value for shot in shots if (one := shot.outcome.assurance) is not None)),
            "bounces": dict(bounces),
            "violations": count_violations(shots),
            "thieves": {kind: self._of(kind) for kind in dict.fromkeys(shot.thief for shot in shots)},
            "trouble": self.trouble,
            "clean": self.is_clean,
            "troubled": [_named(shot) for shot in shots if shot.violations() or not shot.is_delivered],
        }

    def _of(self, kind: str) -> dict[str, Any]:
        shots = [shot for shot in self.shots if shot.thief == kind]
        return {
            "deliveries": len(shots),
            "delivered": sum(shot.is_delivered for shot in shots),
            "stolen": sum(shot.stolen for shot in shots),
            "bounces": sum(sum(shot.bounces.values()) for shot in shots),
            "violations": sum(len(shot.violations()) for shot in shots),
            **_times(sorted(shot.seconds * 1000 for shot in shots if shot.is_delivered)),
        }

    def as_text(self) -> str:
        figures, machine = self._figures(), self.machine
        lines = [
            f"Octet {machine.octet}, self-test of this desktop: {self._verdict()}",
            "",
            f"{machine.platform}, Python {machine.python}, screen {machine.screen}",
            f"way: {WAYS.get(machine.way, machine.way)}",
            f"{figures['deliveries']} of {self.wanted} deliveries in {figures['seconds']} s",
            "",
            "what the driver said of them",
            *_rows(figures["results"]),
            "what `delivered` rests on",
            *_rows(figures["assurances"]),
            "tried again, and why",
            *_rows(figures["bounces"]),
            "beside which thief: delivered, thefts, tried again, p50, p95",
            *(
                f"  {kind:<10} {of['delivered']} of {of['deliveries']}, {of['stolen']}, {of['bounces']}, "
                f"{_ms(of.get('p50_ms'))}, {_ms(of.get('p95_ms'))}"
                for kind, of in figures["thieves"].items()
            ),
            "violations, by what the scratch window and the thieves really received",
            *_rows(figures["violations"]),
        ]
        if self.trouble:
            lines += ["", f"It ended early: {self.trouble}"]
        return "\n".join(lines) + "\n"

    def _verdict(self) -> str:
        if count_violations(self.shots):
            return "VIOLATIONS. Do not let Octet type on this machine; please report this page."
        if self.is_clean:
            return "clean"
        return "no violation, but not every undisturbed delivery arrived"


def _named(shot: SelfTestDelivery) -> dict[str, Any]:
    outcome = shot.outcome
    return {
        "number": shot.number,
        "thief": shot.thief,
        "result": outcome.result.value,
        "reason": outcome.reason.value if outcome.reason else "",
        "note": outcome.note,
        "bounces": dict(shot.bounces),
        "received": shot.heard.count(shot.text),
        "violations": [one.value for one in shot.violations()],
    }


def _times(milliseconds: Sequence[float]) -> dict[str, float]:
    found: dict[str, float] = {}
    if milliseconds:
        found["p50_ms"] = round(statistics.median(milliseconds), 1)
    if len(milliseconds) >= FEWEST_P95:
        found["p95_ms"] = round(milliseconds[int(len(milliseconds) * 0.95)], 1)
    return found


def _rows(figures: Mapping[str, int]) -> list[str]:
    return [f"  {name:<45} {count}" for name, count in figures.items()] or ["  none"]


def _ms(value: float | None) -> str:
    return "too few" if value is None else f"{value:.0f} ms"
