"""from_attributes copies the fields of the same names; what is given goes before."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from core.kit.from_attributes import from_attributes


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point with a name."""

    kind: str
    x: int = 0


def test_a_given_field_goes_before_the_sources_own() -> None:
    assert from_attributes(Point, SimpleNamespace(kind="a", x=7, more=1), kind="b") == Point(kind="b", x=7)


def test_a_field_that_the_source_lacks_is_an_error_even_if_it_has_a_default() -> None:
    with pytest.raises(AttributeError):
        from_attributes(Point, SimpleNamespace(kind="a"))
