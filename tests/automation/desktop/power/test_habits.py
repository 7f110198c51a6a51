"""What locks a screen and puts a machine to sleep, read from what each program publishes about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from automation.desktop.power import desktops, lockers, survey, systems
from automation.desktop.power.habits import IdleAction, IdleEffect, ask, span
from automation.desktop.power.survey import IdleSources, look
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
XFCE_SAVER = """/lock/enabled                    true
/saver/enabled                   true
/saver/idle-activation/delay     10
"""
XFCE_POWER = """/xfce4-power-manager/inactivity-on-ac             30
/xfce4-power-manager/inactivity-on-battery        14
/xfce4-power-manager/inactivity-sleep-mode-on-ac  1
"""
POWERCFG = """Energieschema-GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (Ausbalanciert)
  GUID der Untergruppe: 238c9fa8-0aad-41ed-83f4-97be242c8f20  (Energie sparen)
    GUID der Energieeinstellung: 29f6c1db-86da-48c5-9fdb-f2b67b1f44da  (Deaktivierung nach)
      Minimal mögliche Einstellung: 0x00000000
      Maximal mögliche Einstellung: 0xffffffff
      Inkrement für mögliche Einstellungen: 0x00000001
    Index der aktuellen Wechselstromeinstellung: 0x00000708
    Index der aktuellen Gleichstromeinstellung: 0x00000384
"""
PMSET = """System-wide power settings:
Currently in use:
 standby              1
 Sleep On Power Button 1
 hibernatefile        /var/vm/sleepimage
 powernap             1
 sleep                10 (sleep prevented by caffeinate)
 displaysleep         5
"""


class Programs:
    """Answers as programs do that have these settings."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told

    def __call__(self, words: Sequence[str]) -> str | None:
        return next((text for key, text in self._told.items() if key in " ".join(words)), None)


def said(found: Sequence[IdleAction]) -> list[tuple[str, float | None]]:
    return [(habit.does.name, habit.after_s) for habit in found]


def test_gnome_locks_after_idle_time_and_delay_and_sleeps_as_its_power_settings_say() -> None:
    found = desktops.gnome(Programs(GNOME))
    assert said(found) == [("LOCKS", 330), ("SLEEPS", 900)]
    assert found[0].cure == "gsettings set org.gnome.desktop.screensaver lock-enabled false"
    assert "sleep-inactive-ac-type nothing" in found[1].cure
    assert str(found[0]) == "GNOME: the screen is locked after 6 min without a touch"
    unlocked = {**GNOME, "org.gnome.desktop.screensaver lock-enabled": "false"}
    assert said(desktops.gnome(Programs(unlocked)))[0] == ("BLANKS", 300)
    quiet = {**GNOME, "org.gnome.desktop.session idle-delay": "uint32 0"}
    assert said(desktops.gnome(Programs(quiet))) == [("SLEEPS", 900)]
    assert desktops.gnome(Programs({})) == []


def test_cinnamon_and_mate_have_their_own_schemas_and_units() -> None:
    cinnamon = {
        "org.cinnamon.desktop.session idle-delay": "uint32 600",
        "org.cinnamon.desktop.screensaver lock-enabled": "true",
        "org.cinnamon.desktop.screensaver lock-delay": "uint32 2",
        "org.cinnamon.settings-daemon.plugins.power sleep-inactive-ac-timeout": "1800",
    }
    found = desktops.gnome(Programs(cinnamon), desktops.CINNAMON)
    assert said(found) == [("LOCKS", 602), ("SLEEPS", 1800)]
    assert found[1].cure.endswith("sleep-inactive-ac-timeout 0")
    mate = {
        "org.mate.session idle-delay": "5",
        "org.mate.screensaver lock-enabled": "true",
        "org.mate.screensaver lock-delay": "0",
    }
    assert said(desktops.gnome(Programs(mate), desktops.MATE)) == [("LOCKS", 300)]


def test_xfce_is_read_from_its_channels_with_the_defaults_of_what_is_not_set() -> None:
    both = Programs({"-c xfce4-screensaver": XFCE_SAVER, "-c xfce4-power-manager": XFCE_POWER})
    found = desktops.xfce(both)
    assert said(found) == [("LOCKS", 600), ("SLEEPS", 1800)]
    assert "-s 14" in found[1].cure
    dark = Programs(
        {"-c xfce4-screensaver": XFCE_SAVER.replace("/lock/enabled                    true", "/lock/enabled false")}
    )
    assert said(desktops.xfce(dark)) == [("BLANKS", 600)]
    assert desktops.xfce(Programs({})) == []
    assert said(desktops.xfce(Programs({}), has_saver=True)) == [("LOCKS", 300)]


