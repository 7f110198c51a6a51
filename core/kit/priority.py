"""The priority of the threads that a worker waits for before Enter: meanwhile a user's devices are held."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

NICE = -5


def hurry() -> None:
    """Let this thread go before other programs where the account may: as root, or with a limit that allows it. What the
    thread starts has the usual priority, and a priority that a user chose stays."""
    if sys.platform != "linux" or os.getpriority(os.PRIO_PROCESS, 0) != 0:
        return
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
