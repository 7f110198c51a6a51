"""Types for the fields of what a user writes in config/: strict values, rules with a code, and what no file may set."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from core.kit.problems import show

T = TypeVar("T")

CHECKED = ConfigDict(extra="forbid", validate_by_name=True, ser_json_bytes="base64", val_json_bytes="base64")
"""Of each dataclass that a table of config/ becomes: no unknown key."""
OPEN: Any = None
"""The value of a field that is still to be measured. Nothing is driven by a profile with such a field."""


def is_set(value: object) -> bool:
    """Whether a field has a value, and need not be measured first."""
    return value is not OPEN


FROM_FILE = {"from_file": True}
"""The context of a validation of what a user wrote. What Octet's own processes send each other was checked before."""

Int = Annotated[int, Field(strict=True)]
Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Bool = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
ListOf = tuple[T, ...]


def wrong(code: str, text: str) -> PydanticCustomError:
    """Return the error for a value that breaks a rule; `text` says what is wrong and what would be right."""
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


def _refuse(value: object, info: ValidationInfo) -> object:
    if info.context:
        raise wrong("unexpected_keyword_argument", "there is no such key here")
    return value


Internal = Annotated[SkipJsonSchema[T], BeforeValidator(_refuse)]
"""A field that Octet sets itself; no file may."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


def check_name(text: str) -> str:
    """Refuse what is no name."""
    if not _NAME.fullmatch(text):
        raise wrong("bad_name", f"{show(text)} is no name: up to 32 letters, digits, - _ and ., without blanks")
    return text


Name = Annotated[Text, rule(check_name)]
"""What users call an agent or a window: fit for a command line, a file name and a chat."""
