"""A thread hurries where it may, alone; where it may not, nothing happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from core.kit import priority
from core.kit.priority import NICE, hurry

T = TypeVar("T")
OF_A_CHILD = (sys.executable, "-c", "import os; print(os.getpriority(os.PRIO_PROCESS, 0))")


def in_a_thread(call: Callable[[], T], *, before: Callable[[], object] = hurry) -> T:
    with ThreadPoolExecutor(1, initializer=before) as pool:
        return pool.submit(call).result()


def own() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_one_thread_hurries_and_neither_the_others_nor_what_it_starts() -> None:
    usual = in_a_thread(own, before=int)
    assert in_a_thread(own) in {NICE, usual}
    assert in_a_thread(lambda: int(subprocess.check_output(OF_A_CHILD))) == usual
    assert in_a_thread(lambda: in_a_thread(own, before=int)) == usual


def test_a_priority_that_a_user_chose_stays() -> None:
    def niced() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, own() + 3)
        hurry()

    assert in_a_thread(own, before=niced) == in_a_thread(own, before=int) + 3


def test_without_the_right_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse(_which: int, _who: int, nice: int) -> None:
        asked.append(nice)
        raise PermissionError

    monkeypatch.setattr(priority.os, "getpriority", lambda *_: 0)
    monkeypatch.setattr(priority.os, "setpriority", refuse)
    in_a_thread(lambda: None)
    assert asked == [NICE]
