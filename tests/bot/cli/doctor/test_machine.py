"""What `octet doctor` says about Python, its libraries, and the programs that desks are made of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from bot.cli.doctor import machine
from bot.cli.doctor.model import Finding, FindingLevel
from core.home import Home

OK, WARNING, PROBLEM = FindingLevel.OK, FindingLevel.WARNING, FindingLevel.PROBLEM


def none_installed(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("change", "look", "level", "words"),
    [
        ((), lambda: machine.sqlite((3, 34, 1)), PROBLEM, "SQLite 3.34.1 is too old"),
        ((), lambda: machine.sqlite((3, 51, 3)), OK, "SQLite 3.51.3"),
        ((), machine.xlib, OK, "python-xlib is installed"),
        (("Xlib.__version__", (0, 15)), machine.xlib, PROBLEM, "pip install --force-reinstall --no-deps 'python-xlib"),
        ((sys, "platform", "win32"), machine.xlib, WARNING, "on Windows"),
        ((metadata, "version", lambda _: "0.9.53"), machine.pyautogui, PROBLEM, "pip install"),
        ((metadata, "version", lambda _: "0.9.54"), machine.pyautogui, OK, "0.9.54"),
        ((metadata, "version", none_installed), machine.pyautogui, PROBLEM, "(none)"),
        ((), machine.zones, OK, "zones"),
        ((), lambda: machine.zones(frozenset()), WARNING, "tzdata"),
    ],
)
def test_each_part_of_the_machine_is_judged(
    change: tuple[Any, ...],
    look: Callable[[], Finding],
    level: FindingLevel,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if change:
        monkeypatch.setattr(*change)
    found = look()
    assert (found.level, words in f"{found.what} {found.cure}") == (level, True), found


def test_a_python_without_tk_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    found = machine.tkinter()
    assert (found.level, found.cure) == (WARNING, "sudo apt-get install python3-tk")


def test_a_machine_that_cannot_confine_the_commands_of_checks_is_told_with_the_repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.sandbox(Home(root=tmp_path)).level is OK
    monkeypatch.setenv("PATH", str(tmp_path))
    found = machine.sandbox(Home(root=tmp_path))
    assert (found.level, found.cure) == (WARNING, "Install it: sudo apt install bubblewrap")
