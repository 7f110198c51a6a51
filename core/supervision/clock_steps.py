"""Keeps stored times and the order of ids right when the machine's clock is set, also while Octet does not run."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from core.agent_messages.questions import Questions
from core.journal.model import Event
from core.kit.clock import STEP_MS
from core.retry_policy import RetryPolicy
from core.security.api_keys import ApiKeys
from core.security.log_ins import LogIns
from core.security.model import HUB
from core.security.service import People
from core.store.engine import Tx
from core.tasks.service import Tasks
from core.tasks.services import TaskServices

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStepped(Event):
    """The machine's clock was set, forward or back, or the machine was suspended."""

    SUBJECT = "hub"
    by_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OctetWasAway(Event):
    """Octet was started again; deadlines of agents at work and periods of bouncing were extended."""

    SUBJECT = "hub"
    away_ms: int
    deadlines: int


@dataclass(frozen=True, slots=True)
class ClockSteps:
    """Shifts every stored time that decides something, in one transaction, as soon as Octet sees a step."""

    services: TaskServices
    tasks: Tasks
    policy: RetryPolicy
    questions: Questions
    rights: tuple[People, ApiKeys, LogIns]

    async def load(self) -> None:
        """Continue from the times and ids of a former process, before other services write; then watch the clock."""
        for table in ("messages", "deliveries", "standstills"):
            if newest := await self.services.store.newest_id(table):
                self.services.ids.start_after(newest)
        quarantine = self.tasks.quarantine
        await quarantine.write(lambda tx: quarantine.part(tx, self._catch_up, None))
        self.services.store.follow_clock(self.services.clock, self._shift)

    def _catch_up(self, tx: Tx) -> None:
        """Compare when Octet ran last with the clock, which was set back if that is in the future."""
        last_ms = max(self.services.journal.last_at_ms(tx) or 0, self.services.store.last_pulse_ms(tx))
        away_ms = self.services.clock.now_ms() - last_ms if last_ms else 0
        if away_ms <= -STEP_MS:
            self._shift(tx, away_ms)
        away_ms = max(0, away_ms)
        self.services.deliveries.take_up(tx, away_ms=away_ms, longest_pause_ms=self.policy.window_recheck_ms)
        self.services.notices.take_up(tx)
        put_off = self.tasks.repository.extend_deadlines(tx, away_ms=away_ms, grace_ms=self.policy.startup_grace_ms)
        if put_off:
            self.services.journal.append(tx, OctetWasAway(away_ms=away_ms, deadlines=put_off), by=HUB.id)

    def _shift(self, tx: Tx, by_ms: int) -> None:
        log.warning("clock_was_set", by_s=by_ms / 1000)
        self.tasks.repository.shift(tx, by_ms)
        names = list({one.message for one in self.services.deliveries.open_texts(tx) if not one.is_brief})
        agents = [one.name for one in self.services.agents.all()]
        self.services.messages.shift(tx, by_ms, names, agents)
        self.services.deliveries.shift(tx, by_ms)
        self.services.notices.shift(tx, by_ms)
        self.questions.shift(tx, by_ms)
        if by_ms < 0:  # no right lasts longer than its giver said, also where a step forward was a suspended machine
            for one in self.rights:
                one.shift(tx, by_ms)
        self.services.codes.shift(tx, by_ms, now_ms=self.services.clock.now_ms())
        self.services.store.pulse(tx, now_ms=self.services.clock.now_ms())  # or a start would find it in the future
        self.services.journal.append(tx, ClockStepped(by_ms=by_ms), by=HUB.id)
