"""/desks/{name}/calibration: a session of questions and answers, and a page on which its owner points at composers. The
frozen dataclasses of core go over HTTP as they are."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Body, Request, Response

from bot.web.click_page import PAGE, OneTimeLinks
from bot.web.guard import Core, Operator
from core.calibration.model import Answer, CalibrationOptions, CalibrationStep

router = APIRouter(prefix="/desks/{name}/calibration")


@router.post("")
async def start(name: str, options: CalibrationOptions, core: Core, by: Operator) -> CalibrationStep:
    return await core.maintenance.calibrate.start(name, options, by=by)


@router.get("")
async def step(name: str, core: Core, by: Operator) -> CalibrationStep:
    return await core.maintenance.calibrate.open(name, by=by).step()


@router.post("/answer")
async def answer(
    name: str, given: Annotated[Answer, Body(discriminator="kind")], core: Core, by: Operator
) -> CalibrationStep:
    return await core.maintenance.calibrate.open(name, by=by).answer(given)


@router.get("/picture", response_class=Response)
async def picture(name: str, core: Core, by: Operator) -> Response:
    return Response(await core.maintenance.calibrate.open(name, by=by).picture(), media_type="image/png")


@router.post("/page")
async def page(name: str, request: Request, core: Core, by: Operator) -> dict[str, str]:
    """Make the address of the page, on this very host. It lets one browser in, once."""
    links = cast("OneTimeLinks", request.app.state.click_links)
    return {"path": f"{PAGE}#{links.open(core.maintenance.calibrate.open(name, by=by))}"}
