"""Which profiles are proposed for which window."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.calibration.calibrator import Calibrator
from core.calibration.model import FoundWindow, Survey
from core.home import Home
from core.profiles.model import Box
from tests.fakes.display_probe import FakeDisplayProbe

ROOT = Path(__file__).parents[3]


def window(kind: str, title: str, program: str) -> FoundWindow:
    box = Box(x=0, y=0, width=600, height=400)
    return FoundWindow(id=1, kind=kind, title=title, program=program, box=box, is_shown=True, cover="")


@pytest.mark.parametrize(
    ("found", "proposed"),
    [
        (window("XTerm", "agent two", "xterm"), ("xterm",)),
        (window("XTerm", "✳ Claude Code", "xterm"), ("claude_code",)),
        (window("Xfce4-terminal", "Terminal - codex", "xfce4-terminal"), ("codex",)),
        (window("Cursor", "main.py — apollo — Cursor", "cursor"), ("cursor",)),
        (window("Strange", "anything", "strange"), ("generic",)),
        (replace(window("Sakura", "anything", "sakura"), is_terminal=True), ("generic_terminal",)),
        (replace(window("XTerm", "codex", "xterm"), is_terminal=True), ("codex", "xterm", "generic_terminal")),
        (window("Chromium", "My notes", "chromium"), ("generic",)),
        (window("Chromium", "ChatGPT", "chromium"), ("chatgpt_web", "generic")),
    ],
)
def test_a_title_names_the_program_and_a_generic_profile_comes_last(
    tmp_path: Path, found: FoundWindow, proposed: tuple[str, ...]
) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    calibration = Calibrator(home=Home(root=tmp_path), scout=FakeDisplayProbe())
    ((_, profiles),) = calibration.proposals(Survey(screen=found.box, monitors=(found.box,), windows=(found,)))
    assert profiles[: len(proposed)] == proposed
    if proposed[-1].startswith("generic"):
        assert profiles == proposed, "no disabled profile but for its own titles"
