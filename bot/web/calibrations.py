"""/desks/{name}/calibration: a session of questions and answers, and a page on which its owner points at composers. The
frozen dataclasses of core go over HTTP as they are."""

from __future__ import annotations

from typing import Annotated, TypeVar, cast

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bot.web.click_page import PAGE, OneTimeLinks
from bot.web.guard import Core, Operator
from core.calibration.model import Answer, CalibrationOptions, CalibrationStep

T = TypeVar("T")
ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
STEP: TypeAdapter[CalibrationStep] = TypeAdapter(CalibrationStep)
OPTIONS: TypeAdapter[CalibrationOptions] = TypeAdapter(CalibrationOptions)
router = APIRouter(prefix="/desks/{name}/calibration")


class PageAnswer(BaseModel, frozen=True):
    """Where the page is, on this very address. It lets one browser in, once."""

    path: str


@router.post("")
async def start(name: str, request: Request, core: Core, by: Operator) -> Response:
    return _said(await core.maintenance.calibrate.start(name, await _body(request, OPTIONS), by=by))


@router.get("")
async def step(name: str, core: Core, by: Operator) -> Response:
    return _said(await core.maintenance.calibrate.open(name, by=by).step())


@router.post("/answer")
async def answer(name: str, request: Request, core: Core, by: Operator) -> Response:
    asking = core.maintenance.calibrate.open(name, by=by)
    return _said(await asking.answer(await _body(request, ANSWER)))


@router.get("/picture", response_class=Response)
async def picture(name: str, core: Core, by: Operator) -> Response:
    return Response(await core.maintenance.calibrate.open(name, by=by).picture(), media_type="image/png")


@router.post("/page")
async def page(name: str, request: Request, core: Core, by: Operator) -> PageAnswer:
    doors = cast("OneTimeLinks", request.app.state.click_links)
    return PageAnswer(path=f"{PAGE}#{doors.open(core.maintenance.calibrate.open(name, by=by))}")


async def _body(request: Request, kind: TypeAdapter[T]) -> T:
    try:
        return kind.validate_json(await request.body())
    except ValidationError as trouble:
        raise RequestValidationError(trouble.errors(include_input=False)) from trouble


def _said(step: CalibrationStep) -> Response:
    return Response(STEP.dump_json(step), media_type="application/json")
