"""Checks every request, also one that opens a WebSocket, by its headers before any route: Host, Origin, the token, the
size of the body. Every answer gets safe headers and a log line without secrets.

A table of `Access` says which routes need which secret; every other path needs the operator's token or an API key.
Octet then reads the body, whole within a time limit, and all bodies within one budget of memory. Only
`Authorization: Bearer …` tells who the caller is."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, cast
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Request
from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.errors import (
    PAGE_HEADER,
    ApiKeyRefused,
    BodyTooLarge,
    NoReplyKey,
    NotLoggedIn,
    NoToken,
    TooManyRequests,
    answer,
)
from bot.web.server import mark_token_shown
from core.coordinator import Coordinator
from core.kit.errors import OctetError
from core.limits import CHANGES, REQUESTS, Limit
from core.remedies import refused
from core.security.model import EVERY_AGENT, KEY_PREFIX, OPERATOR, Actor

log = structlog.get_logger(__name__)

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
CSP = "Content-Security-Policy"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"  # the policy of a response that sets none
_SAFE_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
COOKIE, SECRET = "octet-log-in", PAGE_HEADER  # the cookie of a log-in, and the header with its second secret
SECURE = "__Host-"  # how cookies begin that browsers send by https and to this very host only
PAGE = "/page"
CALLER = "caller"  # the key of the caller in a request's state
BUDGET = 32_000_000  # bytes of all bodies that Octet keeps at one time: seven of the longest answers, or two with files
_READS = {"GET", "HEAD"}
_METHODS = {*_READS, "POST", "WEBSOCKET"}  # others count together: a client may invent them
CALL_BUCKETS_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
_MOST_COUNTED = 10_000  # so many log-ins and keys are counted at one time
_BODY_S = 20  # how long a body may take to arrive


class RequiredAccess(Enum):
    """The secret that a route needs."""

    NOTHING = "nothing"
    REPLY_KEY = "a reply key or the operator's token"
    ACTOR = "the operator's token or an API key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who showed a secret."""

    actor: Actor | None = None  # None: an agent, or a program for it, with a reply key
    agent: str = EVERY_AGENT  # whose codes count in this request
    counts_as: str = ""  # whose requests count together; empty: they are not limited

    @property
    def is_operator(self) -> bool:
        return self.actor is OPERATOR

    @property
    def connects_as(self) -> str:
        """Whose connections count together; empty: they are not limited."""
        return self.actor.id if self.actor and not self.is_operator else self.agent


