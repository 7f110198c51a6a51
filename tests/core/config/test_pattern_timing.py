"""Patterns of config/ on hostile screens: the time that each takes, and what `octet check` refuses."""

from __future__ import annotations

import itertools
import re
import time
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import AfterValidator

from bot.cli.doctor.command import FOLDERS, check
from bot.cli.init.templates import copy_templates
from core.config import pattern_timing
from core.config.toml import TomlTable, read_folder
from core.config.validation import classes_in, hints_of
from core.desks.model import Window
from core.home import Home
from core.kit.problems import ConfigWrong, KeyPath, Problem
from core.profiles import value_types as grammar
from core.profiles.model import Profile

ROOT = Path(__file__).parents[3]
PATTERNS = {grammar._pattern, grammar._title, grammar._class}
OLD = r"Do you want to [^\n]*\?[\s\S]*❯?\s*1\. Yes"
"""Of the profile `claude_code`, once."""


def slow_clock() -> float:
    """Half of the time that passes: what ships is under the limit by far, also on a slow machine."""
    return time.process_time() / 2


def slow(clock: Callable[[], float] = time.process_time, **patterns: str) -> list[Problem]:
    text = "\n" * 5 + "[terminal]\n" + "".join(f"{key} = '{pattern}'\n" for key, pattern in patterns.items())
    file = TomlTable(name="config/profiles/mine.toml", data={"terminal": dict(patterns)}, text=text)
    pattern_timing.report_slow(file, clock)
    return file.problems


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_pattern_that_ships_is_slow_on_any_hostile_screen(folder: str) -> None:
    problems: list[Problem] = []
    for file in read_folder(ROOT, folder, problems)[0].values():
        pattern_timing.report_slow(file, slow_clock)
        pattern_timing.report_unanchored(file)
    assert problems == []


@pytest.mark.parametrize("pattern", [OLD, "(a+)+$"])
def test_a_pattern_that_repeats_without_bounds_is_refused_at_its_line(pattern: str) -> None:
    (problem,) = slow(busy=pattern)
    assert re.match(r"config/profiles/mine\.toml:7: terminal\.busy: takes \d+ ms on a hostile screen", str(problem))
    assert "at most 50 ms are allowed" in str(problem)


@pytest.mark.parametrize(
    ("pattern", "is_refused"), [("esc to interrupt", True), ("^esc", False), ("(?i)^esc", False), ("(?:^esc|b)", False)]
)
def test_a_sign_that_a_quotation_matches_is_refused(pattern: str, is_refused: bool) -> None:  # noqa: FBT001 of the table
    text = f"[terminal]\nbusy = '{pattern}'\nprompt = 'any'\n"
    file = TomlTable(name="mine.toml", data={"terminal": {"busy": pattern, "prompt": "any"}}, text=text)
    pattern_timing.report_unanchored(file)
    assert [problem.code for problem in file.problems] == ["unanchored"] * is_refused


@pytest.mark.parametrize(("takes_ms", "is_refused"), [(49, False), (51, True)])
def test_fifty_milliseconds_are_the_limit(takes_ms: int, is_refused: bool) -> None:  # noqa: FBT001 of the table
    clock = itertools.count(0, takes_ms)
    assert bool(slow(lambda: next(clock) / 1000, prompt="^> ")) is is_refused


def test_a_search_that_was_slow_once_is_timed_again() -> None:
    clock = itertools.chain([0.0, 0.09], itertools.repeat(0.09))
    assert slow(lambda: next(clock), prompt="^> ") == []


def pattern_paths(table: type, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every place of a file at which a regular expression may stand."""
    for key, annotation in hints_of(table).items():
        for part in all_parts(annotation):
            if isinstance(part, AfterValidator) and getattr(part.func, "check", None) in PATTERNS:
                yield (*path, key)
        for inner in classes_in(annotation):
            yield from pattern_paths(inner, (*path, key))


def all_parts(annotation: object) -> Iterator[object]:
    for part in (*typing.get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield part
        yield from all_parts(part)


@pytest.mark.parametrize("table", [Profile, Window])
def test_every_value_that_is_a_pattern_is_timed(table: type) -> None:
    paths = set(pattern_paths(table))
    assert len(paths) >= {Profile: 20, Window: 1}[table]
    assert {path for path in paths if not pattern_timing._is_pattern(path)} == set()
    for path in paths:
        data: object = OLD
        for key in reversed(path):
            data = {key: data}
        assert [*pattern_timing._patterns(data)] == [(path, OLD)]


def test_a_window_named_like_an_open_bracket_is_no_pattern() -> None:
    windows = [{"name": "(", "title": "— apollo$", "calibrated": {"terminal": {"prompt": "^> "}}}]
    assert [path for path, _ in pattern_timing._patterns({"windows": windows})] == [
        ("windows", 0, "title"),
        ("windows", 0, "calibrated", "terminal", "prompt"),
    ]


def test_check_refuses_a_home_with_a_slow_pattern(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    copy_templates(home.config)
    file = home.config / "profiles/codex.toml"
    for other in set(file.parent.glob("*.toml")) - {file, *file.parent.glob("demo_*")}:
        other.unlink()  # what no desk needs costs time only
    file.write_text(re.sub(r"(?m)^busy = .*$", "busy = '(a+)+$'", file.read_text("utf-8")), "utf-8")
    with pytest.raises(ConfigWrong, match=r"codex\.toml:\d+: terminal\.busy: must begin with \^.*: takes \d+ ms"):
        check(tmp_path)
