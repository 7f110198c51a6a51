"""Reading requests and writing answers the way Discord does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError

from sandbox.discord import errors
from sandbox.discord.description.operations import Operation
from sandbox.discord.drafts import Body, Upload
from sandbox.discord.interactions import Interactions
from sandbox.discord.model import ChatChannel, ChatPermission, Json
from sandbox.discord.payloads import Payloads
from sandbox.discord.world import World

FORM = "application/x-www-form-urlencoded"
FILE_FIELD = re.compile(r"files?\[(\d{1,9})\]|file(\d{0,9})")
SEEN: web.RequestKey[Any] = web.RequestKey("seen", object)
OPERATION: web.RequestKey[Operation] = web.RequestKey("operation", Operation)
IGNORED: web.RequestKey[list[str]] = web.RequestKey("ignored", list)


@dataclass(slots=True, kw_only=True, frozen=True)
class Api:
    """What every route works on."""

    world: World
    payloads: Payloads
    interactions: Interactions
    session_starts: Callable[[], Json]  # how many gateway sessions the application may still start

    def channel(self, request: web.Request, needed: ChatPermission = ChatPermission.VIEW_CHANNEL) -> ChatChannel:
        """Find the path's channel, in which the bot must have this permission."""
        channel = self.world.channel(path_id(request, "channel_id"))
        self.world.require_bot(channel, needed)
        return channel


def answer(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with exactly application/json: with a charset discord.py would return plain text."""
    raw = json.dumps(payload, separators=(",", ":")).encode()
    return web.Response(body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})})


def nothing() -> web.Response:
    return web.Response(status=204)


def path_id(request: web.Request, name: str) -> int:
    return int(request.match_info[name])


def query_int(request: web.Request, name: str, default: int | None = None) -> int | None:
    """Return a number of the query, which the description has checked."""
    text = request.query.get(name)
    return default if text is None else int(text)


def query_bool(request: web.Request, name: str) -> bool:
    return request.query.get(name) in {"1", "true", "True"}


def query_time(request: web.Request, name: str) -> datetime | None:
    """Return a moment of the query, which the description has checked."""
    text = request.query.get(name)
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def read(request: web.Request) -> Body:
    """Read the request's body as an object, with the files of a multipart one, checked against the description."""
    raw = await request.read()
    if request.content_type.startswith(("multipart/", FORM)):
        try:
            body = await _read_form(request, raw)
        except (ValueError, RuntimeError, HttpProcessingError):
            raise errors.invalid_form("", "FORM_UNREADABLE", "The form cannot be read.") from None
    else:
        body = Body(json=_parse(raw))
    _check(request, body.json)
    return body


async def read_list(request: web.Request) -> list[Json]:
    """Read the request's body as a list of objects, checked against the description."""
    value = _parse(await request.read() or b"[]")
    _check(request, value)
    return value


def _check(request: web.Request, value: Any) -> None:
    request[SEEN] = value
    operation = request[OPERATION]
    if request.body_exists and request.content_type not in operation.content_types:
        text = f'Expected "Content-Type" header to be one of {set(operation.content_types)}.'
        raise errors.invalid_form("", "CONTENT_TYPE_INVALID", text)
    request[IGNORED] += operation.check_body(value)


async def _read_form(request: web.Request, raw: bytes) -> Body:
    """Read a form: its field `payload_json` holds all but the files; without that field each field counts."""
    fields: dict[str, str] = {}
    files: dict[int, Upload] = {}
    if request.content_type == FORM:
        fields = dict(parse_qsl(raw.decode(), keep_blank_values=True))
    else:
        async for part in MultipartReader(request.headers, _stream(raw)):
            if not isinstance(part, BodyPartReader):
                continue
            content, found = bytes(await part.read(decode=True)), FILE_FIELD.fullmatch(part.name or "")
            if found is None:
                fields[part.name or ""] = content.decode()
                continue
            files[int(found[1] or found[2] or 0)] = Upload(
                filename=part.filename or "file",
                content_type=part.headers.get("Content-Type", "application/octet-stream"),
                content=content,
            )
    payload = fields.get("payload_json")
    return Body(json=fields if payload is None else _parse(payload.encode()), files=files)


def _stream(raw: bytes) -> StreamReader:
    """Make a stream of a received body, which then outlives its connection."""
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), max(2**16, len(raw)), loop=loop)
    stream.feed_data(raw)
    stream.feed_eof()
    return stream


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise errors.unreadable_body() from None
