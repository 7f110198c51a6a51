"""What locks a screen and puts a machine to sleep, read from what each program publishes about itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from automation.desktop.power import idle_settings
from automation.desktop.power.idle_settings import (
    IdleAction,
    IdleEffect,
    IdleSources,
    ask,
    find_idle_actions,
    read_gnome,
    read_logind,
)
from tests.automation.desktop.power.test_logind import a_manager

GNOME = {
    "org.gnome.desktop.session idle-delay": "uint32 300",
    "org.gnome.desktop.screensaver lock-enabled": "true",
    "org.gnome.desktop.screensaver lock-delay": "uint32 30",
    "org.gnome.settings-daemon.plugins.power sleep-inactive-ac-type": "'suspend'",
    "org.gnome.settings-daemon.plugins.power sleep-inactive-ac-timeout": "900",
    "org.gnome.settings-daemon.plugins.power sleep-inactive-battery-type": "'nothing'",
    "org.gnome.settings-daemon.plugins.power sleep-inactive-battery-timeout": "900",
}


class Programs:
    """Answers as programs do that have these settings."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told

    def __call__(self, words: Sequence[str]) -> str | None:
        return next((text for key, text in self._told.items() if key in " ".join(words)), None)


def said(found: Sequence[IdleAction]) -> list[tuple[str, float | None]]:
    return [(habit.does.name, habit.after_s) for habit in found]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, [("LOCKS", 330), ("SLEEPS", 900)]),
        ({"org.gnome.desktop.screensaver lock-enabled": "false"}, [("SLEEPS", 900)]),
        ({"org.gnome.desktop.session idle-delay": "uint32 0"}, [("SLEEPS", 900)]),
    ],
)
def test_gnome_locks_after_idle_time_and_delay_and_sleeps_as_its_power_settings_say(
    changed: dict[str, str], expected: list[tuple[str, float]]
) -> None:
    assert said(read_gnome(Programs(GNOME | changed))) == expected
    assert read_gnome(Programs({})) == []


def test_the_login_manager_suspends_by_idle_time_and_by_a_lid_where_there_is_one() -> None:
    told = {"IdleAction": "suspend", "IdleActionUSec": 1_800_000_000, "HandleLidSwitch": "suspend"}
    assert said(read_logind(told, has_lid=False)) == [("SLEEPS", 1800)]
    idle, lid = read_logind(told, has_lid=True)
    assert "IdleAction=ignore" in idle.cure
    assert (lid.after_s, "HandleLidSwitch=ignore" in lid.cure) == (None, True)
    docked = {**told, "IdleAction": "lock", "HandleLidSwitchExternalPower": "ignore"}
    assert said(read_logind(docked, has_lid=True)) == [("LOCKS", 1800)]
    assert read_logind({"IdleAction": "ignore"}, has_lid=True) == []


def a_machine(**changes: object) -> IdleSources:
    plain = {"variables": {"HOME": "/nowhere"}, "platform": "linux", "ask": Programs({}), "system_bus": "unix:path=/no"}
    return IdleSources(**{**plain, **changes})  # pyright: ignore[reportArgumentType] - a builder takes any field


def test_only_the_desktop_that_is_there_is_asked() -> None:
    told = Programs(GNOME)
    named = a_machine(variables={"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, ask=told)
    over_ssh = a_machine(programs=frozenset({"gnome-shell", "sshd"}), ask=told)
    for machine in (named, over_ssh):
        assert {habit.who for habit in find_idle_actions(machine)} == {"GNOME"}
    assert find_idle_actions(a_machine(ask=told)) == []


@pytest.mark.parametrize(
    ("machine", "who"),
    [
        ({"variables": {"XDG_CURRENT_DESKTOP": "XFCE"}}, "Xfce"),
        ({"programs": frozenset({"plasmashell"})}, "KDE Plasma"),
        ({"programs": frozenset({"xscreensaver"})}, "xscreensaver"),
        ({"platform": "win32"}, "Windows"),
        ({"platform": "darwin"}, "macOS"),
    ],
)
def test_what_octet_does_not_read_is_named_with_where_to_look(machine: dict[str, object], who: str) -> None:
    [found] = find_idle_actions(a_machine(**machine))
    assert (found.who, found.does, found.cure) == (who, IdleEffect.UNREAD, idle_settings.GUIDE)


async def test_this_machine_is_looked_at_and_its_login_manager_asked_over_the_systems_bus(tmp_path: Path) -> None:
    programs = idle_settings.this_machine({"HOME": "/nowhere"}).programs
    assert any("python" in name or "pytest" in name for name in programs)
    async with a_manager(tmp_path) as manager:
        found = await asyncio.to_thread(find_idle_actions, a_machine(system_bus=manager.address))
        assert said(found) == [("SLEEPS", 1800)]


def test_a_program_that_is_missing_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_settings, "ASKED_S", 60)
    assert [ask(["/no/such/program"]), ask(["/bin/false"]), ask(["/bin/echo", "yes"])] == [None, None, "yes\n"]
    monkeypatch.setattr(idle_settings, "ASKED_S", 0.1)
    assert ask(["/bin/sleep", "600"]) is None
