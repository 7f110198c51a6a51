"""Those who judge `bench/kills` see each breach: a real database, against windows that heard something else."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from bench.measure.lives import Lives
from bench.measure.tickets import Tickets
from bench.measure.town import Town
from bench.measure.truth import violations
from bot.cli.init.templates import copy_templates
from core.security.model import OPERATOR
from core.tasks.model import NewTask, TaskState
from tests.house import open_house

HELD = "json_set(data, '$.now', 'waiting', '$.reason', '')"
Heard = dict[str, list[str]]


@dataclass
class Desktop:
    """Windows that heard what the test says."""

    said: Heard
    windows: list[Any] = field(default_factory=list[Any])
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.windows = [SimpleNamespace(name=name) for name in self.said]

    async def heard(self, name: str) -> list[str]:
        return self.said[name]


@dataclass
class Case:
    """A home after three tasks at two windows, and what those windows heard."""

    home: Path
    heard: Heard
    briefs: dict[str, str]

    async def found(self) -> list[str]:
        async with aiohttp.ClientSession() as session:
            tickets = Tickets(self.home / "tickets")
            lives = Lives(home=self.home, environ=dict(os.environ), tickets=tickets, session=session)
            town = Town(lives=lives, desktop=Desktop(self.heard), briefs=self.briefs)  # type: ignore[arg-type] - what is asked of it
            return await violations(town, is_drained=False)


@pytest.fixture
async def case(tmp_path: Path) -> Case:
    home = tmp_path / "home"
    copy_templates(home / "config")
    async with open_house(home, agents=2) as house:
        briefs: dict[str, str] = {}
        for number, agent in enumerate(("Agent-1", "Agent-2", "Agent-1")):
            text = f"Piece of work {number}\nwith two lines"
            task = (await house.core.tasks.new(NewTask(brief=text, agent=agent), by=OPERATOR)).id
            await house.until(task, TaskState.WORKING)
            await house.core.tasks.done(task, "done", by=OPERATOR)
            briefs[task] = text
        heard: Heard = {"agent-1": [], "agent-2": []}
        for order in house.lane.orders:
            heard[order.window or ""].append(order.text)
    return Case(home, heard, briefs)


async def test_where_everything_is_as_it_should_be_nothing_is_found(case: Case) -> None:
    assert await case.found() == []


def forget_one(case: Case) -> None:
    case.heard["agent-1"].pop()


def hear_twice(case: Case) -> None:
    case.heard["agent-1"].append(case.heard["agent-1"][-1])


def hear_elsewhere(case: Case) -> None:
    case.heard["agent-2"].append(case.heard["agent-1"].pop())


def hear_a_strangers_words(case: Case) -> None:
    case.heard["agent-2"].append("ls -la")


def hear_other_letters(case: Case) -> None:
    case.heard["agent-1"][0] = case.heard["agent-1"][0].replace("two lines", "two  lines")


def hear_in_another_order(case: Case) -> None:
    case.heard["agent-1"].reverse()


def accept_more(case: Case) -> None:
    case.briefs["T-99"] = "nobody wrote it down"


def accept_otherwise(case: Case) -> None:
    case.briefs["T-1"] = "Piece of work 0\nwith other lines"


def write(statement: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        with closing(sqlite3.connect(case.home / "octet.db")) as database, database:
            database.execute(statement)

    return change


@pytest.mark.parametrize(
    ("breach", "named"),
    [
        (forget_one, "I6"),
        (hear_twice, "I3"),
        (hear_elsewhere, "I2"),
        (hear_a_strangers_words, "I2"),
        (hear_other_letters, "I4"),
        (hear_in_another_order, "order"),
        (accept_more, "I1"),
        (accept_otherwise, "I1"),
        (write("update deliveries set state = 'refused' where task = 'T-1'"), "I6"),
        (write("update journal set actor = 'somebody' where seq = 2"), "chain"),
        (write(f"update journal set data = {HELD} where name = 'TaskMoved'"), "I5"),
    ],
)
async def test_each_breach_is_found_by_its_name(case: Case, breach: Callable[[Case], None], named: str) -> None:
    breach(case)
    assert any(line.startswith(named) for line in await case.found())
