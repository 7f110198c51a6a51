"""Compiles the schemas of Discord's description, each once, to checks that answer in Discord's codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple

from sandbox.discord.errors import Problems
from sandbox.discord.model import Json

Check = Callable[[Any, str, Problems], None]  # adds to the problems what is wrong with a value at a path

KINDS: dict[type, str] = {
    str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip
WRONG_TYPE = {
    "object": ("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"),
    "array": ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"),
    "boolean": ("BOOLEAN_TYPE_CONVERT", "Must be either true or false."),
    "integer": ("NUMBER_TYPE_COERCE", 'Value "{}" is not int.'),
    "number": ("NUMBER_TYPE_COERCE", 'Value "{}" is not float.'),
    "string": ("STRING_TYPE_CONVERT", "Could not interpret string."),
    "snowflake": ("NUMBER_TYPE_COERCE", 'Value "{}" is not snowflake.'),
    "model": ("MODEL_TYPE_CONVERT", "Expected an object/dictionary."),
}
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
"""What no text in UTF-8 has: half a surrogate pair; and the character that Discord's database refuses."""
SCHEMES = ("http", "https", "attachment", "discord")


class _Value(NamedTuple):
    """What a value of a schema may be, and the checks of those that are."""

    kind: str
    types: set[str]
    takes_null: bool
    checks: list[Check]


class _Fields(NamedTuple):
    """The fields of an object: their checks, which it must have, and which the sandbox does not keep."""

    checks: dict[str, Check]
    required: Sequence[str]
    lost: set[str]


class ApiSchemas:
    """All named schemas of a description; `not_kept` are patterns over `SCHEMA.field`."""

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
            return partial(self._check_named, schema["$ref"].rpartition("/")[2])
        branches: list[Json] = schema.get("oneOf") or schema.get("anyOf") or []
        choices = schema.get("enum") or [one["const"] for one in branches if "const" in one]
        rules = dict.fromkeys(RULES[key] for key in schema if key in RULES)
        checks: list[Check] = [partial(rule, schema) for rule in rules]
        if "items" in schema:
            checks.append(partial(_check_items, self.check(schema["items"])))
        if "properties" in schema:
            fields = {key: self.check(one) for key, one in schema["properties"].items()}
            lost = {key for key in fields if any(fnmatchcase(f"{name}.{key}", one) for one in self._not_kept)}
            checks.append(partial(_check_fields, _Fields(fields, schema.get("required", ()), lost)))
        elif isinstance(schema.get("additionalProperties"), dict):
            checks.append(partial(_check_values, self.check(schema["additionalProperties"])))
        if choices:
            checks.append(partial(_check_choice, choices))
        elif branches:
            checks.append(self._union([one for one in branches if one.get("type") != "null"]))
        types = _types(schema)
        takes_null = "null" in types or any(one.get("type") == "null" for one in branches) or not (types or branches)
        kind = "snowflake" if schema.get("format") == "snowflake" else "model" if "properties" in schema else ""
        kind = kind or min(types - {"null"}, default="model")
        return partial(_check_type, _Value(kind, types - {"null"}, takes_null, checks))

    def _check_named(self, name: str, value: Any, path: str, problems: Problems) -> None:
        if name not in self._checks:
            self._checks[name] = self.check(self._named[name], name)
        self._checks[name](value, path, problems)

    def _union(self, branches: list[Json]) -> Check:
        schemas = [self.resolve(one) for one in branches]
        checks = [(_types(schema), self.check(one)) for schema, one in zip(schemas, branches, strict=True)]
        fields = [self.resolve(one.get("properties", {}).get("type", {})) for one in schemas]
        kinds: list[list[Any]] = [one.get("enum") or [] for one in fields]
        return partial(_check_union, checks, kinds)


def _types(schema: Json) -> set[str]:
    found = schema.get("type", [])
    return {found} if isinstance(found, str) else set(found)


def _has_type(value: Any, types: set[str]) -> bool:
    kind = "integer" if isinstance(value, float) and value.is_integer() else KINDS[type(value)]
    return not types or kind in types or (kind == "integer" and "number" in types)


def _add_wrong_type(kind: str, value: Any, path: str, problems: Problems) -> None:
    code, message = WRONG_TYPE[kind]
    problems.add(path, code, message.format(value))


