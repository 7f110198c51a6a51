"""The command line's answer to each family of errors: an exit code, and a message on standard error."""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bot.verbs.naming import at_the_machine
from core.kit.errors import Conflict, Misconfigured, OctetError, Unavailable
from core.kit.problems import ConfigWrong

T = TypeVar("T")
E = TypeVar("E", bound=Exception)
EXIT_NOT_AS_ASKED = 2  # the same command will fail again
EXIT_LATER = 75  # sysexits.h, EX_TEMPFAIL: the same command may work later
EXIT_CONFIG = 78  # sysexits.h, EX_CONFIG


class FileNotWritten(Conflict):
    """Octet cannot write {file}: {why}. {then}"""


@contextmanager
def writing(file: Path, then: str = "Make it writable.") -> Generator[None]:
    """Write a file inside the block. Raises FileNotWritten, which says `then` to the user."""
    try:
        yield
    except OSError as error:
        raise FileNotWritten(file=file, why=(error.strerror or str(error)).lower(), then=then) from error


def tell(error: OctetError) -> int:
    """Print the error, one line for each problem, and return the exit code."""
    if isinstance(error, ConfigWrong):
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EXIT_CONFIG
    print(f"octet: {at_the_machine(error.message)}", file=sys.stderr)
    if isinstance(error, Misconfigured):
        return EXIT_CONFIG
    return EXIT_LATER if isinstance(error, Unavailable) else EXIT_NOT_AS_ASKED


def run_async(work: Coroutine[object, object, T]) -> T:
    """Run this and return its result. Raises the first error that ended it, without its task groups."""
    import asyncio

    cause: Exception | None = None
    try:
        return asyncio.run(work)
    except* (OctetError, TimeoutError) as group:
        cause = first_cause(group)
    raise cause  # outside: in the block above, Debian 12's Python would put it back into its group


def first_cause(group: BaseExceptionGroup[E]) -> E:
    """Find the first error, inside the task groups through which it came."""
    first = group.exceptions[0]
    return first_cause(first) if isinstance(first, BaseExceptionGroup) else first