def test_kde_is_read_from_its_files_of_both_generations(tmp_path: Path) -> None:
    found = desktops.kde(tmp_path)
    assert said(found) == [("LOCKS", 300), ("SLEEPS", 900), ("SLEEPS", 600)], "Plasma locks and sleeps by default"
    assert "by its default, as nothing is set" in str(found[1])
    assert "on battery, by its default" in str(found[2])
    assert "AutoSuspendAction 0" in found[1].cure
    (tmp_path / "kscreenlockerrc").write_text("[Daemon]\nAutolock=false\nTimeout=10\n")
    (tmp_path / "powermanagementprofilesrc").write_text("[AC][SuspendSession]\nidleTime=600000\nsuspendType=1\n")
    assert said(desktops.kde(tmp_path)) == [("SLEEPS", 600)]
    never_on_battery = "[Battery][SuspendAndShutdown]\nAutoSuspendAction=0\n"
    (tmp_path / "powerdevilrc").write_text(
        f"[AC][SuspendAndShutdown]\nAutoSuspendAction=1\nAutoSuspendIdleTimeoutSec=1200\n{never_on_battery}"
    )
    (found,) = desktops.kde(tmp_path)
    assert said([found]) == [("SLEEPS", 1200)], "Plasma 6 reads no file of Plasma 5"
    assert "default" not in str(found)
    assert "AutoSuspendAction 0" in found.cure


def test_xscreensaver_locks_only_where_its_file_says_so(tmp_path: Path) -> None:
    assert said(lockers.xscreensaver(tmp_path)) == [("BLANKS", 600)]
    file = tmp_path / ".xscreensaver"
    file.write_text("# a comment: yes\ntimeout:\t0:05:00\nlock:\t\tTrue\nlockTimeout:\t0:01:30\n")
    assert said(lockers.xscreensaver(tmp_path)) == [("LOCKS", 390)]
    file.write_text("mode: off\nlock: True\n")
    assert lockers.xscreensaver(tmp_path) == []


def test_light_locker_follows_the_screen_saver() -> None:
    key = "apps.light-locker lock-after-screensaver"
    [found] = lockers.light_locker(Programs({key: "uint32 5"}))
    assert (found.does, found.when) == (IdleEffect.LOCKS, "5 s after the X server's screen saver begins")
    assert lockers.light_locker(Programs({key: "uint32 0"})) == []
    assert lockers.light_locker(Programs({})) == []


def test_the_login_manager_suspends_by_idle_time_and_by_a_lid_where_there_is_one() -> None:
    told = {"IdleAction": "suspend", "IdleActionUSec": 1_800_000_000, "HandleLidSwitch": "suspend"}
    assert said(systems.logind(told, has_lid=False)) == [("SLEEPS", 1800)]
    idle, lid = systems.logind(told, has_lid=True)
    assert "IdleAction=ignore" in idle.cure
    assert (lid.after_s, "lid" in lid.when, "HandleLidSwitch=ignore" in lid.cure) == (None, True, True)
    docked = {**told, "IdleAction": "lock", "HandleLidSwitchExternalPower": "ignore"}
    assert said(systems.logind(docked, has_lid=True)) == [("LOCKS", 1800)]
    assert systems.logind({"IdleAction": "ignore"}, has_lid=True) == []


def test_windows_is_read_in_any_language_by_its_last_two_numbers() -> None:
    saver = {systems.SPI_GETSCREENSAVEACTIVE: 1, systems.SPI_GETSCREENSAVETIMEOUT: 600}
    found = systems.windows(Programs({"STANDBYIDLE": POWERCFG}), lambda which: saver.get(which, 0))
    assert said(found) == [("SLEEPS", 1800), ("SLEEPS", 900), ("BLANKS", 600)]
    assert found[0].cure == "powercfg /change standby-timeout-ac 0"
    saver[systems.SPI_GETSCREENSAVESECURE] = 1
    assert found[-1].who == "Windows' screen saver"
    assert said(systems.windows(Programs({}), lambda which: saver.get(which, 0))) == [("LOCKS", 600)]
    lid = POWERCFG.replace("0x00000708", "0x00000001")
    [habit] = systems.windows(Programs({"LIDACTION": lid}), lambda _: 0)
    assert (habit.after_s, habit.when) == (None, "when the lid is closed")


