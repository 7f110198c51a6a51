"""Runs the long forms of the series that the tests run in a short form: kills, days, thieves, the self-test.

Takes hours. Names choose some: `python -m scripts.soak kills terminal`. Fails if a figure misses its target.
"""

from __future__ import annotations

import os
import sys
import time

from scripts.bench import run

LONG = {
    "kills": 300,
    "days": 400,
    "commands": 3_000,
    "outbox": 1_000,
    "terminal": 1_000,
    "selftest": 1_000,
    "adversarial": 10_000,
}
"""The number of operations of each benchmark, by its name; the longest one last."""


def main() -> None:
    """Exit 1 if a series did not come to its end or missed a target."""
    names = sys.argv[1:] or list(LONG)
    if not set(names) <= set(LONG):
        sys.exit(f"[soak] there is: {' '.join(LONG)}")
    trouble: list[str] = []
    for name in names:
        os.environ["N"] = str(LONG[name])
        began = time.monotonic()
        missed = misses(name, run(name))
        print(f"[soak] {name}: {'missed a target' if missed else 'ok'} ({time.monotonic() - began:.0f} s)", flush=True)
        trouble += missed
    if trouble:
        sys.exit("[soak] " + "\n[soak] ".join(trouble))


def misses(name: str, result: dict[str, object] | None) -> list[str]:
    """Say what a benchmark's last line reports that should not be so."""
    if result is None:
        return [f"{name} did not come to its end"]
    figures = result.get("figures")
    assert isinstance(figures, list)
    return [
        f"{name}: {one['figure']} is {one['value']} (target {one['target']})"
        for one in figures
        if one["holds"] is False
    ]


if __name__ == "__main__":
    main()
