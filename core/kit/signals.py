"""How a process learns that it should end: by a signal, or by the end of its standard input, on every platform."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress


def signals() -> tuple[signal.Signals, ...]:
    """Return the signals by which this platform asks a program to end."""
    if sys.platform == "win32":
        return (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
    return (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(also: Sequence[signal.Signals] = ()) -> Generator[asyncio.Event]:
    """Yield an event that such a signal sets; afterwards restore what the signals did before."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    caught = (*signals(), *also)
    before = {number: signal.getsignal(number) for number in caught}
    for number in caught:
        if sys.platform == "win32":  # its event loop takes no handlers, but a signal wakes it
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
    # No event loop watches a file such as /dev/null.
    loop = asyncio.get_running_loop()
    threading.Thread(target=_read_to_end, args=(loop, stop), name="standard input", daemon=True).start()


def _read_to_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(OSError):  # no standard input counts as ended
        while os.read(0, 4096):
            continue
    _set(loop, stop)


def _set(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended for another reason
        loop.call_soon_threadsafe(stop.set)
