"""What is checked before every route, from the headers alone: Host, Origin, the token, the size of the body; and what
every answer gets: safe headers, a log line without secrets.

The table of `Access` that the guard is given says which routes need which secret: everything that it does not name
needs the operator's token. Octet reads the body of a request only after that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.auth import CALLER, Callers, Need, require
from bot.web.bodies import Bodies
from bot.web.connections import mark_token_shown
from bot.web.errors import BodyTooLarge, HostRefused, OriginRefused, answer
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a request needs, and how large its body may be, in bytes."""

    need: Need
    body_limit: int


class Guard:
    """Lets a request through to `app`, or answers in its place."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: frozenset[str],
        access: Mapping[str, Access],
        callers: Callers | None = None,
        bodies: Bodies | None = None,
    ) -> None:
        """`allowed_hosts` are names without ports. `access` goes by the first part of a path; the longest one that fits
        counts, and `""` fits all. Without `callers` no secret is known."""
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._callers = callers
        self._access = sorted(access.items(), reverse=True)
        self._bodies = bodies or Bodies()

    def access(self, path: str) -> Access:
        """Return what a request to `path` needs."""
        return next(one for prefix, one in self._access if not prefix or f"{path}/".startswith(f"{prefix}/"))

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
            limit = self._admit(scope, Headers(scope=scope))
            async with self._bodies.read(receive, limit) as body:
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

    def _admit(self, scope: Scope, headers: Headers) -> int:
        """Return how large the body of this request may be. Raises what refuses the request."""
        self._check_sender(headers)
        caller = self._callers.who(headers.get("authorization", "")) if self._callers else None
        if caller is not None:
            mark_token_shown(scope, caller.agent)
        access = self.access(scope["path"])
        require(access.need, caller)
        scope.setdefault("state", {})[CALLER] = caller
        if int(headers.get("content-length", "0")) > access.body_limit:
            raise BodyTooLarge(limit=access.body_limit)
        return access.body_limit

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


def _replayed(body: bytearray, receive: Receive) -> Receive:
    """`receive` for the routes: the body that was read already, then whatever the server says."""
    is_told = False

    async def next_message() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
