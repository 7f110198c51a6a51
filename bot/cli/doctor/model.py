"""What a checkup says: how one thing stands, in words, and its cure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingLevel(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: FindingLevel
    what: str
    cure: str = ""


def ok(what: str) -> Finding:
    """It is as it should be."""
    return Finding(level=FindingLevel.OK, what=what)


def warning(what: str, cure: str = "") -> Finding:
    """Octet works all the same, but a user would want to know."""
    return Finding(level=FindingLevel.WARNING, what=what, cure=cure)


def problem(what: str, cure: str = "") -> Finding:
    """Something does not work until this is fixed."""
    return Finding(level=FindingLevel.PROBLEM, what=what, cure=cure)


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
