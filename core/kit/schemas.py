"""The strict base of every table that a user writes, and the names that users give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict

from core.kit.alike import names_of
from core.kit.problems import show

if TYPE_CHECKING:
    pass

S = TypeVar("S", bound=BaseModel)
T = TypeVar("T")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{show(text)} is no name: up to 32 letters, digits, - _ and ., without blanks")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""What people call an agent or a window: fit for a command line, a file name and a chat."""


DRAFT = "http://json-schema.org/draft-07/schema#"
"""Which JSON schema is published for editors: the one that those for TOML read best."""


class Schema(BaseModel):
    """What a file may hold: nothing unknown, and no value that is only nearly of its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def into(self, kind: type[T], **given: object) -> T:
        """Make a `kind`: take the fields that are not `given` from the values of the same names, lists as tuples and
        tables as their `model`. What the file leaves out keeps the default of `kind`."""
        same = {name: _plain(getattr(self, name, None)) for name in names_of(kind) if name not in given}
        return kind(**{name: value for name, value in same.items() if value is not None}, **given)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_plain(one) for one in cast("list[object]", value))
    return cast("Any", value).model() if isinstance(value, Schema) else value