class Rates:
    """How much of its limits each log-in and key has used: what is left grows steadily, up to a minute's worth."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left = dict[tuple[str, Limit], tuple[float, float]]()

    def count(self, who: str, limit: Limit) -> None:
        """Count one request of `who`, unless that is empty. Raises TooManyRequests."""
        if not who:
            return
        each_s, now = 60 / limit.most, self._now()
        left, at = self._left.pop((who, limit), (float(limit.most), now))
        left = min(limit.most, left + (now - at) / each_s)
        self._left[who, limit] = max(left - 1, left % 1), now
        if len(self._left) > _MOST_COUNTED:
            del self._left[next(iter(self._left))]
        if left < 1:
            raise TooManyRequests(limit=limit.most, unit=limit.unit, after_s=math.ceil((1 - left) * each_s))


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """The https address at which a user's own proxy serves Octet; empty: there is none. Only a request's own Host
    counts, which browsers set: headers of proxies, which a client can send as well, count for nothing."""

    url: str = ""

    def serves(self, headers: Headers) -> bool:
        return bool(self.url) and f"https://{headers.get('host', '').lower()}" == self.url

    def cookie(self, headers: Headers, name: str = COOKIE) -> str:
        """Return what this cookie is called at the address of the request."""
        return SECURE + name if self.serves(headers) else name

    def cookie_in(self, headers: Headers, name: str = COOKIE) -> str:
        return cookie_parser(headers.get("cookie", "")).get(self.cookie(headers, name), "")


@dataclass(frozen=True, slots=True)
class Callers:
    """Recognises callers by their header alone, in constant time."""

    operator_token: SecretStr
    agent_of: Callable[[str], str | None]  # names the agent of a reply key; None for any other text
    actor_of: Callable[[str], Awaitable[Actor | None]]  # finds the actor of an API key
    logged_in: Callable[[str, str], Awaitable[Actor | None]]  # finds the actor of a log-in by its two secrets
    admit: Callable[..., None]  # refuses what Octet cannot take now; see Store.admit
    public: PublicAddress = PublicAddress()
    rates: Rates = field(default_factory=Rates)

    async def find(self, headers: Headers) -> Caller | None:
        """Return who sends these headers; None where they hold no secret of this Octet. Raises ApiKeyRefused and
        NotLoggedIn."""
        if secret := headers.get(SECRET):
            if (actor := await self.logged_in(self.public.cookie_in(headers), secret)) is None:
                raise NotLoggedIn
            return Caller(actor=actor, counts_as=self.public.cookie_in(headers))
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        shown = shown.strip() if scheme.lower() == "bearer" else ""
        if hmac.compare_digest(shown.encode(), self.operator_token.get_secret_value().encode()):
            return Caller(actor=OPERATOR)
        if shown.startswith(KEY_PREFIX):
            if (actor := await self.actor_of(shown)) is None:
                raise ApiKeyRefused
            return Caller(actor=actor, counts_as=shown)
        agent = self.agent_of(shown)
        return None if agent is None else Caller(agent=agent)

    def admit_change(self, caller: Caller) -> None:
        """Count a request that changes something. Raises store_busy and TooManyRequests."""
        self.rates.count(caller.counts_as, CHANGES)
        self.admit(is_agent=caller.actor is None)


def require(need: RequiredAccess, caller: Caller | None) -> None:
    if need is RequiredAccess.ACTOR and (caller is None or caller.actor is None):
        raise NoToken
    if need is RequiredAccess.REPLY_KEY and (caller is None or caller.actor not in {None, OPERATOR}):
        raise NoReplyKey


@dataclass(slots=True)
class CallTimes:
    """How many requests of one kind there were, and how long each took until its answer began."""

    sum_s: float = 0.0
    within: list[int] = field(default_factory=lambda: [0] * (len(CALL_BUCKETS_S) + 1))  # the last: longer than all

    def note(self, took_s: float) -> None:
        self.sum_s += took_s
        self.within[bisect_left(CALL_BUCKETS_S, took_s)] += 1


Calls = defaultdict[tuple[str, str, str], CallTimes]
"""Method, pattern of the route and status of each kind of request."""


class Bodies:
    """The bodies of all requests of one server. A body counts from its first byte until its request has ended."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self.held = 0  # bytes that Octet keeps now

    @asynccontextmanager
    async def read(self, receive: Receive, limit: int) -> AsyncGenerator[bytearray]:
        """Read one body, and release its bytes when the block ends. The connection discards an unread rest.

        Raises BodyTooLarge, body_incomplete and too_many_bodies."""
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(_BODY_S):
                    await self._fill(body, receive, limit)
            except TimeoutError as error:
                raise refused("body_incomplete") from error
            yield body
        finally:
            self.held -= len(body)

    async def _fill(self, body: bytearray, receive: Receive, limit: int) -> None:
        """Count the bytes as they come: the announced length may be wrong or missing."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise refused("body_incomplete")
            piece: bytes = message.get("body", b"")
            if len(body) + len(piece) > limit:
                raise BodyTooLarge(limit=limit)
            if piece and self.held + len(piece) > self._budget:
                raise refused("too_many_bodies")
            self.held += len(piece)
            body += piece
            if not message.get("more_body", False):
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The secret that a request needs, and the largest body in bytes."""

    need: RequiredAccess
    body_limit: int
    is_admitted_later: bool = False  # its routes refuse what Octet cannot take now


