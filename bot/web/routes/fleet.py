"""/fleet: what needs a person, the board, and whether all is well."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bot.web.auth import Core, Operator
from bot.web.schemas.fleet import BoardAnswer, HealthAnswer, NeedsAnswer
from core.fleet.model import Board, Needs, Wellness

router = APIRouter(prefix="/fleet")
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.get("/needs-me", response_model=NeedsAnswer)
async def needs_me(core: Core, by: Operator, limit: Limit = 50) -> Needs:
    return await core.fleet.needs_me(by=by, limit=limit)


@router.get("/board", response_model=BoardAnswer)
async def board(core: Core, by: Operator) -> Board:
    return await core.fleet.board(by=by)


@router.get("/health", response_model=HealthAnswer)
async def health(core: Core, by: Operator) -> Wellness:
    return await core.fleet.health.look(by=by)
