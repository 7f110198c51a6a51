"""docs/cards.md names what a card shows: each state with its sign and colour, and each button."""

from __future__ import annotations

from pathlib import Path

from bot.discord.parts import AMBER, BLUE, GREEN, GREY, RED
from bot.discord.render import STATES
from bot.discord.views.buttons import TaskButton
from core.tasks.model import TaskState

PAGE = (Path(__file__).parents[3] / "docs" / "cards.md").read_text(encoding="utf-8")
COLOURS = {GREEN: "green", RED: "red", AMBER: "amber", BLUE: "blue", GREY: "grey"}
UNUSED = {TaskState.REVIEW}
"""States that no task reaches yet."""


def test_each_state_is_explained_with_its_sign_and_colour() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for state, (colour, sign, words) in STATES.items():
        found = [row for row in rows if row.startswith(f"| {sign} {COLOURS[colour]} |") and f"*{words}*" in row]
        assert len(found) == (state not in UNUSED), (state, found)


def test_each_button_of_a_task_is_explained() -> None:
    kinds, labels = [TaskButton], set[str]()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        labels |= {label} if (label := getattr(kind, "_label", "").format("").strip()) else set()
    assert len(labels) > 10
    assert sorted(label for label in labels if f"| *{label}*" not in PAGE and f", *{label}*" not in PAGE) == []
