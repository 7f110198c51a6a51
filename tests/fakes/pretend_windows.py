"""`python pretend_windows.py -m MODULE …` or `-c CODE …`: what a program of ours would meet on Windows, as far as Linux
can pretend it: the platform's name, no POSIX-only modules and names, an event loop that takes neither signal handlers
nor readers, and children of the same kind.

Python's own library and the packages of others are imported before: they know their platforms themselves.
"""

from __future__ import annotations

import asyncio
import asyncio.unix_events
import importlib
import os
import runpy
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, NoReturn, cast

POSIX_MODULES = ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "readline")
POSIX_OS = (
    *("fork", "forkpty", "killpg", "getuid", "geteuid", "getgid", "getegid", "setsid", "chown", "fchown", "fchmod"),
    *("memfd_create", "mkfifo", "posix_spawn", "posix_spawnp", "statvfs", "getpgid", "setpgid", "WNOHANG"),
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC", "sched_getaffinity", "pidfd_open", "wait4"),
)
POSIX_SIGNALS = ("SIGKILL", "SIGHUP", "SIGSTOP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGWINCH", "SIGPIPE", "SIGALRM")
THEIRS = (
    *("aiohttp.web", "aiosqlite", "alembic.command", "apscheduler", "discord.ext.commands", "fastapi", "mss"),
    *("PIL.Image", "platformdirs", "pyperclip", "rich.console", "shutil", "sqlalchemy", "structlog"),
    *("tempfile", "tomlkit", "typer", "typer.rich_utils", "ulid", "urllib.request", "uvicorn.main"),
    *("multiprocessing.connection", "sqlalchemy.dialects.sqlite.pysqlite", "uvicorn.protocols.http.h11_impl"),
    *("uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.protocols.websockets.auto", "zoneinfo", "getpass"),
)


def pretend() -> None:
    """From here on this process believes to be on Windows."""
    for name in THEIRS:
        importlib.import_module(name)
    sys.modules["msvcrt"] = _msvcrt()
    setattr(sys, "platform", "win32")  # noqa: B010 its type forbids it
    hidden: Any = None
    for name in POSIX_MODULES:
        sys.modules[name] = hidden
    for name in POSIX_OS:
        _lose(os, name)
    for name in POSIX_SIGNALS:
        _lose(signal, name)
    setattr(signal, "SIGBREAK", signal.SIGQUIT)  # noqa: B010 as above
    setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # noqa: B010 as above
    for verb in ("add_signal_handler", "remove_signal_handler", "add_reader", "remove_reader"):
        setattr(_PublicLoop, verb, _not_here)
    asyncio.set_event_loop_policy(_Policy())
    sys.executable = os.environ["PRETEND_WINDOWS"]


class _PublicLoop(asyncio.SelectorEventLoop):
    """Its own parts use the inner names; what is public is what Windows lacks."""


class _Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = _PublicLoop


def _lose(module: types.ModuleType, name: str) -> None:
    if hasattr(module, name):
        delattr(module, name)


def _not_here(*_: object) -> NoReturn:
    raise NotImplementedError


def _msvcrt() -> types.ModuleType:
    """Make a lock by the same rule: one holder, until its file is closed."""
    import fcntl

    flock, how = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB
    return cast("types.ModuleType", types.SimpleNamespace(LK_NBLCK=2, locking=lambda handle, *_: flock(handle, how)))


if __name__ == "__main__":
    pretend()
    kind, what, sys.argv = sys.argv[1], sys.argv[2], sys.argv[2:]
    if kind == "-c":
        exec(compile(what, "<pretended>", "exec"), {"__name__": "__main__"})
    else:
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(what, run_name="__main__", alter_sys=True)
