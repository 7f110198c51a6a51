"""The plan of the kills: each of the six moments three times, once for each victim, however many kills there are."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from bench.kills import MOMENTS, VICTIMS, WORKER, Kill, plan
from core.agents.model import AGENT_STEPS
from core.deliveries.model import DELIVERY_STEPS
from core.kit import faults
from core.tasks.model import TASK_STEPS


@pytest.mark.parametrize("count", [40, 300])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_plan_has_each_moment_three_times_over_all_victims(count: int, seed: int) -> None:
    kills = plan(count, random.Random(seed))
    assert len(kills) == count
    counted = Counter((kill.moment, kill.victim) for kill in kills if kill.moment)
    assert set(counted) == {(moment, victim) for moment in MOMENTS for victim in VICTIMS}
    rows = "".join("w" if kill.victim == WORKER else "." for kill in kills)
    assert "www" not in rows, "each worker in a row is started later than the one before"


def test_every_point_of_a_plan_is_one_that_octet_has() -> None:
    there = {*faults.POINTS, "task.new-ready.written", "task.new-ready.committed"}
    there |= {"delivery.new-queued.written", "delivery.new-queued.committed"}
    for what, table in (("agent", AGENT_STEPS), ("delivery", DELIVERY_STEPS), ("task", TASK_STEPS)):
        steps = [f"{what}.{was}-{to}" for was, allowed in table.items() for to in allowed]
        there |= {f"{step}.{moment}" for step in steps for moment in ("written", "committed")}
    assert {kill.point for kill in plan(300, random.Random(1))} - there == set()


@pytest.mark.parametrize(
    ("point", "victim", "act"),
    [
        ("worker.clicked", "worker", "kill"),
        ("worker.clicked", "coordinator", "kill other"),
        ("worker.clicked", "both", "kill both"),
        ("dispatch.taken", "coordinator", "kill"),
        ("dispatch.taken", "worker", "kill other"),
        ("dispatch.taken", "both", "kill both"),
    ],
)
def test_a_ticket_names_its_victim_from_the_side_of_the_one_who_takes_it(point: str, victim: str, act: str) -> None:
    assert Kill(point=point, victim=victim).act == act
