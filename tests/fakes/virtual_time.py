"""An event loop whose time is a FakeClock: where nothing can run, the clock moves on to the next timer.

Days pass in seconds, in the same order in each run. All work of executors runs in the loop's own thread, and the store
reads through its writer: nothing happens outside the loop for which virtual time would not wait.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from core.store.engine import Executable, Row, Store
from core.store.integrity_check import Examination
from tests.fakes.clock import FakeClock

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Does not wait: it moves the clock."""

    clock: FakeClock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise AssertionError("nothing will ever happen again")
        if not found and timeout:
            self.clock.advance(max(1, math.ceil(timeout * 1000)) / 1000)
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: FakeClock) -> None:
        selector = _Selector()
        selector.clock = self._clock = clock
        super().__init__(selector)
        self._clock_resolution = 0.001  # of the clock: a timer of this very moment is due

    def time(self) -> float:
        return self._clock.monotonic_s()

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        del executor
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  the caller gets it, as from a thread
            done.set_exception(error)
        return done


def run_virtually(clock: FakeClock, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, however long it sleeps by `clock`."""
    with _in_one_thread(), asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        return runner.run(work)


@contextmanager
def _in_one_thread() -> Generator[None]:
    async def fetch(
        store: Store, statement: Executable, parameters: Mapping[str, object] | None = None
    ) -> Sequence[Row]:
        return await store.write(lambda tx: tx.execute(statement, parameters))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "fetch", fetch)
        patch.setattr(Examination, "begin", Examination.is_over)
        yield
