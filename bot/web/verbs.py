"""Makes the routes from the verbs of `bot.verbs`: strict bodies, the call, the result as JSON."""

from __future__ import annotations

import inspect
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Origin, Verb
from bot.verbs.desks import Png
from bot.verbs.messages import Download
from bot.verbs.schemas import Key, body_of, field_of, jsonable
from bot.web.guard import address_of, agent_of, coordinator_of, user_of
from core.tasks.model import Export

Once = Annotated[Key | None, Header(alias="Idempotency-Key")]


def add_routes(app: FastAPI) -> None:
    for verb in sorted(VERBS, key=lambda verb: verb.permission is not None):  # agents', the busiest, are found first
        if On.HTTP in verb.on:
            method, path = verb.route.split()
            app.add_api_route(
                f"/api/v2{path}",
                _endpoint(verb),
                methods=[method],
                name=f"{verb.group} {verb.name}",
                summary=verb.summary,
                description=verb.help,
                status_code=_status_of(verb),
                response_model=None if verb.result in _RESPONSES else verb.result,
                response_class=_RESPONSES.get(verb.result, JSONResponse),
                tags=[verb.group or "agents' own"],
                openapi_extra={"x-permission": verb.permission, "x-own": verb.own},
            )


class PngResponse(Response):
    """A picture."""

    media_type = "image/png"


class LinesResponse(StreamingResponse):
    """JSON Lines, sent while they are made."""

    media_type = "application/x-ndjson"


class FileResponse(Response):
    """A file to save."""

    media_type = "application/octet-stream"


_RESPONSES: dict[Any, type[Response]] = {Png: PngResponse, Export: LinesResponse, Download: FileResponse}


def _status_of(verb: Verb) -> int:
    """Return the status of a success: a verb with an origin creates something."""
    return 201 if verb.wants_origin and verb.route.startswith("POST") else 200


def _endpoint(verb: Verb) -> Any:
    method, path = verb.route.split()
    status = _status_of(verb)

    async def run(request: Request, **given: Any) -> Response:
        # Not by Depends, which takes FastAPI as long as the rest of a request.
        octet, by = await coordinator_of(request), await (user_of if verb.permission else agent_of)(request)
        key, body = given.pop("key", None), given.pop("body", None)
        url = address_of(request) if verb.wants_origin else ""
        origin = Origin(key=f"http:{by.id}:{key}" if key else None, url=url)
        result = await verb.run(octet, {**given, **(body.model_dump() if body else {})}, by=by, origin=origin)
        if isinstance(result, Png):
            return PngResponse(result.png)
        if isinstance(result, Export):
            return LinesResponse(result.lines)
        if isinstance(result, Download):  # an agent's file is hostile: no browser may show it
            named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(result.name)}"}
            return FileResponse(result.content, headers=named)
        return JSONResponse(jsonable(result), status_code=status)

    in_path = [one for one in verb.parameters if f"{{{one.name}}}" in path]
    others = [one for one in verb.parameters if one not in in_path]
    taken = [_taken("request", Request), *(_taken(one.name, one.type) for one in in_path)]
    if verb.wants_origin:
        taken.append(_taken("key", Once, None))
    if others and method != "GET":
        model: Any = body_of(verb, others)
        is_needed = any(one.is_required for one in others)
        taken.append(_taken("body", model) if is_needed else _taken("body", model | None, None))
    else:
        taken += [_taken(one.name, *field_of(one)) for one in others]
    run.__signature__ = inspect.Signature(taken)  # pyright: ignore[reportFunctionMemberAccess] - what FastAPI reads
    return run


def _taken(name: str, kind: Any, default: Any = ...) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is ... else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
