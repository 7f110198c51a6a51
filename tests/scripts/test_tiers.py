"""Tests cannot look away: a tier that cannot run ends the run, and what was not chosen is named last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.needs import TIERS

ROOT = Path(__file__).resolve().parents[2]
STORY = """
import pytest
from hypothesis import settings

def test_unit(): pass

@pytest.mark.display
def test_display(): pass

@pytest.mark.contract
@pytest.mark.display
def test_both(): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_story.py").write_text(STORY)
    (tmp_path / "conftest.py").write_text((ROOT / "tests/runner.py").read_text())
    (tmp_path / "bin").mkdir()
    return tmp_path


def run(suite: Path, tiers: str, programs: tuple[str, ...] = (), *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over the story on a machine that has these programs only."""
    for program in programs:
        (suite / "bin" / program).touch(mode=0o755)
    quiet = ("-c", "/dev/null", "-p", "no:cacheprovider")
    marks = "markers=" + "\n".join(TIERS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *quiet, "-o", marks, *options, str(suite)],
        cwd=suite,
        env={"PATH": str(suite / "bin"), "PYTHONPATH": str(ROOT), "OCTET_TIERS": tiers},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


ALL = (
    "Xvfb",
    "openbox",
    "xterm",
    "fc-cache",
    "mousepad",
    "tmux",
    "xdotool",
    "xclip",
    "dbus-daemon",
    "xfce4-terminal",
    "urxvt",
    "sakura",
    "stterm",
    "chromium",
    "x86_64-w64-mingw32-gcc",
)


def test_all_tiers_run_where_everything_is_there(suite: Path) -> None:
    done = run(suite, "", ALL)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert "NOT RUN" not in done.stdout


def test_a_tier_that_cannot_run_ends_the_run_and_names_the_package(suite: Path) -> None:
    done = run(suite, "", ("openbox", "xterm", "fc-cache", "mousepad"))
    assert done.returncode == 1
    assert "xvfb" in done.stdout
    assert "passed" not in done.stdout


def test_a_tier_that_cannot_run_is_named_where_tests_are_spread_over_processes_too(suite: Path) -> None:
    done = run(suite, "", ("openbox", "xterm", "fc-cache", "mousepad"), "-n", "2")
    assert done.returncode == 1
    assert "needs packages that are missing: xvfb" in done.stdout
    assert "1 passed, 2 errors" in done.stdout


def test_fewer_tiers_are_said_on_the_last_line(suite: Path) -> None:
    done = run(suite, "unit contract")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 deselected" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last == 'NOT RUN: display, browser, database (chosen by OCTET_TIERS="unit contract")'


@pytest.mark.parametrize(
    ("account", "options", "last"),
    [
        (0, (), "SECOND ACCOUNT: RUN (1 tests), because this run is root's"),
        (1000, ("-n", "2"), "SECOND ACCOUNT: NOT RUN, because its tests need root: sudo make test-root"),
    ],
    ids=["root", "not root, two processes"],
)
def test_the_last_line_says_what_became_of_the_second_account(
    suite: Path, account: int, options: tuple[str, ...], last: str
) -> None:
    (suite / "test_second_account.py").write_text("def test_other_account(): pass")
    with (suite / "conftest.py").open("a") as conftest:
        conftest.write(f"\nos.geteuid = lambda: {account}\n")
    done = run(suite, "unit", (), *options)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == last


def test_a_tier_that_does_not_exist_is_refused(suite: Path) -> None:
    done = run(suite, "unit displays", ALL)
    assert done.returncode != 0
    assert '"displays"' in done.stderr


def test_examples_are_few_and_the_same_by_default_and_many_on_request() -> None:
    few, many = settings.get_profile("octet"), settings.get_profile("explore")
    assert (few.max_examples <= 40, few.derandomize) == (True, True)
    assert (many.max_examples >= 200, many.derandomize) == (True, False)
