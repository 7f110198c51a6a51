"""How a process is told to end: by a signal, or by the end of its standard input. The same on every platform."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress


def signals() -> tuple[signal.Signals, ...]:
    """Those by which this platform tells a program to end."""
    if sys.platform == "win32":
        return (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
    return (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(also: Sequence[signal.Signals] = ()) -> Generator[asyncio.Event]:
    """An event that is set when the process is told to end; afterwards signals do again what they did before."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    caught = (*signals(), *also)
    before = {number: signal.getsignal(number) for number in caught}
    for number in caught:
        if sys.platform == "win32":  # its event loop takes no handlers; what is set here it is woken up for
            signal.signal(number, lambda _number, _frame: _set(loop, stop))
        else:
            loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in caught:
            if sys.platform == "win32":
                signal.signal(number, before[number])
            else:
                loop.remove_signal_handler(number)


def stop_at_eof(stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends. Call it in the loop that waits for it."""
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":  # its event loop looks at sockets alone
        threading.Thread(target=_read_to_end, args=(loop, stop), name="standard input", daemon=True).start()
        return

    def read() -> None:
        if not os.read(handle, 4096):
            loop.remove_reader(handle)
            stop.set()

    handle = sys.stdin.fileno()
    loop.add_reader(handle, read)


def _read_to_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(OSError):  # no standard input at all is an ended one
        while os.read(0, 4096):
            continue
    _set(loop, stop)


def _set(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended for another reason
        loop.call_soon_threadsafe(stop.set)
