"""What all tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.warm import warm_programs


@pytest.fixture(autouse=True, scope="module")
def _warm_programs() -> Iterator[None]:
    with warm_programs():
        yield
