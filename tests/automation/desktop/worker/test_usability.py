"""When a window that cannot be used is told: at once where a user is needed, and never for a short trouble."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from automation.desktop.worker.leftover_drafts import LASTS_S, PASSES_S, TYPING_S, USABLE_APART_S, UsabilityTracker
from core.deliveries.model import Reason
from core.desks.model import WindowStatus


def status(code: Reason | None = None, name: str = "one") -> WindowStatus:
    return WindowStatus(name=name, usable=not code, reason=code, note="seen" if code else "")


@dataclass
class Desk:
    """One window that a test changes, and the clock."""

    code: Reason | None = None
    now_s: float = 100.0
    looks: int = 0
    told: list[Reason | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.usability = UsabilityTracker(lambda one: self.told.append(one.reason), now_s=lambda: self.now_s)
        self.usability.note_status(status())
        assert self.told == [None], "a new worker says what is so"
        self.told.clear()

    def look(self, name: str) -> WindowStatus:
        self.looks += 1
        return status(self.code, name)

    def becomes(self, code: Reason | None) -> None:
        self.code = code
        self.usability.mark_changed(["one"])

    def passes(self, seconds: float) -> None:
        """Time passes; whatever is due is looked at when it is due."""
        end_s = self.now_s + seconds
        while (due_s := self.usability.due_in_s()) is not None and self.now_s + due_s <= end_s:
            self.now_s += due_s
            self.usability.look(self.look)
        self.now_s = end_s


@pytest.mark.parametrize("reason", [Reason.CLOSED, Reason.CHANGED, Reason.RESIZED, Reason.AMBIGUOUS])
def test_what_does_not_pass_is_told_within_seconds(reason: Reason) -> None:
    desk = Desk()
    desk.becomes(reason)
    desk.passes(USABLE_APART_S + LASTS_S)
    assert desk.told == [reason]


@pytest.mark.parametrize(
    ("reason", "lasts_s"),
    [(Reason.COVERED, PASSES_S), (Reason.MOVED, PASSES_S), (Reason.COMPOSER_NOT_EMPTY, TYPING_S), (Reason.CLOSED, 0.5)],
)
def test_a_short_trouble_is_never_told(reason: Reason, lasts_s: float) -> None:
    desk = Desk()
    desk.becomes(reason)
    desk.passes(lasts_s - 0.1)
    desk.becomes(None)
    desk.passes(60)
    assert desk.told == []


def test_a_trouble_that_stays_is_told_once_and_its_end_at_once() -> None:
    desk = Desk()
    desk.becomes(Reason.COVERED)
    desk.passes(USABLE_APART_S + PASSES_S + LASTS_S)
    for _ in range(20):
        desk.becomes(Reason.COVERED)
        desk.passes(1)
    assert desk.told == ["covered"]
    desk.becomes(None)
    desk.passes(USABLE_APART_S)
    assert desk.told == [Reason.COVERED, None]


def test_another_trouble_in_place_of_the_first_is_told() -> None:
    desk = Desk()
    desk.becomes(Reason.CLOSED)
    desk.passes(10)
    desk.becomes(Reason.RESIZED)
    desk.passes(10)
    assert desk.told == ["closed", "resized"]


def test_a_window_in_which_much_is_drawn_is_looked_at_every_two_seconds_and_a_still_one_never() -> None:
    desk = Desk()
    desk.passes(3600)
    assert (desk.looks, desk.usability.due_in_s()) == (0, None)
    for _ in range(100):
        desk.usability.mark_changed(["one"])
        desk.passes(0.1)
    assert 4 <= desk.looks <= 6


def test_of_several_windows_one_is_looked_at_between_two_jobs() -> None:
    desk = Desk()
    desk.usability.mark_changed(["one", "two"])
    desk.now_s += 10
    desk.usability.look(desk.look)
    assert (desk.looks, desk.usability.due_in_s()) == (1, 0.0)
