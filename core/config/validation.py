"""Validates a table of a file against its class, and reports each problem with its place."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

from core.config.toml import TomlTable
from core.kit.field_types import FROM_FILE
from core.kit.problems import KeyPath, known, show, suggest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")


DRAFT = "http://json-schema.org/draft-07/schema#"  # The JSON schema version that TOML editors read best
UNKNOWN_KEY = "unexpected_keyword_argument"
_SAME_CODE = {"extra_forbidden": UNKNOWN_KEY}

_adapter = cache(TypeAdapter[Any])
_SKIPPED: Any = SkipJsonSchema


def validate(kind: type[T], table: TomlTable) -> T | None:
    """Return the table as a `kind`; None, with all its problems reported, where it is wrong."""
    try:
        return _adapter(kind).validate_python(dict(table.data), context=FROM_FILE)
    except ValidationError as error:
        for path, code, text in explain(kind, error):
            table.report(path, code, text)
        return None


def validate_partly(kind: type[T], table: TomlTable, *, strict: bool | None = None) -> tuple[T, frozenset[str]]:
    """Return the table as a `kind` with defaults, without its wrong keys, which are reported, and those keys."""
    data, bad = dict(table.data), set[str]()
    while True:
        try:
            return _adapter(kind).validate_python(data, strict=strict, context=FROM_FILE), frozenset(bad)
        except ValidationError as error:
            for path, code, text in explain(kind, error):
                table.report(path, code, text)
                bad.add(str(path[0]))
                data.pop(str(path[0]), None)


def refuse_keys(table: TomlTable, keys: Iterable[str], right: Iterable[str]) -> None:
    """Report each of these keys that the table has as unknown there."""
    for key in keys:
        if key in table.data:
            table.report((key,), UNKNOWN_KEY, f"there is no such key here; {known(right)}")


def explain(kind: type, error: ValidationError) -> list[tuple[KeyPath, str, str]]:
    """Return each of pydantic's errors as its key, its code and a sentence."""
    return [_explained(kind, found) for found in error.errors(include_url=False)]


def missing(kind: type, path: KeyPath) -> str:
    """Return the sentence for a missing key, with its description."""
    holder = holder_of(kind, path[:-1])
    about = descriptions(holder).get(str(path[-1]), "") if holder and path else ""
    return f"is missing: {about[:1].lower()}{about[1:].rstrip('.')}" if about else "is missing"


def _explained(kind: type, error: ErrorDetails) -> tuple[KeyPath, str, str]:
    path, code = error["loc"], _SAME_CODE.get(error["type"], error["type"])
    context = error.get("ctx") or {}
    given = show(error["input"])
    if path[-1:] == ("[key]",):  # the key of a table is wrong, not its value
        path = path[:-1]
        if code == "enum":
            right = [str(word).strip("'") for word in str(context.get("expected")).replace(" or ", ", ").split(", ")]
            return path, UNKNOWN_KEY, f"there is no such key here; {suggest(str(path[-1]), right)}"
    if code == "missing":
        return path, code, missing(kind, path)
    if code == UNKNOWN_KEY:
        holder = holder_of(kind, path[:-1])
        return path, code, f"there is no such key here; {suggest(str(path[-1]), hints_of(holder) if holder else ())}"
    if code in {"value_error", "assertion_error"}:
        return path, code, str(context.get("error", error["msg"]))
    if "text" in context:  # a rule of ours
        return path, code, str(context["text"])
    for words, kinds in _WORDS.items():
        if code in kinds:
            limits = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
            expected = str(context.get("expected")).replace("'", '"')
            return path, code, words.format_map({"given": given, **limits, "expected": expected})
    return path, code, f"{error['msg'][:1].lower()}{error['msg'][1:]}, not {given}"


