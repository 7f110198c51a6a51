"""The benchmark `terminal` in short: among all troubles nothing goes wrong, and what most people write does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import terminal

pytestmark = pytest.mark.contract


@pytest.mark.timeout(600)
async def test_among_resizes_copy_mode_strangers_and_kills_nothing_goes_wrong(tmp_path: Path) -> None:
    run = await terminal.measure(tmp_path / "octet", 24)
    assert run.violations() == []
    assert len(run.claimed) + len(run.unknown) == 24, run
    assert min(run.troubles[what] for what in ("resizes", "copy_modes", "strangers")) > 0, "this has shown little"


async def test_the_loop_that_most_people_write_is_found_out(tmp_path: Path) -> None:
    run = await terminal.naive(tmp_path / "naive", 24)
    assert run.violations()