def test_macos_sleeps_and_locks_as_pmset_and_sysadminctl_say() -> None:
    lock = "2026-11-22 10:00:00.000 sysadminctl[1:2] screenLock delay is 300 seconds"
    found = systems.macos(Programs({"pmset": PMSET, "sysadminctl": lock}))
    assert said(found) == [("SLEEPS", 600), ("LOCKS", 600)]
    assert said(systems.macos(Programs({"pmset": PMSET, "sysadminctl": "screenLock delay is immediate"})))[1] == (
        *("LOCKS", 300),
    )
    assert said(systems.macos(Programs({"pmset": PMSET, "sysadminctl": "screenLock is off"})))[1] == ("BLANKS", 300)
    assert systems.macos(Programs({})) == []


@pytest.mark.display
def test_the_x_servers_own_saver_is_read_from_the_server(display: VirtualDisplay) -> None:
    connection = open_display(display.name)
    try:
        connection.set_screen_saver(420, 0, 1, 1)
        connection.sync()
        [found] = [one for one in lockers.xserver(connection) if one.who == "the X server"]
        assert (found.does, found.after_s, found.cure) == (IdleEffect.BLANKS, 420, "xset s off")
        connection.set_screen_saver(0, 0, 1, 1)
        connection.sync()
        assert [one for one in lockers.xserver(connection) if one.who == "the X server"] == []
    finally:
        connection.close()


def a_machine(**changes: object) -> IdleSources:
    plain = {"variables": {"HOME": "/nowhere"}, "platform": "linux", "ask": Programs({}), "system_bus": "unix:path=/no"}
    return IdleSources(**{**plain, **changes})  # pyright: ignore[reportArgumentType] - a builder takes any field


def test_only_the_desktop_that_is_there_is_asked() -> None:
    told = {**GNOME, "-c xfce4-screensaver": XFCE_SAVER}
    for desktop, who in (("ubuntu:GNOME", "GNOME"), ("XFCE", "Xfce's screen saver")):
        machine = a_machine(variables={"XDG_CURRENT_DESKTOP": desktop}, ask=Programs(told))
        assert {habit.who for habit in look(machine)} == {who}
    over_ssh = a_machine(programs=frozenset({"gnome-shell", "sshd"}), ask=Programs(told))
    assert {habit.who for habit in look(over_ssh)} == {"GNOME"}
    assert look(a_machine(ask=Programs(told))) == []
    beside = a_machine(programs=frozenset({"xscreensaver", "light-locker"}))
    assert {habit.who for habit in look(beside)} == {"xscreensaver"}


def test_windows_and_macos_are_asked_in_their_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "_system_parameter", lambda _: 0)
    assert said(look(a_machine(platform="win32", ask=Programs({"STANDBYIDLE": POWERCFG}))))[0] == ("SLEEPS", 1800)
    assert said(look(a_machine(platform="darwin", ask=Programs({"pmset": PMSET}))))[0] == ("SLEEPS", 600)


def test_this_machine_can_be_looked_at_and_a_display_that_is_gone_says_nothing() -> None:
    machine = survey.this_machine({"HOME": "/nowhere"})
    assert any("python" in name or "pytest" in name for name in machine.programs)
    assert look(a_machine(), displays=["nonsense"]) == []


async def test_the_login_manager_is_asked_over_the_systems_bus(tmp_path: Path) -> None:
    import asyncio

    async with a_manager(tmp_path) as manager:
        machine = a_machine(system_bus=manager.address)
        found = await asyncio.to_thread(look, machine)
        assert said(found) == [("SLEEPS", 1800)]


def test_a_program_that_is_missing_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automation.desktop.power.habits._ASKED_S", 60)
    assert ask(["/no/such/program"]) is None
    assert ask(["/bin/false"]) is None
    assert ask(["/bin/echo", "yes"]) == "yes\n"
    monkeypatch.setattr("automation.desktop.power.habits._ASKED_S", 0.1)
    assert ask(["/bin/sleep", "600"]) is None


def test_spans_are_told_in_words() -> None:
    assert [span(seconds) for seconds in (45, 300, 9000)] == ["45 s", "5 min", "2.5 h"]
