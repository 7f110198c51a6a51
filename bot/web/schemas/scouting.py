"""What the command line asks the hands of a running Octet while it connects windows, and what they answer.

Both ends are of one version, and each takes only what fits: frozen dataclasses as JSON, as in a worker's pipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.calibration.model import Measured, Point, Pointer, Survey, Tried
from core.desks.model import Window
from core.profiles.model import Box, Profile
from core.upkeep.model import WrittenWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSurvey:
    """Which windows stand there."""

    kind: Literal["survey"] = "survey"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPointer:
    """Where the pointer is."""

    kind: Literal["pointer"] = "pointer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMeasure:
    """Look where one writes in a window."""

    kind: Literal["measure"] = "measure"
    window: int
    point: Point | None = None
    avoid: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskTrial:
    """Try a draft in a window."""

    kind: Literal["trial"] = "trial"
    window: Window
    profile: Profile
    anchors: tuple[Box, ...]
    text: str
    send: bool = False
    known: int = 0


Asked = AskSurvey | AskPointer | AskMeasure | AskTrial

_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")  # pictures
ASKED: TypeAdapter[Asked] = TypeAdapter(Annotated[Asked, Field(discriminator="kind")], config=_BYTES)


class Said(BaseModel):
    """The answer: the one thing that was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    survey: Survey | None = None
    pointer: Pointer | None = None
    measured: Measured | None = None
    tried: Tried | None = None


class Written(BaseModel):
    """The windows that were measured, tried, and written into config/."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: Annotated[tuple[WrittenWindow, ...], Field(max_length=500)]


class PageAnswer(BaseModel):
    """Where the page is, on this very address. It lets one browser in, once."""

    model_config = ConfigDict(frozen=True)

    path: str
