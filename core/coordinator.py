"""The one object that every interface receives, one attribute per package. Opens what has to be opened, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import structlog

from core.agent_actions.blocked_windows import BlockedWindows
from core.agent_actions.service import AgentActions
from core.agent_messages.delegation import Delegation
from core.agent_messages.questions import Questions
from core.agent_messages.service import AgentMessages
from core.agent_messages.talk import AgentTalk
from core.agent_messages.traces import Traces
from core.agents.model import Agent, Route
from core.agents.service import Agents
from core.calibration.service import Calibrations
from core.config.loader import Config
from core.config.prompts import BUILT_IN
from core.deliveries.ports import LanePort
from core.deliveries.service import Deliveries
from core.desks.learned import Learned
from core.desks.model import Desk
from core.desks.ports import Hands
from core.desks.service import Desks
from core.dispatch.service import Dispatch
from core.dispatch.services import Services
from core.dispatch.unknown_deliveries import UnknownDeliveries
from core.fleet.service import Fleet
from core.home import Home
from core.journal.model import AuditKeyMissing
from core.journal.service import Journal
from core.kit import faults
from core.kit.clock import Clock, SteadyClock, SystemClock
from core.kit.ids import Ids
from core.kit.version import version
from core.maintenance.agents_file import AgentsFile
from core.maintenance.ports import Crew
from core.maintenance.reload import Reload
from core.maintenance.service import Audit, Maintenance
from core.messages.prompts import PromptRenderer
from core.messages.service import Messages
from core.notices.mentions import Mentions
from core.notices.service import Notices
from core.profiles.model import Driven
from core.receipts.retention import Retention
from core.receipts.service import Receipts
from core.retry_policy import RetryPolicy
from core.security.api_keys import ApiKeys
from core.security.codes import ReplyKeys, TaskCodes, home_id
from core.security.keys import load_key
from core.security.model import Actor
from core.security.service import People
from core.settings.model import AnswerLimits, ReceiptSettings, TalkLimits
from core.store.engine import Store
from core.supervision.agent_availability import AgentAvailability
from core.supervision.clock_steps import ClockSteps
from core.supervision.screen_locks import ScreenLocks
from core.tasks.parts import TaskParts
from core.tasks.service import Tasks
from core.tasks.services import TaskServices
from core.tasks.transfer import TaskTransfer

log = structlog.get_logger(__name__)

_MARK_CHARS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What a coordinator is made for: its home, and what config/ says about agents and desks."""

    home: Home
    agents: Sequence[Agent]
    desks: Sequence[Desk]
    agent_command: str  # how agents call octet, in every prompt
    profiles: Mapping[str, Driven] = field(default_factory=dict[str, Driven])  # By agent
    prompts: Mapping[str, str] = field(default_factory=lambda: dict(BUILT_IN))  # around the body of each
    answers: AnswerLimits = field(default=AnswerLimits())  # how much agents may send to their tasks
    talk: TalkLimits = field(default=TalkLimits())  # how much agents may say to each other
    keeping: ReceiptSettings = field(default=ReceiptSettings())  # for how long receipts, pictures and texts are kept
    admin_channel: str = ""  # where Octet posts the head of the journal daily; empty: nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator(Services):
    """All services. `dispatch.run()` must run for tasks to move."""

    home_id: str
    task_parts: TaskParts
    task_transfer: TaskTransfer
    people: People
    api_keys: ApiKeys
    mentions: Mentions
    reply_keys: ReplyKeys
    receipts: Receipts
    retention: Retention
    dispatch: Dispatch
    availability: AgentAvailability
    unknowns: UnknownDeliveries
    fleet: Fleet
    maintenance: Maintenance
    audit: Audit

    def follow(self, config: Config, crew: Crew) -> None:
        """Work by this config, and by whatever `maintenance.reload` reads from its files later."""
        reload = Reload(config, self, dispatch=self.dispatch, crew=crew, use_lanes=self.maintenance.serve)

        async def reload_desk(by: Actor, desk: str) -> object:
            return await reload.run(by=by, desks={desk})

        calibrations = Calibrations(
            config.home, crew, reload_desk, desks=self.desks, journal=self.journal, store=self.store
        )
        self.maintenance.reloads_by(
            reload.run, calibrations, AgentsFile(config.home, self.agents, self.desks, reload.run)
        )

    @property
    def home_mark(self) -> str:
        """Four characters that mark this home's own messages in a channel."""
        return self.home_id[:_MARK_CHARS]

    @property
    def version(self) -> str:
        """The version of this Octet; `unknown` in a checkout that was never installed."""
        return version()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        estate: Estate,
        *,
        lanes: Mapping[Route, LanePort],
        hands: Mapping[str, Hands],
        clock: Clock | None = None,
        patience: RetryPolicy | None = None,
    ) -> AsyncGenerator[Coordinator]:
        """Load all services and recover what a former process left. Deliveries go by `lanes`, one per route; `hands`
        are the desks' workers. The caller holds the home's lock. Raises as Store.open and load_key."""
        clock, policy = SteadyClock(clock or SystemClock()), patience or RetryPolicy()
        ids = Ids(clock)
        audit_key, codes_key = _keys(estate.home)
        async with Store.open(estate.home.db, upgrades=True) as store:
            faults.point("start.opened")
            journal = Journal(store=store, key=audit_key, clock=clock)
            home = await home_id(store, ids)
            lower = _lower_services(estate, hands, store=store, journal=journal, clock=clock, ids=ids)
            codes = TaskCodes(home_id=home, key=codes_key)
            services = _services(estate, lower, codes=codes, policy=policy)
            repository = services.tasks.repository
            dispatch = Dispatch(services, lanes=lanes)
            people = People(store=store, journal=journal, clock=clock, ids=ids)
            octet = cls(
                **_fields(services),
                home_id=home,
                task_parts=TaskParts(services.tasks, services.messages),
                task_transfer=TaskTransfer(services.tasks, services.messages, store),
                people=people,
                api_keys=ApiKeys(
                    store=store, journal=journal, clock=clock, ids=ids, key=codes_key, rights_of=people.own_rights
                ),
                mentions=Mentions(services.notices, store=store, clock=clock),
                reply_keys=ReplyKeys(key=codes_key),
                receipts=Receipts(services, tasks=repository, keeping=estate.keeping),
                retention=Retention(services, tasks=repository, keeping=estate.keeping),
                dispatch=dispatch,
                availability=dispatch.availability,
                unknowns=dispatch.unknowns,
                fleet=Fleet(services, refused_answers=estate.home.refused_answers),
                maintenance=Maintenance(services, lanes=lanes),
                audit=Audit(services, admin_channel=estate.admin_channel),
            )
            steps = ClockSteps(
                services, services.tasks, policy, codes, services.questions, octet.people, octet.api_keys
            )
            for service in (
                steps,
                octet.people,
                octet.api_keys,
                octet.mentions,
                octet.messages,
                octet.agents,
                octet.desks,
                octet.tasks,
                octet.dispatch,
            ):
                await service.load()
            await octet.blocked_windows.load()
            faults.point("start.recovered")
            yield octet


