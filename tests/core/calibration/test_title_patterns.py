"""By which part of its title a window is known again."""

from __future__ import annotations

import re

import pytest

from core.calibration.title_patterns import find_pattern

FOLDERS = ("apollo", "gemini", "mercury", "vostok", "soyuz", "voyager", "cassini", "juno")


def one(mine: list[str], *others: str) -> str | None:
    return find_pattern({1: mine, **{number: [title] for number, title in enumerate(others, start=2)}}, 1)


def test_eight_windows_of_one_program_are_told_apart_by_their_folders_while_their_files_change() -> None:
    titles = {
        number: [f"main.py — {folder} — Cursor", f"● test_{number}.py — {folder} — Cursor"]
        for number, folder in enumerate(FOLDERS)
    }

    found = {window: find_pattern(titles, window) for window in titles}

    assert found == {number: f"— {folder} — Cursor$" for number, folder in enumerate(FOLDERS)}
    later = [f"README.md — {folder} — Cursor" for folder in FOLDERS]
    for number, pattern in found.items():
        assert pattern is not None
        assert [title for title in later if re.search(pattern, title)] == [later[number]]


def test_a_folder_whose_name_is_a_part_of_anothers_is_told_from_it() -> None:
    titles = {1: ["x.py - api - Visual Studio Code"], 2: ["y.py - api-v2 - Visual Studio Code"], 3: ["my api - Code"]}

    assert find_pattern(titles, 1) == "- api - Visual Studio Code$"
    assert find_pattern(titles, 2) == "- api-v2 - Visual Studio Code$"


@pytest.mark.parametrize(
    ("mine", "others", "pattern"),
    [
        (["agent-1"], ["agent-2"], "^agent-1$"),
        (["agent-1 — gtk"], ["agent-2 — gtk"], "^agent-1 —"),
        (["Claude: apollo"], ["Claude: gemini"], ": apollo$"),
        (["main.py — apollo"], ["main.py — gemini"], "— apollo$"),
        (["(3) Planning - ChatGPT", "(4) Planning - ChatGPT"], ["Weather - Firefox"], "- ChatGPT$"),
        (
            ["/data/w5/a.txt - Mousepad", "*/data/w5/b c - Mousepad"],
            ["/data/w6/a.txt - Mousepad"],
            r"^\W*/data/w5/[^/]* -",
        ),
        (["~/w5/a.txt"], ["~/w5/sub/a.txt"], r"^\W*~/w5/[^/]*$"),
        (["a.txt - /data/w5 - Geany", "b.txt - /data/w5 - Geany"], ["a.txt - /data/w6 - Geany"], "- /data/w5 - Geany$"),
        (["C++ (draft) — x.y"], ["C — x.y"], r"^C\+\+ \(draft\) —"),
    ],
)
def test_the_part_that_stands_still_is_taken(mine: list[str], others: list[str], pattern: str) -> None:
    found = one(mine, *others)

    assert found == pattern
    assert all(re.search(pattern, title) for title in mine)


@pytest.mark.parametrize(
    ("mine", "pattern"),
    [
        (["*(Untitled)"], r"\(Untitled\)"),
        (["main.py"], r"main\.py"),
        (["● a.py: 3 %", "b.py: 3 %"], "3 %"),
        ([""], None),
        (["one", "other"], None),
    ],
)
def test_a_window_that_is_alone_of_its_program_is_known_by_whatever_it_is_called(
    mine: list[str], pattern: str | None
) -> None:
    assert one(mine) == pattern


@pytest.mark.parametrize(
    ("mine", "others"),
    [
        (["Cursor"], ["Cursor"]),
        (["main.py — Cursor"], ["test.py — Cursor"]),  # a file is nothing that stays
        (["/data/w5/a.txt - Mousepad"], ["/data/w5/b.txt - Mousepad"]),  # nor with its folder, which both have
        (["● apollo"], ["● gemini"]),
        (["New chat - Claude"], ["Planning - Claude"]),
        (["alpha — Cursor", "beta — Cursor"], ["gamma — Cursor"]),  # nothing but the program stood still
        ([""], ["Cursor"]),
    ],
)
def test_what_only_a_lively_part_tells_apart_is_not_told_apart(mine: list[str], others: list[str]) -> None:
    assert one(mine, *others) is None
