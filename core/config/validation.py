"""Checks a file's data against a pydantic schema and says what is wrong in words for people, with the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from core.config.toml import TomlFile
from core.kit.problems import KeyPath, Problem, show, suggest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=BaseModel)


def check(schema: type[S], data: Mapping[str, object], file: TomlFile, at: KeyPath = ()) -> S | list[Problem]:
    """`data`, which stands at `at` in `file`, as `schema`; or everything that is wrong with it."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        return [file.problem((*at, *path), text) for path, text in explain(schema, error)]


def explain(schema: type[BaseModel], error: ValidationError) -> list[tuple[KeyPath, str]]:
    """Each of pydantic's errors as its key and a sentence."""
    details = error.errors(include_url=False)
    return [(_place(found["loc"]), _sentence(schema, found)) for found in details]


def _place(location: KeyPath) -> KeyPath:
    """The key itself where pydantic says that a key of a table is wrong, not its value."""
    return location[:-1] if location[-1:] == ("[key]",) else location


def _sentence(schema: type[BaseModel], error: ErrorDetails) -> str:
    kind = error["type"]
    context = error.get("ctx") or {}
    given = show(error["input"])
    if kind == "missing":
        field = _field(schema, error["loc"])
        return f"is missing: {field.description}" if field and field.description else "is missing"
    if kind == "extra_forbidden":
        holder = _model(schema, error["loc"][:-1])
        known = [field.alias or name for name, field in holder.model_fields.items()] if holder else []
        return f"there is no such key here; {suggest(str(error['loc'][-1]), known)}"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", error["msg"]))
    for words, kinds in _WORDS.items():
        if kind in kinds:
            limits = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
            return words.format_map(
                {"given": given, **limits, "expected": str(context.get("expected")).replace("'", '"')}
            )
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}, not {given}"


_WORDS = {
    "must be a whole number, not {given}": {"int_type", "int_parsing", "int_from_float", "int_parsing_size"},
    "must be a number, not {given}": {"float_type", "float_parsing"},
    "must be a number, not infinite": {"finite_number"},
    "must be true or false, not {given}": {"bool_type", "bool_parsing"},
    "must be text in quotes, not {given}": {"string_type", "string_sub_type", "string_unicode"},
    "must be a list, not {given}": {"list_type", "tuple_type", "set_type"},
    "must be a table, not {given}": {"model_type", "model_attributes_type", "dict_type", "dataclass_type"},
    "must be one of {expected}, not {given}": {"enum", "literal_error"},
    "must be at least {ge}, not {given}": {"greater_than_equal"},
    "must be at most {le}, not {given}": {"less_than_equal"},
    "must be more than {gt}, not {given}": {"greater_than"},
    "must not be empty": {"string_too_short", "too_short"},
    "must have at most {max_length} characters": {"string_too_long"},
    "must have at most {max_length} entries": {"too_long"},
}


def _field(schema: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    holder = _model(schema, path[:-1])
    return holder.model_fields.get(str(path[-1])) if holder and path else None


def _model(schema: type[BaseModel] | None, path: KeyPath) -> type[BaseModel] | None:
    """The schema of the table at `path`."""
    for part in path:
        if schema is None:
            return None
        if isinstance(part, str):
            field = schema.model_fields.get(part)
            schema = _inner(field.annotation) if field else None
    return schema


def _inner(annotation: object) -> type[BaseModel] | None:
    """The schema inside `Optional[…]`, `list[…]`, `Annotated[…]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    arguments: tuple[object, ...] = get_args(annotation)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    found = (_inner(argument) for argument in arguments)
    return next((schema for schema in found if schema), None)
