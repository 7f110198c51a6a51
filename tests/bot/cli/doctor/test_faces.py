"""What `octet doctor` says about the port, and about the Octet that runs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

from bot.cli.doctor import home as doctor
from bot.cli.doctor.model import Finding, FindingLevel
from core.desks.model import DeskNow, DeskState
from core.fleet.model import Part, Ping, Trouble, Wellness
from core.home import Home
from core.maintenance.model import Ailment, Diagnosis
from core.reasons import Reason
from core.remedies import next_step
from core.settings.model import HttpSettings, Settings
from tests.house import open_house

QUIET = "127.0.7.3"
"""A loopback address of this file's own: nobody else takes a port there that was free a moment ago."""


def settings(**changes: object) -> Settings:
    return Settings.model_construct(**{**Settings.model_construct().__dict__, **changes})


def test_a_taken_port_is_a_warning_and_a_free_one_is_fine(tmp_path: Path) -> None:
    with socket.create_server((QUIET, 0)) as other:
        http = HttpSettings(host=QUIET, port=other.getsockname()[1])
        assert doctor.port(Home(root=tmp_path), settings(http=http)).level is FindingLevel.WARNING
    assert doctor.port(Home(root=tmp_path), settings(http=http)).level is FindingLevel.OK


def levels(found: list[Finding]) -> list[str]:
    return [one.level.value for one in found]


def health(*, ping: Ping | None = None, counts: bool | None = None) -> Wellness:
    troubles: list[Trouble] = []
    if counts is not None:
        what = "Desk main is lost."
        troubles = [Trouble(part=Part.DESK, name="main", what=what, next="Mend it.", since_ms=1, counts=counts)]
    return Wellness(troubles=tuple(troubles), ping=ping or Ping(), at_ms=1)


def a_ping(*, why: str = "", is_held_back: bool = False) -> Ping:
    return Ping(is_wanted=True, where="https://x/…", last_ms=1, failing_since_ms=1, note=why, is_held_back=is_held_back)


def test_what_is_not_well_is_a_problem_once_it_has_lasted() -> None:
    assert levels(list(doctor.health_of(health()))) == ["ok"]
    assert levels(list(doctor.health_of(health(counts=False)))) == ["warning", "ok"]
    [lasting] = doctor.health_of(health(counts=True))
    assert (lasting.level, lasting.cure) == (FindingLevel.PROBLEM, "Mend it.")


def test_a_ping_that_is_held_back_or_not_taken_is_a_warning() -> None:
    assert levels(list(doctor.health_of(health(ping=a_ping())))) == ["ok", "ok"]
    held = list(doctor.health_of(health(ping=a_ping(is_held_back=True), counts=True)))
    assert levels(held) == ["problem", "warning"]
    [_, not_taken] = doctor.health_of(health(ping=a_ping(why="status 500")))
    assert (not_taken.level, "status 500" in not_taken.what) == (FindingLevel.WARNING, True)


def test_desks_and_their_windows_are_told_with_what_to_do_about_each() -> None:
    well = Diagnosis(desk="main", state=DeskState.READY, windows=4, ailments=())
    assert levels(list(doctor.desks_of([well]))) == ["ok"]
    covered = Ailment(window="agent-1", agent="Agent-1", reason=Reason.COVERED)
    [found] = doctor.desks_of([replace(well, ailments=(covered,))])
    assert (found.level, found.cure) == (FindingLevel.WARNING, next_step(Reason.COVERED))
    assert found.what == "running: desk main: window agent-1: covered"


async def test_the_octet_that_runs_is_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.served({"XDG_RUNTIME_DIR": str(tmp_path / "run")}):
        home = Home(root=tmp_path)
        found = await asyncio.to_thread(lambda: list(doctor.at_work(home)))
        assert levels(found) == ["ok", "ok"], found
        house.core.desks.worker_is("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display went away"))
        found = await asyncio.to_thread(lambda: list(doctor.at_work(home)))
        assert "its display went away" in found[0].what
    assert list(doctor.at_work(home)) == [], "it does not run any more"


async def test_a_process_that_is_said_to_be_octet_and_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    with socket.create_server((QUIET, 0)) as gone:
        port = gone.getsockname()[1]
    fields = {"pid": os.getpid(), "address": QUIET, "port": port, "token": "t", "home": str(tmp_path)}
    run = {**fields, "home_id": "h", "version": "1", "started_ms": 1}
    (tmp_path / "run.json").write_text(json.dumps(run))
    [found] = doctor.at_work(Home(root=tmp_path))
    assert (found.level, "does not answer" in found.what) == (FindingLevel.PROBLEM, True)
