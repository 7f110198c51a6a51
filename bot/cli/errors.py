"""What the command line answers to each family of errors: an exit code, and its words on standard error."""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from core.kit.errors import Conflict, Misconfigured, OctetError, Unavailable
from core.kit.problems import ConfigWrong

T = TypeVar("T")
E = TypeVar("E", bound=Exception)
EXIT_NOT_AS_ASKED = 2  # asking again in the same words will not help
EXIT_LATER = 75  # sysexits.h, EX_TEMPFAIL: the same words may work later
EXIT_CONFIG = 78  # sysexits.h, EX_CONFIG


class FileNotWritten(Conflict):
    """{file} cannot be written: {why}. {then}"""


@contextmanager
def writing(file: Path, then: str = "Make it writable.") -> Generator[None]:
    """Write a file inside the block. Raises FileNotWritten, which says `then` to the user."""
    try:
        yield
    except OSError as error:
        raise FileNotWritten(file=file, why=(error.strerror or str(error)).lower(), then=then) from error


def tell(error: OctetError) -> int:
    """Say what is wrong, one line for each problem, and return the exit code."""
    if isinstance(error, ConfigWrong):
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EXIT_CONFIG
    print(f"octet: {error.message}", file=sys.stderr)
    if isinstance(error, Misconfigured):
        return EXIT_CONFIG
    return EXIT_LATER if isinstance(error, Unavailable) else EXIT_NOT_AS_ASKED


def run_async(work: Coroutine[object, object, T]) -> T:
    """Run this to its end and return its result. Raises the first error that ended it, without the task groups through
    which it came."""
    import asyncio

    cause: Exception | None = None
    try:
        return asyncio.run(work)
    except* (OctetError, TimeoutError) as group:
        cause = first_cause(group)
    raise cause  # outside: the Python of Debian 12 puts what is raised in the block above back into its group


def first_cause(group: BaseExceptionGroup[E]) -> E:
    """What stopped everything: the task groups it came through are of no interest to a person."""
    first = group.exceptions[0]
    return first_cause(first) if isinstance(first, BaseExceptionGroup) else first
