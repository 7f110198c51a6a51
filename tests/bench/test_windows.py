"""The short form of `bench/windows`: fresh windows, connected by Octet's own tools, two prompts each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measure.unfamiliar.desktop import NINE
from bench.measure.unfamiliar.work import violations
from bench.windows import run

pytestmark = [pytest.mark.display, pytest.mark.browser]


async def test_nine_windows_that_octet_was_not_tuned_for_are_connected_and_get_two_prompts_each(tmp_path: Path) -> None:
    one = await run(tmp_path, NINE, 2)
    outcome = one.outcome
    assert sorted(one.kinds.values()) == sorted(NINE), one.talk.words
    assert violations(outcome) == []
    assert outcome.blocked == ()
    assert [f"{row.kind}: {row.reason}" for row in outcome.refused] == []
    assert len(outcome.delivered) == 18
    assert outcome.unknown == 0
