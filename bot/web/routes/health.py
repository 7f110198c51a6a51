"""/livez: the loop answers. /readyz: the database can be written; the operator's token also shows why not, Discord and
desks. /proof: this is Octet. No token is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from fastapi import APIRouter, Request, Response

from bot.web.auth import Asker, Core
from core.kit.errors import OctetError

router = APIRouter()
_LOOK_S = 2.0  # longest wait for the database


@router.get("/livez")
async def livez() -> dict[str, bool]:
    return {"alive": True}


@router.get("/proof/{nonce}")
async def proof(nonce: str, core: Core, request: Request, agent: str = "") -> dict[str, str]:
    """Prove to a holder of this reply key that Octet itself listens on this address; see bot.cli.client."""
    address, port = cast("tuple[str, int]", request.scope["server"])
    return {"proof": core.reply_keys.proof(agent, f"{nonce} {address} {port}")}


@router.get("/readyz")
async def readyz(core: Core, by: Asker, request: Request, response: Response) -> dict[str, object]:
    problems = await _problems(core)
    if problems:
        response.status_code = 503
    if not (by and by.is_operator):
        return {"ready": not problems}
    return {
        "ready": not problems,
        "problems": problems,
        "version": request.app.state.version,
        "discord_connected": cast("Callable[[], bool]", request.app.state.is_discord_connected)(),
        "desks": {name: state.value for name, state in core.desks.states().items()},
    }


async def _problems(core: Core) -> list[str]:
    try:
        async with asyncio.timeout(_LOOK_S):
            await core.store.ping()
    except TimeoutError:
        known = core.store.trouble
        return [known.message if known else f"The database has not answered for {_LOOK_S:g} s."]
    except OctetError as error:
        return [error.message]
    known = core.store.trouble  # the last write was refused, and what mends that has not been seen yet
    return [known.message] if known else []
