"""What stands before every route: Host, Origin, size of the body, safe headers, a log line without secrets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.errors import BodyIncomplete, BodyTooLarge, HostRefused, OriginRefused, answer
from core.kit.errors import OctetError

log = structlog.get_logger(__name__)

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
CSP = "Content-Security-Policy"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""What a response may load that says nothing of it itself. A page says it."""
_SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_BODY_S = 20
"""How long a body may take to arrive."""
_DRAIN_BYTES = 16_000_000
"""As much of a refused body is read and thrown away, so that its sender gets to read the refusal."""


class Guard:
    """Lets a request through to `app`, or answers in its place."""

    def __init__(
        self, app: ASGIApp, *, allowed_hosts: frozenset[str], body_limits: Mapping[str, int], body_limit: int
    ) -> None:
        """`allowed_hosts` are names without ports; `body_limits` are exceptions to `body_limit` by path, in bytes."""
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._body_limits = body_limits
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return  # there is no WebSocket yet: saying nothing makes the server refuse it
        started = time.perf_counter()
        status = 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(_SAFE_HEADERS)
                headers.setdefault(CSP, _NOTHING)
            await send(message)

        try:
            self._check_sender(Headers(scope=scope))
            body = await _read(receive, self._body_limits.get(scope["path"], self._body_limit))
            await self._app(scope, _replayed(body, receive), send_safely)
        except OctetError as refusal:
            await answer(refusal)(scope, receive, send_safely)
        except Exception:
            log.exception("request_failed", method=scope["method"], route=_route(scope))
            if not status:
                await answer(OctetError())(scope, receive, send_safely)
        finally:
            took_ms = round((time.perf_counter() - started) * 1000, 1)
            log.debug("request", method=scope["method"], route=_route(scope), status=status, ms=took_ms)

    def _check_sender(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or _name(host) not in self._allowed_hosts:
            raise HostRefused
        # A page of this very address sends our Host as its Origin; a program sends none; anything else is a stranger.
        if any(origin.lower() != f"http://{host.lower()}" for origin in headers.getlist("origin")):
            raise OriginRefused
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            raise OriginRefused


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _route(scope: Scope) -> str:
    """The route's pattern, not the path: who mistakes a code for an address must not find it in a log."""
    return str(getattr(scope.get("route"), "path", "none"))


async def _read(receive: Receive, limit: int) -> bytes:
    """The whole body, counted as it comes: a length may be announced wrongly, or not at all."""
    body = bytearray()
    seen = 0
    try:
        async with asyncio.timeout(_BODY_S):
            while seen <= _DRAIN_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BodyIncomplete
                piece: bytes = message.get("body", b"")
                seen += len(piece)
                if seen <= limit:
                    body += piece
                if not message.get("more_body", False):
                    break
    except TimeoutError as error:
        raise BodyIncomplete from error
    if seen > limit:
        raise BodyTooLarge(limit=limit)
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` for the routes: the body that was read already, then whatever the server says."""
    is_told = False

    async def next_message() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
