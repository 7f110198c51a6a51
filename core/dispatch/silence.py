"""Watches for agents that give no sign: asleep until the earliest deadline, then tasks are parked and people told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from core.agents.service import Agents
from core.dispatch.model import Patience
from core.journal.model import Entry, Event
from core.journal.service import Journal
from core.kit.clock import Clock, as_datetime
from core.kit.errors import Unavailable
from core.security.model import HUB
from core.store.engine import Store, Tx
from core.tasks.model import ParkCause, Task, TaskState
from core.tasks.service import Tasks

log = structlog.get_logger(__name__)

_AT_ONCE = 50
"""How many silent agents one round deals with: other writers shall not wait for long."""
_STORE_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OctetWasAway(Event):
    """Octet was started again; the deadlines of agents at work stood still while nobody could hear them."""

    away_ms: int
    deadlines: int

    @property
    def subject(self) -> str:
        """The hub."""
        return "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRooms:
    """What the watch works with."""

    store: Store
    journal: Journal
    agents: Agents
    tasks: Tasks
    clock: Clock


class Silence:
    """The watch over agents at work."""

    def __init__(self, *, rooms: SilenceRooms, patience: Patience) -> None:
        """Call `after_restart` once, then `run`."""
        self._rooms = rooms
        self._patience = patience
        self._news = asyncio.Event()
        rooms.journal.listen(self._hear)

    def after_restart(self, tx: Tx) -> None:
        """The time in which Octet was away counts for nobody. The journal's last entry says since when."""
        last_ms = self._rooms.journal.last_at_ms(tx)
        away_ms = 0 if last_ms is None else max(0, self._rooms.clock.now_ms() - last_ms)
        put_off = self._rooms.tasks.ledger.stood_still(tx, away_ms=away_ms, grace_ms=self._patience.grace_ms)
        if put_off:
            self._rooms.journal.append(tx, OctetWasAway(away_ms=away_ms, deadlines=put_off), by=HUB.id)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._news.clear()
            try:
                pause_s = await self.look()
            except Unavailable as error:
                log.debug("silence_waits_for_the_store", why=error.message)
                pause_s = _STORE_PAUSE_S
            try:
                async with asyncio.timeout(pause_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def look(self) -> float | None:
        """Deal with whoever is silent now. Returns the seconds until the next may be; None while nobody works."""
        followed_ms = 0

        def look(tx: Tx) -> float | None:
            nonlocal followed_ms
            followed_ms = self._rooms.tasks.ledger.follow_clock(tx)
            for task in self._rooms.tasks.ledger.quiet(tx, limit=_AT_ONCE):
                self._park(tx, task)
            return self._rooms.tasks.ledger.next_quiet_in_s(tx)

        try:
            pause_s = await self._rooms.store.write(look)
        except Unavailable:
            self._rooms.tasks.ledger.clock_not_followed(followed_ms)
            raise
        if followed_ms:
            log.warning("clock_was_set", by_s=followed_ms / 1000)
        return pause_s

    def _park(self, tx: Tx, task: Task) -> None:
        """Nobody knows what its agent does: people look. The task stays its agent's, which gets nothing new."""
        self._rooms.tasks.ledger.hold(
            tx, task.id, TaskState.PARKED, reason=ParkCause.SILENT, note=self._last_sign(task)
        )
        if task.agent is not None:
            self._rooms.agents.is_silent(tx, task.agent, task=task.id)

    def _last_sign(self, task: Task) -> str:
        silent_for = _words(self._patience.silent_after_ms)
        if task.heard_ms is None:
            return f"no sign of {task.agent} for {silent_for}, since it has the prompt"
        return f"no sign of {task.agent} for {silent_for}; the last one, at {_clock(task.heard_ms)}: {task.sign}"

    def _hear(self, entry: Entry) -> None:
        """An agent began to work: its deadline may be the earliest."""
        if entry.name == "TaskMoved" and entry.data.get("now") == TaskState.WORKING.value:
            self._news.set()


def _clock(at_ms: int) -> str:
    return f"{as_datetime(at_ms):%H:%M} UTC"


def _words(duration_ms: int) -> str:
    seconds = round(duration_ms / 1000)
    if seconds >= 7200 and seconds % 3600 == 0:
        return f"{seconds // 3600} hours"
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"
