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

from core.config.toml import TomlTable, line_of, read_toml
from core.kit.problems import KeyPath, Problem


def read(tmp_path: Path, text: str | bytes) -> tuple[TomlTable | None, list[Problem]]:
    (tmp_path / "some.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    problems: list[Problem] = []
    return read_toml(tmp_path, "some.toml", problems), problems


def paths(value: object, at: KeyPath = ()) -> Iterator[KeyPath]:
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from paths(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from paths(inner, (*at, index))


def test_each_key_has_its_line() -> None:
    text = (
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
"""
    )

    assert line_of(text, ("title",)) == 2
    assert line_of(text, ("owner",)) == 4
    assert line_of(text, ("owner", "name", "first")) == 5
    assert line_of(text, ("owner", "odd key")) == 8
    assert line_of(text, ("owner", "dates", 1)) == 10
    assert line_of(text, ("windows", 0)) == 13
    assert line_of(text, ("windows", 0, "box", "inner", "y", 1)) == 14
    assert line_of(text, ("windows", 0, "more", "a")) == 16
    assert line_of(text, ("windows", 1, "box", "x")) == 18
    assert line_of(text, ("windows", 1, "parts", 0, "b")) == 20


def test_a_key_that_is_not_there_takes_the_line_of_its_table(tmp_path: Path) -> None:
    file, problems = read(tmp_path, "\n\n[http]\nport = 1\n")
    assert file is not None

    assert line_of(file.text, ("discord", "host")) is None
    file.report(("http", "host"), "wrong", "is wrong")
    file.table("http").report(("port",), "wrong", "is wrong")
    assert [str(one) for one in problems] == ["some.toml:3: http.host: is wrong", "some.toml:4: http.port: is wrong"]


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
    file, problems = read(tmp_path, text)

    assert file is None
    assert [problem.line for problem in problems] == [line]


def test_a_byte_order_mark_is_called_that(tmp_path: Path) -> None:
    _, [problem] = read(tmp_path, b"\xef\xbb\xbfa = 1\n")
    assert problem.code == "byte_order_mark"


def test_deep_nesting_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    assert [problem.code for problem in read(tmp_path, "a = " + "[" * 50_000)[1]] == ["too_deep"]


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
def test_every_key_of_any_file_has_a_line(data: dict[str, object]) -> None:
    text = tomlkit.dumps(data)
    try:
        parsed = tomllib.loads(text.replace("\r\n", "\n"))
    except ValueError:
        return  # the writer's own slip, not the reader's
    last = text.count("\n") + 1
    assert all(1 <= (line_of(text, path) or 0) <= last for path in paths(parsed))
