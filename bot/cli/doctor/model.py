"""The findings of checks: a level, a text, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class FindingLevel(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    level: FindingLevel
    what: str
    cure: str = ""


ok = partial(Finding, FindingLevel.OK)
warning = partial(Finding, FindingLevel.WARNING)  # Octet works, but the user should know
problem = partial(Finding, FindingLevel.PROBLEM)  # something does not work until the user fixes this


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
