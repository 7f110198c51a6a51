"""A failing test of displays, programs or sockets runs again alone; passing both times, it is listed as unsteady."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.durations import MEASURED, read
from scripts.needs import TIERS

ROOT = Path(__file__).resolve().parents[2]
ONCE = """
import os, time
from pathlib import Path
import pytest

def is_first(name):
    flag = Path(__file__).with_name(name)
    was_there = flag.exists()
    flag.touch()
    return not was_there
"""
FAILS_ONCE = 'def test_{0}():\n    print("what it said")\n    assert not is_first("{0}"), "the first failure"\n'
FAILS_IN_SETUP_ONCE = """
@pytest.fixture
def thing():
    assert not is_first("thing")

def test_fails_in_setup_once(thing): pass
"""
FAILS_IN_TEARDOWN_ONCE = """
@pytest.fixture
def thing():
    yield
    assert not is_first("thing")

def test_fails_in_teardown_once(thing): pass
"""
CRASHES_ONCE = """
@pytest.mark.display
def test_crashes_once():
    if is_first("crash"):
        os._exit(1)
"""
HANGS_ONCE = """
@pytest.mark.timeout(1)
def test_hangs_once():
    if is_first("hang"):
        time.sleep(60)
"""
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails_always(): assert False\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    marks = "".join(f"\n  {tier}" for tier in TIERS)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\naddopts = --import-mode=importlib\ntestpaths = tests\nmarkers ={marks}\n"
    )
    (tmp_path / "tests").mkdir()
    (tmp_path / "conftest.py").write_text((ROOT / "tests/runner.py").read_text())
    (tmp_path / "tests" / "test_unit.py").write_text(PASSES)
    return tmp_path


def write(suite: Path, file: str, *tests: str) -> None:
    path = suite / "tests" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ONCE + "\n".join(tests))


def run(suite: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over the suite, on a machine that has every package."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OCTET_TIERS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "TESTS_RUN_AGAIN"):
        environ.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", "-p", "pytest_timeout", *options],
        cwd=suite,
        env=environ,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


def after(heading: str, output: str) -> list[str]:
    """Return the lines from this heading on."""
    lines = output.splitlines()
    return lines[lines.index(heading) :]


def test_tests_that_crash_hang_or_fail_once_leave_the_run_green_and_are_listed(suite: Path) -> None:
    write(suite, "desktop/test_display.py", CRASHES_ONCE, PASSES)
    write(suite, "sandbox/test_sockets.py", HANGS_ONCE)
    write(suite, "e2e/test_house.py", FAILS_IN_TEARDOWN_ONCE)
    done = run(suite, "-n", "2", "--dist", "loadfile")
    assert done.returncode == 0, done.stdout
    assert "2 passed, 3 unsteady" in done.stdout
    assert "slowest files:" in done.stdout
    assert read(suite / MEASURED)[" ".join(TIERS)].processes == 2
    assert sorted(line.split()[0] for line in after("UNSTEADY (3)", done.stdout)[1:4]) == [
        "tests/desktop/test_display.py::test_crashes_once",
        "tests/e2e/test_house.py::test_fails_in_teardown_once",
        "tests/sandbox/test_sockets.py::test_hangs_once",
    ]
    assert len(list((suite / "tests/out/unsteady").iterdir())) == 3


def test_the_first_failure_is_kept_with_what_the_test_wrote(suite: Path) -> None:
    write(suite, "bot/discord/test_outbox.py", FAILS_ONCE.format("outbox"), FAILS_IN_SETUP_ONCE)
    done = run(suite)
    assert done.returncode == 0, done.stdout
    (kept,) = (suite / "tests/out/unsteady").glob("*outbox.py-test_outbox*")
    assert "the first failure" in kept.read_text()
    assert "what it said" in kept.read_text()
    assert "UNSTEADY (2)" in done.stdout.splitlines()
    assert str(kept.relative_to(suite)) in done.stdout


def test_a_test_that_fails_again_makes_the_run_red(suite: Path) -> None:
    write(suite, "e2e/test_house.py", FAILS, FAILS_ONCE.format("first"))
    done = run(suite, "-n", "2")
    assert done.returncode == 1, done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert after("UNSTEADY (1)", done.stdout)[1].split()[0] == "tests/e2e/test_house.py::test_first"
    assert after("FAILED AGAIN (1)", done.stdout)[1].split()[0] == "tests/e2e/test_house.py::test_fails_always"


def test_four_tests_that_fail_once_make_the_run_red(suite: Path) -> None:
    write(suite, "sandbox/test_sockets.py", *(FAILS_ONCE.format(f"case_{number}") for number in range(4)))
    done = run(suite)
    assert done.returncode == 1, done.stdout
    assert "4 failed, 1 passed" in done.stdout
    assert len(after("UNSTEADY (4)", done.stdout)[1:5]) == 4
    assert done.stdout.splitlines()[-1] == "The run is red: at most 3 unsteady tests are allowed."


def test_a_unit_test_that_fails_once_gets_no_second_run(suite: Path) -> None:
    write(suite, "core/test_rule.py", FAILS_ONCE.format("rule"))
    write(suite, "e2e/test_house.py", FAILS_ONCE.format("house"))
    done = run(suite)
    assert done.returncode == 1, done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert after("UNSTEADY (1)", done.stdout)[1].split()[0] == "tests/e2e/test_house.py::test_house"
    assert "test_rule" not in "\n".join(after("UNSTEADY (1)", done.stdout))


def test_a_run_that_stops_at_its_first_failure_runs_nothing_again(suite: Path) -> None:
    write(suite, "e2e/test_house.py", FAILS_ONCE.format("house"))
    done = run(suite, "-x")
    assert done.returncode == 1, done.stdout
    assert "UNSTEADY" not in done.stdout


def test_very_many_failures_are_not_run_again(suite: Path) -> None:
    write(suite, "e2e/test_house.py", *(FAILS_ONCE.format(f"case_{number}") for number in range(11)))
    done = run(suite)
    assert done.returncode == 1, done.stdout
    assert done.stdout.splitlines()[-1] == "11 tests that could be unsteady failed; more than 10 are not run again."
