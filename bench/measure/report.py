"""The one line of JSON that a benchmark ends with. A figure that too few operations stand behind is not in it."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.measure.machine import described

LEAST_P99 = 1_000
"""Operations behind a p99: fewer than ten beyond it say nothing."""
LEAST_P50 = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTarget:
    """What a figure must reach, as its row in the design says it."""

    sign: str
    bound: float
    of_baseline: bool = False
    """The bound is one of the ratio to what plainer code took in the same run: it holds on any machine."""

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}{' ×' if self.of_baseline else ''}"

    def holds(self, value: float) -> bool:
        """Whether `value` reaches it."""
        if self.sign == "≤":
            return value <= self.bound
        return value < self.bound if self.sign == "<" else value >= self.bound


def below(bound: float) -> FigureTarget:
    return FigureTarget(sign="<", bound=bound)


def at_least(bound: float) -> FigureTarget:
    return FigureTarget(sign="≥", bound=bound)


def at_most_times(bound: float) -> FigureTarget:
    """At most so many times the baseline of the same run."""
    return FigureTarget(sign="≤", bound=bound, of_baseline=True)


@dataclass(slots=True, kw_only=True)
class Report:
    """Collects figures; `line` is the benchmark's last word."""

    name: str
    figures: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    refused: list[str] = field(default_factory=list[str])

    def add(
        self,
        figure: str,
        value: float,
        unit: str,
        *,
        n: int,
        least: int = 1,
        baseline: float | None = None,
        target: FigureTarget | None = None,
    ) -> bool:
        """Take a figure in that rests on `n` operations. With fewer than `least` it is refused: False."""
        if n < least:
            self.refused.append(f"{figure} is not told: {n} operations, and it needs {least}")
            return False
        if target is not None and target.of_baseline and not baseline:
            self.refused.append(f"{figure} is not told: its baseline was not measured")
            return False
        judged = value / baseline if baseline and target is not None and target.of_baseline else value
        self.figures.append(
            {
                "figure": figure,
                "value": rounded(value),
                "unit": unit,
                "baseline": None if baseline is None else rounded(baseline),
                "ratio": rounded(value / baseline) if baseline else None,
                "target": None if target is None else str(target),
                "holds": None if target is None else target.holds(judged),
            }
        )
        return True

    def line(self, *, n: int, seconds: float) -> str:
        """One line of JSON. `n` is the number of operations that were really done."""
        said = {"name": self.name, "n": n, "seconds": round(seconds, 1), "machine": described()}
        return json.dumps({**said, "figures": self.figures}, ensure_ascii=False)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest measured value that at least `share` (0–1) of all values do not exceed."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def rounded(value: float) -> float:
    """Three digits that mean something; no more were measured."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, max(0, 2 - math.floor(math.log10(abs(value)))))
