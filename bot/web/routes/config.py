"""/config: what config/ says, taken over while Octet runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bot.web.auth import Core, Operator
from core.upkeep.model import Reloaded

router = APIRouter(prefix="/config")


@router.post("/reload")
async def reload(core: Core, by: Operator, desk: Annotated[list[str] | None, Query()] = None) -> Reloaded:
    return await core.upkeep.reload(by=by, desks=desk or ())
