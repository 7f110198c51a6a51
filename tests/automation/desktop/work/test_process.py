"""Whatever happens in an attempt, it ends in an outcome, and nothing stays pressed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from automation.desktop.work.process import carry_out
from core.deliveries.model import Outcome, Result

SURE = Outcome(result=Result.DELIVERED)


class DisplayGone(Exception):
    pass


@dataclass(slots=True)
class Tried:
    outcome: Outcome | None = None
    let_go: int = 0
    given_back: int = 0
    keeps: bool = False

    def failed(self, note: str) -> Outcome:
        return Outcome(result=Result.FAILED, note=note)

    def give_back(self) -> None:
        self.given_back += 1
        if self.keeps:
            raise ValueError

    def release(self) -> None:
        self.let_go += 1


def carried(tried: Tried, error: Exception) -> Outcome:
    def run() -> Outcome:
        raise error

    return carry_out(run, tried, delivery="01", let_go=tried.release, passes=(DisplayGone,))


def test_an_error_becomes_a_failure_that_names_it_and_nothing_stays_pressed() -> None:
    tried = Tried()
    outcome = carried(tried, KeyError("the prompt itself"))
    assert (outcome.result, tried.let_go, tried.given_back) == (Result.FAILED, 1, 1)
    assert "KeyError" in outcome.note
    assert "the prompt itself" not in outcome.note


def test_what_was_certain_before_the_error_stays() -> None:
    assert carried(Tried(outcome=SURE), ValueError()) is SURE


def test_what_was_certain_is_told_also_when_the_window_cannot_be_given_back() -> None:
    """It is what failed first, mostly: the second try fails the same way."""
    tried = Tried(outcome=SURE, keeps=True)
    assert carried(tried, ValueError()) is SURE
    assert tried.given_back == 1


def test_an_error_that_is_not_about_the_attempt_is_raised() -> None:
    with pytest.raises(DisplayGone):
        carried(Tried(), DisplayGone())
