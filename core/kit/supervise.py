"""The only way to start background work, named and in one task group; a wait with a limit; pauses before restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import structlog

from core.kit.errors import OctetError

log = structlog.get_logger(__name__)


def supervise(group: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` in `group` under `name`. A failure ends the group, and is logged unless it is an OctetError."""

    async def watched() -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # it is logged with its name, and raised again
            if not _is_octet_error(error):
                log.exception("background_work_failed", work=name)
            raise

    return group.create_task(watched(), name=name)


async def wait_for_event(event: asyncio.Event, limit_s: float | None) -> bool:
    """Wait until the event is set, at most for so long; None: for ever. Return whether it is set."""
    try:
        async with asyncio.timeout(limit_s):
            return await event.wait()
    except TimeoutError:
        return False


@dataclass(slots=True, kw_only=True)
class RestartPause:
    """The pause before something that ended is started again: twice as long each time, until it ran steadily."""

    first_s: float = 0.5
    longest_s: float = 30.0
    steady_s: float = 60.0
    _next_s: float = field(init=False, default=0.0)

    def after(self, ran_s: float) -> float:
        pause_s = self.first_s if ran_s > self.steady_s else max(self._next_s, self.first_s)
        self._next_s = min(pause_s * 2, self.longest_s)
        return pause_s


def _is_octet_error(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_octet_error(one) for one in cast("BaseExceptionGroup[BaseException]", error).exceptions)
    return isinstance(error, OctetError)
