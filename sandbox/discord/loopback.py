"""Keeping the sandbox to this machine and to its own page: Host and Origin must be loopback names with our port."""

from __future__ import annotations

import socket

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

NAMES = ("127.0.0.1", "localhost")


def bind(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; another port when the wanted one is busy."""
    for candidate in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((NAMES[0], candidate))
            listener.listen(512)
        except OSError:
            listener.close()
            if candidate == 0:
                raise
            continue
        listener.setblocking(False)
        return listener
    raise AssertionError("port 0 either binds or raises")


def guard(port: int) -> Middleware:
    """A middleware that answers 403 to any other Host or Origin, so that no web page elsewhere can reach in."""
    hosts = {f"{name}:{port}" for name in NAMES}
    origins = {f"http://{host}" for host in hosts}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.headers.get("Host", "").lower() not in hosts or (origin is not None and origin not in origins):
            return web.Response(status=403, text="The sandbox answers only to its own page on this machine.\n")
        return await handler(request)

    return check
