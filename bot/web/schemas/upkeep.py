"""What goes out over HTTP about windows that were looked after."""

from __future__ import annotations

from pydantic import Field

from bot.web.schemas.answers import Answer


class TriedAnswer(Answer):
    """One window, tried out."""

    desk: str
    window: str
    agent: str
    good: bool = Field(validation_alias="is_good")
    """The whole text was read back, and then seen to be gone. Nothing was sent, also where it was not good."""
    read_by: str = Field(validation_alias="by")
    took_ms: float
    tries: int
    why: str
    cure: str


class PlacedAnswer(Answer):
    """One window after it was arranged."""

    desk: str
    window: str
    agent: str
    right: bool = Field(validation_alias="is_right")
    done: list[str]
    why: str
    cure: str
