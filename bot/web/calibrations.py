"""/desks/{name}/calibration: a session of questions and answers, for the page's wizard and for `octet calibrate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Body

from bot.web.guard import By, Core
from bot.web.verbs import PngResponse
from core.calibration import texts
from core.calibration.model import (
    Answer,
    CalibrationOptions,
    CalibrationResult,
    CalibrationStep,
    ChooseWindows,
    Pick,
    PointAt,
    place_of,
)
from core.profiles.model import Box

router = APIRouter(prefix="/api/v2/desks/{name}/calibration")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationWords:
    """What a calibration asks, what Octet has done, and why it proposes some windows not, by their numbers."""

    lines: tuple[str, ...]
    asks: str = ""
    why_not: Mapping[int, str] = field(default_factory=dict[int, str])
    part: Box | None = None  # the part of the screen that the picture of a composer's places shows


@router.post("")
async def start(name: str, options: CalibrationOptions, core: Core, by: By) -> CalibrationStep:
    """Begin the calibration of a desk, and return its first step."""
    calibrate = core.maintenance.calibrate
    return await calibrate.start(name, options, by=by)


@router.get("")
async def show_step(name: str, core: Core, by: By) -> CalibrationStep:
    """Show the present step of the calibration of a desk."""
    return await core.maintenance.calibrate.open(name, by=by).step()


@router.post("/answer")
async def answer(
    name: str, given: Annotated[Answer, Body(discriminator="kind")], core: Core, by: By
) -> CalibrationStep:
    """Answer the present step, and return the next one."""
    return await core.maintenance.calibrate.open(name, by=by).answer(given)


@router.get("/picture", response_class=PngResponse)
async def numbered_picture(name: str, core: Core, by: By) -> PngResponse:
    """Show the display with a number on each window that the present step asks about."""
    return PngResponse(await core.maintenance.calibrate.open(name, by=by).picture())


@router.get("/words")
async def words(name: str, core: Core, by: By) -> CalibrationWords:
    """Say what the calibration asks and has done, for the page."""
    step = await core.maintenance.calibrate.open(name, by=by).step()
    match step.now:
        case None:
            return CalibrationWords(lines=step.lines)
        case CalibrationResult() as result:
            return CalibrationWords(lines=(*step.lines, *texts.ended(result)))
        case ChooseWindows() as question:
            picks = {one.number: Pick(number=one.number) for one in question.proposed}
            why_not = {one.number: texts.why_not(one) for one in question.candidates if one.why_not}
            return CalibrationWords(asks=texts.asks(question, picks), lines=step.lines, why_not=why_not)
        case question:
            part = place_of(question.window.box, question.within) if isinstance(question, PointAt) else None
            return CalibrationWords(asks=texts.asks(question, {}), lines=step.lines, part=part)
