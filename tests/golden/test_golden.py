"""Words and payloads are what the golden files say. `make golden` writes them anew; review the difference."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest

from bot.verbs.catalogue import VERBS
from core.security.model import Permission
from tests.golden import files, sentences
from tests.golden.__main__ import mcp_tools
from tests.golden.tour import play


def test_each_code_has_the_sentence_of_the_golden_list() -> None:
    assert sentences.lines() == files.SENTENCES.read_text("utf-8").splitlines(), "run `make golden`, review its diff"


@pytest.mark.parametrize(
    "habit",
    [
        r"\bSeen:",
        r"\bends\b.* and says\b",
        r"\bits task\b",
        r"discord(-role)?:\d",
        r"\ba user\b",
        rf"^(?!error invalid_scope:).*\b({'|'.join(map(re.escape, Permission))})\b",  # it lists what users type there
    ],
)
def test_no_sentence_has_a_habit_that_readers_stumble_over(habit: str) -> None:
    assert [line for line in sentences.lines() if re.search(habit, line)] == []


def test_no_sentence_names_a_command_that_discord_does_not_offer() -> None:
    shown = [line for line in sentences.lines() if not line.startswith(("text bot.cli", "text bot.app"))]
    named = {name for line in shown for name in re.findall(r"/((?:task|msg|agent|desk|fleet|admin) [a-z-]+)", line)}
    assert len(named) > 10
    of_discover = {"agent add", "desk calibrate"}  # in lines that `/agent discover` shows as code
    assert named - of_discover <= {one.full_name for one in VERBS if one.discord == "default"}


def test_cards_have_at_most_forty_words_and_refusals_twenty_five_in_the_median() -> None:
    refusals = [line.partition(": ")[2] for line in sentences.lines() if line.startswith("error ")]
    assert statistics.median(len(one.split()) for one in refusals) <= 25
    payloads = json.loads(files.STRUCTURE.read_text("utf-8"))
    cards = [payload["shows"] for name, payload in payloads.items() if name.startswith("the card")]
    words = [
        sum(len(line.split()) for line in card if not line.startswith(("container ", "row", "button ")))
        for card in cards
    ]
    assert len(words) >= 4
    assert statistics.median(words) <= 40


async def test_discord_shows_the_twelve_payloads_of_the_golden_file(tmp_path: Path) -> None:
    assert await play(tmp_path) == json.loads(files.STRUCTURE.read_text("utf-8")), "run `make golden`, review its diff"


def test_agents_see_the_tools_of_the_golden_list() -> None:
    assert mcp_tools() == files.MCP_TOOLS.read_text("utf-8"), "run `make golden`, review its diff"
