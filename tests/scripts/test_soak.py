"""`make soak` runs the long form of each series, and fails if one misses a target."""

from __future__ import annotations

from pathlib import Path

from scripts.soak import LONG, misses

ROOT = Path(__file__).resolve().parents[2]


def test_each_long_series_is_a_benchmark() -> None:
    assert [name for name in LONG if not (ROOT / "bench" / f"{name}.py").exists()] == []


def test_a_missed_target_and_a_series_that_broke_off_are_reported() -> None:
    held = {"figure": "lost", "value": 0, "target": "< 1", "holds": True}
    told = {"figure": "p50_ms", "value": 7, "target": None, "holds": None}
    missed = {"figure": "violations", "value": 2, "target": "< 1", "holds": False}
    assert misses("kills", {"figures": [held, told]}) == []
    assert misses("kills", {"figures": [held, missed]}) == ["kills: violations is 2 (target < 1)"]
    assert misses("kills", None) == ["kills did not come to its end"]
