"""Mutations are applied to a copy, one at a time; what the tests detect is told from what they miss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.mutations import Mutation, Stale, attempt, mutated

SUM = "def add(a, b):\n    return a + b\n"
WRONG = Mutation(name="It subtracts", file="sums.py", old="a + b", new="a - b", tests=("tests/test_sums.py",))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sums.py").write_text(SUM)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_sums.py").write_text("from sums import add\ndef test_add(): assert add(2, 0) == 2\n")
    return tmp_path


@pytest.mark.parametrize("old", ["a * b", "a"])
def test_a_text_that_does_not_occur_once_is_stale(project: Path, old: str) -> None:
    with pytest.raises(Stale):
        mutated(SUM, replace(WRONG, old=old))
    assert attempt(project, replace(WRONG, old=old)).verdict == "stale"


def test_a_mutation_is_detected_or_survives_and_is_undone(project: Path) -> None:
    survived = attempt(project, WRONG)
    assert (survived.verdict, survived.by) == ("survived", "")
    (project / "tests" / "test_sums.py").write_text("from sums import add\ndef test_add(): assert add(2, 1) == 3\n")
    detected = attempt(project, WRONG)
    assert (detected.verdict, detected.by) == ("detected", "tests/test_sums.py::test_add")
    assert (project / "sums.py").read_text() == SUM


def test_a_mutation_whose_tests_are_gone_is_not_counted_as_detected(project: Path) -> None:
    assert attempt(project, replace(WRONG, tests=("tests/test_gone.py",))).verdict == "not tested"
