"""Stores what users have to see, for the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.kit.clock import Clock
from core.notices import _store
from core.notices.model import (
    ROUTES,
    AgentReport,
    AgentReports,
    BlockedWindow,
    BroadcastAnswers,
    Digest,
    Notice,
    NoticeDetail,
    NoticeKind,
    NoticeState,
    Place,
    Resolution,
    Route,
    Undelivered,
)
from core.notices.posts import LONGEST_PAUSE_MS, NoticePosts
from core.store.engine import Executable, Store, Tx

_BATCH, _NAMED = 500, 10
_REPORTS_KEPT = 5  # of an agent's progress, in its one message
waits_for_post = _store.waits_for_post


class Notices:
    """What users still have to see. It survives every end of the process."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._posts = {route: NoticePosts(route, store=store, clock=clock) for route in ROUTES}

    def on(self, route: Route) -> NoticePosts:
        """Return how far this route got."""
        return self._posts[route]

    def wake(self) -> None:
        """Have each route look for what it can post now."""
        for posts in self._posts.values():
            posts.news.set()

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
        only: Route | None = None,
    ) -> None:
        """Write down news to post once on each route, or on one `only`, at `place` or the task's card, after `after_ms`
        or at its first change. `about`: what a user has to decide, or is blocked."""
        place = place or self.place_of(tx, task)
        row = {
            "kind": kind.value,
            "task": task or "",
            "subject": subject,
            "detail": _store.packed(detail),
            "place_channel": place.channel,
            "place_guild": place.guild,
            "revision": 1,
            "created_ms": (now_ms := self._clock.now_ms()),
            "about": about,
        }
        added = tx.execute(_store.ADD, row).scalar_one()
        post = {"of_notice": added, "now": now_ms, "due": now_ms + after_ms if after_ms else 0}
        routes = [route for route, posts in self._posts.items() if posts.takes(about)] if only is None else [only]
        for route in routes:
            tx.execute(_store.ADD_POST, {"on_route": route, **post})
        tx.after_commit(self.wake)

    def card_changed(self, tx: Tx, task: str) -> None:
        self._change(tx, _store.BUMP_CARD, {"of_task": task}, posts=_store.CARD_CHANGED)

    def buttons_changed(self, tx: Tx, task: str) -> None:
        """Have the task's messages offer only what is possible now."""
        self._change(tx, _store.BUMP_BUTTONS, {"of_task": task})

    def parts_changed(self, tx: Tx, parent: str) -> None:
        """Have the message in the parent's thread show its parts as they are now."""
        if not self._change(tx, _store.BUMP_PARTS, {"of_task": parent}):
            self.notify(tx, NoticeKind.PARTS, parent)

    def _change(
        self, tx: Tx, bump: Executable, values: Mapping[str, object], *, posts: Executable = _store.CHANGED
    ) -> bool:
        changed = [row.id for row in tx.execute(bump, values)]
        for notice in changed:
            tx.execute(posts, {"of_notice": notice})
        tx.after_commit(self.wake)
        return bool(changed)

    def notify_once(self, tx: Tx, kind: NoticeKind, task: str, *, detail: NoticeDetail) -> None:
        """Notify unless a notice of the task has this detail already."""
        earlier = tx.execute(_store.OF_TASK, {"of_task": task, "sort": kind.value})
        if not any(_store.is_same(row.detail, detail) for row in earlier):
            self.notify(tx, kind, task, detail=detail)

    def ask_again(self, tx: Tx, kind: NoticeKind, task: str, *, subject: str, about: str) -> None:
        """Notify of something that a user has to decide; where a message about it was settled, it asks again."""
        if not self._change(tx, _store.SETTLED, {"asked": about, "how": ""}):
            self.notify(tx, kind, task, subject=subject, about=about)

    def settled(self, tx: Tx, *, about: str, how: str, by: str = "") -> bool:
        """Have the message that asked users about this say `how` it was settled. Return whether there is one."""
        return self._change(tx, _store.SETTLED, {"asked": about, "how": _store.packed(Resolution(how=how, by=by))})

    def words_changed(self, tx: Tx, message: str) -> None:
        """Have what was posted of this message, or of a task's end by it, show what it is now."""
        self._change(tx, _store.BUMP_WORDS, {"of_subject": message})

    def answered(self, tx: Tx, message: str, *, answer: str, is_one_of_several: bool) -> None:
        """Post this answer to the message where a user sent it; with `is_one_of_several` in one with the others."""
        shown = self.find(tx, NoticeKind.WORDS, subject=message)
        place = shown[0].place if shown else Place()
        known = self.find(tx, NoticeKind.ANSWER, subject=message) if is_one_of_several else ()
        replies = known[0].detail.messages if known and isinstance(known[0].detail, BroadcastAnswers) else ()
        detail = BroadcastAnswers(messages=(*replies, answer)) if is_one_of_several else None
        if known and detail is not None:
            self._change_detail(tx, known[0], detail)
        else:
            subject = message if is_one_of_several else answer
            self.notify(tx, NoticeKind.ANSWER, None, subject=subject, detail=detail, place=place)

    def progressed(self, tx: Tx, task: str, *, agent: str, spell: str, report: str, replaces: bool = False) -> None:
        """Add an agent's report to the one message for this spell of work, after the newest earlier ones or, with
        `replaces`, in their place."""
        row = tx.execute(_store.PROGRESS, {"of_task": task, "of_subject": spell}).first()
        shown = None if row is None else _store.notice_of(row)
        known = shown.detail.reports if shown is not None and isinstance(shown.detail, AgentReports) else ()
        reports = (*known, AgentReport(at_ms=self._clock.now_ms(), text=report))
        detail = AgentReports(agent=agent, reports=reports[-1 if replaces else -_REPORTS_KEPT :])
        if shown is None:
            self.notify(tx, NoticeKind.PROGRESS, task, subject=spell, detail=detail)
        else:
            self._change_detail(tx, shown, detail)

    def undelivered(
        self, tx: Tx, message: str, detail: Undelivered, *, about: str = "", once: bool = False, thread: str = ""
    ) -> None:
        """Notify the message's sender, where it is shown, else in the `thread` of this task; with `once` not of the
        same again. `about`: what a user has to decide."""
        earlier = self.find(tx, NoticeKind.UNDELIVERED, subject=message) if once else ()
        if not any(one.detail == detail for one in earlier):
            shown = [(one.task, one.place) for one in self.find(tx, NoticeKind.WORDS, subject=message)]
            for task, place in shown or ([(thread, None)] if thread.startswith("T-") else []):
                kind = NoticeKind.UNDELIVERED
                self.notify(tx, kind, task, subject=message, detail=detail, about=about, place=place)

    def find(self, tx: Tx, kind: NoticeKind, *, subject: str) -> tuple[Notice, ...]:
        """Return the notices of this kind about the subject."""
        rows = tx.execute(_store.OF_SUBJECT, {"of_subject": subject, "sort": kind.value})
        return tuple(map(_store.notice_of, rows))

    def of_blocked(self, tx: Tx, window: str) -> Notice | None:
        """Return the notice of this window, as long as it is not over."""
        row = tx.execute(_store.ABOUT, {"asked": window}).first()
        return None if row is None else _store.notice_of(row)

    async def list_blocked(self) -> tuple[Notice, ...]:
        rows = await self._store.fetch(_store.BLOCKED)
        return tuple(self._store.aside.readable("notice", rows, _store.notice_of))

    def blocked_changed(self, tx: Tx, notice: Notice, now: BlockedWindow) -> None:
        """Change this message; once the window is usable, its next problem gets a new one."""
        about = f"over:{notice.about}:{notice.id}" if now.over_ms else notice.about
        self._change_detail(tx, notice, now, about=about)

    def _change_detail(self, tx: Tx, notice: Notice, detail: NoticeDetail, *, about: str = "") -> None:
        values = {"of_notice": notice.id, "now": _store.packed(detail), "asks_about": about}
        self._change(tx, _store.CHANGE, values)

    def place_of(self, tx: Tx, task: str | None) -> Place:
        """Return the place of the task's card; none without a task."""
        card = tx.execute(_store.CARD, {"of_task": task}).first() if task else None
        return Place() if card is None else _store.place_of(card)

    def delete_old(self, tx: Tx, *, before_ms: int, most: int) -> int:
        """Delete at most `most` notices from before `before_ms` whose texts have expired; return how many."""
        return tx.execute(_store.DELETE_OLD, {"before": before_ms, "size_of_batch": most}).rowcount

    async def sum_up(self, tasks: Sequence[str], *, on: Route) -> None:
        """Report in one message that these tasks ended, and post nothing else of them on this route."""

        def change(tx: Tx) -> None:
            for first in range(0, len(tasks), _BATCH):
                self.on(on).drop_all(tx, tasks[first : first + _BATCH], error="included in a summary")
            detail = Digest(number=len(tasks), newest=tuple(tasks[-_NAMED:]))
            self.notify(tx, NoticeKind.SUMMARY, None, subject=f"summary {tasks[-1]}", detail=detail, only=on)

        await self._store.write(change)

    async def welcome(self, place: Place) -> None:
        """Post the first message for a new owner there."""
        await self._store.write(lambda tx: self.notify(tx, NoticeKind.WELCOME, None, subject="welcome", place=place))

    async def waiting(self) -> Mapping[tuple[Route, NoticeState], int]:
        """Return how many notices each route has still to post, or has to do without access."""
        rows = await self._store.fetch(_store.WAITING)
        return {(Route(row.route), NoticeState(row.state)): row.size for row in rows}

    async def newest_id(self) -> int:
        return await self._store.newest_id("notices") or 0

    def shift(self, tx: Tx, by_ms: int) -> None:
        """Move the times of pending notices with a clock that was set by `by_ms`."""
        tx.execute(_store.SHIFT, {"by": by_ms})
        tx.after_commit(self.wake)

    def take_up(self, tx: Tx) -> None:
        """End pauses that a clock set since made longer than the longest pause."""
        tx.execute(_store.FORGET_FAR_PAUSES, {"latest": self._clock.now_ms() + LONGEST_PAUSE_MS})
