"""Tests cannot look away: a tier that cannot run ends the run, and what was not chosen is named last."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.needs import TIERS
from tests.tiers import LONG, LONG_RUN

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
    (tmp_path / "bin" / "bwrap").touch(mode=0o755)  # the one program that the unit tier needs
    return tmp_path


def run(suite: Path, tiers: str, programs: tuple[str, ...] = (), *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest over the story on a machine that has these programs only."""
    for program in programs:
        (suite / "bin" / program).touch(mode=0o755)
    quiet = ("-c", "/dev/null", "-p", "no:cacheprovider")
    marks = "markers=" + "\n".join([*TIERS, LONG, "hypothesis"])
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


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_long_tests_are_run_alone_on_request_and_the_last_line_says_how(
    suite: Path, processes: tuple[str, ...]
) -> None:
    (suite / "test_long.py").write_text(
        "import pytest\n\n@pytest.mark.long\ndef test_long(): pass\n\ndef test_short(): pass"
    )
    done = run(suite, "unit", (), "-m", "not long", *processes)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert done.stdout.splitlines()[-1] == "LONG: NOT RUN (1 tests): make test-long"
    done = run(suite, "unit", (), "-m", LONG_RUN, *processes)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "LONG" not in done.stdout


def test_ci_runs_both_commands_and_both_leave_out_nothing_else() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f'-m "{LONG_RUN}" --hypothesis-profile=long' in makefile
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if "make" in line and line[0] != "#"]
    assert commands == ["make test </dev/null", "exec make test-long </dev/null"]


def test_each_long_test_names_the_short_form_that_every_run_has() -> None:
    unknown = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "mark.long" in (source := path.read_text())
        for line in _without_short_form(ast.parse(source))
    ]
    assert unknown == []


def test_a_long_test_without_a_short_form_is_found() -> None:
    """The positive control."""
    source = '@pytest.mark.long\ndef test_a(): ...\n@pytest.mark.long(short="test_c")\ndef test_b(): ...\n'
    assert list(_without_short_form(ast.parse(source))) == [1, 3]
    assert list(_without_short_form(ast.parse(source.replace("test_c", "test_a")))) == [1]


def _without_short_form(tree: ast.Module) -> Iterator[int]:
    """Yield the line of each mark `long` that names no test of its file as `short`."""
    tests = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    named = [
        call.func
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and any(key.arg == "short" and ast.literal_eval(key.value) in tests for key in call.keywords)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.long" and node not in named:
            yield node.lineno


def test_a_tier_that_does_not_exist_is_refused(suite: Path) -> None:
    done = run(suite, "unit displays", ALL)
    assert done.returncode != 0
    assert '"displays"' in done.stderr


def test_examples_are_few_and_the_same_by_default_and_many_on_request() -> None:
    few, many, new = (settings.get_profile(name) for name in ("octet", "long", "explore"))
    assert (few.max_examples <= 20, few.derandomize) == (True, True)
    assert (many.max_examples >= 200, many.derandomize) == (True, True)
    assert (new.max_examples, new.derandomize) == (many.max_examples, False)
