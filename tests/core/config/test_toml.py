"""TOML with the line of each key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from core.config.toml import TomlFile, read_toml
from core.kit.problems import KeyPath, Problem


def read(tmp_path: Path, text: str | bytes) -> TomlFile | Problem:
    file = tmp_path / "some.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_toml(file, "config/some.toml")


def lines(tmp_path: Path, text: str) -> dict[KeyPath, int]:
    file = read(tmp_path, text)
    assert isinstance(file, TomlFile), file
    return file.lines


def paths(value: object, at: KeyPath = ()) -> Iterator[KeyPath]:
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from paths(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from paths(inner, (*at, index))


def test_each_key_has_the_line_it_stands_on(tmp_path: Path) -> None:
    found = lines(
        tmp_path,
        '''# a comment with [brackets] = "and quotes"
title = "x # no comment"

[owner]
name.first = """
two
"quoted" lines""" # = here
"odd key" = 'it'''
        + "'s'"[:1]
        + """
dates = [1979-05-27 07:32:00, # first
  1979-05-28,
]

[[windows]]
box = { x = 1, inner = { y = [1, 2] } }
[windows.more]
a = 1
[[windows]]
box = { x = 2 }
[[windows.parts]]
b = 1
""",
    )

    assert found["title",] == 2
    assert found["owner",] == 4
    assert found["owner", "name", "first"] == 5
    assert found["owner", "odd key"] == 8
    assert found["owner", "dates", 1] == 10
    assert found["windows", 0] == 13
    assert found["windows", 0, "box", "inner", "y", 1] == 14
    assert found["windows", 0, "more", "a"] == 16
    assert found["windows", 1, "box", "x"] == 18
    assert found["windows", 1, "parts", 0, "b"] == 20


def test_a_key_that_is_not_there_takes_the_line_of_its_table(tmp_path: Path) -> None:
    file = read(tmp_path, "\n\n[http]\nport = 1\n")
    assert isinstance(file, TomlFile)

    assert file.line(("http", "host")) == 3
    assert file.line(("discord", "host")) is None
    assert str(file.problem(("http", "host"), "is wrong")) == "config/some.toml:3: http.host: is wrong"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb\n", 2),
        ("a = 1\na = 2\n", 2),
        ('a = """x\n\n', 1),
        (b"a = 1\nb = '\xff'\n", 2),
        (b"\xef\xbb\xbfa = 1\n", 1),
        ("a = " + "9" * 5000, None),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_line(tmp_path: Path, text: str | bytes, line: int | None) -> None:
    problem = read(tmp_path, text)

    assert isinstance(problem, Problem)
    assert problem.line == line


def test_a_byte_order_mark_is_called_that(tmp_path: Path) -> None:
    problem = read(tmp_path, b"\xef\xbb\xbfa = 1\n")
    assert isinstance(problem, Problem)
    assert "without BOM" in problem.text


def test_deep_nesting_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, "a = " + "[" * 50_000), Problem)


keys = st.one_of(st.text(min_size=1, max_size=5), st.sampled_from(["a", "b", "c.d", "é", '"', "'", "#", ""]))
leaves = st.one_of(
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.sampled_from(['"""', "'''", "# x", "[a]", "\n[b]\n", "\\", "a = 1"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@given(data=st.dictionaries(keys, values, max_size=5))
def test_every_key_of_any_file_has_a_line(data: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    text = tomlkit.dumps(data)
    try:
        parsed = tomllib.loads(text.replace("\r\n", "\n"))
    except ValueError:
        return  # the writer's own slip, not the reader's
    file = read(tmp_path_factory.getbasetemp(), text)

    assert isinstance(file, TomlFile)
    last = text.count("\n") + 1
    assert set(paths(parsed)) <= set(file.lines)
    assert all(1 <= line <= last for line in file.lines.values())
