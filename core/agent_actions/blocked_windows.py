"""Agents' windows that cannot be used until a user does something: Octet posts each once, and that it is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from core.agent_actions.model import NOT_HERE, WindowBlocked, WindowUnblocked
from core.desks.model import WindowStatus
from core.notices.model import BlockedWindow, Notice, NoticeKind, blocked_key
from core.security.model import HUB, Actor
from core.store.engine import Tx
from core.tasks.services import TaskServices


class BlockedWindows:
    """The blocked windows of all agents. Verbs that change take the open transaction."""

    def __init__(self, services: TaskServices) -> None:
        self._store, self._journal, self._clock = services.store, services.journal, services.clock
        self._agents, self._notices = services.agents, services.notices
        self._now: Mapping[str, BlockedWindow] = {}

    async def load(self) -> None:
        """Read which windows were blocked when a former process ended."""
        self._now = {now.key: now for one in await self._notices.list_blocked() if (now := _window(one)) is not None}

    def update_window(self, tx: Tx, desk: str, status: WindowStatus) -> None:
        """Record how a desk's worker sees this window. Repeated reports change nothing."""
        notice = self._notices.of_blocked(tx, blocked_key(desk, status.name))
        agents = self._agents.at(desk, status.name)
        was = _window(notice)
        if status.usable or (reason := status.reason) is None or not agents:
            self._end(tx, notice)
            return
        if reason in NOT_HERE:
            return
        now = BlockedWindow(
            desk=desk,
            window=status.name,
            agent=agents[0].name,
            reason=reason,
            seen=status.note,
            since_ms=was.since_ms if was else self._clock.now_ms(),
            tried_by=was.tried_by if was else "",
            tried=was.tried if was else "",
        )
        tx.after_commit(lambda: self._remember(now.key, now))
        if was is not None and (was.reason, was.seen) == (reason, status.note):
            return
        if was is None or was.reason is not reason:
            self._journal.append(tx, WindowBlocked(desk=desk, window=status.name, reason=reason), by=HUB.id)
        if notice is not None:
            self._notices.blocked_changed(tx, notice, now)
        else:
            place = self._notices.place_of(tx, self._agents.status(tx, now.agent).task)
            key = now.key
            self._notices.notify(tx, NoticeKind.BLOCKED, None, subject=key, detail=now, about=key, place=place)

    def end_orphaned(self, tx: Tx) -> None:
        """End those of windows that no agent has since the config changed: no worker tells of them."""
        for now in tuple(self._now.values()):
            if not self._agents.at(now.desk, now.window):
                self._end(tx, self._notices.of_blocked(tx, now.key))

    def list_open(self, desks: Collection[str]) -> tuple[BlockedWindow, ...]:
        """Return the windows of these desks that are blocked now, from memory."""
        return tuple(now for now in self._now.values() if now.desk in desks)

    async def record_recalibration(self, desk: str, window: str, *, by: Actor, why_not: str = "") -> None:
        """Note that `by` recalibrates the window, or why that did not work, for the message about it."""

        def note(tx: Tx) -> None:
            notice = self._notices.of_blocked(tx, blocked_key(desk, window))
            if notice is not None and (was := _window(notice)) is not None:
                self._notices.blocked_changed(tx, notice, replace(was, tried_by=by.id, tried=why_not))

        await self._store.write(note)

    def _end(self, tx: Tx, notice: Notice | None) -> None:
        if notice is None or (was := _window(notice)) is None:
            return
        tx.after_commit(lambda: self._remember(was.key, None))
        self._notices.blocked_changed(tx, notice, replace(was, over_ms=self._clock.now_ms()))
        self._journal.append(tx, WindowUnblocked(desk=was.desk, window=was.window), by=HUB.id)

    def _remember(self, key: str, now: BlockedWindow | None) -> None:
        kept = {name: one for name, one in self._now.items() if name != key}
        self._now = kept if now is None else {**kept, key: now}


def _window(notice: Notice | None) -> BlockedWindow | None:
    return notice.detail if notice is not None and isinstance(notice.detail, BlockedWindow) else None
