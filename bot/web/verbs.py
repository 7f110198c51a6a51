"""Makes the routes from the verbs of `bot.verbs`: strict bodies, the call, the result as JSON."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, cast

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Origin, Parameter, Verb
from bot.verbs.desks import Png
from bot.web.guard import By, Core, Replier
from core.coordinator import Coordinator
from core.security.model import Actor

Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Once = Annotated[Key | None, Header(alias="Idempotency-Key")]


class Given(BaseModel):
    """A request's body: strict, so that Octet refuses `"1"` as a priority, and a misspelt field."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)


def add_routes(app: FastAPI) -> None:
    for verb in VERBS:
        if On.HTTP in verb.on:
            method, path = verb.route.split()
            app.add_api_route(
                f"/api/v2{path}",
                _endpoint(verb),
                methods=[method],
                name=f"{verb.group} {verb.name}",
                description=verb.help,
                response_model=None if verb.result is Png else verb.result,
                tags=[verb.group or "agents' own"],
            )


def jsonable(value: Any) -> Any:
    """Make a result JSON: its fields and its properties, without pictures."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {name: getattr(value, name) for name in _shown(type(value))}
        return {name: jsonable(part) for name, part in parts.items() if not isinstance(part, bytes)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(jsonable(key)): jsonable(part) for key, part in items}
    if isinstance(value, frozenset):
        return sorted(jsonable(part) for part in cast("frozenset[Any]", value))
    return [jsonable(part) for part in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


@cache
def _shown(kind: Any) -> tuple[str, ...]:
    """Name the fields of a dataclass, and its properties that are texts or flags. A table of config/ refuses unknown
    keys, so of it only the fields that its constructor takes."""
    given = tuple(one.name for one in fields(kind) if one.init)
    if hasattr(kind, "__pydantic_config__"):
        return given
    found = [(name, one.fget) for name, one in inspect.getmembers(kind) if isinstance(one, property)]
    texts = [name for name, get in found if get is not None and get.__annotations__.get("return") in {"str", "bool"}]
    return (*given, *texts)


def _endpoint(verb: Verb) -> Any:
    method, path = verb.route.split()
    status = 201 if verb.wants_origin and method == "POST" else 200  # a verb with an origin creates something

    async def run(request: Request, octet: Coordinator, by: Actor, **given: Any) -> Response:
        key, body = given.pop("key", None), given.pop("body", None)
        origin = Origin(key=f"http:{key}" if key else None, url=str(request.base_url).rstrip("/"))
        result = await verb.run(octet, {**given, **dict(body or ())}, by=by, origin=origin)
        if isinstance(result, Png):
            return Response(result.png, media_type="image/png")
        return JSONResponse(jsonable(result), status_code=status)

    in_path = [one for one in verb.parameters if f"{{{one.name}}}" in path]
    others: dict[str, Any] = {one.name: _field(one) for one in verb.parameters if one not in in_path}
    taken = [_taken("request", Request), _taken("octet", Core), _taken("by", By if verb.permission else Replier)]
    taken += [_taken(one.name, one.type) for one in in_path]
    if verb.wants_origin:
        taken.append(_taken("key", Once, None))
    if others and method != "GET":
        model: Any = create_model(f"{verb.group}_{verb.name}", __base__=Given, **others)
        is_needed = any(default is ... for _, default in others.values())
        others = {"body": (model, ...) if is_needed else (model | None, None)}
    taken += [_taken(name, kind, default) for name, (kind, default) in others.items()]
    run.__signature__ = inspect.Signature(taken)  # pyright: ignore[reportFunctionMemberAccess] - what FastAPI reads
    return run


def _taken(name: str, kind: Any, default: Any = ...) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is ... else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def _field(one: Parameter) -> tuple[Any, Any]:
    kind: Any = Annotated[str, AfterValidator(_whole)] if one.type is str else one.type
    if one.kind.choices and one.type is str:
        kind = Literal[tuple(one.kind.choices)]
    return (kind, ...) if one.is_required else (kind | None, None)


def _whole(text: str) -> str:
    """JSON can name one half of a character (U+D800), which no database and no file takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character at position {error.start}") from error
    return text
