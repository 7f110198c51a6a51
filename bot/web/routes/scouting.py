"""/desks/{name}/scout and …/written: the hands of a running Octet, lent to `octet calibrate` at the same machine; and
…/pointing: a page of its own on which its owner shows where one writes."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from bot.web.auth import Core, Operator
from bot.web.pointing.doors import Doors
from bot.web.pointing.routes import PAGE
from bot.web.schemas.scouting import (
    ASKED,
    Asked,
    AskMeasure,
    AskPointer,
    AskSurvey,
    AskTrial,
    PageAnswer,
    Said,
    Written,
)
from bot.web.schemas.upkeep import ReloadedAnswer
from core.calibration.ports import Scout

router = APIRouter(prefix="/desks/{name}")


@router.post("/scout")
async def scout(name: str, request: Request, core: Core, by: Operator) -> Response:
    scout = core.upkeep.calibrate.scout(name, by=by)
    try:
        asked = ASKED.validate_json(await request.body())
    except ValidationError as trouble:
        raise RequestValidationError(trouble.errors(include_input=False)) from trouble
    return Response((await _said(scout, asked)).model_dump_json(exclude_none=True), media_type="application/json")


@router.get("/scout/picture", response_class=Response)
async def picture(name: str, core: Core, by: Operator) -> Response:
    return Response(await core.upkeep.calibrate.picture(name, by=by), media_type="image/png")


@router.post("/pointing")
async def by_clicks(name: str, request: Request, core: Core, by: Operator) -> PageAnswer:
    doors = cast("Doors", request.app.state.doors)
    return PageAnswer(path=f"{PAGE}#{doors.open(core.upkeep.calibrate.by_clicks(name, by=by))}")


@router.post("/written")
async def written(name: str, what: Written, core: Core, by: Operator) -> ReloadedAnswer:
    return ReloadedAnswer.like(await core.upkeep.calibrate.written(name, what.windows, by=by))


async def _said(scout: Scout, asked: Asked) -> Said:
    match asked:
        case AskSurvey():
            return Said(survey=await scout.survey())
        case AskPointer():
            return Said(pointer=await scout.pointer())
        case AskMeasure():
            return Said(measured=await scout.measure(asked.window, asked.point, asked.avoid))
        case AskTrial():
            tried = await scout.trial(
                asked.window,
                asked.profile,
                anchors=asked.anchors,
                text=asked.text,
                send=asked.send,
                known=asked.known,
            )
            return Said(tried=tried)
