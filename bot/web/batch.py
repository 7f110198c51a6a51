"""`POST /api/v2/batch`: several requests in one, in order. Each has its own transaction, check of rights and result."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import unquote

import structlog
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.types import Message

from bot.verbs.schemas import Given, Key
from bot.web.errors import answer
from bot.web.guard import By, admit_change
from core.kit.errors import OctetError
from core.limits import BATCH, SEARCH
from core.remedies import refused

log = structlog.get_logger(__name__)
PATH = "/batch"
_NOT_WITHIN = (PATH, "/replies")  # it, and what needs another secret
_OF_THE_BATCH = {"route", "endpoint", "path_params", "router"}  # what the routes found out about its own request
router = APIRouter(prefix="/api/v2")


class BatchCall(Given):
    """One `POST` of a batch."""

    path: Annotated[
        str, Field(max_length=SEARCH.most, pattern="^/[^?]*$", description="Below /api/v2, such as /tasks/T-1/cancel")
    ]
    body: Annotated[dict[str, Any] | None, Field(description="Its fields")] = None
    key: Annotated[Key | None, Field(description="Its Idempotency-Key")] = None


class BatchRequest(Given):
    """The requests of a batch."""

    calls: Annotated[list[BatchCall], Field(min_length=BATCH.least, max_length=BATCH.most)]


class BatchResult(Given):
    """What Octet answered to one request."""

    status: int
    body: Any


@router.post(PATH)
async def batch(asked: BatchRequest, request: Request, _: By) -> list[BatchResult]:
    """Carry out up to 100 `POST` requests in order, each as if it came alone; a refusal stops no other."""
    return [await _one(call, request) for call in asked.calls]


async def _one(call: BatchCall, request: Request) -> BatchResult:
    """Pass one request to the routes, as an ASGI request of the same caller."""
    body = json.dumps(call.body).encode() if call.body is not None else b""
    headers = [(b"host", request.headers["host"].encode()), (b"content-type", b"application/json")]
    headers += [(b"idempotency-key", call.key.encode())] if call.key else []
    path, raw = f"/api/v2{unquote(call.path)}", f"/api/v2{call.path}".encode()
    own = {"path": path, "raw_path": raw, "query_string": b"", "headers": headers}
    scope = {name: value for name, value in request.scope.items() if name not in _OF_THE_BATCH} | own
    parts: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message)

    try:
        if any(f"{unquote(call.path)}/".startswith(f"{one}/") for one in _NOT_WITHIN):
            raise refused("not_in_batch", path=call.path[:80])
        await admit_change(request)
        await request.app(scope, receive, send)
    except OctetError as error:
        await answer(error)(scope, receive, send)
    except Exception:  # the routes have answered it
        log.exception("request_failed", method="POST", route=PATH)
    content = b"".join(one.get("body", b"") for one in parts[1:])
    return BatchResult(status=parts[0]["status"], body=json.loads(content))
