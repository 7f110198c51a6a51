"""Stops programs and continues them: freezer EVERY_S LASTS_S PID..."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys

from sandbox.thieves.process import pause, steal


class Freezer:
    """Stops one program after the other."""

    def __init__(self, lasts_s: float, pids: list[int]) -> None:
        self._lasts_s = lasts_s
        self._all = pids
        self._pids = itertools.cycle(pids)

    def strike(self) -> None:
        pid = next(self._pids)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            pause(self._lasts_s)
            os.kill(pid, signal.SIGCONT)

    def undo(self) -> None:
        for pid in self._all:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    steal(Freezer(float(sys.argv[2]), [int(word) for word in sys.argv[3:]]), float(sys.argv[1]))
