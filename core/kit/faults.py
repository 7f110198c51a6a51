"""Fault points: named places where a test may end, freeze or fail this process. With `OCTET_FAULT_POINTS=FOLDER` each
point looks there for a ticket, a file of its name, and takes it by renaming it: exactly one process gets it, once. The
ticket says what to do. Without the setting the points do nothing."""

from __future__ import annotations

import itertools
import os
import signal
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import structlog

from core.kit.errors import Unavailable

log = structlog.get_logger(__name__)


class FaultAction(StrEnum):
    """What a ticket may say. The other is the process at the other end of the desk's pipe."""

    KILL = "kill"  # SIGKILL to this process
    KILL_OTHER = "kill other"
    KILL_BOTH = "kill both"  # the other first, so that it sees nothing of our end
    STOP = "stop"  # SIGSTOP to this process
    FAIL = "fail"  # raise Struck, as if a disk or a line had failed; only where the point says that it may


class Struck(Unavailable):
    """A test asked for a failure at {point}."""


def _points(of: str, names: str) -> tuple[str, ...]:
    return tuple(f"{of}.{name}" for name in names.split())


# Every start passes them in this order; `start.schema` on the first start of a home only.
START = _points("start", "locked keys schema opened recovered listening announced answers ready")
# An end passes them in this order; `stop.drained` only where there is a Discord.
STOP = _points("stop", "asked drained closed over")
# A round that assigns tasks is committed; a delivery is leased, or taken again after an interruption, before its lane
# begins; its outcome was seen; and that is committed.
DISPATCH = _points("dispatch", "assigned taken retaken seen noted")
# Before and after each request to Discord; then the database has its result.
OUTBOX = _points("outbox", "post posted edit edited thread thread_made thread_noted noted")
# The same for a live board: its new message and its old one.
BOARD = _points("board", "post posted noted pin pinned delete deleted")
ANSWERS = ("answers.reported",)  # a spooled answer is in the database, and its file still there
# A delivery passes them in this order. From `held` on Octet holds the user's devices; `grabbed` is inside a grab of the
# display server, before a chord: that of the paste, then each; in `key-down` the key of Enter is held.
WORKER = _points(
    "worker",
    "staging-asked staging-granted held clicked grabbed pasted read-back staged-asked staged-granted submitting-asked "
    "submitting-granted key-down key-pressed confirmed done-sent",
)
ACT = _points("worker", "act-granted act-pressed act-seen")  # an act may be pressed; it was; its effect was seen
# A prompt to an ACP agent is about to be written; it was seen to have arrived; its turn is over, and not yet reported.
ACP = _points("acp", "prompt-noted arrived turn-over")
# A changed config/ is read and valid; nothing is under way on the desks that it changes; their workers are replaced;
# and all of it is stored.
RELOAD = _points("reload", "read retired replaced over")
# All but `arrow`'s
POINTS = frozenset({*RELOAD, *START, *STOP, *DISPATCH, *OUTBOX, *BOARD, *ANSWERS, *WORKER, *ACT, *ACP})

_Other = Callable[[], int | None]
_folder: Path | None = None
_other: _Other | None = None
_count = itertools.count(1)


def arm(folder: Path | None, *, other: _Other | None = None) -> None:
    """Switch the points of this process on, or off with None. `other` finds the process at the other end of the
    pipe."""
    global _folder, _other
    _folder, _other = folder, other


@contextmanager
def armed_with(folder: Path | None, *, other: _Other | None = None) -> Generator[None]:
    """Arm the points within the block, and log that loudly; without a folder do nothing."""
    if folder is None:
        yield
        return
    log.warning("FAULT_POINTS_ARMED", folder=str(folder), meaning="files there may end this Octet; for tests only")
    arm(folder, other=other)
    try:
        yield
    finally:
        arm(None)


def armed() -> Path | None:
    """Return the folder of the tickets, for a child process; None in production."""
    return _folder


def point(name: str, *, may_fail: bool = False) -> None:
    """Strike here if a fault is armed; else return at once. Raises Struck for such a ticket, where `may_fail`."""
    if _folder is not None:
        _strike(_folder, name, may_fail=may_fail)


def arrow(what: str, was: str, now: str, after_commit: Callable[[Callable[[], None]], None]) -> None:
    """Pass the two points of a step of a state table, `delivery.staged-submitting.written` in its transaction and
    `delivery.staged-submitting.committed` right after. Only the first may raise Struck."""
    if _folder is not None:
        name = f"{what}.{was or 'new'}-{now}"
        _strike(_folder, f"{name}.written", may_fail=True)
        after_commit(lambda: point(f"{name}.committed"))


def why_not(folder: Path) -> str:
    """Return why this folder may not hold tickets; empty when it may: its writers can end this process."""
    if not hasattr(os, "getuid"):
        return "fault points work on Linux only"
    try:
        about = folder.stat()
    except OSError as error:
        return f"{folder} cannot be looked at: {(error.strerror or str(error)).lower()}"
    if not stat.S_ISDIR(about.st_mode):
        return f"{folder} is not a folder"
    if about.st_uid != os.getuid():
        return f"{folder} belongs to another account"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others may write in {folder}; chmod 700 it"
    return ""


def parent() -> _Other:
    """For `arm`: return the process that started this one, while it lives; never the one that adopts orphans."""
    known = os.getppid()
    return lambda: known if os.getppid() == known else None


def _strike(folder: Path, name: str, *, may_fail: bool) -> None:
    ticket = folder / name
    taken = folder / f"taken.{name}.{os.getpid()}.{next(_count)}"
    try:
        ticket.rename(taken)
    except FileNotFoundError:
        return
    match ticket := taken.read_text("utf-8").strip():
        case FaultAction.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case FaultAction.KILL_OTHER:
            _kill_other()
        case FaultAction.KILL_BOTH:
            _kill_other()
            os.kill(os.getpid(), signal.SIGKILL)
        case FaultAction.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        case FaultAction.FAIL if may_fail:
            raise Struck(point=name)
        case _:
            log.error("fault_ticket_invalid", point=name, ticket=ticket[:40])


def _kill_other() -> None:
    other = _other() if _other else None
    if other is not None and other > 1:  # 1: the parent is gone, and init adopted this process
        os.kill(other, signal.SIGKILL)
