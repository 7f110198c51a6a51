"""The report of a self-test: a page for a person, and the same as JSON. It claims what was counted and nothing more."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from automation.desktop.selftest.ground_truth import SelfTestDelivery, Tally

FEWEST_P95 = 20  # A 95th percentile of fewer says nothing
WAYS = {
    "x11": "X11: keys are checked and pressed as one, the person's devices are held meanwhile",
    "windows": "Windows: look, press, look again; nobody can be held off in between",
    "portable": "portable: PyAutoGUI, clipboard and pixels alone",
}


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
    tally: Tally
    seconds: float
    trouble: str = ""

    @property
    def is_clean(self) -> bool:
        """No violation, and everything that no thief disturbed was delivered."""
        calm = [shot for shot in self.tally.shots if shot.thief == "none"]
        return (
            not self.trouble and not self.tally.violations() and bool(calm) and all(shot.is_delivered for shot in calm)
        )

    def as_json(self) -> str:
        return json.dumps(self._figures(), indent=2, ensure_ascii=False) + "\n"

    def _figures(self) -> dict[str, Any]:
        return {
            **asdict(self.machine),
            "wanted": self.wanted,
            "deliveries": len(self.tally.shots),
            "seconds": round(self.seconds, 1),
            "results": self.tally.results(),
            "assurances": self.tally.assurances(),
            "bounces": self.tally.bounces(),
            "violations": self.tally.violations(),
            "thieves": {kind: self._of(kind) for kind in dict.fromkeys(shot.thief for shot in self.tally.shots)},
            "trouble": self.trouble,
            "clean": self.is_clean,
            "troubled": [_named(shot) for shot in self.tally.shots if shot.violations() or not shot.is_delivered],
        }

    def _of(self, kind: str) -> dict[str, Any]:
        shots = [shot for shot in self.tally.shots if shot.thief == kind]
        return {
            "deliveries": len(shots),
            "delivered": sum(shot.is_delivered for shot in shots),
            "stolen": sum(shot.stolen for shot in shots),
            "bounces": sum(sum(shot.bounces.values()) for shot in shots),
            "violations": sum(len(shot.violations()) for shot in shots),
            **_times(self.tally.milliseconds(kind)),
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
        if self.tally.violations():
            return "VIOLATIONS. Do not let Octet type on this machine; please report this page."
        if self.is_clean:
            return "clean"
        return "no violation, but not everything was delivered that nobody disturbed"


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
