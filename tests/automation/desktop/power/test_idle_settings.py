"""What locks a screen and puts a machine to sleep, read from what each program publishes about itself."""

from __future__ import annotations

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
    read_xserver,
    span,
)
from automation.desktop.x11.connection import open_display
from tests.automation.desktop.power.test_logind import a_manager
from tests.display import VirtualDisplay

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


def test_gnome_locks_after_idle_time_and_delay_and_sleeps_as_its_power_settings_say() -> None:
    found = read_gnome(Programs(GNOME))
    assert said(found) == [("LOCKS", 330), ("SLEEPS", 900)]
    assert found[0].cure == "gsettings set org.gnome.desktop.screensaver lock-enabled false"
    assert "sleep-inactive-ac-type nothing" in found[1].cure
    assert str(found[0]) == "GNOME: the screen is locked after 6 min without a touch"
    unlocked = {**GNOME, "org.gnome.desktop.screensaver lock-enabled": "false"}
    assert said(read_gnome(Programs(unlocked)))[0] == ("BLANKS", 300)
    quiet = {**GNOME, "org.gnome.desktop.session idle-delay": "uint32 0"}
    assert said(read_gnome(Programs(quiet))) == [("SLEEPS", 900)]
    assert read_gnome(Programs({})) == []


def test_the_login_manager_suspends_by_idle_time_and_by_a_lid_where_there_is_one() -> None:
    told = {"IdleAction": "suspend", "IdleActionUSec": 1_800_000_000, "HandleLidSwitch": "suspend"}
    assert said(read_logind(told, has_lid=False)) == [("SLEEPS", 1800)]
    idle, lid = read_logind(told, has_lid=True)
    assert "IdleAction=ignore" in idle.cure
    assert (lid.after_s, "lid" in lid.when, "HandleLidSwitch=ignore" in lid.cure) == (None, True, True)
    docked = {**told, "IdleAction": "lock", "HandleLidSwitchExternalPower": "ignore"}
    assert said(read_logind(docked, has_lid=True)) == [("LOCKS", 1800)]
    assert read_logind({"IdleAction": "ignore"}, has_lid=True) == []


@pytest.mark.display
def test_the_x_servers_own_saver_is_read_from_the_server(display: VirtualDisplay) -> None:
    connection = open_display(display.name)
    try:
        connection.set_screen_saver(420, 0, 1, 1)
        connection.sync()
        [found] = [one for one in read_xserver(connection) if one.who == "the X server"]
        assert (found.does, found.after_s, found.cure) == (IdleEffect.BLANKS, 420, "xset s off")
        connection.set_screen_saver(0, 0, 1, 1)
        connection.sync()
        assert [one for one in read_xserver(connection) if one.who == "the X server"] == []
    finally:
        connection.close()


def a_machine(**changes: object) -> IdleSources:
    plain = {"variables": {"HOME": "/nowhere"}, "platform": "linux", "ask": Programs({}), "system_bus": "unix:path=/no"}
    return IdleSources(**{**plain, **changes})  # pyright: ignore[reportArgumentType] - a builder takes any field


def test_only_the_desktop_that_is_there_is_asked() -> None:
    told = Programs(GNOME)
    named = a_machine(variables={"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, ask=told)
    assert {habit.who for habit in find_idle_actions(named)} == {"GNOME"}
    over_ssh = a_machine(programs=frozenset({"gnome-shell", "sshd"}), ask=told)
    assert {habit.who for habit in find_idle_actions(over_ssh)} == {"GNOME"}
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


def test_this_machine_can_be_looked_at_and_a_display_that_is_gone_says_nothing() -> None:
    machine = idle_settings.this_machine({"HOME": "/nowhere"})
    assert any("python" in name or "pytest" in name for name in machine.programs)
    assert find_idle_actions(a_machine(), displays=["nonsense"]) == []


async def test_the_login_manager_is_asked_over_the_systems_bus(tmp_path: Path) -> None:
    import asyncio

    async with a_manager(tmp_path) as manager:
        machine = a_machine(system_bus=manager.address)
        found = await asyncio.to_thread(find_idle_actions, machine)
        assert said(found) == [("SLEEPS", 1800)]


def test_a_program_that_is_missing_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automation.desktop.power.idle_settings.ASKED_S", 60)
    assert ask(["/no/such/program"]) is None
    assert ask(["/bin/false"]) is None
    assert ask(["/bin/echo", "yes"]) == "yes\n"
    monkeypatch.setattr("automation.desktop.power.idle_settings.ASKED_S", 0.1)
    assert ask(["/bin/sleep", "600"]) is None


def test_spans_are_told_in_words() -> None:
    assert [span(seconds) for seconds in (45, 300, 9000)] == ["45 s", "5 min", "2.5 h"]
