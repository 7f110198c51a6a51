"""The one object that every interface receives, one attribute per package. Opens what has to be opened, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from core.agent_actions.blocked_windows import BlockedWindows
from core.agent_actions.service import AgentActions
from core.agent_messages.delegation import Delegation
from core.agent_messages.questions import Questions
from core.agent_messages.service import AgentMessages
from core.agent_messages.talk import AgentTalk
from core.agent_messages.traces import Traces
from core.agents.service import Agents
from core.calibration.service import Calibrations
from core.config.loader import Config
from core.deliveries.service import Deliveries
from core.desks.learned import Learned
from core.desks.service import Desks
from core.dispatch.service import Dispatch
from core.dispatch.services import DispatchServices
from core.fleet.service import Fleet
from core.home import Home
from core.journal.service import Journal
from core.kit import faults
from core.kit.clock import Clock, SteadyClock, SystemClock
from core.kit.ids import Ids
from core.kit.version import version
from core.maintenance.agents_file import AgentsFile
from core.maintenance.ports import DeskWorkers
from core.maintenance.reload import Reload
from core.maintenance.service import Audit, Maintenance
from core.messages.prompts import PromptRenderer
from core.messages.service import Messages
from core.notices.mentions import Mentions
from core.notices.service import Notices
from core.proofs.ports import WorkTools
from core.proofs.service import Proofs
from core.receipts.retention import Retention
from core.receipts.service import Receipts
from core.remedies import refused
from core.retry_policy import RetryPolicy
from core.security.api_keys import ApiKeys
from core.security.codes import ReplyKeys, TaskCodes, home_id
from core.security.keys import load_key
from core.security.log_ins import LogIns, SavedViews
from core.security.service import People
from core.settings.model import TalkLimits
from core.store.engine import Store
from core.supervision.clock_steps import ClockSteps
from core.supervision.screen_locks import ScreenLocks
from core.tasks.parts import TaskParts
from core.tasks.service import Tasks
from core.tasks.services import TaskServices
from core.tasks.transfer import TaskTransfer
from core.workspaces.plans import Plans
from core.workspaces.service import Workspaces

log = structlog.get_logger(__name__)

_MARK_CHARS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acting:
    """What acts for the coordinator."""

    desk_workers: DeskWorkers
    tools: WorkTools


class Coordinator:
    """All services. `dispatch.run()` must run for tasks to move."""

    def __init__(
        self,
        config: Config,
        acting: _Acting,
        services: TaskServices,
        *,
        policy: RetryPolicy,
        agent_command: str,
        is_discord_connected: Callable[[], bool] | None,
    ) -> None:
        """Make all services; `open` also loads them."""
        home, settings, talk_limits = config.home, config.settings, config.settings.talk
        desk_workers, sandbox = acting.desk_workers, acting.tools.sandbox
        store, journal, clock, codes = services.store, services.journal, services.clock, services.codes
        self.home_id, self.store, self.journal, self.notices = codes.home_id, store, journal, services.notices
        self.clock, self.agents, self.desks = clock, services.agents, services.desks
        self.messages, self.deliveries, self.workspaces = services.messages, services.deliveries, services.workspaces
        may_delegate = partial(_may_delegate, talk_limits, services.agents)
        given = home.briefs.resolve(), config.driven_agents(), config.prompts
        prompts = PromptRenderer(*given, command=agent_command, may_delegate=may_delegate)
        self.tasks = Tasks(services, briefs=prompts, silent_after_ms=policy.agent_timeout_ms, limits=settings.answers)
        repository = self.tasks.repository
        self.task_parts, self.traces = TaskParts(self.tasks, self.messages), Traces(services, talk_limits)
        self.task_transfer = TaskTransfer(self.tasks, self.messages, store)
        self.agent_messages = AgentMessages(services, tasks=self.tasks, traces=self.traces)
        self.talk = AgentTalk(services, self.agent_messages, self.traces, tasks=repository, limits=talk_limits)
        self.questions = Questions(services, self.agent_messages, self.talk, tasks=self.tasks, limits=talk_limits)
        self.delegation = Delegation(
            services, self.agent_messages, self.talk, self.traces, tasks=self.tasks, limits=talk_limits
        )
        self.agent_actions = AgentActions(services, repository, prompts.profile_of)
        self.blocked_windows, self.screen_locks = BlockedWindows(services), ScreenLocks(services, repository)
        work = DispatchServices(
            tasks=self.tasks,
            agent_messages=self.agent_messages,
            questions=self.questions,
            agent_actions=self.agent_actions,
            blocked_windows=self.blocked_windows,
            screen_locks=self.screen_locks,
            policy=policy,
        )
        self.public_url = settings.http.public_url or ""  # where others than this machine reach the page
        self.reply_keys = keys = ReplyKeys(key=codes.key)
        self.dispatch = dispatch = Dispatch(services, work, lanes=desk_workers.lanes(config), keys=keys)
        self.availability, self.unknowns, self.nudges = dispatch.availability, dispatch.unknowns, dispatch.nudges
        self.reading, self.hooks, self.turns = dispatch.reading, dispatch.hooks, dispatch.turns
        self.proofs = Proofs(services, self.tasks, self.agent_messages, sandbox, settings.checks)
        self.people = People(store=store, journal=journal, clock=clock, ids=services.ids)
        self.api_keys = ApiKeys(
            store=store, journal=journal, clock=clock, ids=services.ids, key=codes.key, rights_of=self.people.own_rights
        )
        self.log_ins = LogIns(
            store=store, journal=journal, clock=clock, ids=services.ids, key=codes.key, actor_of=self.people.everywhere
        )
        self.mentions, self.views = Mentions(services.notices, store=store, clock=clock), SavedViews(store)
        self.receipts = Receipts(store, self.deliveries, clock, tasks=repository, keeping=settings.receipts)
        self.retention = Retention(services, tasks=repository, keeping=settings.receipts)
        self.fleet = Fleet(
            services, work, self.traces, home.refused_answers, dispatch, is_discord_connected=is_discord_connected
        )
        self.configuration = reload = Reload(config, services, prompts, self.dispatch, desk_workers)
        self.maintenance = Maintenance(
            services,
            self.blocked_windows,
            lanes=self.dispatch.workers.lanes,
            reload=reload.run,
            calibrate=Calibrations(
                home,
                desk_workers,
                lambda by, desk: reload.run(by=by, desks={desk}),
                desks=self.desks,
                journal=journal,
                store=store,
            ),
            agents=AgentsFile(home, self.agents, self.desks, reload.run),
        )
        admin_channel = str(settings.discord.admin_channel_id or "")
        self.audit = Audit(store, journal, services.notices, clock, admin_channel=admin_channel)

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
        config: Config,
        desk_workers: DeskWorkers,
        tools: WorkTools,
        *,
        agent_command: str = "octet",
        clock: Clock | None = None,
        policy: RetryPolicy | None = None,
        is_discord_connected: Callable[[], bool] | None = None,
    ) -> AsyncGenerator[Coordinator]:
        """Load all services and recover what a former process left. `agent_command` is how agents call octet, in every
        prompt; `is_discord_connected` is None where Octet works without Discord. The caller holds the home's lock.
        Raises as Store.open and load_key."""
        clock, policy = SteadyClock(clock or SystemClock()), policy or RetryPolicy(settings=config.settings.dispatch)
        audit_key, codes_key = _keys(home := config.home)
        async with Store.open(home.db, upgrades=True) as store:
            faults.point("start.opened")
            journal, ids = Journal(store=store, key=audit_key, clock=clock), Ids(clock)
            notices = Notices(store=store, clock=clock)
            services = TaskServices(
                store=store,
                journal=journal,
                notices=notices,
                agents=Agents(agents=config.agents, store=store, journal=journal, clock=clock),
                desks=Desks(
                    desks=config.desks,
                    workers=desk_workers.workers,
                    store=store,
                    journal=journal,
                    clock=clock,
                    learned=Learned(home),
                ),
                messages=Messages(
                    store=store, journal=journal, clock=clock, ids=ids, attachments=home.attachments.resolve()
                ),
                workspaces=Workspaces(
                    home, store, journal, clock, git=tools.git, plans=Plans(config.projects, config.checks)
                ),
                deliveries=Deliveries(store=store, journal=journal, notices=notices, clock=clock, ids=ids),
                codes=TaskCodes(home_id=await home_id(store, ids), key=codes_key),
                clock=clock,
                ids=ids,
            )
            octet = cls(
                config,
                _Acting(desk_workers=desk_workers, tools=tools),
                services,
                policy=policy,
                agent_command=agent_command,
                is_discord_connected=is_discord_connected,
            )
            rights = octet.people, octet.api_keys, octet.log_ins
            steps = ClockSteps(services, octet.tasks, policy, octet.questions, rights)
            first = octet.mentions, octet.messages, octet.agents, octet.desks
            for service in (steps, *rights, *first, octet.tasks, octet.dispatch, octet.proofs, octet.blocked_windows):
                await service.load()
            faults.point("start.recovered")
            yield octet


def _may_delegate(limits: TalkLimits, agents: Agents, name: str) -> bool:
    return limits.subtask_depth > 0 and agents.delegates(name)


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


def _keys(home: Home) -> tuple[bytes, bytes]:
    """Load the keys of the journal and of codes. A new home gets them first: alone they do no harm."""
    is_old = home.db.exists() and home.db.stat().st_size > 0
    if is_old and not home.audit_key.exists():
        raise refused("audit_key_missing", path=home.audit_key)
    if is_old and not home.codes_key.exists():
        hint = "all codes in prompts and all API keys are invalid now; `octet task retry` gives a task a new code"
        log.error("codes_key_replaced", file=str(home.codes_key), hint=hint)
    keys = load_key(home.audit_key), load_key(home.codes_key)
    faults.point("start.keys")
    return keys
