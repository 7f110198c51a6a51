"""/profiles: what the journal has to know of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from bot.web.auth import Core, Operator
from bot.web.schemas.requests import EnabledBody

router = APIRouter(prefix="/profiles")
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


@router.post("/{name}/enabled", status_code=204)
async def enabled(name: Name, body: EnabledBody, core: Core, by: Operator) -> Response:
    await core.upkeep.note_enabled(name, who=body.who, by=by)
    return Response(status_code=204)