class Guard:
    """Passes a request on to `app`, or refuses it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Mapping[str, Access],
        callers: Callers,
        bodies: Bodies | None = None,
        calls: Calls | None = None,
    ) -> None:
        """`access` goes by the first part of a path; the longest one that fits counts, and `""` fits all. `calls` gets
        each answer's time."""
        self._app = app
        self._callers = callers
        self._access = sorted(access.items(), reverse=True)
        self._bodies = bodies or Bodies()
        self._calls = Calls(CallTimes) if calls is None else calls

    def access(self, path: str) -> Access:
        return next(one for prefix, one in self._access if not prefix or f"{path}/".startswith(f"{prefix}/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return  # the server refuses what gets no answer
        method = scope.get("method", "WEBSOCKET")
        started = time.perf_counter()
        status = 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "websocket.accept":
                status = 101
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status = int(message["status"])
                kind = method if method in _METHODS else "other", _route(scope), str(status)
                self._calls[kind].note(time.perf_counter() - started)
                headers = MutableHeaders(scope=message)
                headers.update(_SAFE_HEADERS)
                headers.setdefault(CSP, _NOTHING)
            await send(message)

        try:
            limit = await self._admit(scope, Headers(scope=scope))
            if scope["type"] == "websocket":  # it has no body; its route bounds the messages
                await self._app(scope, receive, send_safely)
                return
            async with self._bodies.read(receive, limit) as body:
                await self._app(scope, _replayed(body, receive), send_safely)
        except OctetError as refusal:
            await answer(refusal)(scope, receive, send_safely)
        except Exception:  # the outer edge of one request: it gets an answer
            log.exception("request_failed", method=method, route=_route(scope))
            if not status:
                await answer(OctetError())(scope, receive, send_safely)
        finally:
            took_ms = round((time.perf_counter() - started) * 1000, 1)
            log.debug("request", method=method, route=_route(scope), status=status, ms=took_ms)

    async def _admit(self, scope: Scope, headers: Headers) -> int:
        """Return how large the body of this request may be. Raises what refuses the request."""
        self._check_sender(headers, is_public_file=_is_page_opened(scope, headers))
        caller = await self._callers.find(headers)
        if caller:
            mark_token_shown(scope, caller.connects_as)
            self._callers.rates.count(caller.counts_as, REQUESTS)
        access = self.access(scope["path"])
        require(access.need, caller)
        if caller and scope.get("method") not in _READS and not access.is_admitted_later:
            self._callers.admit_change(caller)
        scope.setdefault("state", {})[CALLER] = caller
        if int(headers.get("content-length", "0")) > access.body_limit:
            raise BodyTooLarge(limit=access.body_limit)
        return access.body_limit

    def _check_sender(self, headers: Headers, *, is_public_file: bool) -> None:
        host, public = headers.get("host", ""), self._callers.public
        is_public = public.serves(headers)
        if len(headers.getlist("host")) != 1 or not (is_public or _name(host) in LOOPBACK_NAMES):
            raise refused("host_refused")
        # A page of this very address sends our Host as its Origin; a program sends none.
        own = public.url if is_public else f"http://{host.lower()}"
        if any(origin.lower() != own for origin in headers.getlist("origin")):
            raise refused("origin_refused")
        if not is_public_file and headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            raise refused("origin_refused")


def _is_page_opened(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser follows a link, such as one in Discord, to the page, which holds no data."""
    opens = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return opens and scope.get("method") == "GET" and f"{scope['path']}/".startswith(f"{PAGE}/")


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _route(scope: Scope) -> str:
    """Return the route's pattern, not the path: a path may hold a code that a user took for an address."""
    return str(getattr(scope.get("route"), "path", "none"))


def _replayed(body: bytearray, receive: Receive) -> Receive:
    """Make a `receive` for the routes: the body that was read already, then the server's messages."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


async def coordinator_of(request: Request) -> Coordinator:
    return cast("Coordinator", request.app.state.coordinator)


async def _caller(request: Request) -> Caller | None:
    return cast("Caller | None", getattr(request.state, CALLER))


def address_of(request: Request) -> str:
    """Return the address of Octet that this request names."""
    public = cast("Callers", request.app.state.callers).public
    return public.url if public.serves(request.headers) else str(request.base_url).rstrip("/")


async def admit_change(request: Request) -> None:
    """Count one more change of this request. Raises as `Callers.admit_change`."""
    callers, caller = cast("Callers", request.app.state.callers), await _caller(request)
    callers.admit_change(cast("Caller", caller))


async def user_of(request: Request) -> Actor:
    """Return the holder of the operator's token or of an API key. Raises NoToken for every other caller."""
    caller = await _caller(request)
    require(RequiredAccess.ACTOR, caller)
    return cast("Actor", cast("Caller", caller).actor)


async def agent_of(request: Request) -> Actor:
    """Return the holder of a reply key or of the operator's token. Raises NoReplyKey for every other caller."""
    caller = await _caller(request)
    require(RequiredAccess.REPLY_KEY, caller)
    return (await coordinator_of(request)).people.agent(cast("Caller", caller).agent)


AgentsApp = Callable[[Actor, Scope, Receive, Send], Awaitable[None]]
"""An ASGI application that also gets the agent whose secret a request shows."""


@dataclass(frozen=True, slots=True)
class AsAgent:
    """An ASGI application that passes each request on with its agent."""

    app: AgentsApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(await agent_of(Request(scope)), scope, receive, send)


Core = Annotated[Coordinator, Depends(coordinator_of)]  # the coordinator, as a route's argument
Asker = Annotated[Caller | None, Depends(_caller)]
"""The caller, if there is one; a route with this argument also answers requests without a secret."""
By = Annotated[Actor, Depends(user_of)]
