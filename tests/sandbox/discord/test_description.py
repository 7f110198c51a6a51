"""Discord's description: the sandbox's checks compiled from it, the exceptions, and the checker of the tests."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_urldispatcher import PrefixedSubAppResource
from hatchling.builders.wheel import WheelBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.discord import serving
from sandbox.discord.description import operations
from sandbox.discord.errors import ApiError, Problems
from sandbox.discord.page_routes import PageRoutes
from sandbox.discord.rest.api import PREFIX
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.spec import SpecChecker, explain
from tests.sandbox.discord.wire import home, ok

REPOSITORY = Path(__file__).parents[3]
STORED_WHOLE = re.compile(
    "RichEmbed|.*Component|.*Select|Poll|Unfurled|MediaGallery|Radio|Checkbox|Custom|SocialLayer|Update.*Tag|.*Emoji"
)
"""Schemas whose values the sandbox stores and sends back unchanged, or that lie below a field that it refuses."""
OWN_RULES = {"URL_TYPE_INVALID_URL", "URL_TYPE_INVALID_SCHEME", "DATE_TIME_TYPE_PARSE"}
MESSAGES = "/channels/{channel_id}/messages"


def not_kept() -> list[str]:
    return [field for entry in operations.exceptions()["not_kept"] for field in entry["fields"]]


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
    assert [one for one in not_kept() if not any(fnmatchcase(field, one) for field in fields)] == []


def reachable(schema: Any, name: str, found: dict[str, set[str]]) -> None:
    """Collect the fields of all schemas that a request may use."""
    if isinstance(schema, list):
        for one in schema:
            reachable(one, name, found)
    elif isinstance(schema, dict) and "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        if target not in found:
            found[target] = set()
            reachable(operations.description()["components"]["schemas"][target], target, found)
    elif isinstance(schema, dict):
        if "properties" in schema:
            found.setdefault(name, set()).update(schema["properties"])
        for one in schema.values():
            reachable(one, name, found)


def api_of(sandbox: Sandbox) -> PrefixedSubAppResource:
    resources = serving._app(sandbox, PageRoutes(sandbox), 1).router.resources()
    [api] = [one for one in resources if isinstance(one, PrefixedSubAppResource)]
    return api


async def test_every_call_of_the_description_is_served_or_left_out_with_a_reason(sandbox: Sandbox) -> None:
    api = api_of(sandbox)
    entries = operations.exceptions()["left_out"]
    patterns = [call for entry in entries for call in entry["calls"]]
    left_out = set[str]()
    for path, methods in operations.description()["paths"].items():
        for method, one in methods.items():
            if method == "parameters":
                continue
            request = make_mocked_request(method.upper(), PREFIX + re.sub(r"\{[^}]*\}", "1", path))
            found, _ = await api.resolve(request)
            assert found is not None
            left_out |= {one["operationId"]} if found.http_exception else set()
    assert {name for name in left_out if not any(fnmatchcase(name, one) for one in patterns)} == set()
    assert [one for one in patterns if not any(fnmatchcase(name, one) for name in left_out)] == []
    assert all(len(entry["reason"]) > 10 for entry in entries)


async def test_every_field_that_the_sandbox_takes_is_read_by_it_or_listed_as_not_kept(sandbox: Sandbox) -> None:
    code = "\n".join(file.read_text() for file in (REPOSITORY / "sandbox/discord").rglob("*.py"))
    found: dict[str, set[str]] = {}
    for route in api_of(sandbox):
        assert route.resource is not None
        path = re.sub(r"\{[^}]*\}", "1", route.resource.canonical.removeprefix(PREFIX))
        place = operations.find(path, route.method.lower())
        assert place is not None, path
        operation = operations.operation(place[0], route.method.lower())
        if route.method != "HEAD":
            assert operation is not None, f"{route.method} {path} is not in the description"
            for content in list(operation._content.values())[:1]:
                reachable(content["schema"], operation.name, found)
    lost = {
        f"{name}.{field}"
        for name, fields in found.items()
        for field in fields
        if not STORED_WHOLE.match(name)
        and f'"{field}"' not in code
        and not any(fnmatchcase(f"{name}.{field}", one) for one in not_kept())
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
def test_the_compiled_checks_agree_with_a_library_for_json_schema(at: tuple[Any, ...], value: Any) -> None:
    body = changed(BODY, at, value)
    operation = operations.operation(MESSAGES, "post")
    assert operation is not None
    problems = Problems()
    operation._body(body, "", problems)
    codes = {code for _, code, _ in problems.found}
    schema = "/paths/~1channels~1{channel_id}~1messages/post/requestBody/content/application~1json/schema"
    assert bool(codes - OWN_RULES) == bool(explain(schema, body)), (body, problems.found)


def test_a_field_that_the_sandbox_does_not_keep_is_taken_only_with_its_default() -> None:
    operation = operations.operation(MESSAGES, "post")
    assert operation is not None
    operation.check_body({"content": "x", "tts": False, "poll": None, "sticker_ids": []})
    with pytest.raises(ApiError, match=r"501.*'tts'"):
        operation.check_body({"content": "x", "tts": True})


# The checker of every exchange


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"content": None}, "content"),
        ({"id": 7}, "id"),
        ({"channel_id": 7}, "channel_id is a number"),
        ({"timestamp": 5}, "timestamp"),
        ({"author": {"id": "1"}}, "author"),
        ({"components": [{"type": 2, "id": 1, "style": 1}]}, "components"),
    ],
)
async def test_the_checker_reports_a_broken_answer_only(sandbox: Sandbox, changes: Any, reason: str) -> None:
    await ok(sandbox, "POST", home(sandbox, "/messages"), {"content": "hello"})
    exchange = sandbox.record.exchanges[-1]
    checker = SpecChecker()
    checker.check(replace(exchange, response=json.dumps(json.loads(exchange.response) | changes).encode()))
    assert any(reason in violation for violation in checker.violations) is bool(changes)


async def test_the_checker_reports_a_broken_request_and_an_unknown_route(sandbox: Sandbox) -> None:
    await ok(sandbox, "POST", home(sandbox, "/messages"), {"content": "hello"})
    exchange, checker = sandbox.record.exchanges[-1], SpecChecker()
    checker.check(replace(exchange, request={"content": ["a", "list"]}))
    checker.check(replace(exchange, path="/channels/1/nonsense"))
    with pytest.raises(AssertionError, match=r"request: content[\s\S]*nonsense: not in the description"):
        checker.raise_if_any()
