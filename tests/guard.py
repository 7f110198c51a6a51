"""Ends whatever tests have started when their run ends, however it ends: by itself, Ctrl-C, SIGTERM or `kill -9`.

The run goes on in a grandchild. Its two forebears only wait: all that loses its parent below them becomes their child
(PR_SET_CHILD_SUBREAPER), and they end it. Two, so that each process of the three may be killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from scripts.late import started_by

SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36
"""From <linux/prctl.h>."""
HEEDED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GUARDED = "TESTS_GUARDED"
"""Set in the environment of a guarded run, whose workers and inner runs need no guard of their own."""


def guard() -> None:
    """Let the rest of this process's work run below two guards. Linux only."""
    if sys.platform != "linux" or GUARDED in os.environ:
        return
    os.environ[GUARDED] = "1"
    for _ in range(2):
        _fork_below_a_guard()


def _fork_below_a_guard() -> None:
    """Return in the child; the parent watches it and exits as it does."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    parent = os.getpid()
    child = os.fork()
    if child:
        prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _watch(child)
    prctl(SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if os.getppid() != parent:  # it was killed before the call
        os._exit(1)


def _watch(child: int) -> NoReturn:
    """Wait for the child, then end all below this process. A signal to stop is passed on or ends all at once."""
    while True:
        match signal.sigwaitinfo(HEEDED):
            case heard if heard.si_signo == signal.SIGCHLD:
                if (status := _reap(child)) is not None:
                    _end_all(status)
            case heard if heard.si_signo == signal.SIGINT:
                if heard.si_code <= 0:  # from a process: the terminal's own has reached the child, too
                    os.kill(child, signal.SIGINT)
            case heard:
                _end_all(128 + heard.si_signo)


def _reap(child: int) -> int | None:
    """Reap all that has ended; return the child's exit code if it has."""
    code = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                ended = os.waitstatus_to_exitcode(status)
                code = ended if ended >= 0 else 128 - ended
    return code


def _end_all(code: int) -> NoReturn:
    """Kill every process below this one and exit. What a killed one leaves behind becomes a child of this one."""
    with suppress(ChildProcessError):
        while True:
            for pid, _ in started_by(os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)
    os._exit(code)
