"""/receipts: what is kept of deliveries that passed Enter, by the id of a delivery or of its task."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Response

from bot.web.auth import Core, Operator
from bot.web.schemas.receipts import DeliveryReceiptAnswer
from core.receipts.model import Receipt

router = APIRouter(prefix="/receipts")


@router.get("/{named}", response_model=list[DeliveryReceiptAnswer])
async def show(named: str, core: Core, by: Operator) -> Sequence[Receipt]:
    return await core.receipts.show(named, by=by)


@router.get("/{delivery}/{fence}/pictures/{name}", response_class=Response)
async def picture(delivery: str, fence: int, name: str, core: Core, by: Operator) -> Response:
    return Response(await core.receipts.picture(delivery, fence, name, by=by), media_type="image/png")
