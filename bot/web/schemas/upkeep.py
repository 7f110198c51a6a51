"""What goes out over HTTP about windows that were looked after."""

from __future__ import annotations

import base64
from typing import Self

from pydantic import Field

from bot.web.schemas.answers import Answer
from core.upkeep.model import Diagnosis, Joined, Placed, Pointing, Surveyed, Tried


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


class NumberedAnswer(Answer):
    """One window of a display."""

    number: int
    title: str
    kind: str
    profiles: list[str]
    agent: str


class SurveyedAnswer(Answer):
    """All windows of a display, with a picture of the whole of it in base64."""

    desk: str
    windows: list[NumberedAnswer]
    picture: str

    @classmethod
    def of(cls, surveyed: Surveyed) -> Self:
        return cls(
            desk=surveyed.desk,
            windows=[
                NumberedAnswer(
                    number=one.number, title=one.title, kind=one.kind, profiles=list(one.profiles), agent=one.agent
                )
                for one in surveyed.windows
            ],
            picture=base64.b64encode(surveyed.png).decode(),
        )


class JoinedAnswer(Answer):
    """A window that is connected now; or, where a place must be named first, why, and a picture with the places."""

    connected: bool
    window: str = ""
    agent: str = ""
    profile: str = ""
    read_by: str = ""
    files: list[str] = Field(default=[])
    reloaded: ReloadedAnswer | None = None
    why: str = ""
    within: str = ""
    places: int = 0
    picture: str = ""

    @classmethod
    def of(cls, said: Joined | Pointing) -> Self:
        if isinstance(said, Pointing):
            picture = base64.b64encode(said.png).decode()
            return cls(connected=False, why=said.why, within=said.within, places=said.places, picture=picture)
        return cls(
            connected=True,
            window=said.window,
            agent=said.agent,
            profile=said.profile,
            read_by=said.read_by,
            files=list(said.files),
            reloaded=ReloadedAnswer.like(said.reloaded),
        )
