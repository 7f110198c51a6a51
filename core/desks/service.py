"""The desks: whether they may be used now, their windows, and pictures of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.desks import _store
from core.desks.learned import Learned
from core.desks.model import (
    NOT_YET,
    Desk,
    DeskEvent,
    DeskMode,
    DeskNow,
    DeskState,
    DeskStatus,
    DeskStoppedHere,
    DeskUnavailable,
    DisplayPictured,
    Glance,
    LearnedFact,
    LiveView,
    Shown,
    Transcribed,
    WindowNotSeen,
)
from core.desks.ports import DeskWorkerPort
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.errors import Unavailable
from core.kit.redaction import CODE_ON_SCREEN, HIDDEN, redacted
from core.profiles.model import Activity
from core.reasons import Reason
from core.remedies import refused, sentence
from core.security.model import HUB, Actor, Permission, allows, require
from core.store.engine import Row, Store, Tx

_SUGGESTIONS = 25
_LAST_LINES, _LINE_CHARS = 12, 110  # of a glance
_NOT_IDLE = {
    Activity.IDLE: "",
    Activity.BUSY: "its window shows that it is busy",
    Activity.NEEDS_INPUT: "its window waits for an answer",
    Activity.ERROR: "its window shows an error",
    Activity.LIMITED: "its window shows that a limit is reached",
    Activity.UNKNOWN: "its window shows no sign of being busy or not",
}
STARTS_WITHIN_S = 60.0  # a desk that starts for longer counts as unavailable
AT_THE_MACHINE = "machine:"  # begins the actor of a stop at the desk's own machine: Octet does not know the user


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskModeChanged(DeskEvent):
    """A user held, stopped or released a desk."""

    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStopped(DeskEvent):
    """A user stopped a desk at its own machine."""

    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenshotTaken(DeskEvent):
    """A user looked at a window through Octet."""

    window: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLearned(DeskEvent):
    """Octet learned something of a window."""

    window: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowForgotten(DeskEvent):
    """A user had Octet forget what it learned of a window."""

    window: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShowed(DeskEvent):
    """A window of an agent shows something else than before."""

    window: str
    activity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """The state of one desk."""

    starting_s: float  # since when it is starting, in monotonic time
    worker: DeskNow | None = None  # what its worker reported; None before it has answered
    news_ms: int = 0  # when its worker last came up or went away
    waits: Reason | None = None  # why deliveries wait there for something that passes
    awake: str = ""  # whether Octet keeps its machine awake, in words
    mode: DeskMode = DeskMode.OPEN
    mode_by: str = ""
    mode_ms: int = 0


class Desks:
    """The desks of config/desks. Workers say whether they can be used, users whether they may."""

    def __init__(
        self,
        *,
        desks: Sequence[Desk],
        workers: Mapping[str, DeskWorkerPort],
        store: Store,
        journal: Journal,
        clock: Clock,
        learned: Learned,
    ) -> None:
        """Call `load` first. A desk without a worker is unavailable."""
        self._learned = learned
        self._desks = {desk.name: desk for desk in desks}
        self._workers = dict(workers)
        self._store, self._journal, self._clock = store, journal, clock
        self._now = {desk.name: _Now(starting_s=clock.monotonic_s()) for desk in desks}
        self._shown: dict[tuple[str, str], Shown] = {}
        self._noted: dict[tuple[str, str], Activity] = {}  # the last journaled activity of each window
        self._on_change: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Read the users' holds and stops, and pass them to the workers before these do anything."""

        def take(row: Row) -> None:
            self._set(row.name, mode=DeskMode(row.mode), mode_by=row.actor, mode_ms=row.since_ms)

        self._store.aside.readable("desk", await self._store.fetch(_store.ALL), take, key="name")
        for name in self._workers:
            await self._send_mode(name)

    async def set_desks(self, desks: Sequence[Desk], workers: Mapping[str, DeskWorkerPort]) -> None:
        """Replace the desks and their workers. What was known of a desk with another worker counts no more."""
        others = {name for name in {*self._workers, *workers} if self._workers.get(name) is not workers.get(name)}
        self._desks = {desk.name: desk for desk in desks}
        self._workers = dict(workers)
        for name in others:
            self._set(name, worker=None, waits=None, starting_s=self._clock.monotonic_s())
        self._shown = {at: shown for at, shown in self._shown.items() if at[0] not in others}
        for name in others & set(workers):
            await self._send_mode(name)
        self._on_change()

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this, in the event loop, whenever a desk's state may have changed."""
        self._on_change = call

    def worker_is(self, desk: str, now: DeskNow) -> None:
        before = self._of(desk).worker
        if before is None or before.state is not now.state:
            self._set(desk, news_ms=self._clock.now_ms())
            if now.state is DeskState.STARTING:
                self._set(desk, starting_s=self._clock.monotonic_s())
        self._set(desk, worker=now)
        self._on_change()

    def window_shows(self, desk: str, shown: Shown) -> None:
        self._shown[desk, shown.window] = shown
        self._on_change()

    def note_shown(self, tx: Tx, desk: str, shown: Shown) -> None:
        """Journal that the window shows another activity. Of a dialog the journal has no text."""
        if self._noted.get((desk, shown.window)) is shown.activity:
            return
        tx.after_commit(lambda: self._noted.update({(desk, shown.window): shown.activity}))
        event = WindowShowed(desk=desk, window=shown.window, activity=shown.activity.value)
        self._journal.append(tx, event, by=HUB.id)

    def shown(self, desk: str, window: str) -> Shown:
        """Return what the window showed last, from memory; `unknown` while its worker does not answer."""
        nothing = Shown(window=window, activity=Activity.UNKNOWN)
        return self._shown.get((desk, window), nothing) if self._worker_answers(desk) else nothing

    async def learn(self, fact: LearnedFact) -> None:
        """Store what a worker learned of a window. Raises Unavailable."""

        def note(tx: Tx) -> None:
            self._learned.keep(fact)
            event = WindowLearned(desk=fact.desk, window=fact.window, what=fact.what.value)
            self._journal.append(tx, event, by=HUB.id)

        await self._store.write(note)

    async def forget(self, desk: str, window: str, *, by: Actor) -> tuple[LearnedFact, ...]:
        """Remove what Octet learned of this window. Raises desk_not_found, window_not_found or nothing_learned."""
        require(by, Permission.CONFIG_RELOAD)
        self._check_window(desk, window)

        def note(tx: Tx) -> tuple[LearnedFact, ...]:
            gone = self._learned.forget(desk, window)
            if gone is None:
                raise refused("nothing_learned", id=window, desk=desk)
            event = WindowForgotten(desk=desk, window=window, what=tuple(fact.what.value for fact in gone))
            self._journal.append(tx, event, by=by.id)
            return gone

        return await self._store.write(note)

    def waits_are(self, desk: str, why: Reason | None) -> None:
        """Note why the desk's worker begins nothing for now; None: it does again."""
        if why != self.waits(desk):
            self._set(desk, waits=why)
            self._on_change()

    def awake_is(self, desk: str, note: str) -> None:
        """Note whether Octet keeps the desk's machine awake, in words."""
        self._set(desk, awake=note)

    def waits(self, desk: str) -> Reason | None:
        """Return why deliveries on this desk wait for something that passes; None when they do not."""
        return self._of(desk).waits

    async def stopped_at_machine(self, desk: str, how: str) -> None:
        """Note that a user stopped the desk at its machine: it stays so, also after a restart, until it is released."""

        def note(tx: Tx) -> None:
            actor = f"{AT_THE_MACHINE}{how}"
            self._set_mode(tx, desk, DeskMode.STOPPED, actor)
            self._journal.append(tx, DeskStopped(desk=desk, how=how), by=HUB.id)

        if desk in self._desks:
            await self._store.write(note)

    def state(self, desk: str) -> DeskNow:
        """Return the desk's state now, and why, from memory."""
        now = self._of(desk)
        if desk not in self._workers:
            return DeskNow(DeskState.UNAVAILABLE, Reason.NO_AGENT_THERE)
        worker = now.worker or NOT_YET
        if worker.state is DeskState.STARTING and now.starting_s + STARTS_WITHIN_S <= self._clock.monotonic_s():
            return DeskNow(DeskState.UNAVAILABLE, Reason.STARTING_LONG)
        if worker.state is not DeskState.READY:
            return worker
        if now.mode is DeskMode.OPEN:
            return DeskNow(worker.state, now.waits)
        if now.mode_by.startswith(AT_THE_MACHINE):
            how = now.mode_by.removeprefix(AT_THE_MACHINE)
            return DeskNow(DeskState(now.mode.value), Reason.STOPPED_THERE, f"by {how}")
        return DeskNow(DeskState(now.mode.value), Reason.UNTIL_RELEASED)

    def late_at_s(self) -> float | None:
        """Return when, in monotonic time, the next desk that is starting counts as unavailable; None when none is."""
        starting = [name for name in self._desks if self.state(name)[0] is DeskState.STARTING]
        return min((self._of(name).starting_s + STARTS_WITHIN_S for name in starting), default=None)

    def _of(self, desk: str) -> _Now:
        return self._now.setdefault(desk, _Now(starting_s=self._clock.monotonic_s()))

    def _set(self, desk: str, **changes: Any) -> None:
        self._now[desk] = replace(self._of(desk), **changes)

    def states(self) -> Mapping[str, DeskState]:
        return {name: self.state(name)[0] for name in self._desks}

    def known(self) -> tuple[DeskStatus, ...]:
        """Return the desks that agents work at, from memory."""
        return tuple(self._known(desk) for desk in self._desks.values() if desk.name in self._workers)

    def suggest(self, text: str, *, by: Actor) -> Sequence[str]:
        """Return names for autocomplete, from memory; none for users who may not see desks."""
        if not allows(by, Permission.DESK_READ):
            return []
        wanted = text.casefold()
        return [status.desk.name for status in self.known() if wanted in status.desk.name.casefold()][:_SUGGESTIONS]

    async def status(self, *, by: Actor) -> tuple[DeskStatus, ...]:
        require(by, Permission.DESK_READ)
        return tuple([await self._status(desk) for desk in self._desks.values()])

    async def hold(self, desk: str, *, by: Actor) -> DeskStatus:
        """Begin no new delivery on this desk; one under way is finished. Raises desk_not_found."""
        await self._change_mode(desk, DeskMode.HELD, by)
        await self._tell_worker(desk, DeskMode.HELD)
        return await self._status(self._desks[desk])

    async def release(self, desk: str, *, by: Actor) -> DeskStatus:
        """Allow deliveries again. Raises desk_not_found."""
        # The worker first: it must be released before the next delivery comes.
        require(by, Permission.DESK_USE)
        name = self.find(desk).name
        try:
            await self._tell_worker(name, DeskMode.OPEN)
        except DeskStoppedHere:
            raise
        except BaseException:
            await self._release(name, by)
            raise
        await self._release(name, by)
        return await self._status(self._desks[desk])

    async def stop(self, desk: str, *, by: Actor) -> DeskStatus:
        """Stop before the next key, and begin nothing until it is released. Raises desk_not_found."""
        # The worker first: stopping must not wait for the disk.
        require(by, Permission.DESK_USE)
        name = self.find(desk).name
        try:
            await self._tell_worker(name, DeskMode.STOPPED)
        finally:
            await self._change_mode(name, DeskMode.STOPPED, by)
        return await self._status(self._desks[desk])

    async def screenshot(self, desk: str, window: str, *, by: Actor) -> bytes:
        """Take a masked PNG of this window. Raises desk_not_found, window_not_found, WindowNotSeen or
        DeskUnavailable."""
        require(by, Permission.DESK_LOOK)
        self._check_window(desk, window)
        picture = await self.answering(desk).picture(window)
        await self.note_look(desk, window, by=by)
        return picture

    async def glance(self, desk: str, window: str, *, by: Actor, is_first: bool = True) -> Glance:
        """Look at this window without touching it; note the first look of several in the journal. Raises as
        `screenshot`."""
        require(by, Permission.DESK_LOOK)
        self._check_window(desk, window)
        worker = self.answering(desk)
        if is_first:
            await self.note_look(desk, window, by=by)
        try:
            transcript = await worker.transcript(window, may_touch=False)
        except WindowNotSeen:
            return Glance(png=await worker.picture(window))
        lines = redacted(CODE_ON_SCREEN.sub(HIDDEN, transcript.text)).splitlines()
        return Glance(text="\n".join([line[:_LINE_CHARS].rstrip() for line in lines if line.strip()][-_LAST_LINES:]))

    async def live_view(self, desk: str, window: str, *, known: str, by: Actor) -> LiveView | None:
        """Look at this window for users who watch it; None while Octet types there. `known` is the mark of what they
        see already. Raises as `screenshot`."""
        require(by, Permission.DESK_LOOK)
        self._check_window(desk, window)
        view = await self.answering(desk).live_view(window, known=known)
        return replace(view, text=redacted(CODE_ON_SCREEN.sub(HIDDEN, view.text))) if view and view.text else view

    async def note_look(self, desk: str, window: str, *, by: Actor) -> None:
        """Note in the journal that this user looks at the window."""
        require(by, Permission.DESK_LOOK)
        seen = ScreenshotTaken(desk=desk, window=window)
        await self._store.write(lambda tx: self._journal.append(tx, seen, by=by.id))

    async def picture(self, desk: str, *, by: Actor) -> bytes:
        """Take a PNG of a virtual display, or of all panes. Raises desk_not_found, desk_is_shared or
        DeskUnavailable."""
        require(by, Permission.DESK_SEE)
        if self.find(desk).kind.has_users:
            raise refused("desk_is_shared", id=desk)
        picture = await self.answering(desk).whole_picture()
        await self._store.write(lambda tx: self._journal.append(tx, DisplayPictured(desk=desk), by=by.id))
        return picture

    def find(self, desk: str) -> Desk:
        """Return the desk of this name. Raises desk_not_found."""
        if desk not in self._desks:
            raise refused("desk_not_found", id=desk[:40])
        return self._desks[desk]

    def _check_window(self, desk: str, window: str) -> None:
        if window not in {known.name for known in self.find(desk).windows}:
            raise refused("window_not_found", id=window[:40], desk=desk)

    def all(self) -> tuple[Desk, ...]:
        return tuple(self._desks.values())

    def answering(self, desk: str) -> DeskWorkerPort:
        """Return the desk's worker, if it answers. Raises desk_not_found or DeskUnavailable."""
        worker = self._workers.get(self.find(desk).name)
        if worker is None or not self._worker_answers(desk):
            raise _unavailable(desk, self.state(desk))
        return worker

    async def transcript(self, desk: str, window: str) -> Transcribed:
        """Read what was said in a window. Raises WindowNotSeen or DeskUnavailable."""
        worker = self._workers.get(desk)
        now = self.state(desk)
        if worker is None or now.state is not DeskState.READY:
            raise _unavailable(desk, now)
        return await worker.transcript(window)

    async def why_not_idle(self, desk: str, window: str) -> str:
        """Check the window; return why its agent does not visibly rest with an empty composer; empty if it does."""
        if why := self.state(desk).describe(desk):
            return why
        try:
            seen = next((one for one in await self._workers[desk].look() if one.name == window), None)
        except DeskUnavailable as error:
            return error.message
        if seen is None:
            return "its window is not known"
        if not seen.usable:
            # The rest of the reason may name another window, which users who only follow a task may not see.
            return f"its window is not usable: {sentence(seen.reason)}"
        return _NOT_IDLE[seen.activity]

    def _worker_answers(self, desk: str) -> bool:
        worker = self._of(desk).worker
        return worker is not None and worker.state is DeskState.READY

    async def _release(self, name: str, by: Actor) -> None:
        try:
            await self._change_mode(name, DeskMode.OPEN, by)
        except Unavailable:
            await self._send_mode(name)  # the desk stays held or stopped: its worker must not continue
            raise

    async def _send_mode(self, name: str) -> None:
        if (mode := self._of(name).mode) is not DeskMode.OPEN:
            await self._tell_worker(name, mode)

    async def _tell_worker(self, desk: str, mode: DeskMode) -> None:
        """Tell it also when no worker answers: one that is just starting must know it."""
        if (worker := self._workers.get(desk)) is not None:
            await worker.set_mode(mode)

    async def _change_mode(self, desk: str, mode: DeskMode, by: Actor) -> None:
        require(by, Permission.DESK_USE)
        name = self.find(desk).name

        def note(tx: Tx) -> None:
            self._set_mode(tx, name, mode, by.id)
            self._journal.append(tx, DeskModeChanged(desk=name, mode=mode.value), by=by.id)

        await self._store.write(note)

    def _set_mode(self, tx: Tx, desk: str, mode: DeskMode, actor: str) -> None:
        tx.execute(_store.SET, {"name": desk, "mode": mode.value, "actor": actor, "since_ms": self._clock.now_ms()})
        tx.after_commit(lambda: self._mode_is(desk, mode, actor))

    def _mode_is(self, desk: str, mode: DeskMode, actor: str) -> None:
        self._set(desk, mode=mode, mode_by=actor, mode_ms=self._clock.now_ms())
        self._on_change()

    def _known(self, desk: Desk) -> DeskStatus:
        (state, reason, note), now = self.state(desk.name), self._of(desk.name)
        is_closed = state in {DeskState.HELD, DeskState.STOPPED}
        return DeskStatus(
            desk=desk,
            state=state,
            reason=reason,
            note=note,
            windows=(),
            since_ms=now.mode_ms if is_closed else now.news_ms,
            by=now.mode_by if is_closed and reason is Reason.UNTIL_RELEASED else "",
            awake=now.awake,
        )

    async def _status(self, desk: Desk) -> DeskStatus:
        known = replace(self._known(desk), since_ms=0)
        if self._worker_answers(desk.name) and desk.name in self._workers:
            try:
                known = replace(known, windows=await self._workers[desk.name].look())
            except DeskUnavailable as error:
                known = replace(known, state=DeskState.UNAVAILABLE, reason=error.reason, note=error.note)
        facts, trouble = await asyncio.to_thread(self._learned.read, desk.name)
        return replace(known, learned=facts, unread=trouble)


def _unavailable(desk: str, now: DeskNow) -> DeskUnavailable:
    return DeskUnavailable(desk, now.reason or Reason.WORKER_STARTING, now.note)
