"""When a window that cannot be used, and a locked screen, are told: at once or after a while, and each once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from automation.desktop.worker.leftover_drafts import LASTS_S, PASSES_S, TYPING_S, USABLE_APART_S, UsabilityTracker
from automation.desktop.worker.user_presence import LOCKED_AFTER_S, ScreenLockWatch
from core.deliveries.model import Reason
from core.desks.model import WindowStatus
from tests.fakes.clock import FakeClock


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

    def becomes(self, code: Reason | None, seconds: float) -> None:
        """Become so, and stay so for this time."""
        self.code = code
        self.usability.mark_changed(["one"])
        self.passes(seconds)

    def passes(self, seconds: float) -> None:
        """Let time pass; what is due is looked at when it is due."""
        end_s = self.now_s + seconds
        while (due_s := self.usability.due_in_s()) is not None and self.now_s + due_s <= end_s:
            self.now_s += due_s
            self.usability.look(self.look)
        self.now_s = end_s


@pytest.mark.parametrize(
    ("reason", "other"),
    [
        (Reason.CLOSED, Reason.RESIZED),
        (Reason.CHANGED, Reason.CLOSED),
        (Reason.RESIZED, Reason.AMBIGUOUS),
        (Reason.AMBIGUOUS, Reason.CHANGED),
    ],
)
def test_what_does_not_pass_is_reported_within_seconds_and_another_trouble_in_its_place_too(
    reason: Reason, other: Reason
) -> None:
    desk = Desk()
    desk.becomes(reason, USABLE_APART_S + LASTS_S)
    assert desk.told == [reason]
    desk.becomes(other, 10)
    assert desk.told == [reason, other]


@pytest.mark.parametrize(
    ("reason", "lasts_s"),
    [(Reason.COVERED, PASSES_S), (Reason.MOVED, PASSES_S), (Reason.COMPOSER_NOT_EMPTY, TYPING_S), (Reason.CLOSED, 0.5)],
)
def test_a_short_trouble_is_never_told(reason: Reason, lasts_s: float) -> None:
    desk = Desk()
    desk.becomes(reason, lasts_s - 0.1)
    desk.becomes(None, 60)
    assert desk.told == []


def test_a_trouble_that_stays_is_reported_once_and_its_end_at_once() -> None:
    desk = Desk()
    desk.becomes(Reason.COVERED, USABLE_APART_S + PASSES_S + LASTS_S)
    for _ in range(20):
        desk.becomes(Reason.COVERED, 1)
    assert desk.told == [Reason.COVERED]
    desk.becomes(None, USABLE_APART_S)
    assert desk.told == [Reason.COVERED, None]


def test_a_window_in_which_much_is_drawn_is_looked_at_every_two_seconds_and_a_still_one_never() -> None:
    desk = Desk()
    desk.passes(3600)
    assert (desk.looks, desk.usability.due_in_s()) == (0, None)
    for _ in range(100):
        desk.becomes(None, 0.1)
    assert 4 <= desk.looks <= 6


def test_of_several_windows_one_is_looked_at_between_two_jobs() -> None:
    desk = Desk()
    desk.usability.mark_changed(["one", "two"])
    desk.now_s += 10
    desk.usability.look(desk.look)
    assert (desk.looks, desk.usability.due_in_s()) == (1, 0.0)


LONG, MENU = LOCKED_AFTER_S, LOCKED_AFTER_S - 0.1


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([(False, 0), (False, 0)], [False]),
        ([(False, 0), (True, MENU), (True, 0), (False, 0)], [False]),
        ([(True, MENU), (True, 0), (False, 0)] * 5, [False]),
        ([(False, 0), (True, LONG), (True, 0), (True, 0), (False, 0)], [False, True, False]),
        ([(True, MENU), (True, 0)], []),
        ([(True, LONG), (True, 0)], [True]),
    ],
    ids=[
        "the first look",
        "a menu",
        "menus one after the other",
        "a lock",
        "start, not sure yet",
        "start behind a lock",
    ],
)
def test_a_screen_is_locked_when_all_keys_are_taken_for_a_while_and_each_change_is_reported_once(
    looks: list[tuple[bool, float]], told: list[bool]
) -> None:
    clock, heard = FakeClock(), list[bool]()
    watch = ScreenLockWatch(heard.append, now_s=clock.monotonic_s)
    for is_taken, seconds in looks:
        watch.note_keyboard(is_taken=is_taken)
        clock.advance(seconds)
    assert heard == told


def test_another_cover_in_the_place_of_the_first_is_told() -> None:
    told: list[str] = []
    now_s = 100.0
    usability = UsabilityTracker(lambda one: told.append(one.note), now_s=lambda: now_s)
    for note in ("by a diary", "by a diary", "by a clock"):
        usability.note_status(WindowStatus(name="one", usable=False, reason=Reason.COVERED, note=note))
        now_s += PASSES_S
    assert told == ["by a diary", "by a clock"]
