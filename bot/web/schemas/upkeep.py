"""What goes out over HTTP about windows that were looked after."""

from __future__ import annotations

from typing import Self

from bot.web.schemas.answers import Answer
from core.upkeep.model import Diagnosis, Placed, Tried


class TriedAnswer(Answer):
    """One window, tried out."""

    desk: str
    window: str
    agent: str
    good: bool
    """The whole text was read back, and then seen to be gone. Nothing was sent, also where it was not good."""
    read_by: str
    took_ms: float
    tries: int
    why: str
    cure: str

    @classmethod
    def of(cls, tried: Tried) -> Self:
        return cls.like(tried, good=tried.is_good, read_by=tried.by)


class PlacedAnswer(Answer):
    """One window after it was arranged."""

    desk: str
    window: str
    agent: str
    right: bool
    done: list[str]
    why: str
    cure: str

    @classmethod
    def of(cls, placed: Placed) -> Self:
        return cls.like(placed, right=placed.is_right)


class AilmentAnswer(Answer):
    """One thing that is wrong, and what to do about it."""

    window: str
    agent: str
    what: str
    cure: str
    stops: bool
    """Nothing is typed because of it."""


class DiagnosisAnswer(Answer):
    """One desk, looked over."""

    desk: str
    state: str
    windows: int
    ailments: list[AilmentAnswer]

    @classmethod
    def of(cls, diagnosis: Diagnosis) -> Self:
        return cls.like(diagnosis, ailments=[AilmentAnswer.like(one) for one in diagnosis.ailments])


class ReloadedAnswer(Answer):
    """What became different when config/ was read anew; all empty where nothing did."""

    agents: list[str]
    gone: list[str]
    """Those of the agents that config/ does not name any more."""
    desks: list[str]
    """Whose workers were started anew, started or ended."""
    restart: list[str]
    """Settings that are different and count from the next start only."""
