"""What a machine does by itself while nobody touches it, as one of its parts is set; and asking programs for that."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_ASKED_S = 5


class IdleEffect(StrEnum):
    """What happens, worst first."""

    SLEEPS = "this machine falls asleep"
    LOCKS = "the screen is locked"
    BLANKS = "the screen goes dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleAction:
    """One thing that is set up to happen."""

    who: str
    """Who does it: a desktop, a locker, the login manager."""
    does: IdleEffect
    after_s: float | None
    """After so long without a key or a move; None: not because of that (the lid, the end of a sleep)."""
    when: str = ""
    """When else, for people: `when the lid is closed`."""
    cure: str = ""
    """How to change it."""

    def __str__(self) -> str:
        """One sentence."""
        when = self.when if self.after_s is None else f"after {span(self.after_s)} without a touch"
        more = f", {self.when}" if self.when and self.after_s is not None else ""
        return f"{self.who}: {self.does.value} {when}{more}".rstrip()


Ask = Callable[[Sequence[str]], str | None]
"""What a program writes, asked without a shell; None where it is not there, refuses, or does not answer."""


def ask(words: Sequence[str]) -> str | None:
    """What this program writes."""
    try:
        told = subprocess.run(
            list(words), capture_output=True, text=True, errors="replace", timeout=_ASKED_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout if told.returncode == 0 else None


def span(seconds: float) -> str:
    """`5 min`: how long, for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
