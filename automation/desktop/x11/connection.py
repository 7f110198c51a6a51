"""Opens a display, or says in one sentence why not; and limits how long Octet waits for its answers."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import Xlib
from Xlib import error
from Xlib.display import Display
from Xlib.protocol import rq

from automation.desktop.window_info import DisplayHeld
from core.kit.errors import Unavailable

NEEDED_XLIB = (0, 33)  # below: the old fork that PyAutoGUI asks for; both install into the same folder


class WrongXlib(Unavailable):
    """The folder Xlib holds version {version} instead of python-xlib 0.33. Repair it: {command}"""


class NoDisplay(Unavailable):
    """no display {display}: {why}"""


GONE = (error.BadWindow, error.BadDrawable, error.BadMatch)  # a window vanished meanwhile
REPLY_S = 1.0  # a healthy server answers in a fraction of a millisecond
AGAIN_S = 0.05  # the same for every further question until one has been answered


class Replies:
    """Limits how long one connection, which belongs to one thread, waits for answers: another program may hold the
    server without limit (XGrabServer). The server answers the question when it is free."""

    def __init__(self, display: Display) -> None:
        self._line: Any = display.display  # the stubs do not know the library's own locks and queues
        self._transport = self._line.send_and_recv
        self._line.send_and_recv = self._send_and_recv
        self._limit_s = REPLY_S
        self._is_late = False

    @contextmanager
    def within(self, seconds: float) -> Generator[None]:
        before, self._limit_s = self._limit_s, seconds
        try:
            yield
        finally:
            self._limit_s = before

    def _send_and_recv(self, request: int | None = None, **what: bool) -> None:
        """Replace the library's own, which has no limit. Called with its lock held; afterwards the lock is free."""
        if request is None:
            self._transport(**what)
            return
        self._transport(flush=True)
        end = time.monotonic() + (min(self._limit_s, AGAIN_S) if self._is_late else self._limit_s)
        while self._is_open(request):
            left = max(0.0, end - time.monotonic())  # after a stop of our process, look once more
            if not select.select([self._line.socket], [], [], left)[0]:
                self._is_late = True
                raise DisplayHeld
            self._line.send_recv_lock.acquire()
            self._transport(recv=True)
        self._is_late = False

    def _is_open(self, request: int) -> bool:
        return any(sent._serial == request for sent in self._line.sent_requests)  # noqa: SLF001 the library has no other


def check_xlib() -> None:
    """Raise WrongXlib with the one command that repairs it when the old fork lies over python-xlib."""
    found: tuple[int, ...] = getattr(Xlib, "__version__", (0, 0))  # the stubs do not know it
    if found < NEEDED_XLIB:
        version = ".".join(str(part) for part in found)
        command = f"{sys.executable} -m pip install --force-reinstall --no-deps 'python-xlib>=0.33'"
        raise WrongXlib(version=version, command=command)


def open_display(name: str) -> Display:
    """Open a separate connection to the display `name`; each thread needs one. Raises NoDisplay."""
    if not name:
        raise NoDisplay(display="", why="the desk's configuration names none")
    try:
        display = Display(name)
    except error.DisplayNameError:
        raise NoDisplay(display=name, why="this is not the name of a display") from None
    except (error.DisplayError, error.XauthError, OSError, AssertionError) as trouble:
        raise NoDisplay(display=name, why=_first_line(trouble)) from trouble
    display.set_error_handler(_ignore)
    return display


def _first_line(trouble: BaseException) -> str:
    found = getattr(trouble, "msg", None) or str(trouble)  # the display's answer in bytes, not the library's frame
    text = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    lines = text.strip().splitlines()
    return lines[0] if lines else type(trouble).__name__


def _ignore(*_: object) -> None:
    """Ignore errors of requests without a reply: a window vanished meanwhile."""


class DisplayThread:
    """A thread with its own connection: it hears what the display reports, and does what other threads pass it."""

    _wait_s: float | None = None  # after so much silence of the display `_waited` is called; None: never

    def __init__(self, display: str) -> None:
        self._display: Display = open_display(display)
        self._root = self._display.screen().root
        self._closing = threading.Event()
        self._wake_out, self._wake_in = os.pipe()

    def close(self) -> None:
        self._closing.set()
        self._wake()
        self._thread.join(2)

    def _start(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _wake(self) -> None:
        os.write(self._wake_in, b".")

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._handle_pending()
                ready, _, _ = select.select([self._display.fileno(), self._wake_out], [], [], self._wait_s)
                if self._wake_out in ready:
                    os.read(self._wake_out, 4096)
                    self._woken()
                elif not ready:
                    self._waited()
            self._display.close()
        except error.ConnectionClosedError:
            self._lost_display()

    def _handle_pending(self) -> None:
        while self._display.pending_events():
            self._handle(self._display.next_event())

    def _handle(self, happened: rq.Event) -> None:
        """Take what the display reported."""

    def _woken(self) -> None:
        """Do what another thread called `_wake` for."""

    def _waited(self) -> None:
        """Act when the display reported nothing for `_wait_s`."""

    def _lost_display(self) -> None:
        """Act when the display has gone."""
