"""Builders: the shortest way to a real room, agent, desk or task in a test."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NoReturn

import pytest
from sqlalchemy import select, text

from bot.app import work_tools
from core.agents.model import Agent, AgentName, Lane, Route
from core.config.loader import Config
from core.coordinator import Coordinator
from core.deliveries.ports import LanePort
from core.desks.model import Desk, Learnable, LearnedFact, Virtual, Window
from core.desks.ports import DeskWorkerPort
from core.dispatch.delivery_worker import DeliveryWorker
from core.home import Home
from core.journal._store import journal as journal_table
from core.journal.model import JournalRow
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.errors import OctetError
from core.kit.filters import Query
from core.kit.from_attributes import from_attributes
from core.notices._store import notice_of
from core.notices.model import Notice
from core.profiles.model import Act, Box, Driven, Newline, PaneProfile, Press, Sign, Terminal, TooLong
from core.remedies import refused
from core.retry_policy import RetryPolicy
from core.security.model import ROLE_ALLOWS, Actor, ActorKind, Permission, Right, Role
from core.settings.model import ReceiptSettings, Settings, TalkLimits
from core.settings.projects import Check, Project
from core.tasks.model import NewTask, Task


def refuses(*codes: str, match: str | None = None) -> pytest.RaisesExc[OctetError]:
    """Expect an error with one of these codes."""
    return pytest.raises(OctetError, match=match, check=lambda error: error.code in codes)


def make_person(number: int, name: str, role: Role | None = None) -> Actor:
    """Make a Discord user with this role."""
    permissions = ROLE_ALLOWS[role] if role else frozenset[Permission]()
    rights = (Right(permissions=permissions),)
    return Actor(kind=ActorKind.PERSON, id=f"discord:{number}", name=name, permissions=permissions, rights=rights)


ADA = make_person(1, "Ada", Role.OWNER)
BEN = make_person(2, "Ben")
CAROL = make_person(3, "Carol", Role.MEMBER)


def make_agent(
    name: str = "Agent-1",
    *,
    lane: Lane = Lane.DRYRUN,
    desk: str | None = None,
    window: str | None = None,
    can: str = "",
    allowed_actions: str = "",
) -> Agent:
    return Agent(
        name=AgentName(name),
        about="worker",
        capabilities=frozenset(can.split()),
        lane=lane,
        desk=desk,
        window=window,
        allowed_actions=frozenset(allowed_actions.split()),
    )


def make_window_agent(
    name: str = "Agent-1",
    *,
    window: str = "agent-1",
    can: str = "",
    allowed_actions: str = "",
    on_idle: Literal["show", "nudge"] = "show",
) -> Agent:
    agent = make_agent(name, lane=Lane.WINDOW, desk="main", window=window, can=can, allowed_actions=allowed_actions)
    return replace(agent, on_idle=on_idle)


def make_desk(*windows: str, name: str = "main", is_virtual: bool = False) -> Desk:
    return Desk(
        name=name,
        virtual=Virtual(size="1280x800", program=("xterm",)) if is_virtual else None,
        display=":0",
        windows=tuple(
            Window(name=window, profile="demo_tk", title=window, box=Box(x=0, y=0, width=100, height=100))
            for window in windows
        ),
    )


def make_learned(window: str = "agent-1", at_ms: int = 1_700_000_000_000) -> LearnedFact:
    sign = Sign(box=Box(x=1, y=2, width=8, height=8), colour="#00ff00")
    return LearnedFact(desk="main", window=window, what=Learnable.BUSY_SIGN, at_ms=at_ms, value=sign)


def unmarked(prompt: str) -> str:
    """Somebody's words without the mark by which they are known from the same words said again."""
    return re.sub(r" · #[0-9A-Z]{6}$", "", prompt, count=1, flags=re.MULTILINE)


def make_new_task(brief: str = "Count the birds", **changes: object) -> NewTask:
    return NewTask(brief=brief, **changes)  # pyright: ignore[reportArgumentType] - a builder takes any field


