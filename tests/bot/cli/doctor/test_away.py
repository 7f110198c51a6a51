"""What `octet doctor` says about locks, sleep, what holds them off, start at log-in and the ping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from automation.desktop.power.idle_settings import IdleAction, IdleEffect
from automation.desktop.power.inhibitors import NotInhibited
from bot.cli.doctor import machine
from bot.cli.doctor.model import Finding, FindingLevel
from core.config.loader import Config
from core.desks.model import Desk, UserActivityPolicy, Virtual
from core.home import Home
from core.settings.model import AlarmSettings, Settings
from tests.automation.desktop.power.test_awake import FakeHold
from tests.bot.cli.test_autostart import System, a_unit
from tests.builders import make_desk, make_window_agent

LOCKS = IdleAction(who="GNOME", does=IdleEffect.LOCKS, after_s=300, cure="gsettings set … false")
SLEEPS = IdleAction(who="the login manager", does=IdleEffect.SLEEPS, after_s=1800, cure="IdleAction=ignore")
LID = IdleAction(
    who="the login manager", does=IdleEffect.SLEEPS, after_s=None, when="when the lid is closed", cure="ignore it"
)
SCREEN = make_desk("agent-1")
AWAKE = replace(SCREEN, user_activity=UserActivityPolicy(stay_awake=True))
OWN = replace(SCREEN, virtual=Virtual(size="800x600", program=("xterm",)))


def judged(*found: IdleAction, desk: Desk = SCREEN) -> list[Finding]:
    return list(machine.judge_idle_actions(found, [desk]))


def config(desk: Desk) -> Config:
    agents = (make_window_agent("Ada", window="agent-1"),)
    return cast("Config", type("Partly", (), {"agents": agents, "desks": (desk,), "used_desks": Config.used_desks})())


def test_a_lock_matters_where_people_sit_and_says_how_to_change_it() -> None:
    [found] = judged(LOCKS)
    assert (found.level, found.cure) == (FindingLevel.WARNING, LOCKS.cure)
    assert "after 5 min without a touch" in found.what
    assert [one.level for one in judged(LOCKS, desk=OWN)] == [FindingLevel.OK, FindingLevel.OK]


def test_sleep_matters_everywhere_unless_the_machine_is_kept_awake() -> None:
    for desk in (SCREEN, OWN):
        [found] = judged(SLEEPS, desk=desk)
        assert found.level is FindingLevel.WARNING
        assert "stay_awake = true" in found.cure
    [held, quiet] = judged(SLEEPS, desk=AWAKE)
    assert (held.level, quiet.level) == (FindingLevel.OK, FindingLevel.OK)
    assert "not while work waits at desk main" in held.what


def test_a_lid_is_stronger_than_what_keeps_the_machine_awake() -> None:
    [found] = judged(LID, desk=AWAKE)
    assert (found.level, found.cure) == (FindingLevel.WARNING, LID.cure)


def test_a_quiet_machine_is_told_so() -> None:
    [quiet] = judged()
    assert "found nothing" in quiet.what


def test_this_machine_is_surveyed_where_agents_work_at_desks() -> None:
    assert all(isinstance(one, Finding) for one in machine.survey(config(replace(OWN, name="main"))))
    nobody = cast("Config", type("Nobody", (), {"agents": (), "desks": (SCREEN,), "used_desks": Config.used_desks})())
    assert list(machine.survey(nobody)) == []


def test_where_the_machine_shall_stay_awake_it_is_tried_for_a_moment() -> None:
    hold = FakeHold()
    [found] = machine.inhibitor(config(AWAKE), hold)
    assert (found.level, hold.acts) == (FindingLevel.OK, ["take", "give"])
    hold.why = "polkit refuses; start Octet in your own session"
    [found] = machine.inhibitor(config(AWAKE), hold)
    assert (found.level, hold.why in found.what, bool(found.cure)) == (FindingLevel.WARNING, True, True)
    assert list(machine.inhibitor(config(SCREEN), hold)) == []
    assert NotInhibited(why="x").why == "x"


def test_start_at_log_in_is_told_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = a_unit(tmp_path, System())
    monkeypatch.setattr(machine, "unit_of", lambda _: unit)
    assert "octet autostart install" in machine.at_login(Home(root=tmp_path)).what
    unit.install(now=False)
    assert str(unit.path) in machine.at_login(Home(root=tmp_path)).what


def test_the_ping_is_told_without_its_secret() -> None:
    plain: dict[str, Any] = dict(Settings.model_construct().__dict__)
    assert "OCTET_ALARM__PING_URL in .env" in machine.ping(Settings.model_construct(**plain)).what
    alarm = AlarmSettings.model_construct(ping_url=SecretStr("https://hc.example.org/the-secret"))
    told = machine.ping(Settings.model_construct(**{**plain, "alarm": alarm})).what
    assert "https://hc.example.org/…" in told
    assert "the-secret" not in told
