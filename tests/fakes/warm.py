"""Python programs of ours without the start of an interpreter: forked from the test process, which has imported them.

`python -m bot …` and `python -c WORKER …` need 0.4 to 1 s of CPU time before their first line of work. Each program
still is a process of its own, with its own pipes, session, folder, environment, signals and exit code. A test that has
a SQLite connection open while it starts one gives it SQLite's locks: close each connection at once.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import pytest

from core.kit import faults

IMPORTED = (
    "automation.desktop.macos.worker",
    "automation.desktop.x11.worker",
    "automation.terminal.worker",
    "bot.app",
    "bot.cli.commands",
    "sandbox.discord.server",
    "tests.quick_routes",
)
"""What the programs need most, imported once in each test process."""
OURS = {"bench", "bot", "sandbox", "tests"}
"""Modules of these packages are started by a fork."""
COLD = {("bot", "demo")}
"""Programs of which tests look for what they started, by its environment: /proc tells that of a fork's parent."""
IS_SAFE = sys.version_info < (3, 12)
"""Later versions of Python warn when a process that has threads forks."""


@contextmanager
def warm_programs() -> Iterator[None]:
    """Within the block, start our own Python programs by a fork, and all others as before."""
    for module in IMPORTED:
        import_module(module)
    begin = subprocess.Popen.__init__

    def start(self: subprocess.Popen[Any], args: Any, *more: Any, **how: Any) -> None:
        if not more and how.get("preexec_fn") is None and (run := _program(args)):
            environ = os.environ if how.get("env") is None else how["env"]
            how["preexec_fn"] = partial(_become, run, dict(environ), tuple(how.get("pass_fds", ())))
        begin(self, args, *more, **how)

    with pytest.MonkeyPatch.context() as patch:
        if IS_SAFE:
            patch.setattr(subprocess.Popen, "__init__", start)
        yield


def _program(args: Any) -> Callable[[], object] | None:
    """Return what to run instead of a new interpreter, if this is one of our programs."""
    match args:
        case [sys.executable, "-m", str(module), *words] if (module, *words[:1]) in COLD:
            return None
        case [sys.executable, "-m", str(module), *words] if module.partition(".")[0] in OURS:
            return partial(_run_module, module, words)
        case [sys.executable, "-c", str(code), *words] if "run(sys.argv[1])" in code:
            return partial(_run_code, code, words)
        case _:
            return None


def _run_module(module: str, words: Sequence[str]) -> None:
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_code(code: str, words: Sequence[str]) -> None:
    sys.argv = ["-c", *words]
    exec(code, {"__name__": "__main__"})


def _become(run: Callable[[], object], environ: Mapping[str, str], kept: Collection[int]) -> NoReturn:
    """Run in the forked child, whose standard streams are already its own, instead of a new interpreter."""
    code = 1
    try:
        _forget_the_tests(environ, kept)
        run()
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:  # noqa: BLE001 as the interpreter does it
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _forget_the_tests(environ: Mapping[str, str], kept: Collection[int]) -> None:
    """Put back what a new interpreter would find."""
    gc.freeze()  # an old socket that were collected here would close a new one of the same number
    faulthandler.disable()
    _close_all_but({0, 1, 2, *kept})
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
    logging.getLogger().handlers.clear()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    sys.excepthook, sys.unraisablehook = sys.__excepthook__, sys.__unraisablehook__
    threading.excepthook = threading.__excepthook__
    asyncio.set_event_loop_policy(None)
    faults.arm(None)


def _stream(fd: int, mode: str) -> TextIO:
    """As the interpreter opens it; standard error is written at each line's end."""
    how = {"buffering": 1, "errors": "backslashreplace"} if fd == 2 else {}
    return cast("TextIO", os.fdopen(fd, mode, encoding="utf-8", closefd=False, **how))


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _close_all_but(kept: Collection[int]) -> None:
    for fd in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if fd not in kept:
            with suppress(OSError):  # the folder's own
                os.close(fd)
