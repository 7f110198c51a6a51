"""A verb's parameters as a strict model for JSON, and its result as JSON: the same over HTTP and MCP."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, cast, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model

from bot.verbs.declare import Parameter, Verb
from core.limits import Limit

Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""An idempotency key: Octet carries out a request with the same key once."""


class Given(BaseModel):
    """A request's body: strict, so that Octet refuses `"1"` as a priority, and a misspelt field."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)


def body_of(verb: Verb, parameters: Iterable[Parameter]) -> type[Given]:
    """Make the model of these parameters of a verb."""
    taken: dict[str, Any] = {one.name: field_of(one) for one in parameters}
    return create_model(f"{verb.group}_{verb.name}", __base__=Given, **taken)


def field_of(one: Parameter) -> tuple[Any, Any]:
    """Return a parameter's type and default, as pydantic's `create_model` takes them."""
    choices = one.kind.choices or {}
    words: dict[str, Any] = {str(value): label for value, label in choices.items() if str(value) != label}
    kind: Any = Literal[tuple(choices)] if choices and one.type is str else one.type
    extra = {**_bounds(kind, one.limit), **({"x-choices": words} if words else {})}
    kind = Annotated[kind, Field(json_schema_extra=extra)] if extra else kind
    described = Field(description=one.help)
    return (Annotated[kind, described], ...) if one.is_required else (Annotated[kind | None, described], None)


def problems_in(errors: Sequence[Any]) -> list[dict[str, str]]:
    """List pydantic's findings without its copies of the input, which may be a code or an answer."""
    return [{"where": ".".join(str(part) for part in one["loc"]), "what": str(one["msg"])} for one in errors]


def sentence_of(problems: Sequence[Mapping[str, str]]) -> str:
    why = "; ".join(f"{one['where']}: {one['what']}" for one in problems)
    return f"This request is invalid: {why}."


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


def _bounds(kind: Any, limit: Limit) -> dict[str, Any]:
    """Say in the JSON schema of a parameter what `Parameter.read` checks."""
    if kind is bool or get_origin(kind) is Literal:
        return {}
    if kind is str:
        return {"maxLength": limit.most}
    return {"minimum": limit.least, "maximum": limit.most} if kind is int else {"maxItems": limit.most}
