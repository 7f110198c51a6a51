"""`octet calibrate --window`: which window it names, and what is refused."""

from __future__ import annotations

import pytest

from bot.cli.calibrate.named_windows import BadSpec, parse_spec
from core.calibration.model import (
    CalibrationWindowNotFound,
    Candidate,
    ChooseWindows,
    FoundWindow,
    Pick,
    SeveralWindows,
)
from core.profiles.model import Box


def window(number: int, title: str) -> Candidate:
    box = Box(x=100, y=50, width=400, height=300)
    found = FoundWindow(id=0x10 + number, kind="Chat", title=title, program="", box=box, is_shown=True)
    return Candidate(number=number, window=found)


QUESTION = ChooseWindows(
    desk="main", candidates=(window(1, "chat"), window(2, "chat, two"), window(3, "two")), monitors=()
)


@pytest.mark.parametrize(
    ("spec", "pick"),
    [
        ("title=chat,profile=gtk,agent=A", Pick(number=1, profile="gtk", agent="A")),
        ("title=chat, two,composer=-10,20", Pick(number=2, point=(490, 70))),
        ("id=0x13,composer=10,-20", Pick(number=3, point=(110, 330))),
        ("title=^two$,point=120,60,name=second", Pick(number=3, name="second", point=(120, 60))),
    ],
)
def test_a_window_is_named_by_its_title_or_its_number(spec: str, pick: Pick) -> None:
    assert parse_spec(spec).pick(QUESTION) == pick


@pytest.mark.parametrize(
    "spec", ["chat", "color=1,title=chat", "title=a,title=b", "profile=gtk", "id=x", "id=1,composer=1", "id=1,point=a"]
)
def test_a_spec_that_names_no_window_is_refused(spec: str) -> None:
    with pytest.raises(BadSpec):
        parse_spec(spec)


def test_a_spec_for_no_window_or_several_or_a_place_outside_is_refused() -> None:
    for spec, error in (
        ("title=mail", CalibrationWindowNotFound),
        ("title=ma(il", CalibrationWindowNotFound),
        ("title=t", SeveralWindows),
        ("id=0x11,composer=900,1", BadSpec),
    ):
        with pytest.raises(error):
            parse_spec(spec).pick(QUESTION)