def longest(
    chars: int, *, then: TooLong = TooLong.FILE, lines: bool = True, tabs: bool = True, answers: bool = False
) -> PaneProfile:
    """Make a profile for a window that takes prompts of this many characters."""
    kept = {True: Newline.KEEP, False: Newline.REFUSE}
    terminal = Terminal(answers=answers)
    acts = {act: Press(chord="escape") for act in Act}
    return PaneProfile(
        terminal=terminal, max_chars=chars, too_long=then, newline=kept[lines], tab=kept[tabs], acts=acts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeConfig(Config):
    """A configuration without files; `driven` are the profiles by agent."""

    driven: Mapping[str, Driven]

    def driven_agents(self) -> dict[str, Driven]:
        return dict(self.driven)


class FixedDeskWorkers:
    """Desk workers that a reload leaves as they are."""

    def __init__(self, workers: Mapping[str, DeskWorkerPort], lanes: Mapping[Route, LanePort]) -> None:
        self.workers, self._lanes = workers, lanes

    def desks_to_restart(self, config: Config) -> frozenset[str]:
        del config
        return frozenset()

    async def replace(self, config: Config, desks: Collection[str]) -> None: ...

    def start_missing(self) -> None: ...

    def lanes(self, config: Config) -> Mapping[Route, LanePort]:
        del config
        return self._lanes

    def probe(self, desk: str) -> NoReturn:
        raise refused("desk_without_worker", id=desk)

    def number_places(self, png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
        del part, places
        return png


def make_config(
    home: Path,
    agents: Sequence[Agent],
    desks: Sequence[Desk] = (),
    longest_prompts: Mapping[str, int | PaneProfile] | None = None,
    *,
    keeping: ReceiptSettings | None = None,
    read_agents: Collection[str] = (),
    talk: TalkLimits | None = None,
    projects: Mapping[str, Project] | None = None,
    checks: Mapping[str, Check] | None = None,
) -> MadeConfig:
    home.mkdir(parents=True, exist_ok=True)
    limits = longest_prompts or {}
    return MadeConfig(
        home=Home(root=home),
        settings=Settings(receipts=keeping or ReceiptSettings(), talk=talk or TalkLimits()),
        agents=tuple(agents),
        desks=tuple(desks),
        profiles={},
        kinds={},
        panes={},
        projects=projects or {},
        checks=checks or {},
        driven={
            **{name: most if isinstance(most, PaneProfile) else longest(most) for name, most in limits.items()},
            **{name: longest(10**9, answers=True) for name in read_agents},
        },
    )


@asynccontextmanager
async def open_coordinator(
    home: Path,
    *,
    agents: Sequence[Agent],
    lanes: Mapping[Route, LanePort],
    desks: Sequence[Desk] = (),
    workers: Mapping[str, DeskWorkerPort] | None = None,
    clock: Clock | None = None,
    policy: RetryPolicy | None = None,
    longest_prompts: Mapping[str, int | PaneProfile] | None = None,
    agent_command: str = "octet",
    keeping: ReceiptSettings | None = None,
    read_agents: Collection[str] = (),
    talk: TalkLimits | None = None,
    is_discord_connected: Callable[[], bool] | None = None,
    projects: Mapping[str, Project] | None = None,
    checks: Mapping[str, Check] | None = None,
) -> AsyncGenerator[Coordinator]:
    """Open a real coordinator on `home`; dispatch is not running."""
    config = make_config(
        home,
        agents,
        desks,
        longest_prompts,
        keeping=keeping,
        read_agents=read_agents,
        talk=talk,
        projects=projects,
        checks=checks,
    )
    async with Coordinator.open(
        config,
        FixedDeskWorkers(workers or {}, lanes),
        work_tools(config.home),
        agent_command=agent_command,
        clock=clock,
        policy=policy,
        is_discord_connected=is_discord_connected,
    ) as coordinator:
        yield coordinator


def courier_of(octet: Coordinator, agent: str = "Agent-1") -> DeliveryWorker:
    """Who brings this agent its prompts."""
    return next(one for one in octet.dispatch.workers._by_route.values() if agent in one.agents)


async def list_tasks(
    octet: Coordinator, *, by: Actor = ADA, limit: int = 50, text: str = "", **fields: str | Collection[str]
) -> tuple[Task, ...]:
    """List the newest tasks with this text, in whose fields is one of these values."""
    terms = ((name, frozenset([given] if isinstance(given, str) else given)) for name, given in fields.items() if given)
    found = await octet.tasks.list(Query(terms=tuple(terms), phrases=tuple(text and [text]), limit=limit), by=by)
    return found.items


async def export_of(octet: Coordinator, query: Query = Query(), *, by: Actor = ADA) -> str:  # noqa: B008 - it is frozen
    """Export the tasks of this query, whole."""
    return "".join([line async for line in (await octet.task_transfer.export(query, by=by)).lines])


async def entries_of(journal: Journal, subject: str) -> tuple[JournalRow, ...]:
    """All entries about one subject, oldest first."""
    rows = select(journal_table).where(journal_table.c.subject == subject).order_by(journal_table.c.seq)
    found = await journal._store.fetch(rows)
    return tuple(from_attributes(JournalRow, row, data=json.loads(row.data)) for row in found)


async def pending(coordinator: Coordinator) -> list[Notice]:
    """Every notice that is still to be told, oldest first, also those that wait behind another of their task."""
    rows = await coordinator.store.fetch(
        text("SELECT notices.* FROM notices JOIN notice_posts ON notice = id WHERE state = 'pending' ORDER BY id")
    )
    return [notice_of(row) for row in rows]
