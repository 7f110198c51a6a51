"""Checks answers, and once more requests, against Discord's published OpenAPI description by a library of its own.

The sandbox refuses requests by its own checks of the same description; a request that it took and that this library
would refuse is a fault of the sandbox.

Use: `checker = SpecChecker(); sandbox.record.listeners.append(checker.check)`, and at the end `checker.raise_if_any()`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.discord.description import operations
from sandbox.discord.rest.api import Exchange

ROOT, JSON = "urn:discord", "application~1json"
spec = operations.description


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resource(ROOT, Resource.from_contents(spec(), default_specification=DRAFT202012))


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """Each path of the description as a pattern; literal ones first, so that @original is not an id."""
    paths = sorted(spec()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)), path) for path in paths]


def _one_of(checker: Draft202012Validator, branches: list[Any], payload: Any, schema: Any) -> Iterator[ValidationError]:
    """Validate against the branches that the payload's constants leave possible; explain a failure by all of them."""
    possible = [branch for branch in branches if _is_possible(branch, payload)]
    if sum(checker.evolve(schema=branch).is_valid(payload) for branch in possible) != 1:
        yield from Draft202012Validator.VALIDATORS["oneOf"](checker, branches, payload, schema)


def _is_possible(branch: dict[str, Any], payload: Any) -> bool:
    """Return False only for a branch that certainly does not fit: another constant, or a missing required key."""
    if "const" in branch:
        return bool(branch["const"] == payload)
    if "$ref" not in branch or not isinstance(payload, dict):
        return True
    required, choices = _tell_apart(branch["$ref"])
    return required <= payload.keys() and all(payload[key] in choices[key] for key in choices.keys() & payload.keys())


@cache
def _tell_apart(reference: str) -> tuple[frozenset[str], dict[str, list[Any]]]:
    """Return the required keys of a schema, and what its enumerated keys may hold."""
    _, schema = _followed(reference.removeprefix("#"))
    choices = {key: value["enum"] for key, value in schema.get("properties", {}).items() if "enum" in value}
    return frozenset(schema.get("required", ())), choices


QuickValidator = extend(Draft202012Validator, {"oneOf": _one_of})


@cache
def validator(pointer: str) -> Draft202012Validator:
    return QuickValidator({"$ref": f"{ROOT}#{pointer}"}, registry=_registry())


def _followed(pointer: str) -> tuple[str, Any]:
    """Return the pointer and what it names, with a reference at its end followed."""
    node: Any = spec()
    for part in pointer.strip("/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return _followed(node["$ref"].removeprefix("#")) if "$ref" in node else (pointer, node)


_IDS_AND_TIMES = re.compile(r'"[0-9]{15,20}"|"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+]00:00)"')
_explained: dict[tuple[str, str], list[str]] = {}


def explain(pointer: str, payload: Any) -> list[str]:
    """Return what of `payload` breaks the schema at `pointer`; the innermost reason, with its path.

    Payloads that differ only in ids and times are checked once: a bot registers the same commands in each test.
    """
    key = (pointer, _IDS_AND_TIMES.sub('"#"', json.dumps(payload)))
    if key not in _explained:
        _explained[key] = _find(pointer, payload)
    return _explained[key]


def _find(pointer: str, payload: Any) -> list[str]:
    found: list[str] = []
    for error in validator(pointer).iter_errors(payload):
        deepest = error
        while deepest.context:
            deepest = min(deepest.context, key=lambda e: (-len(e.absolute_path), e.validator == "enum"))
        where = "/".join(map(str, deepest.absolute_path))
        found.append(f"{where or '(whole)'}: {deepest.message[:200]}")
    return found


def number_ids(payload: Any, path: str = "") -> list[str]:
    """Ids in an answer that are numbers: Discord takes them in requests, but always sends strings."""
    if isinstance(payload, list):
        return [one for index, item in enumerate(payload) for one in number_ids(item, f"{path}/{index}")]
    if not isinstance(payload, dict):
        return []
    keys = [key for key, value in payload.items() if isinstance(value, int) and (key == "id" or key.endswith("_id"))]
    is_component = "/components" in path or path.endswith(("/accessory", "/component"))
    found = [f"{path}/{key}" for key in keys if not (key == "id" and is_component)]
    return found + [one for key, value in payload.items() for one in number_ids(value, f"{path}/{key}")]


@dataclass
class SpecChecker:
    """Collects every violation of the exchanges it is given."""

    violations: list[str] = field(default_factory=list)

    def check(self, exchange: Exchange) -> None:
        operation = self._operation(exchange)
        if operation is None:
            self.violations.append(f"{exchange.method} {exchange.path}: not in the description")
            return
        found = self._in_request(exchange, operation)
        if exchange.fault is None:  # a fault's answer comes from in front of Discord
            found += self._in_answer(exchange, operation)
        self.violations += [f"{exchange.method} {exchange.route} {one}" for one in found]

    def raise_if_any(self) -> None:
        assert not self.violations, "\n".join(dict.fromkeys(self.violations))

    def _operation(self, exchange: Exchange) -> str | None:
        method = exchange.method.lower()
        for pattern, path in _paths():
            if pattern.fullmatch(exchange.path) and method in spec()["paths"][path]:
                return f"/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
        return None

    def _in_request(self, exchange: Exchange, operation: str) -> list[str]:
        contents = _followed(operation)[1].get("requestBody", {}).get("content", {})
        if "application/json" not in contents or exchange.request is None or exchange.status in {400, 501}:
            return []
        found = explain(f"{operation}/requestBody/content/{JSON}/schema", exchange.request)
        return [f"request: {one}" for one in found]

    def _in_answer(self, exchange: Exchange, operation: str) -> list[str]:
        responses, status = _followed(operation)[1]["responses"], str(exchange.status)
        key = status if status in responses else f"{status[0]}XX"
        if key not in responses:
            return [f"answer {status}: not in the description"]
        at, described = _followed(f"{operation}/responses/{key}")
        if "application/json" not in described.get("content", {}):
            return [f"answer {status}: should have no body"] if exchange.response else []
        payload = json.loads(exchange.response or b"null")
        numbers = [f"{one} is a number" for one in number_ids(payload)]
        return [f"answer {status}: {one}" for one in (*numbers, *explain(f"{at}/content/{JSON}/schema", payload))]
