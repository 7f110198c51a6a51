"""The desks: who may use their hands now, what stands on them, and a look at one window."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.desks import _store
from core.desks.learned import Learned
from core.desks.model import (
    NOT_YET,
    Arranged,
    Desk,
    DeskIsShared,
    DeskNotFound,
    DeskNow,
    DeskState,
    DeskStatus,
    DeskStopped,
    DeskStoppedHere,
    DeskUnavailable,
    DeskWished,
    DisplayPictured,
    LearnedFact,
    NothingLearned,
    ScreenshotTaken,
    Shown,
    Transcribed,
    WindowForgotten,
    WindowLearned,
    WindowNotFound,
    WindowShowed,
    WindowStatus,
    Wish,
)
from core.desks.ports import Hands
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.errors import Unavailable
from core.profiles.model import Activity
from core.reasons import Reason
from core.remedies import sentence
from core.security.model import HUB, Actor, Permission, allows, require
from core.store.engine import Store, Tx

_SUGGESTIONS = 25
_NOT_IDLE = {
    Activity.IDLE: "",
    Activity.BUSY: "its window shows that it is busy",
    Activity.NEEDS_INPUT: "its window waits for an answer",
    Activity.ERROR: "its window shows an error",
    Activity.LIMITED: "its window shows that a limit is reached",
    Activity.UNKNOWN: "its window shows no sign of being busy or not",
}


STARTS_WITHIN_S = 60.0
"""A desk that starts for longer is said to be unavailable: nobody waits for it without being told."""


AT_THE_MACHINE = "machine:"
"""How the actor of a stop begins that was pressed at the desk's own machine: Octet does not know who that was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """What is known of one desk now."""

    starting_s: float  # since when it is starting, in monotonic time
    worker: DeskNow | None = None  # what its worker said; None before it has answered
    told_ms: int = 0  # when its hands last came up or went away
    waits: Reason | None = None  # why deliveries wait there for something that passes by itself
    awake: str = ""  # what is told of keeping its machine awake
    wish: Wish = Wish.OPEN
    wished_by: str = ""
    wished_ms: int = 0


