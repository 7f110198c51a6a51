"""`octet calibrate --all`: the windows of displays that are like one whose window was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.cli.calibrate import command as calibrate
from bot.cli.calibrate.console import Console
from bot.cli.init.templates import copy_templates
from core.calibration.model import CalibrationOptions, Candidate, ChooseWindows, FoundWindow, Pick
from core.home import Home
from core.kit.errors import Conflict
from core.profiles.model import Box

VIRTUAL = 'virtual = { size = "800x600", program = ["chat"] }\n'
WINDOW = """[[windows]]
name = "agent"
profile = "demo_tk"
title = "agent"
box = { x = 0, y = 0, width = 800, height = 600 }
[windows.calibrated]
composer = { box = { x = 100, y = 500, width = 600, height = 80 } }
"""


def candidate(number: int, kind: str, width: int) -> Candidate:
    box = Box(x=10, y=20, width=width, height=600)
    window = FoundWindow(id=number, kind=kind, title=f"chat {number}", program="", box=box, is_shown=True)
    return Candidate(number=number, window=window)


async def test_each_like_display_without_windows_is_connected_and_a_failure_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(root=tmp_path)
    copy_templates(home.config)
    larger = VIRTUAL.replace("800x600", "900x600")
    desks = {
        "desk-1": VIRTUAL + WINDOW,
        "desk-2": VIRTUAL,
        "desk-3": larger,
        "desk-4": VIRTUAL,
        "desk-5": VIRTUAL + WINDOW,
    }
    for name, text in desks.items():
        (home.config / f"desks/{name}.toml").write_text(text, "utf-8")
    done: list[tuple[str, list[Pick]]] = []
    question = ChooseWindows(
        desk="",
        candidates=(candidate(1, "Clock", 800), candidate(2, "OctetChat", 700), candidate(3, "OctetChat", 800)),
        monitors=(),
    )

    async def calibrate_windows(_: Home, wishes: CalibrationOptions, console: Console, *, desk: str, **__: Any) -> int:
        assert (wishes, console.yes, console.is_person) == (CalibrationOptions(), True, False)
        assert console.picks is not None
        done.append((desk, list(console.picks(question))))
        if desk == "desk-2":
            raise Conflict
        return 0

    monkeypatch.setattr(calibrate, "calibrate_windows", calibrate_windows)
    assert await calibrate.calibrate_alike(home, "desk-1", Console(is_person=True)) == 1
    picks = [Pick(number=3, profile="demo_tk", point=(410, 560))]
    assert done == [("desk-2", picks), ("desk-4", picks)]
    done.clear()
    assert await calibrate.calibrate_alike(home, "main", Console(is_person=True)) == 0
    assert done == []


async def test_where_the_first_window_has_a_prompt_octet_looks_for_that_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle of such a window is its transcript, which takes no text."""
    home, picks = Home(root=tmp_path), list[Pick]()
    copy_templates(home.config)
    measured = WINDOW.replace("height = 80 }", "height = 80 }, prompt = { x = 100, y = 540, width = 11, height = 15 }")
    (home.config / "desks/desk-1.toml").write_text(VIRTUAL + measured, "utf-8")
    (home.config / "desks/desk-2.toml").write_text(VIRTUAL, "utf-8")
    question = ChooseWindows(desk="", candidates=(candidate(1, "OctetChat", 800),), monitors=())

    async def calibrate_windows(_: Home, __: CalibrationOptions, console: Console, **___: Any) -> int:
        assert console.picks is not None
        picks.extend(console.picks(question))
        return 0

    monkeypatch.setattr(calibrate, "calibrate_windows", calibrate_windows)
    assert await calibrate.calibrate_alike(home, "desk-1", Console(is_person=True)) == 0
    assert picks == [Pick(number=1, profile="demo_tk")]
