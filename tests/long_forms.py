"""Divides a test's parameters: every run has a few of them, `make test-long` all others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_long(parameters: Iterable[Any], *, kept: int = 1) -> list[Any]:
    """Return the parameters, of which every run has the first `kept` and `make test-long` the rest."""
    parameters = list(parameters)
    rest = (one if isinstance(one, tuple) else (one,) for one in parameters[kept:])
    return [*parameters[:kept], *(pytest.param(*one, marks=pytest.mark.long) for one in rest)]