@asynccontextmanager
async def open_people(home: Home) -> AsyncGenerator[People]:
    """Open only the users' roles, to set up a home whose lock the caller holds. Raises as Coordinator.open."""
    clock = SystemClock()
    audit_key, _ = _keys(home)
    async with Store.open(home.db, upgrades=True) as store:
        journal = Journal(store=store, key=audit_key, clock=clock)
        people = People(store=store, journal=journal, clock=clock, ids=Ids())
        await people.load()
        yield people


def _lower_services(
    estate: Estate, hands: Mapping[str, Hands], *, store: Store, journal: Journal, clock: SteadyClock, ids: Ids
) -> TaskServices:
    notices = Notices(store=store, clock=clock)
    return TaskServices(
        store=store,
        journal=journal,
        notices=notices,
        agents=Agents(agents=estate.agents, store=store, journal=journal, clock=clock),
        desks=Desks(
            desks=estate.desks, hands=hands, store=store, journal=journal, clock=clock, learned=Learned(estate.home)
        ),
        messages=Messages(
            store=store, journal=journal, clock=clock, ids=ids, attachments=estate.home.attachments.resolve()
        ),
        deliveries=Deliveries(store=store, journal=journal, notices=notices, clock=clock, ids=ids),
        clock=clock,
        ids=ids,
    )


def _services(estate: Estate, lower: TaskServices, *, codes: TaskCodes, policy: RetryPolicy) -> Services:
    briefs = PromptRenderer(
        estate.home.briefs.resolve(),
        estate.profiles,
        estate.prompts,
        command=estate.agent_command,
        may_delegate=lambda name: estate.talk.subtask_depth > 0 and lower.agents.delegates(name),
    )
    silent_after_ms = policy.agent_timeout_ms
    tasks = Tasks(lower, codes=codes, briefs=briefs, silent_after_ms=silent_after_ms, limits=estate.answers)
    traces = Traces(lower, estate.talk)
    hub = AgentMessages(lower, tasks=tasks.repository, codes=codes, briefs=briefs, traces=traces)
    talk = AgentTalk(lower, hub, traces, tasks=tasks.repository, codes=codes, limits=estate.talk)
    return Services(
        **_fields(lower),
        tasks=tasks,
        agent_messages=hub,
        traces=traces,
        talk=talk,
        questions=Questions(lower, hub, talk, tasks=tasks, limits=estate.talk),
        delegation=Delegation(lower, hub, talk, traces, tasks=tasks, limits=estate.talk),
        agent_actions=AgentActions(lower, tasks.repository, briefs.profile_of),
        blocked_windows=BlockedWindows(lower),
        screen_locks=ScreenLocks(lower, tasks.repository),
        policy=policy,
    )


def _fields(services: TaskServices) -> dict[str, Any]:
    return {field.name: getattr(services, field.name) for field in fields(services)}


def _keys(home: Home) -> tuple[bytes, bytes]:
    """Load the keys of the journal and of codes. A new home gets them first: alone they do no harm."""
    is_old = home.db.exists() and home.db.stat().st_size > 0
    if is_old and not home.audit_key.exists():
        raise AuditKeyMissing(path=home.audit_key)
    if is_old and not home.codes_key.exists():
        hint = "all codes in prompts and all API keys are invalid now; `octet task retry` gives a task a new code"
        log.error("codes_key_replaced", file=str(home.codes_key), hint=hint)
    keys = load_key(home.audit_key), load_key(home.codes_key)
    faults.point("start.keys")
    return keys
