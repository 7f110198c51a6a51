"""Compiles the schemas of Discord's description, each once, to checks that answer in Discord's codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sandbox.discord.errors import Problems
from sandbox.discord.model import Json

Check = Callable[[Any, str, Problems], None]
"""Adds to the problems what is wrong with a value at a path."""

KINDS: dict[type, str] = {
    str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip
UNKNOWN = "UNKNOWN_FIELD"
SCHEMES = ("http", "https", "attachment", "discord")


def kind_of(value: Any) -> str:
    """Return JSON's name for the type of a value."""
    return "integer" if isinstance(value, float) and value.is_integer() else KINDS[type(value)]


class Schemas:
    """All named schemas of a description."""

    def __init__(self, named: dict[str, Json], not_kept: Sequence[str]) -> None:
        self._named = named
        self._not_kept = not_kept
        self._checks: dict[str, Check] = {}

    def resolve(self, schema: Json) -> Json:
        """Follow a reference to the schema that it names."""
        return self._named[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def check(self, schema: Json, name: str = "") -> Check:
        """Compile a schema; `name` is how the list of fields that the sandbox does not keep calls it."""
        if "$ref" in schema:
            return self._reference(schema["$ref"].rpartition("/")[2])
        types = set(_types(schema))
        branches: list[Json] = schema.get("oneOf") or schema.get("anyOf") or []
        is_nullable = "null" in types or any(one.get("type") == "null" for one in branches) or not (types or branches)
        branches = [one for one in branches if one.get("type") != "null"]
        choices = schema.get("enum") or [one["const"] for one in branches if "const" in one]
        checks = self._checks_of_values(schema, name)
        if choices:
            checks.append(_is_one_of(choices))
        elif branches:
            checks.append(self._fits_one_of(branches))

        def run(value: Any, path: str, problems: Problems) -> None:
            if value is None:
                if not is_nullable:
                    problems.required(path)
            elif types and not _has_type(value, types):
                problems.add(path, *_wrong_type(schema, types - {"null"}, value))
            else:
                for one in checks:
                    one(value, path, problems)

        return run

    def _reference(self, name: str) -> Check:
        def run(value: Any, path: str, problems: Problems) -> None:
            if name not in self._checks:
                self._checks[name] = self.check(self._named[name], name)
            self._checks[name](value, path, problems)

        return run

    def _checks_of_values(self, schema: Json, name: str) -> list[Check]:
        """Compile what a schema says about values of its type."""
        found: list[Check] = []
        if "minLength" in schema or "maxLength" in schema:
            found.append(_has_length(schema.get("minLength", 0), schema.get("maxLength")))
        if "minItems" in schema or "maxItems" in schema:
            found.append(_has_length(schema.get("minItems", 0), schema.get("maxItems")))
        if "minimum" in schema or "maximum" in schema:
            found.append(_is_within(schema.get("minimum"), schema.get("maximum")))
        if "pattern" in schema:
            found.append(_matches(schema))
        if schema.get("format") in {"uri", "date-time"}:
            found.append(_is_url if schema["format"] == "uri" else _is_moment)
        if schema.get("uniqueItems"):
            found.append(_has_no_doubles)
        if "items" in schema:
            found.append(self._has_items(schema["items"]))
        if "properties" in schema:
            found.append(self._has_fields(schema, name))
        elif isinstance(schema.get("additionalProperties"), dict):
            found.append(self._has_values(schema["additionalProperties"]))
        return found

    def _has_items(self, schema: Json) -> Check:
        check = self.check(schema)

        def run(value: Any, path: str, problems: Problems) -> None:
            for index, item in enumerate(value):
                at = f"{path}.{index}" if path else str(index)
                tried = problems if item is not None else Problems()
                check(item, at, tried)
                if tried.found and item is None:
                    problems.add(at, "LIST_ITEM_VALUE_REQUIRED", "List item values are required")

        return run

    def _has_values(self, schema: Json) -> Check:
        check = self.check(schema)

        def run(value: Any, path: str, problems: Problems) -> None:
            for key, one in value.items():
                check(one, f"{path}.{key}", problems)

        return run

    def _has_fields(self, schema: Json, name: str) -> Check:
        checks = {key: self.check(one) for key, one in schema["properties"].items()}
        required = schema.get("required", ())
        not_kept = {key for key in checks if any(fnmatchcase(f"{name}.{key}", one) for one in self._not_kept)}

        def run(value: Any, path: str, problems: Problems) -> None:
            at = f"{path}." if path else ""
            for key in required:
                if key not in value:
                    problems.required(at + key)
            for key, one in value.items():
                if key not in checks:
                    problems.add(at + key, UNKNOWN, "Discord's description has no such field here")
                    continue
                checks[key](one, at + key, problems)
                if one and key in not_kept:
                    problems.not_kept.append(at + key)

        return run

    def _fits_one_of(self, branches: list[Json]) -> Check:
        """Choose by the field `type` if every branch has one; otherwise by what the value comes closest to."""
        schemas = [self.resolve(one) for one in branches]
        checks = [(set(_types(schema)), self.check(one)) for schema, one in zip(schemas, branches, strict=True)]
        kinds = [self.resolve(one.get("properties", {}).get("type", {})).get("enum") for one in schemas]
        has_type = all(kinds)
        choices = [kind for found in kinds for kind in found or ()]

        def run(value: Any, path: str, problems: Problems) -> None:
            possible = [check for types, check in checks if _has_type(value, types)] or [checks[0][1]]
            if has_type and isinstance(value, dict):
                fields: Json = value  # pyright: ignore[reportUnknownVariableType] - JSON from outside
                kind = fields.get("type")
                if kind is None:
                    problems.required(f"{path}.type" if path else "type")
                    return
                possible = [check for found, (_, check) in zip(kinds, checks, strict=True) if kind in (found or ())]
                if not possible or isinstance(kind, bool):
                    text = f'Value of field "type" must be one of ({", ".join(map(str, choices))}).'
                    problems.add(path, "UNION_TYPE_CHOICES", text)
                    return
            if len(possible) == 1:
                possible[0](value, path, problems)
                return
            tried: list[Problems] = []
            for check in possible:
                tried.append(Problems())
                check(value, path, tried[-1])
            problems.extend(min(tried, key=_distance))

        return run


def _distance(problems: Problems) -> tuple[int, int, int]:
    """Return how far a value is from a schema: a field that the schema lacks counts more than one that does not fit."""
    unknown = sum(code == UNKNOWN for _, code, _ in problems.found)
    return unknown, len(problems.found), len(problems.not_kept)


def _types(schema: Json) -> list[str]:
    found = schema.get("type", [])
    return [found] if isinstance(found, str) else found


def _has_type(value: Any, types: set[str]) -> bool:
    kind = kind_of(value)
    return not types or kind in types or (kind == "integer" and "number" in types)


def _wrong_type(schema: Json, types: set[str], value: Any) -> tuple[str, str]:
    if schema.get("format") == "snowflake":
        return "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.'
    if "object" in types:
        if "properties" in schema:
            return "MODEL_TYPE_CONVERT", "Expected an object/dictionary."
        return "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"
    if "array" in types:
        return "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
    if "boolean" in types:
        return "BOOLEAN_TYPE_CONVERT", "Must be either true or false."
    if "string" in types:
        return "STRING_TYPE_CONVERT", "Could not interpret string."
    return "NUMBER_TYPE_COERCE", f'Value "{value}" is not {"int" if "integer" in types else "float"}.'


def _is_one_of(choices: list[Any]) -> Check:
    def run(value: Any, path: str, problems: Problems) -> None:
        if value not in choices:
            problems.add(path, "BASE_TYPE_CHOICES", f"Value must be one of ({', '.join(map(repr, choices))}).")

    return run


def _has_length(least: int, most: int | None) -> Check:
    def run(value: Any, path: str, problems: Problems) -> None:
        if isinstance(value, (str, list)):
            length = len(value)  # pyright: ignore[reportUnknownArgumentType] - JSON from outside
            problems.bad_length(path, length, least, most)

    return run


def _is_within(least: float | None, most: float | None) -> Check:
    def run(value: Any, path: str, problems: Problems) -> None:
        if not isinstance(value, (int, float)):
            return
        if least is not None and value < least:
            problems.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")
        if most is not None and value > most:
            problems.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")

    return run


def _matches(schema: Json) -> Check:
    pattern = re.compile(schema["pattern"])

    def run(value: Any, path: str, problems: Problems) -> None:
        if isinstance(value, str) and not pattern.search(value):
            is_id = schema.get("format") == "snowflake"
            text = "String value did not match validation regex."
            problems.add(path, *_wrong_type(schema, set(), value) if is_id else ("STRING_TYPE_REGEX", text))

    return run


def _is_url(value: Any, path: str, problems: Problems) -> None:
    scheme, separator, rest = str(value).partition("://")
    if not separator or not rest or " " in rest:
        problems.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    elif scheme not in SCHEMES:
        problems.add(path, "URL_TYPE_INVALID_SCHEME", f'Scheme "{scheme}" must be one of {SCHEMES}.')


def _is_moment(value: Any, path: str, problems: Problems) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        problems.add(path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")


def _has_no_doubles(value: Any, path: str, problems: Problems) -> None:
    for index, item in enumerate(value):
        if item in value[:index]:
            problems.add(f"{path}.{index}", "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
