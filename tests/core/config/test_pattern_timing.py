"""Patterns of config/ on hostile screens: the time that each takes, and what `octet check` refuses."""

from __future__ import annotations

import itertools
import re
import time
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import AfterValidator, BaseModel

from bot.cli.check import FOLDERS, check
from bot.cli.init.command import copy_templates
from core.config import pattern_timing
from core.config.desk_schemas import WindowSchema
from core.config.profile_schema import ProfileFileSchema
from core.config.toml import TomlFile, read_folder
from core.home import Home
from core.kit.problems import ConfigWrong, KeyPath
from core.profiles import value_types as grammar

ROOT = Path(__file__).parents[3]
PATTERNS = {grammar._pattern, grammar._title, grammar._class}
OLD = r"Do you want to [^\n]*\?[\s\S]*❯?\s*1\. Yes"
"""Of the profile `claude_code`, once."""


def slow_clock() -> float:
    """Half of the time that passes: what ships is under the limit by far, also on a slow machine."""
    return time.process_time() / 2


def terminal(**patterns: str) -> TomlFile:
    lines: dict[KeyPath, int] = {("terminal", key): 7 for key in patterns}
    return TomlFile(name="config/profiles/mine.toml", data={"terminal": dict(patterns)}, lines=lines)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_pattern_that_ships_is_slow_on_any_hostile_screen(folder: str) -> None:
    files, _ = read_folder(ROOT, folder, [])
    assert [str(one) for file in files.values() for one in pattern_timing.too_slow(file, slow_clock)] == []


@pytest.mark.parametrize("pattern", [OLD, "(a+)+$"])
def test_a_pattern_that_repeats_without_bounds_is_refused_at_its_line(pattern: str) -> None:
    (problem,) = pattern_timing.too_slow(terminal(busy=pattern))
    assert re.match(r"config/profiles/mine\.toml:7: terminal\.busy: takes \d+ ms on a hostile screen", str(problem))
    assert "at most 50 ms are allowed" in str(problem)


@pytest.mark.parametrize(("takes_ms", "is_refused"), [(49, False), (51, True)])
def test_fifty_milliseconds_are_the_limit(takes_ms: int, is_refused: bool) -> None:  # noqa: FBT001 of the table
    clock = itertools.count(0, takes_ms)
    assert bool([*pattern_timing.too_slow(terminal(prompt="^> "), lambda: next(clock) / 1000)]) is is_refused


def test_a_search_that_was_slow_once_is_timed_again() -> None:
    clock = itertools.chain([0.0, 0.09], itertools.repeat(0.09))
    assert [*pattern_timing.too_slow(terminal(prompt="^> "), lambda: next(clock))] == []


def pattern_paths(schema: type[BaseModel], path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every place of a file at which a regular expression may stand."""
    for name, field in schema.model_fields.items():
        below = (*path, field.alias or name)
        for part in (field.annotation, *field.metadata, *all_parts(field.annotation)):
            if isinstance(part, AfterValidator) and part.func in PATTERNS:
                yield below
            elif isinstance(part, type) and issubclass(part, BaseModel):
                yield from pattern_paths(part, below)


def all_parts(annotation: object) -> Iterator[object]:
    for part in (*typing.get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield part
        yield from all_parts(part)


@pytest.mark.parametrize("schema", [ProfileFileSchema, WindowSchema])
def test_every_value_that_is_a_pattern_is_timed(schema: type[BaseModel]) -> None:
    paths = set(pattern_paths(schema))
    assert len(paths) >= {ProfileFileSchema: 20, WindowSchema: 1}[schema]
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
    file.write_text(file.read_text("utf-8").replace("busy = 'esc to interrupt'", "busy = '(a+)+$'"), "utf-8")
    with pytest.raises(ConfigWrong, match=r"codex\.toml:\d+: terminal\.busy: takes \d+ ms"):
        check(tmp_path)
