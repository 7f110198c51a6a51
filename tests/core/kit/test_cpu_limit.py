"""A limit on processor time that ends even a search for a regular expression."""

from __future__ import annotations

import gc
import re
import threading
import time

import pytest

from core.kit.cpu_limit import CpuLimitReached, cpu_limit

ENDLESS = re.compile(r"(a+)+$")


def compute(seconds: float) -> None:
    end_s = time.process_time() + seconds
    while time.process_time() < end_s:
        pass


def test_a_search_that_would_take_years_is_ended() -> None:
    with pytest.raises(CpuLimitReached, match="more than"), cpu_limit(0.02):
        ENDLESS.search("a" * 60 + "!")


def test_after_the_block_nothing_is_limited_any_more() -> None:
    with cpu_limit(0.01):
        pass
    with pytest.raises(ValueError, match="mine"), cpu_limit(0.01):
        raise ValueError("mine")
    compute(0.05)


def test_no_garbage_is_collected_within_the_block_where_the_error_would_be_lost() -> None:
    with cpu_limit(60):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_in_another_thread_there_is_no_limit_and_none_for_the_main_thread() -> None:
    done: list[str] = []

    def work() -> None:
        with cpu_limit(0.01):
            compute(0.05)
            done.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["whole"]
