"""Reading requests and writing answers the way Discord does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol

from sandbox.discord import errors
from sandbox.discord.drafts import Body, Upload
from sandbox.discord.interactions import Interactions
from sandbox.discord.model import Channel, Json, Permission
from sandbox.discord.payloads import Payloads
from sandbox.discord.world import World

FILE_FIELD = re.compile(r"files?\[(\d+)\]|file(\d*)")
SEEN: web.RequestKey[Any] = web.RequestKey("seen", object)


@dataclass(slots=True, kw_only=True, frozen=True)
class Api:
    """What every route works on."""

    world: World
    payloads: Payloads
    interactions: Interactions
    session_starts: Callable[[], Json]
    """How many gateway sessions the application may still start."""

    def channel(self, request: web.Request, needed: Permission = Permission.VIEW_CHANNEL) -> Channel:
        """The path's channel, in which the bot must have this permission."""
        channel = self.world.channel(path_id(request, "channel_id"))
        self.world.require_bot(channel, needed)
        return channel


def answer(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON whose content type is exactly application/json: with a charset discord.py would hand out plain text."""
    raw = json.dumps(payload, separators=(",", ":")).encode()
    return web.Response(body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})})


def nothing() -> web.Response:
    return web.Response(status=204)


def path_id(request: web.Request, name: str) -> int:
    return int(request.match_info[name])


def query_int(request: web.Request, name: str, default: int | None = None) -> int | None:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise errors.invalid_form(name, "NUMBER_TYPE_COERCE", f"Value {text!r} is not int.") from None


def query_bool(request: web.Request, name: str) -> bool:
    return request.query.get(name) in {"1", "true", "True"}


def query_time(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise errors.invalid_form(name, "DATE_TIME_TYPE_PARSE", "Could not parse value. Should be ISO8601.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def read(request: web.Request) -> Body:
    """The request's body as an object, with its files if it is multipart."""
    if request.content_type.startswith("multipart/"):
        body = await _read_multipart(request)
    else:
        body = Body(json=_object(await request.read()))
    request[SEEN] = body.json
    return body


async def read_list(request: web.Request) -> list[Json]:
    """The request's body as a list of objects."""
    value = _parse(await request.read())
    if not isinstance(value, list):
        raise errors.invalid_form("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    request[SEEN] = value
    items: list[Json] = value  # pyright: ignore[reportUnknownVariableType] - JSON from outside
    return items


async def _read_multipart(request: web.Request) -> Body:
    payload: Json = {}
    files: dict[int, Upload] = {}
    async for part in MultipartReader(request.headers, _stream(await request.read())):
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "payload_json":
            payload = _object(bytes(await part.read(decode=True)))
            continue
        found = FILE_FIELD.fullmatch(part.name or "")
        if found is None:
            continue
        files[int(found[1] or found[2] or 0)] = Upload(
            filename=part.filename or "file",
            content_type=part.headers.get("Content-Type", "application/octet-stream"),
            content=bytes(await part.read(decode=True)),
        )
    return Body(json=payload, files=files)


def _stream(raw: bytes) -> StreamReader:
    """A body that is here already, as a stream: so it outlives its connection."""
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), max(2**16, len(raw)), loop=loop)
    stream.feed_data(raw)
    stream.feed_eof()
    return stream


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        raise errors.unreadable_body() from None


def _object(raw: bytes) -> Json:
    value = _parse(raw)
    if not isinstance(value, dict):
        raise errors.unreadable_body()
    found: Json = value  # pyright: ignore[reportUnknownVariableType] - JSON from outside
    return found
