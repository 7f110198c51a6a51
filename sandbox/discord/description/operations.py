"""The operations of Discord's description, found by path and method, each with the checks of its requests."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sandbox.discord.description.schemas import ApiSchemas, Check
from sandbox.discord.errors import Problems
from sandbox.discord.model import Json

HERE = Path(__file__).parent
BOOLEANS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


@cache
def exceptions() -> Json:
    """Return where the sandbox departs from the description, each entry with its reason."""
    return tomllib.loads((HERE / "exceptions.toml").read_text())


@cache
def description() -> Json:
    """Return the published description with the changes that the exceptions list."""
    found: Json = json.loads((HERE / "openapi.json").read_bytes())
    for change in exceptions()["change"]:
        node = found
        for part in change["at"]:
            node = node[part]
        node |= change["set"]
    return found


@cache
def _schemas() -> ApiSchemas:
    not_kept = [field for entry in exceptions()["not_kept"] for field in entry["fields"]]
    return ApiSchemas(description()["components"]["schemas"], not_kept)


Template = tuple[str, list[tuple[int, str]], list[tuple[int, str]]]
"""A path of the description; its literal parts and its placeholders, each by their place."""


@cache
def _templates() -> dict[int, list[Template]]:
    """Return the paths by their number of slashes, literal ones first, so that @original is not an id."""
    found: dict[int, list[Template]] = defaultdict(list)
    paths: list[str] = list(description()["paths"])
    for path in sorted(paths, key=lambda one: one.count("{")):
        parts = list(enumerate(path.split("/")))
        literals = [(place, part) for place, part in parts if not part.startswith("{")]
        names = [(place, part[1:-1]) for place, part in parts if part.startswith("{")]
        found[len(parts)].append((path, literals, names))
    return found


def find(path: str, method: str) -> tuple[str, dict[str, str]] | None:
    """Return a path as the description writes it, and the values of its placeholders; None if it has no such path."""
    parts = path.split("/")
    found: tuple[str, dict[str, str]] | None = None
    for template, literals, names in _templates().get(len(parts), ()):
        if all(parts[place] == part for place, part in literals) and all(parts[place] for place, _ in names):
            fitting = template, {name: parts[place] for place, name in names}
            if operation(template, method):
                return fitting
            found = found or fitting
    return found


@cache
def operation(template: str, method: str) -> Operation | None:
    """Return an operation by its path and its method in lower case; None for a method that the path does not have."""
    item: Json = description()["paths"][template]
    return Operation(item, item[method]) if method in item and method != "parameters" else None


class Operation:
    """One method of one path; each check is compiled when it is first needed."""

    def __init__(self, item: Json, described: Json) -> None:
        self.name: str = described["operationId"]
        self.scopes = frozenset(scope for one in described.get("security", ()) for scope in one.get("OAuth2", ()))
        self._parameters: list[Json] = [*item.get("parameters", ()), *described.get("parameters", ())]
        self._content: Json = described.get("requestBody", {}).get("content", {})

    @property
    def content_types(self) -> list[str]:
        return list(self._content)

    def check_path(self, values: Mapping[str, str]) -> None:
        """Raise 50035 for an id that is not a number."""
        _run(self._path, dict(values))

    def check_query(self, values: Mapping[str, str]) -> list[str]:
        """Return the parameters that Discord does not know.

        Raise 50035 for what does not fit, and 501 for parameters that the sandbox does not keep."""
        return _run(self._query, {name: self._converted(name, value) for name, value in values.items()})

    def check_body(self, body: Any) -> list[str]:
        """Remove the fields that Discord does not know, and return their paths.

        Raise 50035 for a body that does not fit, and 501 for fields that the sandbox does not keep."""
        return _run(self._body, body) if self._content else []

    @cached_property
    def _path(self) -> Check:
        return self._check_of("path")

    @cached_property
    def _query(self) -> Check:
        return self._check_of("query")

    @cached_property
    def _body(self) -> Check:
        return _schemas().check(next(iter(self._content.values()))["schema"], self.name)

    def _check_of(self, place: str) -> Check:
        found = [one for one in self._parameters if one["in"] == place]
        fields = {one["name"]: one["schema"] for one in found}
        required = [one["name"] for one in found if one.get("required")]
        return _schemas().check({"type": "object", "properties": fields, "required": required}, self.name)

    def _converted(self, name: str, value: str) -> Any:
        """Return a value of the query as what the description says it is; as text if it cannot be that."""
        schemas: list[Json] = [one["schema"] for one in self._parameters if one["name"] == name]
        match _schemas().resolve(schemas[0] if schemas else {}).get("type"):
            case "boolean":
                return BOOLEANS.get(value, value)
            case "integer":
                return int(value) if re.fullmatch(r"-?[0-9]{1,19}", value) else value
            case "array":
                return value.split(",")
            case _:
                return value


def _run(check: Check, value: Any) -> list[str]:
    problems = Problems()
    check(value, "", problems)
    problems.raise_if_any()
    for path in problems.unknown:
        *parents, name = path.split(".")
        node: Any = value
        for part in parents:
            node = node[int(part) if isinstance(node, list) else part]
        del node[name]
    return problems.unknown
