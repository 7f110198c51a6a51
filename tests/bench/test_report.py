"""The line a benchmark ends with: what it says, and what it refuses to say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.report import LEAST_P99, Report, at_least, at_most_times, below, percentile, rounded


def test_a_percentile_is_a_value_that_was_measured_and_that_so_many_do_not_exceed():
    values = [float(number) for number in range(1_000, 0, -1)]
    assert percentile(values, 0.99) == 990
    assert percentile(values, 0.5) == 500
    assert percentile(values, 1) == 1_000
    assert percentile([7.0], 0.99) == 7


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_at_least_its_share_of_all_values_lies_at_or_below_a_percentile(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_no_percentile_is_made_up_from_nothing():
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.99)


def test_a_figure_that_too_few_operations_stand_behind_is_not_in_the_line_and_says_so():
    report = Report(name="ack")
    assert not report.add("p99_ms", 12.0, "ms", n=LEAST_P99 - 1, least=LEAST_P99)
    assert report.add("p50_ms", 3.0, "ms", n=LEAST_P99 - 1, least=100)
    line = json.loads(report.line(n=LEAST_P99 - 1, seconds=1.0))
    assert [one["figure"] for one in line["figures"]] == ["p50_ms"]
    assert report.refused == ["p99_ms is not told: 999 operations, and it needs 1000"]


def test_the_line_has_the_form_that_records_are_kept_in():
    report = Report(name="ack")
    report.add("p99_ms", 81.234, "ms", n=1_000, least=1_000, baseline=8.1, target=below(100))
    report.add("share_busy", 0.85, "of the time", n=500, target=at_least(0.9))
    text = report.line(n=1_500, seconds=91.27)
    assert "\n" not in text
    line = json.loads(text)
    assert set(line) == {"name", "n", "seconds", "machine", "figures"}
    assert (line["name"], line["n"], line["seconds"]) == ("ack", 1_500, 91.3)
    assert "cores" in line["machine"]
    assert line["figures"] == [
        {
            "figure": "p99_ms",
            "value": 81.2,
            "unit": "ms",
            "baseline": 8.1,
            "ratio": 10.0,
            "target": "< 100",
            "holds": True,
        },
        {
            "figure": "share_busy",
            "value": 0.85,
            "unit": "of the time",
            "baseline": None,
            "ratio": None,
            "target": "≥ 0.9",
            "holds": False,
        },
    ]


def test_whether_a_target_holds_is_judged_before_the_figure_is_rounded():
    report = Report(name="memory")
    report.add("growth_10k_ratio", 1.1004, "", n=10_000, target=below(1.1))
    assert report.figures[0]["value"] == 1.1
    assert report.figures[0]["holds"] is False


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, 0.0), (0.012345, 0.0123), (12.345, 12.3), (1234.5, 1234.0), (99.96, 100.0)]
)
def test_figures_keep_three_digits_and_never_lose_whole_ones(value, shown):
    assert rounded(value) == shown


def test_a_target_that_is_a_ratio_is_judged_by_the_baseline_of_the_same_run():
    report = Report(name="dispatch")
    assert report.add("lease_p99_ms", 2.8, "ms", n=1_000, baseline=0.19, target=at_most_times(15))
    assert report.add("lease_p99_ms", 3.1, "ms", n=1_000, baseline=0.19, target=at_most_times(15))
    assert [(one["target"], one["holds"]) for one in report.figures] == [("≤ 15 ×", True), ("≤ 15 ×", False)]
    assert not report.add("lease_p99_ms", 3.1, "ms", n=1_000, target=at_most_times(15))
    assert report.refused == ["lease_p99_ms is not told: its baseline was not measured"]
