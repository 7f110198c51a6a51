"""How each type of result is shown on the command line: one table, and another of the results that exit with 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PRESENT: dict[Any, Callable[[Any], str]] = {}
FAILED: dict[Any, Callable[[Any], bool]] = {}
