"""Types for the fields of what a user writes in config/: strict values, rules with a code, and what no file may set."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    with_config,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from core.kit.problems import show

T = TypeVar("T")

_CHECKED = ConfigDict(extra="forbid", validate_by_name=True, ser_json_bytes="base64", val_json_bytes="base64")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def config_table(kind: type[T]) -> type[T]:
    """Make the frozen dataclass that a table of config/ becomes: it takes no unknown key."""
    return with_config(_CHECKED)(dataclass(frozen=True, slots=True, kw_only=True)(kind))


OPEN: Any = None  # The value of a field that is still to be measured. Nothing is driven by a profile with such a field.


def is_set(value: object) -> bool:
    """Return whether a field has a value, and need not be measured first."""
    return value is not OPEN


FROM_FILE = {"from_file": True}  # The context of validating a user's file; values between Octet's processes are valid

Int = Annotated[int, Field(strict=True)]
Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Bool = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
ListOf = tuple[T, ...]


def wrong(code: str, text: str) -> PydanticCustomError:
    """Return the error for a value that breaks a rule; `text` states the error and a correct form."""
    return PydanticCustomError(cast("Any", code), "{text}", {"text": text})


def rule(check: Callable[[T], T]) -> AfterValidator:
    """Apply `check` to what a user wrote, and to nothing else."""
    return AfterValidator(_Rule(check))


class _Rule:
    """A check that remembers its function, so that tests find each pattern."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        self.check = check

    def __call__(self, value: Any, info: ValidationInfo) -> Any:
        return self.check(value) if info.context else value


def matching(pattern: str, code: str, says: str) -> AfterValidator:
    """Refuse what a user wrote unless all of it matches; the error shows the value, then `says`."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise wrong(code, f"{show(text)} {says}")
        return text

    return rule(check)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large, or how long, a value that a user wrote may be."""

    gt: float | None = None
    ge: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(schema)
        length = "Length" if found.get("type") == "string" else "Items"
        names = {"gt": "exclusiveMinimum", "ge": "minimum", "le": "maximum"}
        names |= {"min_length": f"min{length}", "max_length": f"max{length}"}
        limits = {name: getattr(self, key) for key, name in names.items()}
        return {**found, **{name: limit for name, limit in limits.items() if limit is not None}}

    def _check(self, value: Any, info: ValidationInfo) -> Any:
        if not info.context:
            return value
        if self.gt is not None and value <= self.gt:
            raise PydanticKnownError("greater_than", {"gt": self.gt})
        if self.ge is not None and value < self.ge:
            raise PydanticKnownError("greater_than_equal", {"ge": self.ge})
        if self.le is not None and value > self.le:
            raise PydanticKnownError("less_than_equal", {"le": self.le})
        is_text = isinstance(value, str)
        if self.min_length is not None and len(value) < self.min_length:
            raise wrong("string_too_short" if is_text else "too_short", "must not be empty")
        if self.max_length is not None and len(value) > self.max_length:
            unit = "characters" if is_text else "entries"
            code = "string_too_long" if is_text else "too_long"
            raise wrong(code, f"must have at most {self.max_length} {unit}")
        return value


def _refuse(value: object, info: ValidationInfo) -> object:
    if info.context:
        raise wrong("unexpected_keyword_argument", "there is no such key here")
    return value


Internal = Annotated[SkipJsonSchema[T], BeforeValidator(_refuse)]  # a field that Octet sets itself; no file may

IS_NAME = matching(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", "bad_name", "is not a valid name: use 1 to 32 letters, digits, - _ and ."
)
Name = Annotated[Text, IS_NAME]
"""What users call an agent or a window: fit for a command line, a file name and a chat."""


def split_chord(chord: str) -> tuple[list[str], str]:
    """Return the held keys of a chord such as `ctrl+shift+v`, and its last key, which may be +."""
    *held, last = [*chord[:-1].split("+")[:-1], "+"] if chord.endswith("++") or chord == "+" else chord.split("+")
    return held, last
