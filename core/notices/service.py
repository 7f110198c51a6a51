"""Stores what users have to see, for the outbox."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import get_args

from pydantic import TypeAdapter

from core.kit.clock import Clock
from core.kit.from_attributes import from_attributes
from core.notices import _store
from core.notices.model import (
    AgentReport,
    AgentReports,
    BlockedWindow,
    Digest,
    Notice,
    NoticeDetail,
    NoticeId,
    NoticeKind,
    NoticeState,
    Place,
    Resolution,
    Undelivered,
)
from core.store.engine import Executable, Row, Store, Tx

_DROPPED_FOR_MS = 24 * 3_600_000  # how long dropped notices are listed
_BATCH, _NAMED, _LISTED = 500, 10, 200
LONGEST_PAUSE_MS = 3_600_000  # a failed notice is due again within this time
_REPORTS_KEPT = 5  # of an agent's progress, in its one message
_STUCK_AFTER = 3  # a notice that failed so often in a row is listed as stuck


class Notices:
    """What users still have to see. It survives every end of the process."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.news = asyncio.Event()  # set when a notice changed; its one reader clears it
        self._looked_ms = 0

    def notify(
        self,
        tx: Tx,
        kind: NoticeKind,
        task: str | None,
        *,
        subject: str = "",
        detail: NoticeDetail | None = None,
        about: str = "",
        place: Place | None = None,
        after_ms: int = 0,
    ) -> None:
        """Write down news to post once, at `place` or the task's card, after `after_ms` or at its first change.
        `about`: what a user has to decide, or is blocked."""
        place = place or self.place_of(tx, task)
        row = {
            "kind": kind.value,
            "task": task or "",
            "subject": subject,
            "detail": _packed(detail),
            "place_channel": place.channel,
            "place_guild": place.guild,
            "state": NoticeState.PENDING.value,
            "revision": 1,
            "created_ms": self._clock.now_ms(),
            "not_before_ms": self._clock.now_ms() + after_ms if after_ms else 0,
            "about": about,
        }
        self._change(tx, _store.ADD, row)

    def card_changed(self, tx: Tx, task: str) -> None:
        tx.execute(_store.BUMP_CARD, {"of_task": task})
        tx.after_commit(self.news.set)

    def _change(self, tx: Tx, statement: Executable, values: Mapping[str, object] | None = None) -> None:
        tx.execute(statement, values)
        tx.after_commit(self.news.set)

    def _set(self, tx: Tx, notice: NoticeId, **values: object) -> None:
        tx.update_row(_store.notices.c.id, notice, **values)
        tx.after_commit(self.news.set)

    async def _write(self, statement: Executable, values: Mapping[str, object] | None = None) -> None:
        await self._store.write(lambda tx: self._change(tx, statement, values))

    def notify_once(self, tx: Tx, kind: NoticeKind, task: str, *, detail: NoticeDetail) -> None:
        """Notify unless a notice of the task has this detail already."""
        told = tx.execute(_store.OF_TASK, {"of_task": task, "sort": kind.value})
        if all(_unpacked(row.detail) != detail for row in told):
            self.notify(tx, kind, task, detail=detail)

    def settled(self, tx: Tx, *, about: str, how: str, by: str = "") -> None:
        """Have the message that asked users about this say `how` it was settled."""
        self._change(tx, _store.SETTLED, {"asked": about, "how": _packed(Resolution(how=how, by=by))})

    def words_changed(self, tx: Tx, message: str) -> None:
        self._change(tx, _store.BUMP_WORDS, {"of_subject": message})

    def answered(self, tx: Tx, message: str, *, answer: str) -> None:
        """Post this answer to the message where a user sent it."""
        shown = self.find(tx, NoticeKind.WORDS, subject=message)
        place = shown[0].place if shown else Place()
        self.notify(tx, NoticeKind.ANSWER, None, subject=answer, place=place)

    def progressed(self, tx: Tx, task: str, *, agent: str, spell: str, report: str, replaces: bool = False) -> None:
        """Add an agent's report to the one message for this spell of work, after the newest earlier ones or, with
        `replaces`, in their place."""
        row = tx.execute(_store.PROGRESS, {"of_task": task, "of_subject": spell}).first()
        shown = None if row is None else _notice(row)
        known = shown.detail.reports if shown is not None and isinstance(shown.detail, AgentReports) else ()
        reports = (*known, AgentReport(at_ms=self._clock.now_ms(), said=report))
        detail = AgentReports(agent=agent, reports=reports[-1 if replaces else -_REPORTS_KEPT :])
        if shown is None:
            self.notify(tx, NoticeKind.PROGRESS, task, subject=spell, detail=detail)
        else:
            self._change_detail(tx, shown, detail)

    def undelivered(self, tx: Tx, message: str, detail: Undelivered, *, about: str = "", once: bool = False) -> None:
        """Notify the message's sender; with `once` not of the same again. `about`: what a user has to decide."""
        told = self.find(tx, NoticeKind.UNDELIVERED, subject=message) if once else ()
        if not any(one.detail == detail for one in told):
            for shown in self.find(tx, NoticeKind.WORDS, subject=message):
                task, kind = shown.task, NoticeKind.UNDELIVERED
                self.notify(tx, kind, task, subject=message, detail=detail, about=about, place=shown.place)

    def find(self, tx: Tx, kind: NoticeKind, *, subject: str) -> tuple[Notice, ...]:
        """Return the notices of this kind about the subject."""
        return tuple(map(_notice, tx.execute(_store.OF_SUBJECT, {"of_subject": subject, "sort": kind.value})))

    def of_blocked(self, tx: Tx, window: str) -> Notice | None:
        """Return the notice of this window, as long as it is not over."""
        row = tx.execute(_store.TOLD_OF, {"asked": [window]}).first()
        return None if row is None else _notice(row)

    async def list_blocked(self) -> tuple[Notice, ...]:
        return self._readable(await self._store.fetch(_store.BLOCKED))

    def blocked_changed(self, tx: Tx, notice: Notice, now: BlockedWindow) -> None:
        """Change this message; once the window is usable, its next problem gets a new one."""
        about = f"over:{notice.about}:{notice.id}" if now.over_ms else notice.about
        self._change_detail(tx, notice, now, about=about)

    def _change_detail(self, tx: Tx, notice: Notice, detail: NoticeDetail, **values: object) -> None:
        state = notice.state if notice.state in {NoticeState.DROPPED, NoticeState.NO_ACCESS} else NoticeState.PENDING
        packed = _packed(detail)
        self._set(tx, notice.id, detail=packed, revision=notice.revision + 1, state=state.value, **values)

    def _readable(self, rows: Iterable[Row]) -> tuple[Notice, ...]:
        return tuple(self._store.aside.readable("notice", rows, _notice))

    def place_of(self, tx: Tx, task: str | None) -> Place:
        """Return the place of the task's card; none without a task."""
        card = tx.execute(_store.CARD, {"of_task": task}).first() if task else None
        return Place() if card is None else _place(card)

    def delete_old(self, tx: Tx, *, before_ms: int, most: int) -> int:
        """Delete at most `most` notices from before `before_ms` whose texts have expired; return how many."""
        return tx.execute(_store.DELETE_OLD, {"before": before_ms, "size_of_batch": most}).rowcount

    def task_of(self, tx: Tx, thread: str) -> str | None:
        row = tx.execute(_store.OF_THREAD, {"made": thread}).first() if thread else None
        return None if row is None else str(row.task)

    async def due(
        self, limit: int = 20, *, resting: Collection[NoticeId] = (), full: Collection[str] = ()
    ) -> tuple[Notice, ...]:
        """Return what can be posted now, one notice of each strand: questions first, then steps of tasks, then the
        rest. Leave out the notices `resting` and edits in the channels `full`."""
        now = self._clock.now_ms()
        values = {"now": now, "size": limit, "resting": list(resting), "full": list(full)}
        rows = await self._store.fetch(_store.DUE, values)
        self._looked_ms = now
        return self._readable(rows)

    async def next_due_s(self) -> float:
        """Return in how many seconds something that failed is due again; infinite where nothing is."""
        # This finds notices due since the last look, too. The clock may have been set back.
        now_ms = self._clock.now_ms()
        due = (await self._store.fetch(_store.NEXT_DUE, {"looked": min(self._looked_ms, now_ms)}))[0].due
        return math.inf if due is None else max(0.0, (due - now_ms) / 1000)

    async def posted(self, notice: NoticeId, *, channel: str, message: str, revision: int) -> None:
        """Note that the notice is in `channel` as `message`, with the state of `revision`."""

        def note(tx: Tx) -> None:
            row = tx.execute(_store.ONE, {"notice": notice}).one()
            to = NoticeState.SENT if revision >= row.revision else NoticeState.PENDING
            where = {"posted_channel": channel, "posted_message": message}
            self._set(tx, notice, **where, state=to.value, attempts=0, error="")

        await self._store.write(note)

    async def thread_made(self, task: str, thread: str) -> None:
        await self._write(_store.THREAD, {"of_task": task, "made": thread})

    async def look_again(self, notice: NoticeId, *, after_ms: int) -> None:
        """Have the notice written again after this time, or at its next change."""
        values = {"notice": notice, "due": self._clock.now_ms() + after_ms}
        await self._write(_store.LOOK_AGAIN, values)

    async def again(self, notice: NoticeId, *, error: str, after_s: float) -> None:
        """Retry the notice after `after_s` seconds, an hour at most, because of `error`."""
        due = self._clock.now_ms() + min(round(after_s * 1000), LONGEST_PAUSE_MS)
        await self._write(_store.AGAIN, {"notice": notice, "due": due, "why": error})

    async def no_access(self, channel: str, *, error: str, after_s: float) -> None:
        """Note that Discord refuses this channel for `error`: post nothing there for `after_s` seconds."""
        due = self._clock.now_ms() + round(after_s * 1000)
        values = {"place": channel, "due": due, "why": error}  # no `news`: nothing of the channel is due now
        await self._store.write(lambda tx: tx.execute(_store.SET_NO_ACCESS, values))

    async def retry_no_access(self) -> None:
        """Retry at once what Discord refused: its permissions may have changed."""
        await self._write(_store.RETRY_NO_ACCESS)

    async def dropped(self, notice: NoticeId, *, error: str) -> None:
        """Give the notice up; keep the reason."""
        await self._store.write(lambda tx: self._set(tx, notice, state=NoticeState.DROPPED.value, error=error))

    async def card_of(self, task: str) -> Notice | None:
        return (await self.cards_of([task])).get(task)

    async def cards_of(self, tasks: Iterable[str]) -> dict[str, Notice]:
        rows = await self._store.fetch(_store.CARDS, {"tasks": list(tasks)})
        return {one.task: one for one in self._readable(rows)}

    async def told_of(self, about: Iterable[str]) -> dict[str, Notice]:
        """Return the posted messages that ask about these, by what they ask about."""
        rows = await self._store.fetch(_store.TOLD_OF, {"asked": list(about)})
        return {one.about: one for one in self._readable(rows) if one.posted_message}

    async def failed_notifications(self) -> tuple[Notice, ...]:
        """Return what was dropped within the last day, newest first, what Discord refuses, and what keeps failing."""
        since = self._clock.now_ms() - _DROPPED_FOR_MS
        dropped = await self._store.fetch(_store.DROPPED, {"since": since, "size": _LISTED})
        refused = await self._store.fetch(_store.NO_ACCESS, {"size": _LISTED})
        stuck = await self._store.fetch(_store.STUCK, {"tries": _STUCK_AFTER, "size": _LISTED})
        return self._readable((*dropped, *refused, *stuck))

    async def never_posted(self, *, before_ms: int) -> list[str]:
        """Return the tasks from before `before_ms`, asked elsewhere than in Discord, whose cards were never posted."""
        return [row.task for row in await self._store.fetch(_store.NEVER_POSTED, {"before": before_ms})]

    async def sum_up(self, tasks: Sequence[str]) -> None:
        """Report in one message that these tasks ended, and post nothing else of them."""

        def change(tx: Tx) -> None:
            for first in range(0, len(tasks), _BATCH):
                values = {"tasks": tasks[first : first + _BATCH], "why": "included in a summary"}
                tx.execute(_store.DROP_ALL, values)
            detail = Digest(number=len(tasks), newest=tuple(tasks[-_NAMED:]))
            self.notify(tx, NoticeKind.SUMMARY, None, subject=f"summary {tasks[-1]}", detail=detail)

        await self._store.write(change)

    async def welcome(self, place: Place) -> None:
        """Post the first message for a new owner there."""
        await self._store.write(lambda tx: self.notify(tx, NoticeKind.WELCOME, None, subject="welcome", place=place))

    async def newest_id(self) -> int:
        return await self._store.newest_id("notices") or 0

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the times of pending notices with a clock that was set by `by_ms`."""
        self._change(tx, _store.SHIFT, {"by": by_ms})

    def take_up(self, tx: Tx) -> None:
        """End pauses that a clock set since made longer than the longest pause."""
        tx.execute(_store.FORGET_FAR_PAUSES, {"latest": self._clock.now_ms() + LONGEST_PAUSE_MS})


def _notice(row: Row) -> Notice:
    thread = getattr(row, "card_thread", row.thread)
    return from_attributes(Notice, row, detail=_unpacked(row.detail), place=_place(row), thread=thread)


def _place(row: Row) -> Place:
    return Place(channel=row.place_channel, guild=row.place_guild)


_DETAILS = {kind.__name__: TypeAdapter[NoticeDetail](kind) for kind in get_args(NoticeDetail)}


def _packed(detail: NoticeDetail | None) -> str:
    return "" if detail is None else json.dumps({"is": type(detail).__name__, **asdict(detail)})


def _unpacked(packed: str) -> NoticeDetail | None:
    if not packed:
        return None
    fields = json.loads(packed)
    return _DETAILS[fields.pop("is")].validate_python(fields)
