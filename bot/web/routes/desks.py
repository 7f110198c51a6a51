"""/desks: status, hold, release, stop; test, arrange, doctor; pictures of a window, or of a display without people."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Response

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import DeskAnswer, LearnedAnswer
from bot.web.schemas.upkeep import PlacedAnswer, TriedAnswer
from core.desks.model import DeskStatus, LearnedFact
from core.upkeep.model import Diagnosis, Placed, Tried

router = APIRouter(prefix="/desks")


@router.get("", response_model=list[DeskAnswer])
async def status(core: Core, by: Operator) -> Sequence[DeskStatus]:
    return await core.desks.status(by=by)


@router.post("/{name}/hold", response_model=DeskAnswer)
async def hold(name: str, core: Core, by: Operator) -> DeskStatus:
    return await core.desks.hold(name, by=by)


@router.post("/{name}/release", response_model=DeskAnswer)
async def release(name: str, core: Core, by: Operator) -> DeskStatus:
    return await core.desks.release(name, by=by)


@router.post("/{name}/stop", response_model=DeskAnswer)
async def stop(name: str, core: Core, by: Operator) -> DeskStatus:
    return await core.desks.stop(name, by=by)


@router.post("/test", response_model=list[TriedAnswer])
async def try_all(core: Core, by: Operator, agent: str | None = None) -> Sequence[Tried]:
    return await core.upkeep.try_out(agent=agent, by=by)


@router.post("/{name}/test", response_model=list[TriedAnswer])
async def try_out(name: str, core: Core, by: Operator) -> Sequence[Tried]:
    return await core.upkeep.try_out(desk=name, by=by)


@router.post("/{name}/arrange", response_model=list[PlacedAnswer])
async def arrange(name: str, core: Core, by: Operator) -> Sequence[Placed]:
    return await core.upkeep.arrange(name, by=by)


@router.get("/doctor")
async def examine_all(core: Core, by: Operator) -> Sequence[Diagnosis]:
    return await core.upkeep.doctor(by=by)


@router.get("/{name}/doctor")
async def examine(name: str, core: Core, by: Operator) -> Sequence[Diagnosis]:
    return await core.upkeep.doctor(name, by=by)


@router.post("/{name}/windows/{window}/forget", response_model=list[LearnedAnswer])
async def forget(name: str, window: str, core: Core, by: Operator) -> Sequence[LearnedFact]:
    return await core.upkeep.forget(name, window, by=by)


@router.get("/{name}/picture", response_class=Response)
async def whole_picture(name: str, core: Core, by: Operator) -> Response:
    return Response(await core.desks.picture(name, by=by), media_type="image/png")


@router.get("/{name}/windows/{window}/picture", response_class=Response)
async def picture(name: str, window: str, core: Core, by: Operator) -> Response:
    return Response(await core.desks.screenshot(name, window, by=by), media_type="image/png")
