"""How the verbs of tasks read what users write."""

from __future__ import annotations

import pytest

from bot.verbs.declare import Origin
from bot.verbs.moments import LocalTime
from bot.verbs.tasks import TaskRequest


@pytest.mark.parametrize(
    ("text", "is_delay"),
    [("2h", True), ("+ 30 min", True), ("2026-05-31 18:00", False), ("none", False), (None, False)],
)
def test_a_duration_before_the_start_is_known_from_a_moment(text: str | None, *, is_delay: bool) -> None:
    assert TaskRequest("Count", not_before=text).draft(Origin(), LocalTime(now_ms=0)).is_delay is is_delay