def _check_type(described: _Value, value: Any, path: str, problems: Problems) -> None:
    if value is None:
        if not described.takes_null:
            problems.required(path)
    elif not _has_type(value, described.types) or (isinstance(value, str) and NO_TEXT.search(value)):
        _add_wrong_type(described.kind, value, path, problems)
    else:
        for check in described.checks:
            check(value, path, problems)


def _check_items(check: Check, value: Any, path: str, problems: Problems) -> None:
    for index, item in enumerate(value):
        at = f"{path}.{index}" if path else str(index)
        tried = problems if item is not None else Problems()
        check(item, at, tried)
        if tried.found and item is None:
            problems.add(at, "LIST_ITEM_VALUE_REQUIRED", "List item values are required")


def _check_values(check: Check, value: Any, path: str, problems: Problems) -> None:
    for key, one in value.items():
        check(one, f"{path}.{key}", problems)


def _check_fields(fields: _Fields, value: Any, path: str, problems: Problems) -> None:
    at = f"{path}." if path else ""
    for key in fields.required:
        if key not in value:
            problems.required(at + key)
    for key, one in value.items():
        if key not in fields.checks:
            problems.unknown.append(at + key)
            continue
        fields.checks[key](one, at + key, problems)
        if one and key in fields.lost:
            problems.not_kept.append(at + key)


def _check_union(
    checks: list[tuple[set[str], Check]], kinds: list[list[Any]], value: Any, path: str, problems: Problems
) -> None:
    """Choose by the field `type` if every branch has one; otherwise by what the value comes closest to."""
    possible = [check for types, check in checks if _has_type(value, types)] or [checks[0][1]]
    if all(kinds) and isinstance(value, dict):
        fields: Json = value  # pyright: ignore[reportUnknownVariableType] - JSON from outside
        kind = fields.get("type")
        possible = [check for found, (_, check) in zip(kinds, checks, strict=True) if kind in found]
        if kind is None:
            problems.required(f"{path}.type" if path else "type")
            return
        if not possible:
            text = f'Value of field "type" must be one of ({", ".join(str(one) for found in kinds for one in found)}).'
            problems.add(path, "UNION_TYPE_CHOICES", text)
            return
    tried: list[Problems] = []
    for check in possible:
        tried.append(Problems())
        check(value, path, tried[-1])
    problems.extend(min(tried, key=_distance))


def _distance(problems: Problems) -> tuple[int, int, int]:
    """Return how far a value is from a schema: a field that the schema lacks counts more than one that does not fit."""
    return len(problems.unknown), len(problems.found), len(problems.not_kept)


def _check_choice(choices: list[Any], value: Any, path: str, problems: Problems) -> None:
    if value not in choices:
        problems.add(path, "BASE_TYPE_CHOICES", f"Value must be one of ({', '.join(map(repr, choices))}).")


def _check_length(schema: Json, value: Any, path: str, problems: Problems) -> None:
    what = "Length" if isinstance(value, str) else "Items"
    if isinstance(value, str) and value and schema.get("minLength") and not value.strip():
        problems.required(path)
    if isinstance(value, (str, list)):
        length = len(value)  # pyright: ignore[reportUnknownArgumentType] - JSON from outside
        problems.bad_length(path, length, schema.get(f"min{what}", 0), schema.get(f"max{what}"))


def _check_range(schema: Json, value: Any, path: str, problems: Problems) -> None:
    if isinstance(value, str):
        return
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and value < least:
        problems.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")
    if most is not None and value > most:
        problems.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")


def _check_format(schema: Json, value: Any, path: str, problems: Problems) -> None:
    kind = schema.get("format")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        if kind == "snowflake":
            _add_wrong_type(kind, value, path, problems)
        else:
            problems.add(path, "STRING_TYPE_REGEX", "String value did not match validation regex.")
    if kind == "uri":
        scheme, _, rest = value.partition("://")
        if not rest or " " in rest:
            problems.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        elif scheme not in SCHEMES:
            problems.add(path, "URL_TYPE_INVALID_SCHEME", f'Scheme "{scheme}" must be one of {SCHEMES}.')
    if kind == "date-time":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            problems.add(path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")


def _check_doubles(_: Json, value: Any, path: str, problems: Problems) -> None:
    for index, item in enumerate(value):
        if item in value[:index]:
            problems.add(f"{path}.{index}", "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")


RULES = {
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _check_length),
    **dict.fromkeys(("minimum", "maximum"), _check_range),
    **dict.fromkeys(("pattern", "format"), _check_format),
    "uniqueItems": _check_doubles,
}