_WORDS = {
    "must be a whole number, not {given}": {"int_type", "int_parsing", "int_from_float", "int_parsing_size"},
    "must be a number, not {given}": {"float_type", "float_parsing"},
    "must be a number, not infinite": {"finite_number"},
    "must be true or false, not {given}": {"bool_type", "bool_parsing"},
    "must be text in quotes, not {given}": {"string_type", "string_sub_type", "string_unicode"},
    "must be a list, not {given}": {"list_type", "tuple_type", "set_type", "frozen_set_type"},
    "must be a table, not {given}": {
        "model_type",
        "model_attributes_type",
        "dict_type",
        "dataclass_type",
        "mapping_type",
    },
    "must be one of {expected}, not {given}": {"enum", "literal_error"},
    "must be at least {ge}, not {given}": {"greater_than_equal"},
    "must be at most {le}, not {given}": {"less_than_equal"},
    "must be more than {gt}, not {given}": {"greater_than"},
    "must not be empty": {"string_too_short", "too_short"},
    "must have at most {max_length} characters": {"string_too_long"},
    "must have at most {max_length} entries": {"too_long"},
}


@cache
def hints_of(kind: Any) -> Mapping[str, object]:
    """Return the annotation of each key that a file may give a table."""
    names = kind.model_fields if issubclass(kind, BaseModel) else [one.name for one in fields(kind)]
    hints = get_type_hints(kind, include_extras=True)
    marked = {name: getattr(hints[name], "__metadata__", ()) for name in names}
    return {
        next((part.alias for part in marks if getattr(part, "alias", None)), name): hints[name]
        for name, marks in marked.items()
        if not any(isinstance(part, _SKIPPED) for part in marks)
    }


def holder_of(kind: Any, path: KeyPath) -> Any:
    """Return the class of the table at `path`; None where it has none."""
    for part in path:
        if isinstance(part, str) and part in hints_of(kind):
            kind = next(classes_in(hints_of(kind)[part]), None)
            if kind is None:
                return None
    return kind


def classes_in(annotation: object) -> Iterator[Any]:
    """Yield the classes of tables inside `X | None`, `tuple[…]`, `Annotated[…]`."""
    if isinstance(annotation, type) and (is_dataclass(annotation) or issubclass(annotation, BaseModel)):
        yield annotation
    for part in get_args(annotation):
        yield from classes_in(part)


@cache
def descriptions(kind: Any) -> Mapping[str, str]:
    """Return what each key means: the comment of its field, or the docstring below it."""
    found: dict[str, str] = {}
    bases: list[Any] = [one for one in kind.__mro__ if one not in {object, BaseModel}]
    for base in reversed(bases):
        source = inspect.getsource(sys.modules[base.__module__])
        classes = (one for one in ast.parse(source).body if isinstance(one, ast.ClassDef))
        body = next(one.body for one in classes if one.name == base.__name__)
        for field, after in pairwise([*body, ast.Pass()]):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text).replace("\n", " ")
                case ast.AnnAssign(target=ast.Name(id=name), end_lineno=int(line)), _:
                    if beside := source.splitlines()[line - 1].partition("  # ")[2]:
                        found[name] = f"{beside.rstrip('.')}."
                case _:
                    pass
    return found


def editor_schema(kind: Any, title: str) -> dict[str, Any]:
    """Return the JSON schema by which editors complete and check a file that becomes a `kind`."""
    found: dict[str, Any] = _adapter(kind).json_schema()
    inner = {one.__name__: one for one in _all_classes(kind)}
    tables: dict[str, Any] = found.get("$defs", {})
    for one, schema in ((kind, found), *((inner[name], table) for name, table in tables.items() if name in inner)):
        schema.pop("title", None)
        for key, about in descriptions(one).items():
            if about and key in schema["properties"]:
                schema["properties"][key]["description"] = about
    return {"$schema": DRAFT, **found, "title": title}


def _all_classes(kind: Any) -> list[Any]:
    found = [kind]
    for one in found:
        inner = [part for annotation in hints_of(one).values() for part in classes_in(annotation)]
        found.extend(part for part in dict.fromkeys(inner) if part not in found)
    return found
