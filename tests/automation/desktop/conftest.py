"""A display of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.display import VirtualDisplay, virtual_display


@pytest.fixture
def display(tmp_path: Path) -> Iterator[VirtualDisplay]:
    with virtual_display(tmp_path / "display") as found:
        yield found
