"""How patient tests are here: limits of their waits, times a factor that is measured once, at the start of a run.

A limit only ends a test that waits for what never comes. No test says by it which of two is quicker.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time

PACE = "TESTS_PACE"
"""Holds the factor, for the processes that run tests and for the programs that they start."""
REFERENCE_S = 0.045
"""What `_work` takes on two idle cores of a usual machine."""
MOST = 10.0
LEAST_S = 10.0
"""A shorter timeout is part of what a test shows."""


def _work() -> float:
    """Do a small piece of work and start a program, as tests do; the seconds that it took."""
    began = time.perf_counter()
    sum(number * number for number in range(200_000))
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    return time.perf_counter() - began


def measured() -> float:
    """Measure how much slower than the reference this machine is now, what else it has to do included."""
    slowness = statistics.median(_work() for _ in range(3)) / REFERENCE_S
    return min(MOST, max(1.0, slowness, os.getloadavg()[0] / (os.cpu_count() or 1)))


FACTOR = float(os.environ.setdefault(PACE, f"{measured() if PACE not in os.environ else 1:.1f}"))


def patience(seconds: float) -> float:
    """Return how long to wait here for what takes at most so long on a usual machine."""
    return seconds * FACTOR


_timeout = asyncio.timeout


def patient_timeout(delay: float | None) -> asyncio.Timeout:
    """Limit a wait as asyncio.timeout does; where a test or a benchmark sets the limit, by this machine's pace."""
    asking = str(sys._getframe(1).f_globals.get("__name__"))
    is_limit = delay is not None and delay >= LEAST_S and asking.startswith(("tests.", "bench."))
    return _timeout(patience(delay) if delay is not None and is_limit else delay)
