"""Knows how long `make test` and `make test-long` take: as in the last whole run here, or in tests/data/durations.json.

Runs before anything is installed, so it uses the standard library only, and Python 3.8 can read it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MEASURED = Path("tests/out/durations.json")
COMMITTED = Path("tests/data/durations.json")
CHECK_S = 45.0
"""What the checks take before the first test."""


class Duration(NamedTuple):
    """How long a whole run of these tiers took, and in how many processes."""

    seconds: float
    processes: int


def read(path: Path) -> dict[str, Duration]:
    """Read the durations by the tiers that were run; none if there is no such file or it is damaged."""
    try:
        return {tiers: Duration(*figures) for tiers, figures in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def record(root: Path, tiers: str, duration: Duration) -> None:
    """Keep how long a whole run took, for the next one."""
    path = root / MEASURED
    path.parent.mkdir(parents=True, exist_ok=True)
    durations = {**read(path), tiers: duration}
    path.write_text(json.dumps(durations, indent=2) + "\n", encoding="utf-8")


def expected(root: Path, tiers: str) -> str:
    """Say how long the run of these tiers will take; `long: ` before them means `make test-long`."""
    for path, source in ((MEASURED, "as in the last whole run here"), (COMMITTED, "as measured on two cores")):
        duration = read(root / path).get(tiers)
        if duration:
            minutes = max(1, round((duration.seconds + CHECK_S) / 60))
            return f"expected duration: about {minutes} min ({source}, {duration.processes} processes)"
    return "expected duration: not measured yet for these tiers"


def main() -> None:
    """Print what to expect of the tiers that OCTET_TIERS names; with the argument `long`, of their long tests."""
    from scripts.needs import UnknownTierError, chosen_tiers

    try:
        tiers = " ".join(chosen_tiers(os.environ.get("OCTET_TIERS")))
    except UnknownTierError as error:
        sys.exit(str(error))
    kind = "long: " if sys.argv[1:] == ["long"] else ""
    print(f"[test] {expected(ROOT, kind + tiers)}", flush=True)


if __name__ == "__main__":
    main()
