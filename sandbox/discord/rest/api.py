"""The REST application: every request is authorised, counted, answered in Discord's words and recorded."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.discord import errors
from sandbox.discord.description import operations
from sandbox.discord.errors import ApiError
from sandbox.discord.faults import FaultKind, FaultRule, Faults
from sandbox.discord.rates import VIA, RateLimits
from sandbox.discord.rest.answers import InteractionRoutes
from sandbox.discord.rest.channels import ChannelRoutes
from sandbox.discord.rest.commands import CommandRoutes
from sandbox.discord.rest.messages import MessageRoutes
from sandbox.discord.rest.people import MemberRoutes
from sandbox.discord.rest.requests import IGNORED, OPERATION, SEEN, Api, answer

PREFIX = "/api/v10"
TOKEN_ROUTES = ("/interactions/", "/webhooks/")
KEPT = 2000
Found = tuple[str, dict[str, str]]  # A path as the description writes it, and the ids in it
log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, frozen=True)
class Exchange:
    """One request and its answer; bodies are as they were parsed and sent."""

    method: str
    route: str
    path: str
    query: dict[str, str]
    request: Any
    status: int  # 0: the connection was cut
    response: bytes
    fault: FaultKind | None = None  # the fault that struck it, if one did; then the answer is the fault's


class Record:
    """What was asked: the last exchanges, unknown routes, ignored fields, and requests at which the sandbox failed."""

    def __init__(self) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=KEPT)
        self.unknown_routes: list[str] = []
        self.ignored_fields: list[str] = []  # "POST /channels/{channel_id}/messages: contents", each once
        self.failures: list[str] = []
        self.listeners: list[Callable[[Exchange], None]] = []

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        for listener in self.listeners:
            listener(exchange)

    def ignore(self, method: str, route: str, fields: list[str]) -> None:
        """Keep and log the fields of a request that Discord's description lacks: Discord ignores them, too."""
        for field in fields:
            path = ".".join("*" if part.isdecimal() else part for part in field.split("."))
            if (told := f"{method} {route}: {path}") not in self.ignored_fields:
                log.warning("Discord ignores the field %s of %s %s", path, method, route)
                self.ignored_fields.append(told)

    def listed(self) -> dict[str, Any]:
        exchanges = [[one.method, one.route, one.status] for one in self.exchanges]
        return {"exchanges": exchanges, "problems": self.problems}

    @property
    def problems(self) -> list[str]:
        """Return what a bot's author should look at: unknown routes, ignored fields, and the sandbox's own failures."""
        return [*self.unknown_routes, *self.ignored_fields, *self.failures]

    def fail(self, request: web.Request, error: Exception) -> ApiError:
        """Log and keep a request at which the sandbox failed; return its answer."""
        log.error("The sandbox failed at %s %s", request.method, request.path, exc_info=error)
        self.failures.append(f"{request.method} {request.path}: {error!r}")
        return errors.internal()

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer with a JSON 500 where a handler fails."""
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the test that asked shall see it
            return answer(self.fail(request, error).body(), status=500)


def build(api: Api, rates: RateLimits, faults: Faults, record: Record) -> web.Application:

    async def carry_out(request: web.Request, handler: Handler, found: Found | None) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            operation = _operation(request.method, found)
            template, ids = found or ("", {})
            if not template.startswith((*TOKEN_ROUTES, "/gateway")) or template == "/gateway/bot":
                given, token = request.headers.get("Authorization", ""), f"Bot {api.world.token}"
                is_user = given.removeprefix("Bearer ") in api.world.user_tokens and operation.scopes >= {"identify"}
                if not is_user and not secrets.compare_digest(given.encode(errors="replace"), token.encode()):
                    raise errors.unauthorized()
            verdict = rates.take(f"{request.method} {template}", ids)
            headers = verdict.headers
            if verdict.is_allowed:
                operation.check_path(ids)
                request[OPERATION] = operation
                request[IGNORED] = operation.check_query(request.query)
                response = await handler(request)
            else:
                response = answer(verdict.body(), status=429)
        except Exception as error:  # noqa: BLE001 - every error is an answer; the sandbox's own are logged and recorded
            told = _told(error, request, record)
            response = answer(told.body(), status=told.status)
        response.headers.update(headers)
        return response

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        found = operations.find(path, request.method.lower())
        strike = faults.take(f"{request.method} {path}", is_limited_globally=not path.startswith(TOKEN_ROUTES))
        rule = strike.rule
        if rule is not None or strike.delay_s:
            # Read the whole request: it may be carried out after its sender has left, and an
            # answer that comes without carrying it out leaves nothing unread, which would cost the next request too.
            await request.read()
            await asyncio.sleep(strike.delay_s)
        response = await carry_out(request, handler, found) if rule is None or rule.executed else None
        if rule is not None:
            route = f"{request.method} {found[0] if found else path}"
            response = _struck(request, rule, rates.exhausted(route, rule.seconds))
        assert response is not None
        kind = None if rule is None else rule.kind
        record.ignore(request.method, found[0] if found else path, request.get(IGNORED, []))
        _keep(record, request, found[0] if found else path, response, kind)
        return response

    app = web.Application(middlewares=[gate], client_max_size=32 * 1024 * 1024)
    for topic in (
        MemberRoutes(api),
        ChannelRoutes(api),
        MessageRoutes(api),
        CommandRoutes(api),
        InteractionRoutes(api),
    ):
        app.add_routes(topic.routes())
    return app


def _operation(method: str, found: Found | None) -> operations.Operation:
    """Find the operation of a request. Raises 404 or 405 for what Discord does not have."""
    if found is None:
        raise errors.not_found()
    operation = operations.operation(found[0], method.lower())
    if operation is None:
        raise errors.method_not_allowed()
    return operation


def _told(error: Exception, request: web.Request, record: Record) -> ApiError:
    """Return Discord's answer to the error; record what the sandbox lacks or fails at, for its test."""
    call = f"{request.method} {request.path}"
    match error:
        case ApiError():
            if error.status in {404, 405} and not error.code:
                record.unknown_routes.append(call)
            return error
        case web.HTTPRequestEntityTooLarge():
            return errors.too_large()
        case ConnectionError() | web.RequestPayloadError():  # the request was cut off, or its encoding is wrong
            return errors.unreadable_body()
        case web.HTTPNotFound() | web.HTTPMethodNotAllowed():
            record.unknown_routes.append(call)
            return errors.not_kept([call])
        case _:
            return record.fail(request, error)


