"""What goes over HTTP about calibrations: frozen dataclasses as JSON, as they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from core.calibration.model import Answer, CalibrationOptions, CalibrationStep

ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
STEP: TypeAdapter[CalibrationStep] = TypeAdapter(CalibrationStep)
OPTIONS: TypeAdapter[CalibrationOptions] = TypeAdapter(CalibrationOptions)


class PageAnswer(BaseModel, frozen=True):
    """Where the page is, on this very address. It lets one browser in, once."""

    path: str
