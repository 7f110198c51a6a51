"""/fleet: what needs a person, the board, and whether all is well."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bot.web.auth import Core, Operator
from bot.web.schemas.fleet import BoardAnswer, HealthAnswer, NeedsAnswer

router = APIRouter(prefix="/fleet")
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.get("/needs-me")
async def needs_me(core: Core, by: Operator, limit: Limit = 50) -> NeedsAnswer:
    return NeedsAnswer.of(await core.fleet.needs_me(by=by, limit=limit))


@router.get("/board")
async def board(core: Core, by: Operator) -> BoardAnswer:
    return BoardAnswer.of(await core.fleet.board(by=by))


@router.get("/health")
async def health(core: Core, by: Operator) -> HealthAnswer:
    return HealthAnswer.of(await core.fleet.health.look(by=by))
