"""/deliveries: those that wait for a person's word, and that word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import DeliveryAnswer
from bot.web.schemas.requests import ResolveBody
from core.deliveries.model import Delivery, DeliveryState
from core.verdicts.model import Decision

router = APIRouter(prefix="/deliveries")


@router.get("", response_model=list[DeliveryAnswer])
async def list_deliveries(
    core: Core, by: Operator, state: Annotated[list[DeliveryState] | None, Query()] = None
) -> Sequence[Delivery]:
    states = frozenset(state or {DeliveryState.UNKNOWN})
    return await core.unknowns.list(by=by, states=states)


@router.post("/{delivery}/resolve", response_model=DeliveryAnswer)
async def resolve(delivery: str, body: ResolveBody, core: Core, by: Operator) -> Delivery:
    return await core.unknowns.resolve(delivery, Decision(body.decision), by=by)
