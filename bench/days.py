"""Whether a week of a fleet agrees with a plain reference, by N seeds: the long form of tests/core/dispatch/test_days.

Virtual time: agents die, lie and come back, accounts reach limits, and Octet is killed and started again.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import structlog

from bench.measure.report import Report, at_least, below
from tests.core.dispatch.days import pass_days, without_fences
from tests.quick_store import without_disk

N = int(os.environ.get("N", "10"))
"""Seeds, from SEED on: a week each."""
SEED = int(os.environ.get("SEED", "0"))
HOURS = 7 * 24


def main() -> None:
    began, report, said, broken = time.perf_counter(), Report(name="days"), Counter[str](), 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for seed in range(SEED, SEED + N):
        found, more = _week(seed)
        said += more
        if found is not None:
            broken += 1
            print(f"SEED={seed} N=1 shows it:", *traceback.format_exception(found), flush=True)
    with without_fences():
        control, _ = _week(SEED)
    is_found = control is not None and control.subgroup(AssertionError) is not None
    report.add("violations", broken, "", n=N, target=below(1))
    report.add("words_that_count", said["counts"], "", n=N)
    report.add("lies", said["lies"], "", n=N, target=at_least(N))
    report.add("controls_failed", int(is_found), "of 1", n=1, target=at_least(1))
    print(report.line(n=N, seconds=time.perf_counter() - began))


def _week(seed: int) -> tuple[BaseExceptionGroup | None, Counter[str]]:
    """Return what the reference found broken, and how often agents spoke."""
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder, without_disk():
        try:
            return None, pass_days(seed, Path(folder), hours=HOURS)
        except AssertionError as found:
            return ExceptionGroup("at the end", [found]), Counter()
        except ExceptionGroup as found:
            return found, Counter()


if __name__ == "__main__":
    main()
