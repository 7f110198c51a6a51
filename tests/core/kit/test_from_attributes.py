"""from_attributes copies the fields of the same names; what is given goes before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace

import pytest

from core.kit.from_attributes import from_attributes


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point with a name."""

    kind: str
    x: int = 0


class Colour(StrEnum):
    """One of two enums of a field."""

    RED = "red"


class Shape(StrEnum):
    """The other one."""

    ROUND = "round"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile, whose fields have enums."""

    mark: Colour | Shape | None
    shape: Shape | None = None
    is_old: bool = False


def test_values_become_members_of_the_fields_enums_and_an_empty_text_none() -> None:
    made = from_attributes(Tile, SimpleNamespace(mark="round", shape="", is_old=1))
    assert made == Tile(mark=Shape.ROUND, is_old=True)
    assert made.is_old is True


@pytest.mark.parametrize("field", ["mark", "shape"])
def test_a_value_that_no_enum_has_is_an_error_with_its_field(field: str) -> None:
    row = SimpleNamespace(**{"mark": None, "shape": None, "is_old": 0, field: "blue"})
    with pytest.raises(ValueError, match=f"{field} .*'blue'"):
        from_attributes(Tile, row)


def test_a_given_field_goes_before_the_sources_own() -> None:
    assert from_attributes(Point, SimpleNamespace(kind="a", x=7, more=1), kind="b") == Point(kind="b", x=7)


def test_a_field_that_the_source_lacks_is_an_error_even_if_it_has_a_default() -> None:
    with pytest.raises(AttributeError):
        from_attributes(Point, SimpleNamespace(kind="a"))