def _struck(request: web.Request, rule: FaultRule, limited: dict[str, str]) -> web.Response:
    """Make the answer of a fault, or cut the connection."""
    if rule.kind is FaultKind.DROP:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if rule.kind is FaultKind.ERROR:
        response = answer({"message": "A fault on order", "code": rule.code}, status=rule.status)
        response.headers["Via"] = VIA
        return response
    if not rule.has_via:
        page = "<html><body>You are being rate limited.</body></html>"
        waits = {"Retry-After": f"{rule.seconds:.3f}"} if rule.seconds else {}
        return web.Response(status=429, text=page, content_type="text/html", headers=waits)
    told = {"message": "You are being rate limited.", "retry_after": rule.seconds, "global": rule.is_global}
    if rule.is_global:
        kept = {name: limited[name] for name in ("Retry-After", "Via")}
        limited = {**kept, "X-RateLimit-Scope": "global", "X-RateLimit-Global": "true"}
    return answer({**told, "code": rule.code}, status=429, headers=limited)


def _keep(
    record: Record, request: web.Request, route: str, response: web.StreamResponse, fault: FaultKind | None
) -> None:
    body = response.body if isinstance(response, web.Response) else b""
    record.add(
        Exchange(
            method=request.method,
            route=route,
            path=request.path.removeprefix(PREFIX),
            query=dict(request.query),
            request=request.get(SEEN),
            status=0 if fault is FaultKind.DROP else response.status,
            response=bytes(body) if isinstance(body, (bytes, bytearray)) else b"",
            fault=fault,
        )
    )
