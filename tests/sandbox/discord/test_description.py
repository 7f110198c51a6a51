"""The description by which the sandbox checks requests: the exceptions from it, and the checks compiled from it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from aiohttp.web_urldispatcher import PrefixedSubAppResource
from hatchling.builders.wheel import WheelBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.discord import serving
from sandbox.discord.description import operations
from sandbox.discord.errors import ApiError, Problems
from sandbox.discord.page_routes import PageRoutes
from sandbox.discord.rest.api import PREFIX
from sandbox.discord.serving import open_sandbox
from tests.sandbox.discord.spec import explain

REPOSITORY = Path(__file__).parents[3]
STORED_WHOLE = re.compile(
    "RichEmbed|.*Component|.*Select|Poll|Unfurled|MediaGallery|Radio|Checkbox|Custom|SocialLayer|Update.*Tag|.*Emoji"
)
"""Schemas whose values the sandbox stores and sends back as they came, or that stand below a field that it refuses."""
OWN_RULES = {"UNKNOWN_FIELD", "URL_TYPE_INVALID_URL", "URL_TYPE_INVALID_SCHEME", "DATE_TIME_TYPE_PARSE"}


def test_the_wheel_carries_the_description_its_exceptions_and_its_licence() -> None:
    carried = {one.distribution_path for one in WheelBuilder(str(REPOSITORY)).recurse_included_files()}
    folder = "sandbox/discord/description"
    assert {f"{folder}/openapi.json", f"{folder}/exceptions.toml", f"{folder}/LICENSE"} <= carried


def test_every_exception_has_a_reason_and_touches_the_description() -> None:
    schemas = operations.description()["components"]["schemas"]
    fields = {f"{name}.{field}" for name, one in schemas.items() for field in one.get("properties", {})}
    for methods in operations.description()["paths"].values():
        for one in (one for method, one in methods.items() if method != "parameters"):
            fields |= {f"{one['operationId']}.{parameter['name']}" for parameter in one.get("parameters", ())}
    entries = operations.exceptions()
    assert all(len(entry["reason"]) > 10 for entry in (*entries["change"], *entries["not_kept"]))
    patterns = [field for entry in entries["not_kept"] for field in entry["fields"]]
    assert [one for one in patterns if not any(fnmatchcase(field, one) for field in fields)] == []


def reachable(schema: Any, name: str, found: dict[str, set[str]]) -> None:
    """Collect the fields of all schemas that a request may use."""
    if isinstance(schema, list):
        for one in schema:
            reachable(one, name, found)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            target = schema["$ref"].rpartition("/")[2]
            if target not in found:
                found[target] = set()
                reachable(operations.description()["components"]["schemas"][target], target, found)
            return
        if "properties" in schema:
            found.setdefault(name, set()).update(schema["properties"])
        for one in schema.values():
            reachable(one, name, found)


async def test_every_field_that_the_sandbox_takes_is_read_by_it_or_listed_as_not_kept() -> None:
    code = "\n".join(file.read_text() for file in (REPOSITORY / "sandbox/discord").rglob("*.py"))
    patterns = [field for entry in operations.exceptions()["not_kept"] for field in entry["fields"]]
    found: dict[str, set[str]] = {}
    async with open_sandbox() as sandbox:
        [api] = [
            one
            for one in serving._app(sandbox, PageRoutes(sandbox), 1).router.resources()
            if isinstance(one, PrefixedSubAppResource)
        ]
        for route in api:
            assert route.resource is not None
            path = re.sub(r"\{[^}]*\}", "1", route.resource.canonical.removeprefix(PREFIX))
            place = operations.find(path, route.method.lower())
            assert place is not None, path
            operation = operations.operation(place[0], route.method.lower())
            if route.method == "HEAD":
                continue
            assert operation is not None, f"{route.method} {path} is not in the description"
            for content in list(operation._content.values())[:1]:
                reachable(content["schema"], operation.name, found)
    lost = {
        f"{name}.{field}"
        for name, fields in found.items()
        for field in fields
        if not STORED_WHOLE.match(name)
        and f'"{field}"' not in code
        and not any(fnmatchcase(f"{name}.{field}", one) for one in patterns)
    }
    assert lost == set()


BODY = {
    "content": "words",
    "nonce": "n",
    "embeds": [{"title": "t", "color": 5, "fields": [{"name": "n", "value": "v", "inline": True}]}],
    "allowed_mentions": {"parse": ["users"], "users": ["1"], "replied_user": False},
    "components": [
        {"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "a"}]},
        {"type": 17, "accent_color": 3, "components": [{"type": 10, "content": "words"}]},
        {"type": 1, "components": [{"type": 3, "custom_id": "m", "options": [{"label": "l", "value": "v"}]}]},
    ],
    "attachments": [{"id": "0", "filename": "a.txt", "description": "d"}],
    "message_reference": {"message_id": "5"},
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 30),
    st.sampled_from(["", "x", "7", "y" * 101, "z" * 5000, -1, 1.5, 20_000_000, [], {}, [None], [1, 1], {"type": 10}]),
)


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [at, *(place for key in keys for place in places(node[key], (*at, key)))]


def changed(node: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    copy = node.copy()
    copy[at[0]] = changed(copy[at[0]], at[1:], value)
    return copy


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(BODY)[1:]), VALUES)
def test_the_compiled_checks_judge_as_a_library_for_json_schema_does(at: tuple[Any, ...], value: Any) -> None:
    body = changed(BODY, at, value)
    operation = operations.operation("/channels/{channel_id}/messages", "post")
    assert operation is not None
    problems = Problems()
    operation._body(body, "", problems)
    codes = {code for _, code, _ in problems.found}
    schema = "/paths/~1channels~1{channel_id}~1messages/post/requestBody/content/application~1json/schema"
    assert bool(codes - OWN_RULES) == bool(explain(schema, body)), (body, problems.found)


def test_a_field_that_says_nothing_is_taken_though_the_sandbox_does_not_keep_it() -> None:
    operation = operations.operation("/channels/{channel_id}/messages", "post")
    assert operation is not None
    operation.check_body({"content": "x", "tts": False, "poll": None, "sticker_ids": []})
    with pytest.raises(ApiError, match=r"501.*'tts'"):
        operation.check_body({"content": "x", "tts": True})
