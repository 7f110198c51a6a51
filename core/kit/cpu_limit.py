"""Limits the processor time of a block. It ends a search for a regular expression, which no other thread can: the
search keeps the interpreter's lock, but checks for signals."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

from core.kit.errors import Unavailable


class CpuLimitReached(Unavailable):
    """It took more than {seconds} s of processor time."""


@contextmanager
def cpu_limit(seconds: float) -> Generator[None]:
    """Raise CpuLimitReached within the block once this process has computed for so long in it. There is no limit on
    Windows and outside the main thread, which have no such signal. A limit within a limit ends the outer one."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    is_over, was_collecting = False, gc.isenabled()

    def stop(_signal: int, _frame: object) -> None:
        if not is_over:  # a late signal comes after the block
            raise CpuLimitReached(seconds=seconds)

    gc.disable()  # its time is not the block's, and Python drops errors of its callbacks
    try:
        signal.signal(signal.SIGVTALRM, stop)  # it stays: without a handler a late signal would end the process
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        yield
    finally:
        is_over = True
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if was_collecting:
            gc.enable()
