"""The HTTP application: its routes, and what guards them. Three routes about Octet itself need no token:
/livez: the loop answers. /readyz: the database takes writes; with the operator's token also why not, Discord and desks.
/proof: this is Octet."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, cast

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.types import ASGIApp

from bot.web import batch, calibrations, errors, hooks, live, live_windows, metrics, page, push
from bot.web.discord_log_in import DiscordLogIn
from bot.web.guard import (
    PAGE,
    Access,
    AgentsApp,
    AsAgent,
    Asker,
    By,
    Callers,
    Calls,
    CallTimes,
    Core,
    Guard,
    PublicAddress,
    RequiredAccess,
)
from bot.web.live import Live
from bot.web.metrics import LoopLag
from bot.web.verbs import add_routes
from core.coordinator import Coordinator
from core.limits import ANSWER, BODY_BYTES, FILE_BYTES, NAME
from core.settings.model import Settings

router, described = APIRouter(), APIRouter()
_LOOK_S = 2.0  # longest wait for the database
BODY_LIMIT = BODY_BYTES.most
FILES_LIMIT = BODY_LIMIT + FILE_BYTES.most * 4 // 3  # a file in base64, and the JSON around it
ANSWER_LIMIT = 4 * ANSWER.most + 64_000  # the longest possible answer in UTF-8, and the JSON around it
REPLY_LIMIT = ANSWER_LIMIT + FILES_LIMIT - BODY_LIMIT  # the same with its files
MCP = "/mcp"
_OPEN = Access(need=RequiredAccess.NOTHING, body_limit=page.BODY_LIMIT)
ACCESS = {
    "": Access(need=RequiredAccess.ACTOR, body_limit=BODY_LIMIT),
    "/api/v2/tasks": Access(need=RequiredAccess.ACTOR, body_limit=FILES_LIMIT),
    "/api/v2/batch": Access(need=RequiredAccess.ACTOR, body_limit=FILES_LIMIT),
    "/api/v2/messages": Access(need=RequiredAccess.ACTOR, body_limit=FILES_LIMIT),
    "/api/v2/replies": Access(need=RequiredAccess.REPLY_KEY, body_limit=REPLY_LIMIT),
    hooks.PATH: Access(need=RequiredAccess.REPLY_KEY, body_limit=ANSWER_LIMIT, is_admitted_later=True),
    MCP: Access(need=RequiredAccess.REPLY_KEY, body_limit=REPLY_LIMIT, is_admitted_later=True),
    "/livez": _OPEN,
    "/readyz": _OPEN,
    "/proof": _OPEN,
    PAGE: _OPEN,
    page.LOG_IN: _OPEN,
    "/api/v2/live": _OPEN,  # its WebSockets log in by their first messages
}
"""Which routes need which secret."""


def create_app(
    coordinator: Coordinator,
    *,
    operator_token: SecretStr,
    version: str,
    mcp: AgentsApp,
    lag: LoopLag | None = None,
    settings: Settings | None = None,
    push_key: str = "",
) -> ASGIApp:
    """Build the application for one coordinator. `Host` must name one of LOOPBACK_NAMES, with any port, or be that of
    the public address. The caller runs `lag`, and the pushes whose `push_key` it gives."""
    settings = settings or Settings()
    public = PublicAddress(settings.http.public_url or "")
    app = errors.make_app()
    app.state.coordinator = coordinator
    app.state.version = version
    app.state.live = Live(coordinator)
    app.state.viewers = Counter[str]()
    app.state.calls = calls = Calls(CallTimes)
    app.state.lag, app.state.steps = lag or LoopLag(), metrics.count_steps(coordinator)
    app.state.push_key = push_key
    app.state.discord_log_in = DiscordLogIn(settings)
    add_routes(app)
    for routes in (
        router,
        described,
        hooks.router,
        batch.router,
        calibrations.router,
        page.router,
        live.router,
        live_windows.router,
        metrics.router,
        push.router,
    ):
        app.include_router(routes)
    app.add_route(MCP, AsAgent(mcp), methods=["POST"])  # pyright: ignore[reportArgumentType] - an ASGI application, too
    callers = Callers(
        operator_token,
        agent_of=coordinator.reply_keys.holder,
        actor_of=coordinator.api_keys.actor,
        logged_in=coordinator.log_ins.actor,
        admit=coordinator.store.admit,
        public=public,
    )
    app.state.callers = callers
    return Guard(app, callers=callers, access=ACCESS, calls=calls)


@described.get("/api/v2/openapi.json", include_in_schema=False)
async def openapi(request: Request, _: By) -> JSONResponse:
    """Describe this API, for generators of clients."""
    # Making the first description takes half a second, too long for the loop.
    return JSONResponse(await asyncio.to_thread(cast("FastAPI", request.app).openapi))


@router.get("/livez")
async def livez() -> dict[str, bool]:
    """Say that Octet runs."""
    return {"alive": True}


@router.get("/proof/{nonce}")
async def proof(
    nonce: str, core: Core, request: Request, agent: Annotated[str, Query(max_length=NAME.most)] = ""
) -> dict[str, str]:
    """Prove to a holder of this reply key that Octet listens on this address; see bot.cli.client."""
    address, port = cast("tuple[str, int]", request.scope["server"])
    return {"proof": core.reply_keys.proof(agent, f"{nonce} {address} {port}")}


@router.get("/readyz")
async def readyz(core: Core, by: Asker, request: Request, response: Response) -> dict[str, object]:
    """Say whether Octet accepts work; to the operator also why not."""
    why = await core.store.why_not_writable(within_s=_LOOK_S)
    problems = [why] if why else []
    if problems:
        response.status_code = 503
    if not (by and by.is_operator):
        return {"ready": not problems}
    return {
        "ready": not problems,
        "problems": problems,
        "version": request.app.state.version,
        "discord_connected": core.fleet.health.is_discord_connected or False,
        "desks": {name: state.value for name, state in core.desks.states().items()},
    }
