"""What `octet doctor` says about Python, its libraries, and the programs that desks are made of."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from bot.cli.doctor import machine
from bot.cli.doctor.model import FindingLevel


def test_an_old_sqlite_is_refused_and_a_middling_one_is_told_apart() -> None:
    old = machine.sqlite((3, 34, 1))
    assert old.level is FindingLevel.PROBLEM
    assert "SQLite 3.34.1 is too old" in old.what
    assert "one connection alone checkpoints" in machine.sqlite((3, 51, 2)).what
    assert machine.sqlite((3, 51, 3)).what == "SQLite 3.51.3"


def test_the_other_xlib_is_a_problem_with_the_command_that_repairs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.xlib().level is FindingLevel.OK
    monkeypatch.setattr("Xlib.__version__", (0, 15))
    found = machine.xlib()
    assert found.level is FindingLevel.PROBLEM
    assert "0.15" in found.what
    assert "pip install --force-reinstall --no-deps 'python-xlib>=0.33'" in found.what


def test_a_machine_without_x11_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert machine.xlib().level is FindingLevel.WARNING


def test_a_python_without_tk_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    found = machine.tkinter()
    assert (found.level, found.cure) == (FindingLevel.WARNING, "sudo apt-get install python3-tk")


@pytest.mark.parametrize(("version", "level"), [("0.9.53", FindingLevel.PROBLEM), ("0.9.54", FindingLevel.OK)])
def test_hands_that_are_old_are_a_problem(version: str, level: FindingLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    found = machine.pyautogui()
    assert found.level is level
    assert ("pip install" in found.cure) is (level is FindingLevel.PROBLEM)


def test_hands_that_are_missing_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert machine.pyautogui().level is FindingLevel.PROBLEM


def test_zones_without_data_are_told_with_their_package() -> None:
    assert machine.zones().level is FindingLevel.OK
    found = machine.zones(frozenset())
    assert (found.level, "tzdata" in found.cure) == (FindingLevel.WARNING, True)
