"""The worker's end of its watchdog: starts the process, and tells it what the user has in the clipboard."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import structlog

from automation.desktop.target.clipboard_backup import ClipboardContent
from automation.desktop.x11.watchdog import BEGIN, FORM, HEAD, KEEP, OFFER, READY

log = structlog.get_logger(__name__)

START = "import sys; sys.path += sys.argv[2:]; from automation.desktop.x11.watchdog import main; main(sys.argv[1])"
STARTS_S = 20.0  # on a busy machine
ANSWERS_S = 1.0


class WatchdogClient:
    """One watchdog, and another one when it ends before its worker. Belongs to one thread after `start`."""

    def __init__(self, display: str) -> None:
        self._display = display
        self._process: subprocess.Popen[bytes] | None = None
        self.window = 0  # its window, which owns what it offers; 0 without a watchdog

    def start(self) -> None:
        """Start a watchdog, which restores what an earlier worker took, unless one lives already."""
        if self._process is not None and self._process.poll() is None:
            return
        # A new session: what ends the worker and its group must not end it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", START, self._display, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may hold the user's clipboard after the command: a terminal would not close
            bufsize=0,
            start_new_session=True,
        )
        self.window = self._answer(STARTS_S)
        if not self.window:
            log.warning("watchdog_not_started")

    def keep(self, selection: int, belongings: ClipboardContent | None, atom: Callable[[str], int]) -> None:
        """Have it keep this content of a selection in place of what it kept."""
        formats = belongings.formats if belongings is not None else ()
        self._send(HEAD.pack(KEEP, selection, 0, len(formats)))
        for one in formats:
            self._send(FORM.pack(atom(one.target), atom(one.kind), one.bits, len(one.data)))
            self._send(one.data)

    def begin(self, worker: int, target: int) -> None:
        """Tell it which X clients may own the selections now, for the case that the worker is killed. 0 and 0: over."""
        self._send(HEAD.pack(BEGIN, worker, target, 0))

    def offer(self, selection: int) -> None:
        """Have it own the selection with what it keeps of it."""
        self._send(HEAD.pack(OFFER, selection, 0, 0))
        self._answer(ANSWERS_S)

    def close(self) -> None:
        """End it, as soon as nothing of the user's is left to hold."""
        if self._process is not None and self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.returncode = 0  # it outlives its worker on purpose: Popen must not warn

    def _send(self, data: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                view = memoryview(data)
                while view:
                    view = view[os.write(self._process.stdin.fileno(), view) :]

    def _answer(self, within_s: float) -> int:
        if self._process is None or self._process.stdout is None:
            return 0
        ready, _, _ = select.select([self._process.stdout], [], [], within_s)
        answer = self._process.stdout.read(READY.size) if ready else b""
        return READY.unpack(answer)[0] if len(answer) == READY.size else 0
