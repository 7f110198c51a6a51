"""When a screen counts as locked: after a while, said once, and once that it is over."""

from __future__ import annotations

from automation.desktop.worker.user_presence import LOCKED_AFTER_S, ScreenLockWatch
from tests.fakes.clock import FakeClock


def test_a_screen_is_locked_when_all_keys_are_taken_for_a_while_and_each_change_is_told_once() -> None:
    clock = FakeClock()
    told: list[bool] = []
    watch = ScreenLockWatch(told.append, now_s=clock.monotonic_s)
    watch.note_keyboard(is_taken=False)
    watch.note_keyboard(is_taken=False)
    assert told == [False], "the first look is told, whatever it saw"
    watch.note_keyboard(is_taken=True)
    clock.advance(LOCKED_AFTER_S - 0.1)
    watch.note_keyboard(is_taken=True)
    assert told == [False], "a menu stands open for a moment"
    clock.advance(0.1)
    watch.note_keyboard(is_taken=True)
    watch.note_keyboard(is_taken=True)
    assert (told, watch.is_told_locked) == ([False, True], True)
    watch.note_keyboard(is_taken=False)
    assert (told, watch.is_told_locked) == ([False, True, False], False)


def test_menus_one_after_the_other_are_no_lock() -> None:
    clock = FakeClock()
    told: list[bool] = []
    watch = ScreenLockWatch(told.append, now_s=clock.monotonic_s)
    for _ in range(5):
        watch.note_keyboard(is_taken=True)
        clock.advance(LOCKED_AFTER_S - 1)
        watch.note_keyboard(is_taken=True)
        watch.note_keyboard(is_taken=False)
    assert told == [False]


def test_a_worker_that_starts_behind_a_locked_screen_tells_nothing_before_it_is_sure() -> None:
    clock = FakeClock()
    told: list[bool] = []
    watch = ScreenLockWatch(told.append, now_s=clock.monotonic_s)
    watch.note_keyboard(is_taken=True)
    assert told == []
    clock.advance(LOCKED_AFTER_S)
    watch.note_keyboard(is_taken=True)
    assert told == [True]
