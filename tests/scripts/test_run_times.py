"""Each run tells its slowest files and its time by share; `make test` says before how long it will take."""

from __future__ import annotations

from pathlib import Path

from scripts.durations import COMMITTED, MEASURED, Duration, expected, record
from scripts.needs import TIERS
from tests.run_times import summary
from tests.tiers import BROWSER_AND_E2E, UNIT_AND_CONTRACT

ROOT = Path(__file__).resolve().parents[2]
WHOLE = " ".join(TIERS)


def test_the_ten_slowest_files_and_the_time_of_each_share_are_told() -> None:
    by_test = {f"tests/core/test_{number}.py::test_it": float(number) for number in range(12)}
    by_test |= {"tests/e2e/test_house.py::test_a[1::2]": 20.0, "tests/e2e/test_house.py::test_b": 30.0}
    told = summary(by_test, lambda name: BROWSER_AND_E2E if "e2e" in name else UNIT_AND_CONTRACT, 2, 61.26)
    assert told[:3] == ["slowest files:", "   50.0 s  tests/e2e/test_house.py", "   11.0 s  tests/core/test_11.py"]
    assert told[10:] == [
        "    3.0 s  tests/core/test_3.py",
        "time by share (the tests' time / 2 processes):",
        "   33.0 s  unit and contract",
        "    0.0 s  display",
        "   25.0 s  browser and tests/e2e",
        "   61.3 s  from start to end",
    ]


def test_the_expected_duration_is_that_of_the_last_whole_run_here(tmp_path: Path) -> None:
    record(tmp_path, "unit", Duration(15.0, 2))
    record(tmp_path, WHOLE, Duration(500.0, 2))
    assert expected(tmp_path, WHOLE) == "expected duration: about 9 min (as in the last whole run here, 2 processes)"


def test_without_a_run_the_committed_figure_is_told(tmp_path: Path) -> None:
    assert "not measured yet" in expected(tmp_path, WHOLE)
    (tmp_path / MEASURED).parent.mkdir(parents=True)
    (tmp_path / MEASURED).write_text("half a fi")
    (tmp_path / COMMITTED).parent.mkdir(parents=True)
    (tmp_path / COMMITTED).write_text((ROOT / COMMITTED).read_text())
    assert "as measured on two cores" in expected(tmp_path, WHOLE)
