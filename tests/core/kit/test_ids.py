"""Ids give messages and deliveries their order, so no clock may bring that order out of step."""

from __future__ import annotations

from core.kit.ids import Ids
from tests.fakes.clock import FakeClock


def test_a_new_id_sorts_after_the_one_before_also_within_one_millisecond_and_after_a_step_back() -> None:
    clock = FakeClock()
    ids = Ids(clock)
    made = [ids.ulid() for _ in range(50)]
    clock.set_wall(-5)
    made += [ids.ulid() for _ in range(50)]
    clock.set_wall(10)
    made += [ids.ulid()]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}


def test_a_new_process_goes_on_after_the_newest_stored_id_whatever_its_clock_says() -> None:
    clock = FakeClock()
    stored = Ids(clock).ulid()
    clock.set_wall(-3600)
    ids = Ids(clock)
    ids.start_after(stored)
    ids.start_after("0" * 26)
    first, second = ids.ulid(), ids.ulid()
    assert stored < first < second