class Desks:
    """The desks of config/desks. Their hands say whether they can be used; people say whether they may."""

    def __init__(
        self,
        *,
        desks: Sequence[Desk],
        hands: Mapping[str, Hands],
        store: Store,
        journal: Journal,
        clock: Clock,
        learned: Learned,
    ) -> None:
        """`hands` may lack a desk: it is then unavailable. Call `load` first."""
        self._learned = learned
        self._desks = {desk.name: desk for desk in desks}
        self._hands = dict(hands)
        self._store, self._journal, self._clock = store, journal, clock
        self._now = {desk.name: _Now(starting_s=clock.monotonic_s()) for desk in desks}
        self._shown: dict[tuple[str, str], Shown] = {}
        self._noted: dict[tuple[str, str], Activity] = {}  # what the journal was told last of each window
        self._on_change: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Read what people wanted of the desks before the restart, and tell their hands before these do anything."""
        for row in await self._store.fetch(_store.ALL):
            now = replace(self._of(row.name), wish=Wish(row.wish), wished_by=row.actor, wished_ms=row.since_ms)
            self._now[row.name] = now
        for name in self._hands:
            await self._tell_wish(name)

    async def set_desks(self, desks: Sequence[Desk], hands: Mapping[str, Hands]) -> None:
        """These are the desks and their hands from now on; new hands are told what people want of their desk. Of what
        was known of a desk whose hands are others now, nothing counts any more."""
        others = {name for name in {*self._hands, *hands} if self._hands.get(name) is not hands.get(name)}
        self._desks = {desk.name: desk for desk in desks}
        self._hands = dict(hands)
        for name in others:
            self._now[name] = replace(self._of(name), worker=None, waits=None, starting_s=self._clock.monotonic_s())
        self._shown = {at: shown for at, shown in self._shown.items() if at[0] not in others}
        for name in others & set(hands):
            await self._tell_wish(name)
        self._on_change()

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this, in the event loop, whenever a desk's state may have changed."""
        self._on_change = call

    def worker_is(self, desk: str, told: DeskNow) -> None:
        """The desk's hands came up or went away."""
        now = self._of(desk)
        if now.worker is None or now.worker.state is not told.state:
            now = replace(now, told_ms=self._clock.now_ms())
            if told.state is DeskState.STARTING:
                now = replace(now, starting_s=self._clock.monotonic_s())
        self._now[desk] = replace(now, worker=told)
        self._on_change()

    def window_shows(self, desk: str, shown: Shown) -> None:
        """A window of the desk shows this from now on."""
        self._shown[desk, shown.window] = shown
        self._on_change()

    def note_shown(self, tx: Tx, desk: str, shown: Shown) -> None:
        """Journal it, if the window showed another activity before. Of a dialog only that there is one: what it says is
        for those who answer it."""
        if self._noted.get((desk, shown.window)) is shown.activity:
            return
        tx.after_commit(lambda: self._noted.update({(desk, shown.window): shown.activity}))
        event = WindowShowed(desk=desk, window=shown.window, activity=shown.activity.value)
        self._journal.append(tx, event, by=HUB.id)

    def shown(self, desk: str, window: str) -> Shown:
        """What the window was told to show last, from memory; `unknown` while its hands do not answer."""
        nothing = Shown(window=window, activity=Activity.UNKNOWN)
        return self._shown.get((desk, window), nothing) if self._worker_answers(desk) else nothing

    async def learn(self, fact: LearnedFact) -> None:
        """Keep what a worker learned of a window. Raises Unavailable if that cannot be written down."""

        def note(tx: Tx) -> None:
            self._learned.keep(fact)
            event = WindowLearned(desk=fact.desk, window=fact.window, what=fact.what.value)
            self._journal.append(tx, event, by=HUB.id)

        await self._store.write(note)

    async def forget(self, desk: str, window: str, *, by: Actor) -> tuple[LearnedFact, ...]:
        """Remove what Octet learned of this window. Raises DeskNotFound, WindowNotFound or NothingLearned."""
        require(by, Permission.CONFIG_RELOAD)
        if window not in {known.name for known in self.find(desk).windows}:
            raise WindowNotFound(id=window[:40], desk=desk)

        def note(tx: Tx) -> tuple[LearnedFact, ...]:
            gone = self._learned.forget(desk, window)
            if gone is None:
                raise NothingLearned(id=window, desk=desk)
            event = WindowForgotten(desk=desk, window=window, what=tuple(fact.what.value for fact in gone))
            self._journal.append(tx, event, by=by.id)
            return gone

        return await self._store.write(note)

    def waits_are(self, desk: str, why: Reason | None) -> None:
        """The desk's hands begin nothing for now because of `why`; None: they do again."""
        if why != self.waits(desk):
            self._now[desk] = replace(self._of(desk), waits=why)
            self._on_change()

    def awake_is(self, desk: str, note: str) -> None:
        """What is told of keeping the desk's machine awake, from now on."""
        self._now[desk] = replace(self._of(desk), awake=note)

    def waits(self, desk: str) -> Reason | None:
        """Why deliveries on this desk wait for something that passes by itself; None when they do not."""
        return self._of(desk).waits

    async def stopped_at_machine(self, desk: str, how: str) -> None:
        """Somebody stopped the desk at its own machine: it stays so, also after a restart, until it is released."""

        def note(tx: Tx) -> None:
            actor = f"{AT_THE_MACHINE}{how}"
            self._note_wish(tx, desk, Wish.STOPPED, actor)
            self._journal.append(tx, DeskStopped(desk=desk, how=how), by=HUB.id)

        if desk in self._desks:
            await self._store.write(note)

    def state(self, desk: str) -> DeskNow:
        """The desk's state now, and why, from memory."""
        now = self._of(desk)
        if desk not in self._hands:
            return DeskNow(DeskState.UNAVAILABLE, Reason.NO_AGENT_THERE)
        told = now.worker or NOT_YET
        if told.state is DeskState.STARTING and now.starting_s + STARTS_WITHIN_S <= self._clock.monotonic_s():
            return DeskNow(DeskState.UNAVAILABLE, Reason.STARTING_LONG)
        if told.state is not DeskState.READY:
            return told
        if now.wish is Wish.OPEN:
            return DeskNow(told.state, now.waits)
        if now.wished_by.startswith(AT_THE_MACHINE):
            how = now.wished_by.removeprefix(AT_THE_MACHINE)
            return DeskNow(DeskState(now.wish.value), Reason.STOPPED_THERE, f"by {how}")
        return DeskNow(DeskState(now.wish.value), Reason.UNTIL_RELEASED)

    def late_at_s(self) -> float | None:
        """Return when, in monotonic time, the next desk that is starting counts as unavailable; None when none is."""
        starting = [name for name in self._desks if self.state(name)[0] is DeskState.STARTING]
        return min((self._of(name).starting_s + STARTS_WITHIN_S for name in starting), default=None)

    def _of(self, desk: str) -> _Now:
        return self._now.setdefault(desk, _Now(starting_s=self._clock.monotonic_s()))

    def states(self) -> Mapping[str, DeskState]:
        """Every desk's state now, from memory and without a look at its windows."""
        return {name: self.state(name)[0] for name in self._desks}

    def known(self) -> tuple[DeskStatus, ...]:
        """The desks that agents work at, from memory and without a look at their windows."""
        return tuple(self._known(desk) for desk in self._desks.values() if desk.name in self._hands)

    def suggest(self, text: str, *, by: Actor) -> Sequence[str]:
        """Names for autocomplete, from memory; empty for those who may not see desks."""
        if not allows(by, Permission.DESK_READ):
            return []
        wanted = text.casefold()
        return [status.desk.name for status in self.known() if wanted in status.desk.name.casefold()][:_SUGGESTIONS]

    async def status(self, *, by: Actor) -> tuple[DeskStatus, ...]:
        """All desks with a fresh look at their windows."""
        require(by, Permission.DESK_READ)
        return tuple([await self._status(desk) for desk in self._desks.values()])

    async def hold(self, desk: str, *, by: Actor) -> DeskStatus:
        """Begin no new delivery on this desk; one under way is finished. Raises DeskNotFound."""
        await self._wish(desk, Wish.HELD, by)
        if (hands := self._hands.get(desk)) is not None:
            await hands.hold()  # also when no worker answers: the one that is just starting must know it
        return await self._status(self._desks[desk])

    async def release(self, desk: str, *, by: Actor) -> DeskStatus:
        """Deliveries may begin again. Raises DeskNotFound."""
        # The hands first: what is dispatched on the news must not meet hands that still hold back.
        require(by, Permission.DESK_USE)
        name = self.find(desk).name
        try:
            if (hands := self._hands.get(name)) is not None:
                await hands.release()  # also when they do not answer: they try to start at once, not at their leisure
        except DeskStoppedHere:
            raise
        except BaseException:
            await self._release(name, by)
            raise
        await self._release(name, by)
        return await self._status(self._desks[desk])

    async def stop(self, desk: str, *, by: Actor) -> DeskStatus:
        """Stop before the next key, and begin nothing until it is released. Raises DeskNotFound."""
        # The hands first: stopping must not wait for the disk.
        require(by, Permission.DESK_USE)
        name = self.find(desk).name
        try:
            if (hands := self._hands.get(name)) is not None:
                await hands.stop()  # also when no worker answers: the one that is just starting must know it
        finally:
            await self._wish(name, Wish.STOPPED, by)
        return await self._status(self._desks[desk])

    async def screenshot(self, desk: str, window: str, *, by: Actor) -> bytes:
        """A PNG of this window only, what its profile masks painted over. Raises DeskNotFound, WindowNotFound,
        WindowNotSeen or DeskUnavailable."""
        require(by, Permission.DESK_LOOK)
        if window not in {known.name for known in self.find(desk).windows}:
            raise WindowNotFound(id=window[:40], desk=desk)
        picture = await self._answering(desk).picture(window)
        seen = ScreenshotTaken(desk=desk, window=window)
        await self._store.write(lambda tx: self._journal.append(tx, seen, by=by.id))
        return picture

    async def picture(self, desk: str, *, by: Actor) -> bytes:
        """A PNG of the whole display of a desk that has one of its own, or of all its panes. Raises DeskNotFound,
        DeskIsShared or DeskUnavailable."""
        require(by, Permission.DESK_SEE)
        if self.find(desk).is_users_screen:
            raise DeskIsShared(id=desk)
        picture = await self._answering(desk).whole_picture()
        await self._store.write(lambda tx: self._journal.append(tx, DisplayPictured(desk=desk), by=by.id))
        return picture

    def find(self, desk: str) -> Desk:
        """Return the desk of this name. Raises DeskNotFound."""
        if desk not in self._desks:
            raise DeskNotFound(id=desk[:40])
        return self._desks[desk]

    def all(self) -> tuple[Desk, ...]:
        """Every desk of the config."""
        return tuple(self._desks.values())

    async def examine(self, desk: str) -> tuple[WindowStatus, ...]:
        """A fresh look at its windows, closer than `status`. Raises DeskNotFound or DeskUnavailable."""
        return await self._answering(self.find(desk).name).examine()

    async def arrange(self, desk: str, windows: Sequence[str]) -> tuple[Arranged, ...]:
        """Have these windows put back to their places. Raises DeskNotFound or DeskUnavailable."""
        return await self._answering(self.find(desk).name).arrange(windows)

    async def look_at(self, desk: str, window: str) -> Shown:
        """What the window shows of its agent, by a fresh look. Raises DeskNotFound or DeskUnavailable."""
        return await self._answering(self.find(desk).name).shows(window)

    async def transcript(self, desk: str, window: str) -> Transcribed:
        """What was said in a window, for the reading of answers. Raises WindowNotSeen or DeskUnavailable."""
        hands = self._hands.get(desk)
        now = self.state(desk)
        if hands is None or now.state is not DeskState.READY:
            raise _unavailable(desk, now)
        return await hands.transcript(window)

    async def why_not_idle(self, desk: str, window: str) -> str:
        """Look at the window: empty if it is seen to rest, with nothing in its composer; else why that is not seen."""
        if why := self.state(desk).describe(desk):
            return why
        try:
            seen = next((one for one in await self._hands[desk].look() if one.name == window), None)
        except DeskUnavailable as error:
            return error.message
        if seen is None:
            return "its window is not known"
        if not seen.usable:
            # The rest of the reason may name another window, which is for nobody who only follows a task.
            return f"its window cannot be used: {sentence(seen.reason)}"
        return _NOT_IDLE[seen.activity]

    def _answering(self, desk: str) -> Hands:
        """Its hands, if their worker answers. Raises DeskUnavailable."""
        hands = self._hands.get(desk)
        if hands is None or not self._worker_answers(desk):
            raise _unavailable(desk, self.state(desk))
        return hands

    def _worker_answers(self, desk: str) -> bool:
        told = self._of(desk).worker
        return told is not None and told.state is DeskState.READY

    async def _release(self, name: str, by: Actor) -> None:
        try:
            await self._wish(name, Wish.OPEN, by)
        except Unavailable:
            await self._tell_wish(name)  # it stands as it was: the hands must not work on meanwhile
            raise

    async def _tell_wish(self, name: str) -> None:
        """Tell the desk's hands what people want of it."""
        hands, wish = self._hands.get(name), self._of(name).wish
        if hands is not None and wish is Wish.HELD:
            await hands.hold()
        elif hands is not None and wish is Wish.STOPPED:
            await hands.stop()

    async def _wish(self, desk: str, wish: Wish, by: Actor) -> None:
        require(by, Permission.DESK_USE)
        name = self.find(desk).name

        def note(tx: Tx) -> None:
            self._note_wish(tx, name, wish, by.id)
            self._journal.append(tx, DeskWished(desk=name, wish=wish.value), by=by.id)

        await self._store.write(note)

    def _note_wish(self, tx: Tx, desk: str, wish: Wish, actor: str) -> None:
        tx.execute(_store.SET, {"name": desk, "wish": wish.value, "actor": actor, "since_ms": self._clock.now_ms()})
        tx.after_commit(lambda: self._wish_is(desk, wish, actor))

    def _wish_is(self, desk: str, wish: Wish, actor: str) -> None:
        at_ms = self._clock.now_ms()
        self._now[desk] = replace(self._of(desk), wish=wish, wished_by=actor, wished_ms=at_ms)
        self._on_change()

    def _known(self, desk: Desk) -> DeskStatus:
        (state, reason, note), now = self.state(desk.name), self._of(desk.name)
        since_ms = now.wished_ms if state in {DeskState.HELD, DeskState.STOPPED} else now.told_ms
        return DeskStatus(
            desk=desk, state=state, reason=reason, note=note, windows=(), since_ms=since_ms, awake=now.awake
        )

    async def _status(self, desk: Desk) -> DeskStatus:
        known = replace(self._known(desk), since_ms=0)
        if self._worker_answers(desk.name) and desk.name in self._hands:
            try:
                known = replace(known, windows=await self._hands[desk.name].look())
            except DeskUnavailable as error:
                known = replace(known, state=DeskState.UNAVAILABLE, reason=error.reason, note=error.note)
        facts, trouble = await asyncio.to_thread(self._learned.read, desk.name)
        return replace(known, learned=facts, unread=trouble)


def _unavailable(desk: str, now: DeskNow) -> DeskUnavailable:
    return DeskUnavailable(desk, now.reason or Reason.WORKER_STARTING, now.note)
