"""Removing what is too old, a few rows per transaction, so that other writers never wait for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from core.kit.errors import Unavailable
from core.store.engine import Store, Tx

log = structlog.get_logger(__name__)

BATCH = 20  # how many rows one transaction removes
BETWEEN_S = 0.05  # the rest between two transactions, in which others write
FIRST_S = 30.0
EVERY_S = 3600.0
_STORE_PAUSE_S = 5.0


async def in_batches(store: Store, remove: Callable[[Tx, int], int]) -> int:
    """Call `remove` in transactions of its own, each with how many rows it may remove, until it removes none. Return
    how many it removed."""
    total = 0
    while count := await store.write(lambda tx: remove(tx, BATCH)):
        total += count
        await asyncio.sleep(BETWEEN_S)
    return total


async def every_hour(purge: Callable[[], Awaitable[None]]) -> None:
    """Call `purge` soon and then every hour, until cancelled; earlier again after the store refused."""
    pause_s = FIRST_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            await purge()
            pause_s = EVERY_S
        except Unavailable as error:
            log.debug("purge_waits_for_the_store", why=error.message)
            pause_s = _STORE_PAUSE_S
