"""Fault points: named places where a test may end, freeze or fail this process. Without the setting they do nothing.

With `OCTET_FAULT_POINTS=FOLDER` each point looks there for a ticket, a file of its own name, and takes it by renaming
it: exactly one process gets it, once. What the ticket says is the act."""

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
# A round that gives tasks is committed; a delivery is leased, or taken again after an interruption, and its lane not
# asked yet; how it went was seen; and that is committed.
DISPATCH = _points("dispatch", "assigned taken retaken seen noted")
# Before and after each request to Discord; then, that it is done is in the database.
OUTBOX = _points("outbox", "post posted edit edited thread thread_made thread_noted noted")
BOARD = _points("board", "post posted noted delete deleted")  # the same for a live board: its new and its old message
ANSWERS = ("answers.reported",)  # a kept answer is in the database, and its file still there
# A delivery passes them in this order. From `held` on the user's devices are held; `grabbed` is inside a grab of the
# display server, before a chord: that of the paste, then each; in `key-down` the key of Enter is held.
WORKER = _points(
    "worker",
    "staging-asked staging-granted held clicked grabbed pasted read-back staged-asked staged-granted submitting-asked "
    "submitting-granted key-down key-pressed confirmed done-sent",
)
ACT = _points("worker", "act-granted act-pressed act-seen")  # an act may be pressed; it was; its effect was seen
# A changed config/ is read and right; nothing is under way on the desks that it changes; their workers are replaced;
# and all of it is written down.
RELOAD = _points("reload", "read retired replaced over")
POINTS = frozenset({*RELOAD, *START, *STOP, *DISPATCH, *OUTBOX, *BOARD, *ANSWERS, *WORKER, *ACT})
"""Every point but those of `arrow`."""

_Other = Callable[[], int | None]
_folder: Path | None = None
_other: _Other | None = None
_count = itertools.count(1)


def arm(folder: Path | None, *, other: _Other | None = None) -> None:
    """Switch the points of this process on, or off with None. `other` gives the id of the process at the other end of
    the desk's pipe: the parent for a worker, the worker for a coordinator; None when there is none now."""
    global _folder, _other
    _folder, _other = folder, other


@contextmanager
def armed_with(folder: Path | None, *, other: _Other | None = None) -> Generator[None]:
    """Arm the points within the block, and log that loudly; without a folder do nothing."""
    if folder is None:
        yield
        return
    log.warning("FAULT_POINTS_ARMED", folder=str(folder), meaning="whoever writes there may end this Octet; for tests")
    arm(folder, other=other)
    try:
        yield
    finally:
        arm(None)


def armed() -> Path | None:
    """The folder of the tickets, to be handed to a child; None in production."""
    return _folder


def point(name: str, *, may_fail: bool = False) -> None:
    """A place where a fault may strike. Costs one comparison as long as nothing is armed. Raises Struck for a ticket
    that says so, where `may_fail`."""
    if _folder is not None:
        _strike(_folder, name, may_fail=may_fail)


def arrow(what: str, was: str, now: str, after_commit: Callable[[Callable[[], None]], None]) -> None:
    """The two points of one step of a state table: inside its transaction, and right after the commit.
    `delivery.staged-submitting.written` and `delivery.staged-submitting.committed`. Raises Struck as `point` does, for
    the first of them only: what is committed cannot fail any more."""
    if _folder is not None:
        name = f"{what}.{was or 'new'}-{now}"
        _strike(_folder, f"{name}.written", may_fail=True)
        after_commit(lambda: point(f"{name}.committed"))


def why_not(folder: Path) -> str:
    """Why this folder may not hold tickets; empty when it may. Whoever can write there can end this process."""
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
    """For `arm`: the process that started this one, as long as it lives; never whoever adopts us after that."""
    known = os.getppid()
    return lambda: known if os.getppid() == known else None


def _strike(folder: Path, name: str, *, may_fail: bool) -> None:
    ticket = folder / name
    taken = folder / f"taken.{name}.{os.getpid()}.{next(_count)}"
    try:
        ticket.rename(taken)
    except FileNotFoundError:
        return
    said = taken.read_text("utf-8").strip()
    match said:
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
            log.error("fault_ticket_means_nothing", point=name, said=said[:40])


def _kill_other() -> None:
    other = _other() if _other else None
    if other is not None and other > 1:  # 1: our parent is gone, and whoever adopted us is no part of this
        os.kill(other, signal.SIGKILL)
