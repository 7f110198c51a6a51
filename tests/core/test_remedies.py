"""Every code has an entry that says what it is and what to do next."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from core.kit.errors import Conflict
from core.proofs.model import CheckFault
from core.reasons import BlockCause, IdleSource, ParkCause, Reason, TaskActivity, WaitReason
from core.remedies import ENGLISH, REFUSALS, UNKNOWN, explain, next_step, refused, sentence

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"`/(\w+ [\w-]+)`")
ENUMS = (Reason, WaitReason, BlockCause, ParkCause, TaskActivity, IdleSource, CheckFault)
CODES = {code.value for enum in ENUMS for code in enum}


def test_no_code_lacks_its_entry_and_none_is_made_up() -> None:
    assert set(ENGLISH) == CODES


def test_no_two_codes_have_the_same_entry() -> None:
    assert len(set(ENGLISH.values())) == len(ENGLISH)
    assert UNKNOWN not in {then for _, then in ENGLISH.values()}


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_entry_says_what_it_is_and_in_whole_sentences_what_to_do(code: str) -> None:
    assert not sentence(code).endswith(".")
    assert next_step(code).endswith(".")
    assert len(next_step(code)) <= 200, "it stands beside what was seen, also on a phone"


def test_the_commands_that_are_named_are_there() -> None:
    listed = (ROOT / "docs/commands.md").read_text("utf-8")
    named = {match[1] for _, then in ENGLISH.values() for match in COMMAND.finditer(then)}
    assert {one for one in named if f"/{one}`" not in listed and f"octet {one}`" not in listed} == set()


def test_each_error_of_the_table_is_raised_and_each_raised_code_is_in_the_table() -> None:
    files = [path for part in ("bot", "core", "automation") for path in (ROOT / part).rglob("*.py")]
    nodes = [
        node for path in files if path.name != "remedies.py" for node in ast.walk(ast.parse(path.read_text("utf-8")))
    ]
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "refused"]
    named = {one.value for call in calls for one in ast.walk(call.args[0]) if isinstance(one, ast.Constant)}
    assert named <= set(REFUSALS)
    assert set(REFUSALS) <= {node.value for node in nodes if isinstance(node, ast.Constant)}


def test_an_error_of_the_table_has_its_family_code_and_sentence() -> None:
    error = refused("not_worked_on", id="T-1")
    assert isinstance(error, Conflict)
    assert (error.code, error.details) == ("not_worked_on", {"id": "T-1"})
    assert error.message == "No agent works on T-1 now, so there is nothing to stop."


def test_what_was_seen_follows_the_code_and_a_cause_comes_first() -> None:
    assert explain(Reason.COVERED, "by “Mail”") == "covered: by “Mail”"
    assert (explain(None, "it"), explain(Reason.MOVED, ""), explain(None, "")) == ("it", "moved", "")
    both = next_step(ParkCause.WINDOW, cause=Reason.COVERED)
    assert both == f"{next_step(Reason.COVERED)} {next_step(ParkCause.WINDOW)}"
    assert next_step(None) == UNKNOWN
