"""The only way to start background work: named, owned by one task group, its end always noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def supervise(group: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` in `group` under `name`. A failure is logged with its name and takes the group down."""

    async def watched() -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("background_work_failed", work=name)
            raise

    return group.create_task(watched(), name=name)
