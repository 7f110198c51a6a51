"""Tells a child process of the sandbox when to end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading


def stop_event(*, exit_on_eof: bool) -> asyncio.Event:
    """Return an event that SIGTERM, SIGINT or, if asked, the end of standard input sets. Needs a running loop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":  # its event loop takes no handlers
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    if exit_on_eof:
        _watch_input(loop, stop)
    return stop


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends. It uses a thread, because not every kind of input can be polled."""

    def read() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass  # no standard input at all is an ended one
        try:
            loop.call_soon_threadsafe(stop.set)
        except RuntimeError:
            pass  # the loop has stopped for another reason

    threading.Thread(target=read, name="standard input", daemon=True).start()
