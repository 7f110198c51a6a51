"""/deliveries: those that wait for a person's word, and that word."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import DeliveryAnswer
from bot.web.schemas.requests import ResolveBody
from core.deliveries.model import DeliveryState
from core.verdicts.model import Decision

router = APIRouter(prefix="/deliveries")


@router.get("")
async def list_deliveries(
    core: Core, by: Operator, state: Annotated[list[DeliveryState] | None, Query()] = None
) -> list[DeliveryAnswer]:
    states = frozenset(state or {DeliveryState.UNKNOWN})
    return [DeliveryAnswer.of(one) for one in await core.unknowns.list(by=by, states=states)]


@router.post("/{delivery}/resolve")
async def resolve(delivery: str, body: ResolveBody, core: Core, by: Operator) -> DeliveryAnswer:
    return DeliveryAnswer.of(await core.unknowns.resolve(delivery, Decision(body.decision), by=by))
