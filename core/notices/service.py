"""Writing down what has to be told, and handing it to the one outbox that tells it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from core.kit.clock import Clock
from core.kit.from_attributes import from_attributes
from core.notices import _store
from core.notices.model import Notice, NoticeId, NoticeKind, NoticeState, Place
from core.store.engine import Executable, Row, Store, Tx

_DROPPED_FOR_MS = 24 * 3_600_000  # how long what was dropped is worth a person's time
_BATCH, _NAMED, _LISTED = 500, 10, 200
LONGEST_PAUSE_MS = 3_600_000  # what failed is due again within this time
_STUCK_AFTER = 4  # A notice that failed so often in a row is stuck; less is ordinary weather


class Notices:
    """What people still have to be told. It survives every end of the process."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        """The clock decides when a notice that failed is due again."""
        self._store = store
        self._clock = clock
        self.news = asyncio.Event()  # set when something is to be told; its one reader clears it
        self._looked_ms = 0

    def notify(
        self,
        tx: Tx,
        kind: NoticeKind,
        task: str | None,
        *,
        message: str = "",
        text: str = "",
        about: str = "",
        place: Place | None = None,
    ) -> None:
        """Write down news to post once, at `place` or else where the task's card is. `about`: what a user has to
        decide, or what stands still."""
        place = place or self.place_of(tx, task)
        row = {
            "kind": kind.value,
            "task": task or "",
            "message": message,
            "text": text,
            "place_channel": place.channel,
            "place_guild": place.guild,
            "state": NoticeState.PENDING.value,
            "revision": 1,
            "created_ms": self._clock.now_ms(),
            "about": about,
        }
        self._change(tx, _store.ADD, row)

    def card_changed(self, tx: Tx, task: str) -> None:
        """The task changed: its card has to be edited to the latest state."""
        tx.run(_store.BUMP_CARD, {"of_task": task})
        tx.after_commit(self.news.set)

    def _change(self, tx: Tx, statement: Executable, values: Mapping[str, object] | None = None) -> None:
        tx.execute(statement, values)
        tx.after_commit(self.news.set)

    def _set(self, tx: Tx, notice: NoticeId, **values: object) -> None:
        tx.update_row(_store.notices.c.id, notice, **values)
        tx.after_commit(self.news.set)

    async def _write(self, statement: Executable, values: Mapping[str, object] | None = None) -> None:
        await self._store.write(lambda tx: self._change(tx, statement, values))

    def notify_once(self, tx: Tx, kind: NoticeKind, task: str, *, text: str) -> None:
        """As `tell`, unless just this was told about the task before."""
        if tx.execute(_store.TOLD, {"of_task": task, "sort": kind.value, "words": text}).first() is None:
            self.notify(tx, kind, task, text=text)

    def settled(self, tx: Tx, *, about: str, how: str) -> None:
        """Nobody has to decide this any more: the message that asked for it has to say `how` it was settled."""
        self._change(tx, _store.SETTLED, {"asked": about, "words": how})

    def words_changed(self, tx: Tx, message: str) -> None:
        """These words came further, or wait for something else: what people see of them has to be edited."""
        self._change(tx, _store.BUMP_WORDS, {"of_message": message})

    def undelivered(self, tx: Tx, message: str, *, text: str, about: str = "", once: bool = False) -> None:
        """Whoever sent these words has to be told; with `once` not if just this was told of them before. `about`: what
        a person has to decide."""
        values = {"of_message": message}
        shown = tx.execute(_store.WORDS, values).first()
        if shown is None or (once and tx.execute(_store.TOLD_OF_WORDS, {**values, "words": text}).first() is not None):
            return
        place = _place(shown)
        self.notify(tx, NoticeKind.UNDELIVERED, shown.task, message=message, text=text, about=about, place=place)

    def of_blocked(self, tx: Tx, window: str) -> Notice | None:
        """Return the notice of this window, as long as it is not over."""
        row = tx.execute(_store.TOLD_OF, {"asked": [window]}).first()
        return None if row is None else _notice(row, thread="")

    def blocked_changed(self, tx: Tx, notice: Notice, *, text: str, is_over: bool = False) -> None:
        """Have the message say this from now on; once it is over, another trouble of the window gets a new one."""
        about = f"{notice.about}:{notice.id}" if is_over else notice.about
        state = notice.state if notice.state in {NoticeState.DROPPED, NoticeState.NO_ACCESS} else NoticeState.PENDING
        self._set(tx, notice.id, text=text, about=about, revision=notice.revision + 1, state=state.value)

    def place_of(self, tx: Tx, task: str | None) -> Place:
        """Where the task's card stands; nowhere in particular without one."""
        card = tx.execute(_store.CARD, {"of_task": task}).first() if task else None
        return Place() if card is None else _place(card)

    def delete_old(self, tx: Tx, *, before_ms: int, most: int) -> int:
        """Delete at most `most` notices from before `before_ms` whose texts have expired; return how many."""
        return tx.execute(_store.DELETE_OLD, {"before": before_ms, "size_of_batch": most}).rowcount

    def task_of(self, tx: Tx, thread: str) -> str | None:
        """The task that this thread belongs to, if it is a task's thread."""
        row = tx.execute(_store.OF_THREAD, {"made": thread}).first() if thread else None
        return None if row is None else str(row.task)

    async def due(
        self, limit: int = 20, *, resting: Collection[NoticeId] = (), full: Collection[str] = ()
    ) -> tuple[Notice, ...]:
        """Return what can be told now, one notice of each strand: questions first, then steps of tasks, then what needs
        a person. Leave out the notices `resting` and edits in the channels `full`."""
        now = self._clock.now_ms()
        values = {"now": now, "size": limit, "resting": list(resting), "full": list(full)}
        rows = await self._store.fetch(_store.DUE, values)
        self._looked_ms = now
        return tuple(_notice(row, thread=row.card_thread) for row in rows)

    async def next_due_s(self) -> float:
        """Return in how many seconds something that failed is due again; infinite where nothing is."""
        # What became due since the last look is found too: nobody has seen it yet. The clock may have been set back.
        now_ms = self._clock.now_ms()
        due = (await self._store.fetch(_store.NEXT_DUE, {"looked": min(self._looked_ms, now_ms)}))[0].due
        return math.inf if due is None else max(0.0, (due - now_ms) / 1000)

    async def posted(self, notice: NoticeId, *, channel: str, message: str, revision: int) -> None:
        """The notice stands in `channel` as `message`, showing the state of `revision`."""

        def note(tx: Tx) -> None:
            row = tx.execute(_store.ONE, {"notice": notice}).one()
            to = NoticeState.SENT if revision >= row.revision else NoticeState.PENDING
            where = {"posted_channel": channel, "posted_message": message}
            self._set(tx, notice, **where, state=to.value, attempts=0, error="")

        await self._store.write(note)

    async def thread_made(self, task: str, thread: str) -> None:
        await self._write(_store.THREAD, {"of_task": task, "made": thread})

    async def again(self, notice: NoticeId, *, error: str, after_s: float) -> None:
        """It could not be told for `error`; it is due again after `after_s` seconds, an hour at most."""
        due = self._clock.now_ms() + min(round(after_s * 1000), LONGEST_PAUSE_MS)
        await self._write(_store.AGAIN, {"notice": notice, "due": due, "why": error})

    async def no_access(self, channel: str, *, error: str, after_s: float) -> None:
        """Discord refuses this channel for `error`: try nothing there until `after_s` seconds have passed."""
        due = self._clock.now_ms() + round(after_s * 1000)
        values = {"place": channel, "due": due, "why": error}  # no news: nothing of the channel is due now
        await self._store.write(lambda tx: tx.execute(_store.SET_NO_ACCESS, values) and None)

    async def retry_no_access(self) -> None:
        """Try at once what Discord refused: its permissions may have changed."""
        await self._write(_store.RETRY_NO_ACCESS)

    async def dropped(self, notice: NoticeId, *, error: str) -> None:
        """It can never be told; the reason is kept."""
        dropped = NoticeState.DROPPED.value
        await self._store.write(lambda tx: self._set(tx, notice, state=dropped, error=error))

    async def card_of(self, task: str) -> Notice | None:
        row = next(iter(await self._store.fetch(_store.CARD, {"of_task": task})), None)
        return None if row is None else _notice(row, thread=row.thread)

    async def cards_of(self, tasks: Iterable[str]) -> dict[str, Notice]:
        rows = await self._store.fetch(_store.CARDS, {"tasks": list(tasks)})
        return {row.task: _notice(row, thread=row.thread) for row in rows}

    async def told_of(self, about: Iterable[str]) -> dict[str, Notice]:
        """The messages that ask for these, as the deliveries or dialogs name them, by what they ask for."""
        rows = await self._store.fetch(_store.TOLD_OF, {"asked": list(about)})
        return {row.about: _notice(row, thread="") for row in rows if row.posted_message}

    async def failed_notifications(self) -> tuple[Notice, ...]:
        """Return what was dropped within the last day, newest first, what Discord refuses, and what keeps failing."""
        since = self._clock.now_ms() - _DROPPED_FOR_MS
        dropped = await self._store.fetch(_store.DROPPED, {"since": since, "size": _LISTED})
        refused = await self._store.fetch(_store.NO_ACCESS, {"size": _LISTED})
        stuck = await self._store.fetch(_store.STUCK, {"tries": _STUCK_AFTER, "size": _LISTED})
        return tuple(_notice(row, thread=row.thread) for row in (*dropped, *refused, *stuck))

    async def never_posted(self, *, before_ms: int) -> list[str]:
        """Return the tasks from before `before_ms`, asked elsewhere than in Discord, whose cards were never posted."""
        return [row.task for row in await self._store.fetch(_store.NEVER_POSTED, {"before": before_ms})]

    async def sum_up(self, tasks: Sequence[str]) -> None:
        """Tell in one message that these tasks ended, and nothing else of them."""

        def change(tx: Tx) -> None:
            for first in range(0, len(tasks), _BATCH):
                values = {"tasks": tasks[first : first + _BATCH], "why": "told in a summary"}
                tx.execute(_store.DROP_ALL, values)
            text = f"{len(tasks)} {' '.join(tasks[-_NAMED:])}"
            self.notify(tx, NoticeKind.SUMMARY, None, message=f"summary {tasks[-1]}", text=text)

        await self._store.write(change)

    async def newest_id(self) -> int:
        """Return the highest id that a notice has; 0 without any."""
        return await self._store.newest_id("notices") or 0

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the times of what is still to be told with a clock that was set by `by_ms`."""
        self._change(tx, _store.SHIFT, {"by": by_ms})

    def take_up(self, tx: Tx) -> None:
        """What rests for longer than the longest pause, by a clock that has been set since, is due now."""
        tx.execute(_store.FORGET_FAR_PAUSES, {"latest": self._clock.now_ms() + LONGEST_PAUSE_MS})


def _notice(row: Row, *, thread: str) -> Notice:
    return from_attributes(Notice, row, place=_place(row), thread=thread)


def _place(row: Row) -> Place:
    return Place(channel=row.place_channel, guild=row.place_guild)
