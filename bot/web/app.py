"""The HTTP application: which routes there are, and what stands before them."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

from bot.web import click_page, errors
from bot.web.auth import Callers, Need
from bot.web.click_page import OneTimeLinks
from bot.web.guard import LOOPBACK_NAMES, Access, Guard
from bot.web.routes import calibrations, health
from bot.web.verbs import add_routes
from core.coordinator import Coordinator
from core.messages.model import MAX_ANSWER_CHARS

BODY_LIMIT = 2_000_000
REPLY_LIMIT = 4 * MAX_ANSWER_CHARS + 64_000  # the longest answer there may be, in UTF-8, with what stands around it
_OPEN = Access(need=Need.NOTHING, body_limit=click_page.BODY_LIMIT)
ACCESS = {
    "": Access(need=Need.OPERATOR, body_limit=BODY_LIMIT),
    "/api/v2/replies": Access(need=Need.REPLY_KEY, body_limit=REPLY_LIMIT),
    "/livez": _OPEN,
    "/readyz": _OPEN,
    "/proof": _OPEN,
    click_page.PAGE: _OPEN,
}
"""Which routes need which secret; the page checks a key of its own."""


def create_app(
    coordinator: Coordinator,
    *,
    operator_token: SecretStr,
    version: str,
    allowed_hosts: frozenset[str] = LOOPBACK_NAMES,
    is_discord_connected: Callable[[], bool],
) -> ASGIApp:
    """The application for one coordinator. `allowed_hosts` are the names, without ports, that may stand in `Host`."""
    app = FastAPI(title="Octet", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.coordinator = coordinator
    app.state.version = version
    app.state.is_discord_connected = is_discord_connected
    errors.install(app)
    app.include_router(calibrations.router, prefix="/api/v2")
    add_routes(app)
    app.include_router(health.router)
    app.state.click_links = OneTimeLinks()
    app.include_router(click_page.router)
    callers = Callers(operator_token, agent_of=coordinator.reply_keys.holder)
    return Guard(app, allowed_hosts=allowed_hosts, callers=callers, access=ACCESS)
