"""Old files of coordinates: which windows they mean, and what is wrong with those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.calibrate.named_windows import BadCoordinates, pick_windows, read_coordinates
from core.calibration.model import Candidate, ChooseWindows, FoundWindow, Pick
from core.profiles.model import Box

LEFT, MAIN = Box(x=-1920, y=0, width=1920, height=1080), Box(x=0, y=0, width=1920, height=1080)
FILE = """\ufeff{"version": "2.0", "agents": {
  "Agent-1": {"active": true, "chat_input_coordinates": [-1269, 481], "onboarding_input_coords": [-1265, 171]},
  "Agent-5": {"chat_input_coordinates": [652, 421.0], "colour": "red"},
  "Agent-9": {"active": false, "chat_input_coordinates": [9, 9]}}}"""


def window(number: int, x: int, width: int, *, profile: str = "", cover: str = "") -> Candidate:
    box = Box(x=x, y=0, width=width, height=600)
    found = FoundWindow(
        id=number, kind="Chat", title=f"chat {number}", program="", box=box, is_shown=True, cover=cover
    )  # fmt: skip
    return Candidate(number=number, window=found, profile=profile)


def asked(*candidates: Candidate, monitors: tuple[Box, ...] = (LEFT, MAIN)) -> ChooseWindows:
    return ChooseWindows(desk="main", candidates=candidates, monitors=monitors)


def test_each_active_agent_gets_the_window_under_its_point_and_that_windows_profile(tmp_path: Path) -> None:
    file = tmp_path / "cursor_agent_coords.json"
    file.write_text(FILE, encoding="utf-8")
    points = read_coordinates(file)
    assert points == {"Agent-1": (-1269, 481), "Agent-5": (652, 421)}

    covered = window(4, 0, 1900, cover="“chat 2”")
    question = asked(window(1, -1800, 900, profile="cursor"), covered, window(2, 300, 700))
    assert pick_windows(file, points, "gtk", question) == [
        Pick(number=1, agent="Agent-1", point=(-1269, 481)),
        Pick(number=2, agent="Agent-5", profile="gtk", point=(652, 421)),
    ]


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ({"A": (5, 700)}, "no window is under A at 5,700; open it where it used to be"),
        ({"A": (400, 9), "B": (900, 9)}, "A and B are in one window, “chat 2”"),
        ({"A": (-9, 9)}, "A is at -9,9, outside of every monitor (1920×1080 from 0,0); --shift x,y moves all points"),
    ],
)
def test_points_that_mean_no_window_of_their_own_are_named(points: dict[str, tuple[int, int]], why: str) -> None:
    with pytest.raises(BadCoordinates) as wrong:
        pick_windows(Path("old.json"), points, "", asked(window(2, 300, 700), monitors=(MAIN,)))
    assert wrong.value.message == f"Octet cannot import old.json: {why}."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not valid JSON in UTF-8"),
        ("7", "Octet reads this shape"),
        ('{"agents": {"A": {"chat_input_coordinates": [1]}}}', "A has no chat_input_coordinates"),
        ('{"agents": {"A": {}, "a": {}}}', "duplicate key: A, a"),
        ('{"agents": {"A": {"x": 1}}}', "A has no chat_input_coordinates"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "old.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadCoordinates) as wrong:
        read_coordinates(file)
    assert why in wrong.value.message
