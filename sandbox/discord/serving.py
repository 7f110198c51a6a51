"""Serves one local Discord on loopback: its REST API, its gateway and its page."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from sandbox.discord import loopback
from sandbox.discord.log_in import LogInRoutes
from sandbox.discord.page_routes import PageRoutes
from sandbox.discord.rest.api import PREFIX, build
from sandbox.discord.rest.requests import Api
from sandbox.discord.server import Sandbox
from sandbox.discord.settings import SandboxSettings

_OPEN = (f"{PREFIX}/", "/gateway", "/page/", "/attachments/")
"""Paths that need no key: they ask for the bot's token, hold nothing secret, or hold a secret themselves."""


@asynccontextmanager
async def open_sandbox(settings: SandboxSettings | None = None) -> AsyncGenerator[Sandbox]:
    """Serve on loopback until the block ends; a busy port is replaced by another."""
    settings = settings or SandboxSettings()
    listener = loopback.bind(settings.port)
    port = listener.getsockname()[1]
    sandbox = Sandbox(settings, port)
    page = PageRoutes(sandbox)
    runner = web.AppRunner(_app(sandbox, page, port), access_log=None, shutdown_timeout=1.0, handle_signals=False)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield sandbox
    finally:
        sandbox.interactions.close()
        await page.close()
        await sandbox.gateway.close()
        await runner.cleanup()
        listener.close()


def _app(sandbox: Sandbox, page: PageRoutes, port: int) -> web.Application:
    app = web.Application(
        middlewares=[loopback.guard(port, sandbox.keys, is_open=_OPEN), sandbox.record.watch],
        client_max_size=32 * 1024 * 1024,
    )
    api = Api(
        world=sandbox.world,
        payloads=sandbox.payloads,
        interactions=sandbox.interactions,
        session_starts=sandbox.gateway.session_starts,
    )
    app.add_routes(LogInRoutes(sandbox.world).routes(PREFIX))  # before the API, whose description lacks them
    app.add_subapp(PREFIX, build(api, sandbox.rates, sandbox.faults, sandbox.record))
    app.router.add_get("/gateway", sandbox.gateway.serve)
    app.router.add_get("/gateway/", sandbox.gateway.serve)
    app.add_routes(page.routes())
    return app
