"""Fault points: named places where a test may end, stop or hold up this process. Without the setting they do nothing.

With `OCTET_FAULT_POINTS=FOLDER` each point looks for a ticket, a file of its own name in that folder, and takes it
(exactly one process gets it, once). The ticket's text is the act: `kill` (SIGKILL to this process), `kill other` (to
the one at the other end of the desk's pipe), `kill both`, `stop` (SIGSTOP to this process).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path


def _nobody() -> int | None:
    return None


_folder: Path | None = None
_other: Callable[[], int | None] = _nobody
_PLAIN = str.maketrans({"/": "_", " ": "_", ">": "-", ":": "."})


def arm(folder: Path | None, *, other: Callable[[], int | None] = _nobody) -> None:
    """Switch the points of this process on, or off with None. `other` gives the id of the process at the other end of
    the desk's pipe, for `kill both`: the parent for a worker, the worker for a coordinator."""
    global _folder, _other
    _folder, _other = folder, other


def armed() -> Path | None:
    """The folder of the tickets, to be handed to a child; None in production."""
    return _folder


def point(name: str) -> None:
    """A place where a fault may strike. Costs one comparison as long as nothing is armed."""
    if _folder is not None:
        _strike(_folder, name)


def arrow(what: str, was: str, now: str) -> None:
    """The point of one step of a state table: `delivery.staged-submitting`."""
    if _folder is not None:
        _strike(_folder, f"{what}.{was}-{now}")


def _strike(folder: Path, name: str) -> None:
    ticket = folder / name.translate(_PLAIN)
    taken = folder / f"taken.{ticket.name}.{os.getpid()}"
    try:
        ticket.rename(taken)
    except FileNotFoundError:
        return
    act = taken.read_text("utf-8").strip()
    other = _other()
    if act in {"kill other", "kill both"} and other is not None:
        os.kill(other, signal.SIGKILL)
    if act in {"kill", "kill both"}:
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
