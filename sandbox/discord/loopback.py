"""Keeps the sandbox to this machine, to its own page, and to the account that started it."""

from __future__ import annotations

import hmac
import secrets
import socket

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

NAMES = ("127.0.0.1", "localhost")


def bind(port: int) -> socket.socket:
    """Listen on 127.0.0.1; on another port when the wanted one is busy."""
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


class Keys:
    """Decides who may use the page: a program that has the sandbox's key, and a browser that opened a one-time link."""

    def __init__(self, port: int) -> None:
        self.key = secrets.token_urlsafe(24)
        self._cookie = f"octet_sandbox_{port}"  # browsers do not tell the ports of a host apart
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """Make a ticket that lets one browser in, once."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    def is_known(self, request: web.Request) -> bool:
        """Return whether the request carries the key, as a program or as a browser sends it."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        given = (bearer, request.cookies.get(self._cookie, ""))
        return any(hmac.compare_digest(one.encode(errors="replace"), self.key.encode()) for one in given)

    def admit(self, request: web.Request, response: web.Response) -> bool:
        """Let in a browser that is known, or whose link was not opened before; a new one gets the key as a cookie."""
        if self.is_known(request):
            return True
        ticket = request.query.get("ticket", "")
        if request.method != "GET" or ticket not in self._tickets:
            return False
        self._tickets.remove(ticket)
        response.set_cookie(self._cookie, self.key, httponly=True, samesite="Strict")
        return True


def guard(port: int, keys: Keys, *, is_open: tuple[str, ...]) -> Middleware:
    """Return a middleware that answers 403 to any other Host or Origin, so that no web page elsewhere can reach in, and
    401 to requests without the key, except for `/` and paths that begin with one of `is_open`."""
    hosts = {f"{name}:{port}" for name in NAMES}
    origins = {f"http://{host}" for host in hosts}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.headers.get("Host", "").lower() not in hosts or (origin is not None and origin not in origins):
            return web.Response(status=403, text="The sandbox answers only to its own page on this machine.\n")
        if request.path != "/" and not request.path.startswith(is_open) and not keys.is_known(request):
            refused = "This needs the sandbox's key: open the link that it printed when it started."
            return web.json_response({"refused": refused}, status=401)
        return await handler(request)

    return check
