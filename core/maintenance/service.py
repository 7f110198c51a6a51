"""Maintains desks: tests windows, puts them back to their places, and reports the problems of each. Verifies the
journal for admins, too, and posts its head daily: a witness that no program of this machine can change."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog

from core.agent_actions.blocked_windows import BlockedWindows
from core.agents.model import Route
from core.calibration.model import CalibrationOptions, CalibrationResult, CalibrationStep, PointAt
from core.calibration.service import Calibrations
from core.config.profiles import ProfileEnabled
from core.deliveries.leftover_drafts import DraftMarks
from core.deliveries.model import DeliveryId, DeliveryRequest, DeliveryState, Outcome, Result
from core.deliveries.ports import LanePort
from core.desks.model import Desk, DeskState, DeskUnavailable, LearnedFact, WindowStatus
from core.journal.model import JournalRow
from core.journal.service import Journal
from core.kit.clock import SteadyClock, as_datetime
from core.kit.errors import OctetError, Unavailable
from core.kit.filters import Page, Query
from core.kit.from_attributes import from_attributes
from core.maintenance.agents_file import AgentsFile
from core.maintenance.model import Ailment, AuditReport, DeskArranged, Diagnosis, Placed, Reloaded, Tried, WindowTried
from core.maintenance.ports import Reloads
from core.notices.model import JournalHead, NoticeKind, Place
from core.notices.service import Notices
from core.reasons import AnyReason, Reason
from core.remedies import refused
from core.security.model import Actor, Permission, require
from core.store.engine import Store, Tx
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)

TEXT = "Octet tests this window (code {word}). It does not send this text and removes it."
"""One line without anything that opens a menu or means something to an agent."""
WORD_CHARS = 10
TRIES_S = 10.0  # so long Octet waits for what passes
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
_NO_USE = frozenset({Reason.BUSY, Reason.QUIET_HOURS})  # passes, but not soon
_ENTRIES_SHOWN = 10
_POST_EVERY_S = 600.0  # how often Octet looks whether a new day has begun
_EVIDENCE = frozenset({DeliveryState.SUBMITTING, DeliveryState.UNKNOWN})
STAGES = frozenset({"preflight", "focus", "stage", "readback", "clear"})
"""The stages of a trial one after the other; other figures are parts of these."""
CLOSED: dict[DeskState, Reason] = {
    DeskState.STARTING: Reason.WORKER_STARTING,
    DeskState.HELD: Reason.UNTIL_RELEASED,
    DeskState.STOPPED: Reason.STOPPED_THERE,
    DeskState.UNAVAILABLE: Reason.DESK_UNUSABLE,
}


class Audit:
    """The journal, for admins."""

    def __init__(
        self, store: Store, journal: Journal, notices: Notices, clock: SteadyClock, *, admin_channel: str
    ) -> None:
        """Post the head in `admin_channel`; nowhere if it is empty."""
        self._store, self._journal, self._notices, self._clock = store, journal, notices, clock
        self._place = Place(channel=admin_channel)

    async def show(self, *, by: Actor) -> AuditReport:
        """Verify the whole journal; return its head and its newest entries. Raises chain_broken or TailMissing."""
        require(by, Permission.AUDIT_READ)
        rows, newest = await self._journal.verify(), await self._journal.newest(_ENTRIES_SHOWN)
        return AuditReport(rows=rows, entries=newest, is_posted=bool(self._place.channel))

    async def list(self, query: Query, *, by: Actor) -> Page[JournalRow]:
        """List the journal's rows, the newest first. Raises UnknownSort and InvalidCursor."""
        require(by, Permission.AUDIT_READ)
        return await self._journal.list(query)

    async def run(self) -> None:
        """Post the head soon after each midnight (UTC), until cancelled."""
        while self._place.channel:
            try:
                await self.post()
            except Unavailable as error:
                log.debug("journal_head_waits_for_store", why=error.message)
            await asyncio.sleep(_POST_EVERY_S)

    async def post(self) -> None:
        """Post the head, unless Octet posted it on this day."""
        await self._store.write(self._post)

    def _post(self, tx: Tx) -> None:
        seq, link = self._journal.last(tx)
        if seq:
            day = f"{as_datetime(self._clock.now_ms()):%Y-%m-%d}"
            head = JournalHead(row=seq, hash=link)
            if not self._notices.find(tx, NoticeKind.JOURNAL, subject=day):
                self._notices.notify(tx, NoticeKind.JOURNAL, None, subject=day, detail=head, place=self._place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    desk: str
    window: str
    agent: str
    lane: LanePort | None

    def not_tried(self, reason: AnyReason | None, note: str = "") -> Tried:
        reason = reason or Reason.DESK_UNUSABLE
        tried = Tried(desk=self.desk, window=self.window, agent=self.agent, is_good=False, tries=0)
        return replace(tried, reason=reason, note=note)


class _Staged:
    """Implements deliveries.ports.Progress for one trial: stores its marks before the paste, and never grants Enter."""

    def __init__(self, store: Store, drafts: DraftMarks, target: _Target) -> None:
        self._store, self._drafts, self._target = store, drafts, target

    async def staging(self, *, drafts: tuple[str, ...] = ()) -> None:
        desk, window = self._target.desk, self._target.window
        await self._store.write(lambda tx: self._drafts.rehearse(tx, desk, window, drafts))

    async def staged(self, *, sha256: str, drafts: tuple[str, ...] = ()) -> None:
        del sha256
        await self.staging(drafts=drafts)

    async def submitting(self) -> None:
        raise refused("never_sent")


class Maintenance:
    """One home's desks. Every verb checks its permission first."""

    def __init__(
        self,
        services: TaskServices,
        blocked_windows: BlockedWindows,
        *,
        lanes: Callable[[], Mapping[Route, LanePort]],
        reload: Reloads,
        calibrate: Calibrations,
        agents: AgentsFile,
    ) -> None:
        """`lanes` returns the present lanes."""
        self._services, self._blocked_windows, self._lanes = services, blocked_windows, lanes
        self._reload, self.calibrate, self.agents = reload, calibrate, agents

    async def reload(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        """Take over what config/ says now, checked as a whole first; work under way ends, or is given up before Enter
        and queued again. The workers of `desks` restart even if their files did not change. Raises NotReloaded with
        every problem, or being_reloaded."""
        require(by, Permission.CONFIG_RELOAD)
        return await self._reload(by=by, desks=desks)

    async def forget(self, desk: str, window: str, *, by: Actor) -> tuple[LearnedFact, ...]:
        """Remove what Octet learned of this window, and restart the desk's worker. Raises desk_not_found,
        window_not_found, nothing_learned, being_reloaded or Unavailable."""
        require(by, Permission.CONFIG_RELOAD)
        gone = await self._services.desks.forget(desk, window, by=by)
        await self._reload(by=by, desks={desk})
        return gone

    async def recalibrate(self, desk: str, window: str, *, by: Actor) -> CalibrationStep:
        """Connect a window again that cannot be used; the message about it gets the result. Raises desk_not_found,
        calibration_window_not_found, and what keeps Octet from looking."""
        require(by, Permission.DESK_SEE)
        blocked = self._blocked_windows
        await blocked.record_recalibration(desk, window, by=by)
        try:
            step = await self.calibrate.start(desk, CalibrationOptions(only=window), by=by)
        except OctetError as error:
            await blocked.record_recalibration(desk, window, by=by, why_not=error.message)
            raise
        if isinstance(step.now, PointAt | CalibrationResult):
            failed = step.now.failed if isinstance(step.now, CalibrationResult) else ()
            note = failed[0].note if failed else step.now.note
            await blocked.record_recalibration(desk, window, by=by, why_not=note)
        return step

    async def try_out(self, *, desk: str | None = None, agent: str | None = None, by: Actor) -> tuple[Tried, ...]:
        """Stage a harmless line in this agent's window, or in all windows of the desk or of all desks, read it back and
        clear it; never press Enter. Raises agent_not_found, agent_without_window, desk_not_found or nothing_to_try."""
        require(by, Permission.DESK_USE)
        targets = self._targets(desk, agent)

        async def try_desk(name: str) -> list[Tried]:
            return [await self._try_one(target, by) for target in targets if target.desk == name]

        # Each desk finishes: an error at one must not interrupt another between a paste and its clearing.
        desks = dict.fromkeys(target.desk for target in targets)
        done = await asyncio.gather(*(try_desk(name) for name in desks), return_exceptions=True)
        tried: list[Tried] = []
        for of_desk in done:
            if isinstance(of_desk, BaseException):
                raise of_desk
            tried += of_desk
        return tuple(tried)

    async def arrange(self, desk: str, *, by: Actor) -> tuple[Placed, ...]:
        """Put the desk's windows back to their places. Raises desk_not_found, nothing_to_try or DeskUnavailable."""
        require(by, Permission.DESK_USE)
        found = self._services.desks.find(desk)
        if not found.windows:
            raise refused("nothing_to_try", id=desk)
        arranged = await self._services.desks.answering(desk).arrange([window.name for window in found.windows])
        placed = tuple(
            from_attributes(Placed, one, desk=desk, agent=self._agent_at(desk, one.window), is_right=one.reason is None)
            for one in arranged
        )
        event = DeskArranged(desk=desk, windows=len(placed), right=sum(one.is_right for one in placed))
        await self._services.store.write(lambda tx: self._services.journal.append(tx, event, by=by.id))
        return placed

    async def doctor(self, desk: str | None = None, *, by: Actor) -> tuple[Diagnosis, ...]:
        """Check the desk, or every desk, and say what to do about each problem. Raises desk_not_found."""
        require(by, Permission.DESK_READ)
        found = [self._services.desks.find(desk)] if desk else list(self._services.desks.all())
        return tuple([await self._diagnose(one) for one in found])

    async def note_enabled(self, profile: str, *, who: str, by: Actor) -> None:
        """Journal that the account `who` enabled a profile that ships disabled."""
        require(by, Permission.DESK_USE)
        event = ProfileEnabled(profile=profile, who=who)
        await self._services.store.write(lambda tx: self._services.journal.append(tx, event, by=by.id))

    def _targets(self, desk: str | None, agent: str | None) -> list[_Target]:
        if agent is not None:
            who = self._services.agents.in_window(agent)
            assert who.desk is not None
            assert who.window is not None
            lane = self._lanes().get(who.route)
            return [_Target(desk=who.desk, window=who.window, agent=who.name, lane=lane)]
        desks = [self._services.desks.find(desk)] if desk else [one.desk for one in self._services.desks.known()]
        targets = [self._target(one.name, window.name) for one in desks for window in one.windows]
        if not targets:
            raise refused("nothing_to_try", id=desk or "main")
        return targets

    def _target(self, desk: str, window: str) -> _Target:
        agents, lanes = self._services.agents.at(desk, window), self._lanes()
        routes: list[Route] = [agent.route for agent in agents]
        # A window without an agent is reached by its desk's lane.
        routes += [one for one in lanes if one[0].abilities.has_window and one[1] == desk]
        lane = next((lanes[route] for route in routes if route in lanes), None)
        return _Target(desk=desk, window=window, agent=agents[0].name if agents else "", lane=lane)

    async def _try_one(self, target: _Target, by: Actor) -> Tried:
        services, deliveries = self._services, self._services.deliveries
        now = services.desks.state(target.desk)
        if target.lane is None or now.state is DeskState.UNAVAILABLE:  # for one that is starting its lane waits
            return target.not_tried(now.reason, now.note)
        # The window's content may be the only evidence of a delivery's result.
        in_doubt = await services.store.write(lambda tx: deliveries.find_in_states(tx, _EVIDENCE))
        if any((one.desk, one.window) == (target.desk, target.window) for one in in_doubt):
            return target.not_tried(Reason.EARLIER_UNKNOWN)
        with deliveries.leftover_drafts.rehearsing(target.desk, target.window):
            outcome, tries = await self._try(target, target.lane)
            tried = _tried(target, outcome, tries)
            event = WindowTried(
                desk=target.desk,
                window=target.window,
                result=outcome.result.value,
                reason=outcome.reason,
                readback=tried.by,
                took_ms=round(tried.took_ms),
            )

            def note(tx: Tx) -> None:
                if not outcome.draft_left:
                    deliveries.leftover_drafts.rehearsed(tx, target.desk, target.window)
                services.journal.append(tx, event, by=by.id)

            await services.store.write(note)
        return tried

    async def _try(self, target: _Target, lane: LanePort) -> tuple[Outcome, int]:
        """Return the outcome that counts, after retries for what passes, and the number of tries."""
        clock, pause_s, tries = self._services.clock, FIRST_PAUSE_S, 0
        until_s = clock.monotonic_s() + TRIES_S
        while True:
            tries += 1
            staged = _Staged(self._services.store, self._services.deliveries.leftover_drafts, target)
            outcome = await lane.deliver(await self._order(target, tries), staged)
            passes = outcome.result is Result.BOUNCED and outcome.reason not in _NO_USE
            if not passes or clock.monotonic_s() + pause_s > until_s:
                return outcome, tries
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _order(self, target: _Target, number: int) -> DeliveryRequest:
        text = TEXT.format(word=self._services.ids.marker(WORD_CHARS))
        drafts = self._services.deliveries.leftover_drafts
        left = await self._services.store.write(lambda tx: drafts.left_in(tx, target.desk, target.window))
        return DeliveryRequest(
            delivery=DeliveryId(self._services.ids.ulid()),
            fence=number,
            agent=target.agent,
            desk=target.desk,
            window=target.window,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            drafts=left,
            is_dry_run=True,
        )

    async def _diagnose(self, desk: Desk) -> Diagnosis:
        state, reason, note = self._services.desks.state(desk.name)
        ailments: list[Ailment] = []
        if state in CLOSED:
            ailments.append(Ailment(reason=reason or CLOSED[state], note=note))
        elif reason:  # nothing begins there for the moment
            ailments.append(Ailment(reason=reason, stops=False))
        seen: tuple[WindowStatus, ...] = ()
        if state in {DeskState.READY, DeskState.HELD, DeskState.STOPPED}:
            try:
                seen = await self._services.desks.answering(desk.name).examine()
            except DeskUnavailable as error:
                ailments.append(Ailment(reason=error.reason, note=error.note))
        for status in seen:
            ailments += self._of_window(desk.name, status)
        return Diagnosis(desk=desk.name, state=state, windows=len(seen), ailments=tuple(ailments))

    def _of_window(self, desk: str, seen: WindowStatus) -> Iterator[Ailment]:
        ailing = partial(Ailment, window=seen.name, agent=(agent := self._agent_at(desk, seen.name)))
        if not seen.usable:
            yield ailing(reason=seen.reason or Reason.WORKER_STARTING, note=seen.note)
        if seen.unread:
            yield ailing(reason=Reason.NOT_READABLE, note=seen.unread, stops=False)
        if not agent:
            yield ailing(reason=Reason.NO_AGENT_THERE, stops=False)

    def _agent_at(self, desk: str, window: str) -> str:
        agents = self._services.agents.at(desk, window)
        return str(agents[0].name) if agents else ""


def _tried(target: _Target, outcome: Outcome, tries: int) -> Tried:
    is_good = outcome.result is Result.REHEARSED
    return Tried(
        desk=target.desk,
        window=target.window,
        agent=target.agent,
        is_good=is_good,
        by=outcome.evidence.readback if outcome.evidence else "",
        took_ms=round(sum(ms for name, ms in outcome.timings_ms.items() if name in STAGES), 1),
        tries=tries,
        reason=None if is_good else outcome.reason,
        note="" if is_good else outcome.note,
    )
