"""Every refusal has a sentence of its own that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.deliveries.cures import CURES, UNKNOWN, cure, reason_of, told
from core.deliveries.model import Reason

ROOT = Path(__file__).resolve().parents[3]
COMMAND = re.compile(r"`/(?P<group>\w+) (?P<verb>[\w-]+)`")
DOES = re.compile(
    r"\b(open|move|look|give|show|send|delete|unlock|close|end|let go|choose|see|switch|answer|shorten|raise|say|free|"
    r"puts|takes|gives|brings|lets|cuts|nothing need be done|restart|press)\b",
    re.IGNORECASE,
)
"""What somebody can do, or that nobody has to."""


def test_no_reason_lacks_its_cure_and_none_is_made_up() -> None:
    assert set(CURES) == set(Reason)
    assert list(CURES) == list(Reason), "in the order of the reasons, so that a reader finds them"


def test_no_two_reasons_have_the_same_cure() -> None:
    assert len(set(CURES.values())) == len(CURES)
    assert UNKNOWN not in CURES.values()


@pytest.mark.parametrize("reason", list(Reason))
def test_a_cure_is_a_whole_sentence_that_says_what_to_do(reason: Reason) -> None:
    said = CURES[reason]
    assert said.endswith(".")
    assert len(said) <= 200, "it stands beside what was seen, also on a phone"
    assert DOES.search(said), said


def test_the_commands_that_cures_name_are_there() -> None:
    listed = (ROOT / "docs/discord.md").read_text("utf-8")
    named = {match[0] for said in CURES.values() for match in COMMAND.finditer(said)}
    assert {command for command in named if command not in listed} == set()


def test_a_reason_is_known_from_what_was_noted_of_it() -> None:
    assert reason_of("moved: it stands at 1,2, configured is 3,4") is Reason.MOVED
    assert reason_of(Reason.HIDDEN.value) is Reason.HIDDEN
    assert reason_of("something else") is None
    assert cure(None) == UNKNOWN


def test_what_follows_a_reason_does_not_hide_it() -> None:
    assert reason_of("covered by “Mail”") is Reason.COVERED
    assert reason_of(f"{Reason.POISON.value}: 3 times") is Reason.POISON, "not the shorter one that it begins with"
    assert reason_of("closeddown") is None
    assert told("covered by “Mail”") == CURES[Reason.COVERED]
    assert told("delivery unknown") == told("") == ""
