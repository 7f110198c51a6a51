"""Recorded workflows of 22 to 1,004 tasks run to their end through simulated agents, each task after those it needs.

tests/data/workflow_graphs.json has, for each task of a run, the tasks that it needs: the shapes of runs that WfCommons
recorded (its package 1.6), without names, times or data."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from core.journal.model import Entry, Event
from core.tasks.model import ENDED, TaskId, TaskMoved, TaskState
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_model_agents import Answers, models
from tests.long_forms import mostly_long

GRAPHS: dict[str, list[list[int]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "workflow_graphs.json").read_text("utf-8")
)


@pytest.mark.parametrize("name", mostly_long(sorted(GRAPHS, key=lambda name: len(GRAPHS[name])), kept=len(GRAPHS) - 2))
async def test_a_recorded_workflow_runs_to_its_end_in_its_order(name: str, tmp_path: Path) -> None:
    needs, lane = GRAPHS[name], Answers()
    async with models(tmp_path, lane, agents=8) as octet:
        moves, news = list[Entry[TaskMoved]](), asyncio.Event()
        octet.journal.listen(TaskMoved, moves.append)
        octet.journal.listen(Event, lambda _: news.set())
        made: list[TaskId] = []
        for before in needs:
            after = frozenset(made[place] for place in before)
            made.append((await octet.tasks.new(make_new_task(after=after), by=ADA)).id)
        async with asyncio.timeout(120):
            while sum(octet.tasks.repository.cache.counts().get(one, 0) for one in ENDED) < len(needs):
                await news.wait()
                news.clear()
    ended = {one.event.task: one.seq for one in moves if one.event.now == TaskState.DONE}
    given = {one.event.task: one.seq for one in moves if one.event.now == TaskState.ASSIGNED}
    assert len(lane.orders) == len(given) == len(ended) == len(needs), "each task reached one agent, once"
    early = [
        (made[task], made[place])
        for task, before in enumerate(needs)
        for place in before
        if given[made[task]] < ended[made[place]]
    ]
    assert early == []
