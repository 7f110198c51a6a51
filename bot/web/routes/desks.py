"""/desks: status, hold, release, stop; test, arrange, doctor; pictures of a window, or of a display without people."""

from __future__ import annotations

from fastapi import APIRouter, Response

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import DeskAnswer, LearnedAnswer
from bot.web.schemas.upkeep import DiagnosisAnswer, PlacedAnswer, TriedAnswer

router = APIRouter(prefix="/desks")


@router.get("")
async def status(core: Core, by: Operator) -> list[DeskAnswer]:
    return [DeskAnswer.of(one) for one in await core.desks.status(by=by)]


@router.post("/{name}/hold")
async def hold(name: str, core: Core, by: Operator) -> DeskAnswer:
    return DeskAnswer.of(await core.desks.hold(name, by=by))


@router.post("/{name}/release")
async def release(name: str, core: Core, by: Operator) -> DeskAnswer:
    return DeskAnswer.of(await core.desks.release(name, by=by))


@router.post("/{name}/stop")
async def stop(name: str, core: Core, by: Operator) -> DeskAnswer:
    return DeskAnswer.of(await core.desks.stop(name, by=by))


@router.post("/test")
async def try_all(core: Core, by: Operator, agent: str | None = None) -> list[TriedAnswer]:
    return [TriedAnswer.of(one) for one in await core.upkeep.try_out(agent=agent, by=by)]


@router.post("/{name}/test")
async def try_out(name: str, core: Core, by: Operator) -> list[TriedAnswer]:
    return [TriedAnswer.of(one) for one in await core.upkeep.try_out(desk=name, by=by)]


@router.post("/{name}/arrange")
async def arrange(name: str, core: Core, by: Operator) -> list[PlacedAnswer]:
    return [PlacedAnswer.of(one) for one in await core.upkeep.arrange(name, by=by)]


@router.get("/doctor")
async def examine_all(core: Core, by: Operator) -> list[DiagnosisAnswer]:
    return [DiagnosisAnswer.of(one) for one in await core.upkeep.doctor(by=by)]


@router.get("/{name}/doctor")
async def examine(name: str, core: Core, by: Operator) -> list[DiagnosisAnswer]:
    return [DiagnosisAnswer.of(one) for one in await core.upkeep.doctor(name, by=by)]


@router.post("/{name}/windows/{window}/forget")
async def forget(name: str, window: str, core: Core, by: Operator) -> list[LearnedAnswer]:
    gone = await core.upkeep.forget(name, window, by=by)
    return [LearnedAnswer.like(one) for one in gone]


@router.get("/{name}/picture", response_class=Response)
async def whole_picture(name: str, core: Core, by: Operator) -> Response:
    return Response(await core.desks.picture(name, by=by), media_type="image/png")


@router.get("/{name}/windows/{window}/picture", response_class=Response)
async def picture(name: str, window: str, core: Core, by: Operator) -> Response:
    return Response(await core.desks.screenshot(name, window, by=by), media_type="image/png")
