"""How far one route got with the notices: what it can post now, what it has posted, and what failed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping

from core.kit.clock import Clock
from core.kit.from_attributes import from_attributes
from core.notices import _store
from core.notices.model import PUSH, NoticeId, NoticePost, NoticeState, Route
from core.store.engine import Executable, Row, Store, Tx

_DROPPED_FOR_MS = 24 * 3_600_000  # how long dropped notices are listed
_LISTED = 200
LONGEST_PAUSE_MS = 3_600_000  # a failed notice is due again within this time
_STUCK_AFTER = 3  # a notice that failed so often in a row is listed as stuck


class NoticePosts:
    """The posts of one route. What one route does changes nothing for another."""

    def __init__(self, route: Route, *, store: Store, clock: Clock) -> None:
        self.route, self._store, self._clock = route, store, clock
        self.news = asyncio.Event()  # set when a notice changed; its one reader clears it
        self._is_wanted = route != PUSH
        self._looked_ms = 0

    def want(self, *, is_wanted: bool) -> None:
        """Have this route get notices from now on, or none."""
        self._is_wanted = is_wanted

    def takes(self, about: str) -> bool:
        """Return whether this route gets a notice that is `about` this decision, or about none."""
        return self._is_wanted and (bool(about) or self.route != PUSH)

    async def due(
        self, limit: int = 20, *, resting: Collection[NoticeId] = (), full: Collection[str] = ()
    ) -> tuple[NoticePost, ...]:
        """Return what can be posted now, one notice of each strand: questions first, then steps of tasks, then the
        rest. Leave out the notices `resting` and edits in the channels `full`."""
        now = self._clock.now_ms()
        rows = await self._fetch(_store.DUE, now=now, size=limit, resting=list(resting), full=list(full))
        self._looked_ms = now
        return self._readable(rows)

    async def next_due_s(self) -> float:
        """Return in how many seconds something that failed is due again; infinite where nothing is."""
        # This finds notices due since the last look, too. The clock may have been set back.
        now_ms = self._clock.now_ms()
        due = (await self._fetch(_store.NEXT_DUE, looked=min(self._looked_ms, now_ms)))[0].due
        return math.inf if due is None else max(0.0, (due - now_ms) / 1000)

    async def posted(self, notice: NoticeId, *, channel: str, message: str, revision: int) -> None:
        """Note that the notice is in `channel` as `message`, with the state of `revision`."""

        def note(tx: Tx) -> None:
            newest = tx.execute(_store.REVISION, {"of_notice": notice}).scalar_one()
            now = NoticeState.SENT if revision >= newest else NoticeState.PENDING
            values = {"now": now.value, "shown": revision, "at": channel, "as_message": message}
            self._change(tx, _store.POSTED, {"of_notice": notice, **values})

        await self._store.write(note)

    async def thread_made(self, task: str, thread: str) -> None:
        await self._write(_store.THREAD, of_task=task, made=thread)

    async def look_again(self, notice: NoticeId, *, after_ms: int) -> None:
        """Have the notice written again after this time, or at its next change."""
        await self._write(_store.LOOK_AGAIN, of_notice=notice, due=self._clock.now_ms() + after_ms)

    async def again(self, notice: NoticeId, *, error: str, after_s: float) -> None:
        """Retry the notice after `after_s` seconds, an hour at most, because of `error`."""
        due = self._clock.now_ms() + min(round(after_s * 1000), LONGEST_PAUSE_MS)
        await self._write(_store.AGAIN, of_notice=notice, due=due, why=error)

    async def no_access(self, channel: str, *, error: str, after_s: float) -> None:
        """Note that this channel is refused for `error`: post nothing there for `after_s` seconds."""
        due = self._clock.now_ms() + round(after_s * 1000)
        values = {"on_route": self.route, "place": channel, "due": due, "why": error}
        await self._store.write(lambda tx: tx.execute(_store.SET_NO_ACCESS, values))  # nothing there is due

    async def retry_no_access(self) -> None:
        """Retry at once what was refused: permissions may have changed."""
        await self._write(_store.RETRY_NO_ACCESS)

    async def dropped(self, notice: NoticeId, *, error: str) -> None:
        """Give the notice up; keep the reason."""
        await self._write(_store.DROP, of_notice=notice, why=error)

    def drop_all(self, tx: Tx, tasks: Collection[str], *, error: str) -> None:
        """Give up what waits about these tasks."""
        tx.execute(_store.DROP_ALL, {"on_route": self.route, "tasks": list(tasks), "why": error})

    def task_of(self, tx: Tx, thread: str) -> str | None:
        row = tx.execute(_store.OF_THREAD, {"on_route": self.route, "made": thread}).first() if thread else None
        return None if row is None else str(row.task)

    async def card_of(self, task: str) -> NoticePost | None:
        return (await self.cards_of([task])).get(task)

    async def cards_of(self, tasks: Iterable[str]) -> dict[str, NoticePost]:
        return {one.task: one for one in self._readable(await self._fetch(_store.CARDS, tasks=list(tasks)))}

    async def posts_about(self, about: Iterable[str]) -> dict[str, NoticePost]:
        """Return the posted messages that ask about these, by what they ask about."""
        found = self._readable(await self._fetch(_store.TOLD_OF, asked=list(about)))
        return {one.about: one for one in found if one.posted_message}

    async def failed_notifications(self) -> tuple[NoticePost, ...]:
        """Return what was dropped within the last day, newest first, what is refused, and what keeps failing."""
        since = self._clock.now_ms() - _DROPPED_FOR_MS
        dropped = await self._fetch(_store.DROPPED, since=since, size=_LISTED)
        refused = await self._fetch(_store.NO_ACCESS, size=_LISTED)
        stuck = await self._fetch(_store.STUCK, tries=_STUCK_AFTER, size=_LISTED)
        return self._readable((*dropped, *refused, *stuck))

    async def never_posted(self, *, before_ms: int) -> list[str]:
        """Return the tasks from before `before_ms`, asked elsewhere than in Discord, whose cards were never posted."""
        return [row.task for row in await self._fetch(_store.NEVER_POSTED, before=before_ms)]

    async def _fetch(self, statement: Executable, **values: object) -> list[Row]:
        return list(await self._store.fetch(statement, {"on_route": self.route, **values}))

    def _change(self, tx: Tx, statement: Executable, values: Mapping[str, object]) -> None:
        tx.execute(statement, {"on_route": self.route, **values})
        tx.after_commit(self.news.set)

    async def _write(self, statement: Executable, **values: object) -> None:
        await self._store.write(lambda tx: self._change(tx, statement, values))

    def _readable(self, rows: Iterable[Row]) -> tuple[NoticePost, ...]:
        return tuple(self._store.aside.readable("notice", rows, _post))


def _post(row: Row) -> NoticePost:
    thread = getattr(row, "card_thread", row.thread)
    values = {"detail": _store.unpacked(row.detail), "place": _store.place_of(row), "thread": thread}
    return from_attributes(NoticePost, row, **values)
