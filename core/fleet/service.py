"""Queries over everything: what needs a user, and what each agent does. Nothing here changes anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from core import remedies
from core.agent_actions.model import NEEDS_ANSWER, AgentDialog
from core.agent_messages.model import QuestionView, StoppedTrace
from core.agent_messages.traces import Traces
from core.agents.model import Agent, AgentState, AgentStatus
from core.deliveries.model import OPEN_STATES, Delivery, DeliveryState, asked_about
from core.desks.model import DeskState, DeskStatus
from core.dispatch.model import WAITS_FOR_AGENT, Decision
from core.dispatch.service import Dispatch
from core.dispatch.services import DispatchServices
from core.fleet import texts
from core.fleet.boards import Boards
from core.fleet.health import Health
from core.fleet.live_views import LiveViews
from core.fleet.model import (
    AgentDetails,
    AtWork,
    Board,
    BoardState,
    Figures,
    Need,
    NeedKind,
    Needs,
    Overview,
    QueuedWork,
    Timeline,
)
from core.fleet.timeline import read_timeline
from core.kit.from_attributes import from_attributes
from core.notices.model import DISCORD, BlockedWindow, NoticePost, NoticeState
from core.reasons import ParkCause, Reason, WaitReason
from core.remedies import next_step, sentence
from core.security.model import HUB, Actor, Permission, require
from core.supervision.model import ScreenLock
from core.tasks.model import ENDED, BlockedTaskGroup, TaskId, TaskState, TaskSummary, title_of
from core.tasks.services import TaskServices

_OPEN = OPEN_STATES - {DeliveryState.UNKNOWN}  # a user's open decision keeps no machine awake
_RESTS = ENDED | {TaskState.PARKED}
_SHOWN = 50
_QUEUE_SHOWN = 5
_WAITING_SHOWN = 10  # of what waits for one agent
_WORST_SHOWN = 3  # of what needs a user, on one screen of everything
_MOST = 200  # so many deliveries it looks at
_SEEN_CHARS = 500
_GIVEN_UP_FOR_MS = 24 * 3_600_000
_SUMMED_UP_AFTER_MS = 24 * 3_600_000  # Older ended tasks that were never posted go into one message
_RANK = {kind: place for place, kind in enumerate(NeedKind)}
_CLOSED = frozenset({DeskState.HELD, DeskState.STOPPED, DeskState.UNAVAILABLE})
_SEEN = frozenset({DeskState.READY, DeskState.HELD, DeskState.STOPPED})  # desks whose windows are looked at now
_FOR_A_DESK = {(TaskState.WAITING, WaitReason.DESK.value), (TaskState.WAITING, WaitReason.HOLD.value)}
_AWAY = frozenset({AgentState.HELD, AgentState.UNKNOWN, AgentState.OFFLINE, AgentState.NEEDS_INPUT, AgentState.LIMITED})


class Fleet:
    """The whole fleet, as one question."""

    def __init__(
        self,
        services: TaskServices,
        work: DispatchServices,
        traces: Traces,
        refused_answers: Path,
        dispatch: Dispatch,
        *,
        is_discord_connected: Callable[[], bool] | None,
    ) -> None:
        """`refused_answers` is the folder of the answers that could not be used."""
        self._services, self._work, self._traces, self._dialogs = services, work, traces, work.agent_actions.dialogs
        self._repository, self._agents, self._desks = work.tasks.repository, services.agents, services.desks
        self._notices, self._clock, self._refused = services.notices, services.clock, refused_answers
        self._hooks = dispatch.hooks
        self.live_views = LiveViews(services, dispatch.turns)
        self._discord = services.notices.on(DISCORD)
        self.boards = Boards(services.store, services.journal, services.clock)
        self.health = Health(
            services.store, self._desks, self._clock, needs=self._worst_needs, is_discord_connected=is_discord_connected
        )

    async def needs_me(self, *, by: Actor, limit: int = _SHOWN) -> Needs:
        """Return everything that waits for a user, worst and oldest first, at most `limit` of it."""
        require(by, Permission.FLEET_READ)
        found, more = await self._needs(limit)
        return Needs(shown=await self._with_places(found[:limit]), total=len(found) + more)

    async def board(self, *, by: Actor) -> Board:
        """Return what each agent does, and how much waits."""
        require(by, Permission.FLEET_READ)
        statuses = await self._agents.list(by=HUB)
        tasks = await self._repository.summaries({status.task for status in statuses if status.task})
        needs, more = await self._needs(1)
        return Board(
            agents=tuple(AtWork(status=status, task=tasks.get(status.task or "")) for status in statuses),
            desks=self._desks.known(),
            tasks=self._repository.cache.counts(),
            queue=await self._repository.queue.list_ready(limit=_QUEUE_SHOWN),
            needs=len(needs) + more,
            at_ms=self._clock.now_ms(),
        )

    async def figures(self, *, by: Actor) -> Figures:
        """Count everything, from memory and from indexes."""
        require(by, Permission.FLEET_READ)
        needs, more = await self._needs(1)
        store, newest = self._services.store, await self._services.journal.newest(1)
        return Figures(
            tasks=self._repository.cache.counts(),
            oldest_ready_ms=await self._repository.queue.oldest_ready_ms(),
            agents=Counter(status.state for status in await self._agents.list(by=HUB)),
            desks=Counter(status.state for status in self._desks.known()),
            notices=await self._notices.waiting(),
            needs=len(needs) + more,
            journal_rows=newest[-1].seq if newest else 0,
            is_store_writable=store.trouble is None,
            store_bytes=store.size_bytes,
            writes_waiting=store.writes_waiting,
            left_out=len(store.aside.errors()),
            is_discord_connected=self.health.is_discord_connected,
            at_ms=self._clock.now_ms(),
        )

    async def agent(self, name: str, *, by: Actor) -> AgentDetails:
        """Return one agent, and the first of what waits for it alone. Raises agent_not_found."""
        status = await self._agents.show(name, by=by)
        agent, queue = status.agent.name, list[QueuedWork]()
        for one in (await self._services.deliveries.list_queued_messages(agent))[:_WAITING_SHOWN]:
            message = await self._services.messages.get(one.message)
            about, title, at_ms = message.task, title_of(message.body), one.created_ms
            queue.append(QueuedWork(message=message.id, task=about, title=title, reason=one.reason, since_ms=at_ms))
        tasks = await self._repository.queue.list_wanted(agent, limit=_WAITING_SHOWN - len(queue))
        queue += [QueuedWork(task=one.id, title=one.title, since_ms=one.created_ms) for one in tasks]
        sign = self._hooks.signs.get(agent) if status.task else None
        shown = self._desks.shown(status.agent.desk or "", status.agent.window or "").activity
        waits = tuple(queue)
        return from_attributes(AgentDetails, status, queue=waits, program=None, hook=sign, shows=shown)

    async def overview(self, version: str, *, by: Actor) -> Overview:
        """Return one screen of everything."""
        health = await self.health.look(by=by)
        return Overview(
            version=version,
            board=await self.board(by=by),
            needs=await self.needs_me(by=by, limit=_WORST_SHOWN),
            is_discord_connected=self.health.is_discord_connected,
            live_boards=sum(one.state is BoardState.STANDS for one in await self.boards.all()),
            troubles=health.troubles,
        )

    async def work_at(self, desks: Collection[str]) -> frozenset[str]:
        """Return at which of these desks work waits or is under way, so that their machine must stay awake: an agent's
        task, one that waits for an agent there, or a message. A parked task does not count."""
        if not desks:
            return frozenset()
        found = set[str | None]()
        # Before the agents: a task that an agent takes meanwhile is seen in one of the two.
        for demand in await self._repository.queue.requirements_in(TaskState.READY, TaskState.WAITING):
            found |= {agent.desk for agent in self._agents.who_can(demand.needs, demand.wanted)}
        held = [one for one in await self._agents.list(by=HUB) if one.task and one.agent.desk in desks]
        lines = await self._repository.summaries(status.task for status in held if status.task) if held else {}
        working = {task for task, line in lines.items() if line.state not in _RESTS}
        found |= {status.agent.desk for status in held if status.task in working}
        found |= {one.desk for one in await self._services.deliveries.newest_in(_OPEN, limit=_MOST)}
        return frozenset(desks) & found

    async def timeline(self, hours: int, *, by: Actor) -> Timeline:
        """Return which agent had which task in these last hours, and why agents waited."""
        require(by, Permission.FLEET_READ)
        since_ms = self._clock.now_ms() - hours * 3_600_000
        return await read_timeline(self._services, self._repository, since_ms=since_ms)

    async def sum_up_ended(self) -> None:
        """Tell in one message of the tasks that ended while there was no Discord, instead of one by one."""
        tasks = await self._discord.never_posted(before_ms=self._clock.now_ms() - _SUMMED_UP_AFTER_MS)
        lines = await self._repository.summaries(tasks)
        if ended := [task for task in tasks if task in lines and lines[task].state in ENDED]:
            await self._notices.sum_up(ended, on=DISCORD)

    async def _worst_needs(self) -> list[Need]:
        return (await self._needs(1))[0]

    async def _needs(self, limit: int) -> tuple[list[Need], int]:
        """Return what waits for a user, `limit` and more of each kind, without places; and how many more wait."""
        known = await self._repository.queue.list_blocked(most=limit)
        held = [one for one in known if not one.is_rest]
        more = sum(one.size for one in known if one.is_rest and texts.of_held(one) is not None)
        parts = await self._services.deliveries.find_later_parts()
        by_desk, others = await self._sort_by_desk(held, parts)
        by_desk += [(one, []) for one in self._closed_desks().values() if _is_idly_closed(one, by_desk)]
        seen = {name for name, state in self._desks.states().items() if state in _SEEN}
        blocked = self._work.blocked_windows.list_open(seen)
        others, waits = await self._sort_by_window(others, blocked)
        questions, asking = await self._open_questions()
        unknown = await self._services.deliveries.newest_in({DeliveryState.UNKNOWN}, limit=_MOST)
        found = [need for one in others if one.oldest not in asking and (need := _of_held(one)) is not None]
        found += [_of_blocked(one, waits.get(one.key, [])) for one in blocked]
        found += [_of_desk(status, stopped) for status, stopped in by_desk]
        of_task = {one.task: one for one in unknown}
        found = [_with_decision(need, of_task.get(need.task)) for need in found]
        found += await self._unknown(unknown, {one.oldest for one in held})
        found += questions
        found += [_of_idle(one) for one in await self._repository.idle()]
        found += [_of_storm(one) for one in await self._traces.list_stopped()]
        dialogs = await self._open_dialogs()
        locks = [_of_lock(lock) for lock in await self._work.screen_locks.list_open()]
        listed = {(one.agent, one.reason) for one in blocked}
        parts = [part for part in parts if (part.agent, part.reason) not in listed]
        halves = self._waiting_parts(parts, {one.agent for one in dialogs}, {one.desk for one in locks})
        found += [*dialogs, *locks, *halves]
        found += await self._unusable_agents(held, [*halves, *dialogs, *(_of_blocked(one, []) for one in blocked)])
        found += _of_untold(await self._discord.failed_notifications())
        found += await asyncio.to_thread(_read_refused, self._refused)
        found += await self._boards_given_up()
        if (trouble := self._services.store.trouble) is not None:
            found.append(Need(kind=NeedKind.STORE, what=texts.STORE, seen=trouble.message, next=texts.STORE_NEXT))
        return sorted(found, key=lambda need: (_RANK[need.kind], need.since_ms)), more

    async def _sort_by_desk(
        self, held: Iterable[BlockedTaskGroup], parts: Iterable[Delivery]
    ) -> tuple[list[tuple[DeskStatus, list[BlockedTaskGroup]]], list[BlockedTaskGroup]]:
        """Count tasks that wait because of a desk as one need: that desk."""
        closed = self._closed_desks()
        waits = [one for one in held if closed and (one.state, one.reason) in _FOR_A_DESK]
        tasks = await self._repository.summaries(one.oldest for one in waits) if waits else {}
        by_desk: dict[str, list[BlockedTaskGroup]] = {}
        others: list[BlockedTaskGroup] = []
        for one in held:
            task = tasks.get(one.oldest)
            able = self._able(task) if task and one in waits else []
            desks = {agent.desk for agent in able if agent.desk in closed}
            for desk in desks:
                by_desk.setdefault(desk, []).append(one)
            if not desks:
                others.append(one)
        for part in parts:
            if part.task is not None and part.desk in closed:
                state, reason, since_ms = TaskState.WAITING, WaitReason.DESK, part.created_ms
                entry = BlockedTaskGroup(
                    state=state, reason=reason, note="", oldest=TaskId(part.task), size=1, since_ms=since_ms
                )
                by_desk.setdefault(part.desk, []).append(entry)
        return [(closed[desk], stopped) for desk, stopped in by_desk.items()], others

    async def _sort_by_window(
        self, held: Collection[BlockedTaskGroup], blocked: Collection[BlockedWindow]
    ) -> tuple[list[BlockedTaskGroup], dict[str, list[BlockedTaskGroup]]]:
        """Count tasks that wait because of a blocked window as one need: that window."""
        by_window: dict[str, list[BlockedTaskGroup]] = {}
        waits = [one for one in held if blocked and one.reason in {WaitReason.WINDOW, ParkCause.WINDOW}]
        tasks = await self._repository.summaries(one.oldest for one in waits) if waits else {}
        for one in waits:
            for now in blocked:
                task = tasks.get(one.oldest)
                able = [] if task is None else [task.agent, *(agent.name for agent in self._able(task))]
                if now.agent in (able[:1] if one.state is TaskState.PARKED else able):
                    by_window.setdefault(now.key, []).append(one)
        found = [one for waiting in by_window.values() for one in waiting]
        return [one for one in held if one not in found], by_window

    def _able(self, task: TaskSummary) -> list[Agent]:
        return self._agents.who_can(task.requirements.needs, task.requirements.wanted)

    def _closed_desks(self) -> dict[str, DeskStatus]:
        return {status.desk.name: status for status in self._desks.known() if status.state in _CLOSED}

    async def _unknown(self, found: Collection[Delivery], known: set[str]) -> list[Need]:
        """List unknown deliveries, unless their task is listed already."""
        known = known | await self._stopped(one.task for one in found)
        then = "Look at the agent's window, then decide with the buttons of its message, or at the machine with"
        return [
            _with_decision(
                Need(
                    kind=NeedKind.DELIVERY_UNKNOWN,
                    what=f"Octet does not know whether it pressed {one.act.value} for {one.agent}"
                    if one.act is not None
                    else f"a prompt may or may not have arrived at {one.agent}",
                    next=f"{then} `octet delivery resolve {one.id} {'|'.join(_decisions(one))}`.",
                    seen=one.note,
                    agent=one.agent,
                    desk=one.desk,
                    since_ms=one.changed_ms,
                ),
                one,
            )
            for one in found
            if one.task not in known
        ]

    async def _stopped(self, tasks: Iterable[str | None]) -> set[str]:
        """Return those of these tasks that have their own entries."""
        lines = await self._repository.summaries({task for task in tasks if task})
        return {line.id for line in lines.values() if line.state in {TaskState.PARKED, TaskState.BLOCKED}}

    async def _open_questions(self) -> tuple[list[Need], set[str]]:
        """List the questions that ask users; and the tasks that wait for the answer to a question."""
        asked = await self._work.questions.list_open()
        needs = [_of_question(one) for one in asked if one.question.asks_user]
        return needs, {one.question.task for one in asked}

    async def _open_dialogs(self) -> list[Need]:
        return [_of_dialog(one, self._agents.named(one.agent)) for one in await self._dialogs.list_open()]

    def _waiting_parts(self, parts: Iterable[Delivery], asking: set[str | None], locked: set[str | None]) -> list[Need]:
        """List later parts that wait, unless a dialog, a lock or a desk is listed for that already."""
        closed, now_ms, found = self._closed_desks(), self._clock.now_ms(), list[Need]()
        for part in parts:
            desk = closed.get(part.desk or "")
            is_asking = part.reason in WAITS_FOR_AGENT and part.agent in asking
            if desk is not None and not part.is_brief:  # a brief counts with its desk
                what = texts.half_said(part, f"desk {desk.desk.name}")
                then, seen = (
                    texts.DESKS.get(desk.state.value, texts.MEND_DESK),
                    remedies.explain(desk.reason, desk.note),
                )
                found.append(_of_part(part, what, then, seen=seen))
            elif desk is None and not is_asking and not (part.reason == Reason.LOCKED and part.desk in locked):
                need = texts.of_part(part, waited_ms=now_ms - part.created_ms)
                found += [_of_part(part, *need, seen=remedies.explain(part.reason, part.note))] if need else []
        return found

    async def _unusable_agents(self, held: Iterable[BlockedTaskGroup], listed: Collection[Need]) -> list[Need]:
        """List unusable agents that work waits for, unless `listed` or a task or a desk already says so."""
        away = [status for status in await self._agents.list(by=HUB) if status.state in _AWAY]
        closed = {status.desk.name for status in self._desks.known() if status.state is not DeskState.READY}
        away = [status for status in away if status.agent.desk not in closed]
        if not away:
            return []
        shown = await self._stopped(status.task for status in away)
        shown |= {str(one.oldest) for one in held} | {need.task for need in listed if need.task}
        for_window = (TaskState.WAITING, WaitReason.WINDOW)
        waits = await self._repository.summaries(one.oldest for one in held if (one.state, one.reason) == for_window)
        named = {task.agent for task in waits.values()} | {need.agent for need in listed}
        demands = await self._repository.queue.requirements_in(TaskState.READY, TaskState.WAITING)
        wanted = {str(agent.name) for one in demands for agent in self._agents.who_can(one.needs, one.wanted)}
        return [
            _of_agent(status)
            for status in away
            if status.task not in shown
            and status.agent.name not in named
            and (status.task or status.state is AgentState.UNKNOWN or status.agent.name in wanted or _rests(status))
        ]

    async def _boards_given_up(self) -> list[Need]:
        after_ms = self._clock.now_ms() - _GIVEN_UP_FOR_MS
        return [
            Need(
                kind=NeedKind.BOARD_GONE,
                what="Octet could not keep the live board in its channel"
                if board.state is BoardState.GIVEN_UP
                else "Discord refuses the live board's channel",
                next=texts.BOARD_GONE if board.state is BoardState.GIVEN_UP else texts.NO_ACCESS,
                seen=board.error,
                since_ms=board.since_ms,
                place=board.place,
            )
            for board in await self.boards.all()
            if board.error and (board.state is not BoardState.GIVEN_UP or board.since_ms > after_ms)
        ]

    async def _with_places(self, needs: Iterable[Need]) -> tuple[Need, ...]:
        """Add the tasks' titles, and the places of the messages about them, else of the cards and threads."""
        needs = tuple(needs)
        posts = await self._discord.posts_about(need.about for need in needs if need.about)
        needs = tuple(_posted(need, posts.get(need.about)) for need in needs)
        if not (ids := {need.task for need in needs if need.task}):
            return needs
        tasks = await self._repository.summaries(ids)
        cards = await self._discord.cards_of(ids)
        return tuple(_placed(need, tasks, cards) for need in needs)


def _posted(need: Need, notice: NoticePost | None) -> Need:
    """Add the place of the message that asks about it."""
    if notice is None:
        return need
    place = replace(notice.place, channel=notice.posted_channel)
    return replace(need, place=place, posted_message=notice.posted_message)


def _with_decision(need: Need, unknown: Delivery | None) -> Need:
    """Add by which delivery, and how, a user decides about it."""
    if unknown is None or need.kind is not NeedKind.DELIVERY_UNKNOWN:
        return need
    return replace(need, about=asked_about(unknown), choices=_decisions(unknown))


def _decisions(unknown: Delivery) -> tuple[str, ...]:
    return tuple(one.value for one in Decision if unknown.act is None or one is not Decision.SEND_AGAIN)


def _placed(need: Need, tasks: Mapping[str, TaskSummary], cards: Mapping[str, NoticePost]) -> Need:
    task, card = tasks.get(need.task or ""), cards.get(need.task or "")
    if task is None:
        return need
    agent = need.agent or task.agent or task.requirements.wanted
    need = replace(need, title=task.title, requester=task.requester, agent=agent)
    if need.posted_message:
        return need
    place = task.place if card is None else replace(card.place, channel=card.posted_channel or card.place.channel)
    return replace(need, place=place, thread=card.thread if card else "")


def _of_held(held: BlockedTaskGroup) -> Need | None:
    need = texts.of_held(held)
    if need is None:
        return None
    kind, what, then = need
    more, seen = held.size - 1, remedies.explain(held.cause, held.note)
    return Need(kind=kind, what=what, next=then, seen=seen, task=held.oldest, more=more, since_ms=held.since_ms)


def _of_desk(status: DeskStatus, waits: list[BlockedTaskGroup]) -> Need:
    first = min(waits, key=lambda one: one.since_ms, default=None)
    name, state = status.desk.name, status.state.value
    is_told = status.state is DeskState.UNAVAILABLE
    return Need(
        kind=NeedKind.DESK,
        what=f"desk {name} is {'not available' if is_told else state}{', and work waits for it' if waits else ''}",
        next=texts.DESKS.get(state, texts.MEND_DESK),
        seen=remedies.explain(status.reason, status.note) if is_told or not status.by else "",
        task=first.oldest if first else None,
        more=max(0, sum(one.size for one in waits) - 1),
        desk=name,
        since_ms=status.since_ms or (first.since_ms if first else 0),
        by=status.by,
    )


def _is_idly_closed(status: DeskStatus, known: Collection[tuple[DeskStatus, object]]) -> bool:
    """Tell whether a user keeps the desk closed while no task waits for it: its agents get nothing."""
    return status.state is not DeskState.UNAVAILABLE and all(status.desk != one.desk for one, _ in known)


def _of_blocked(now: BlockedWindow, waits: Collection[BlockedTaskGroup]) -> Need:
    first = min(waits, key=lambda one: one.since_ms, default=None)
    general, command = "`/desk calibrate`", texts.RECALIBRATE.format(desk=now.desk, window=now.window)
    cure = now.cure if general in now.cure else f"{now.cure} Or recalibrate it: {general}."
    return Need(
        kind=NeedKind.WINDOW,
        what=f"the window of {now.agent} is not usable: {sentence(now.reason)}",
        next=cure.replace(general, command),
        seen=now.seen,
        task=first.oldest if first else None,
        more=max(0, sum(one.size for one in waits) - 1),
        agent=now.agent,
        desk=now.desk,
        window=now.window,
        since_ms=now.since_ms,
    )


def _of_dialog(one: AgentDialog, agent: Agent | None) -> Need:
    what, names = NEEDS_ANSWER[one.activity], tuple(choice.name for choice in one.choices)
    allowed = agent.allowed_actions if agent else frozenset[str]()
    return Need(
        kind=NeedKind.NEEDS_ANSWER,
        what=texts.PERMISSION.format(agent=one.agent) if one.asks_permission else f"{one.agent}: {sentence(what)}",
        next=texts.CHOOSE.format(dialog=one.id) if one.asks_permission else next_step(what),
        seen=" ".join(one.text.split())[:_SEEN_CHARS],
        task=TaskId(one.task) if one.task else None,
        agent=one.agent,
        desk=one.desk or None,
        since_ms=one.since_ms,
        about=one.id,
        choices=names or tuple(act.value for act in one.answers if act.value in allowed),
    )


def _of_question(one: QuestionView) -> Need:
    asked = one.question
    return Need(
        kind=NeedKind.QUESTION,
        what=f"{asked.agent} asks a question",
        next=texts.ANSWER.format(question=f"M-{asked.id}"),
        seen=" ".join(one.text.split())[:_SEEN_CHARS],
        task=TaskId(asked.task) if asked.task else None,
        agent=asked.agent,
        since_ms=asked.since_ms,
        about=asked.about,
        choices=asked.choices,
    )


def _of_idle(task: TaskSummary) -> Need:
    what, then = f"{task.agent} {sentence(Reason.LOOKS_IDLE)}", next_step(Reason.LOOKS_IDLE)
    return Need(
        kind=NeedKind.IDLE,
        what=what,
        next=then,
        task=task.id,
        agent=task.agent,
        idle_by=task.idle_by,
        since_ms=task.idle_ms or 0,
    )


def _of_storm(one: StoppedTrace) -> Need:
    then = texts.STORM_NEXT.format(trace=f"M-{one.id}")
    return Need(kind=NeedKind.STORM, what=texts.STORM, next=then, since_ms=one.since_ms, about=f"trace:{one.id}")


def _of_part(part: Delivery, what: str, then: str, *, seen: str) -> Need:
    return Need(
        kind=NeedKind.WAITING,
        what=what,
        next=then,
        seen=seen,
        task=TaskId(part.task) if part.task else None,
        agent=part.agent,
        desk=part.desk,
        since_ms=part.created_ms,
    )


def _of_lock(lock: ScreenLock) -> Need:
    return Need(
        kind=NeedKind.DESK,
        what=f"the screen of desk {lock.desk} is locked, and work waits for it",
        next=texts.UNLOCK,
        desk=lock.desk,
        since_ms=lock.since_ms,
    )


def _rests(status: AgentStatus) -> bool:
    return status.reason is Reason.FAILS_OFTEN


def _of_agent(status: AgentStatus) -> Need:
    name, state = status.agent.name, status.state.value
    is_silent = status.state is AgentState.UNKNOWN
    return Need(
        kind=NeedKind.AGENT,
        what=f"{name} is silent" if is_silent else f"{name} is {state.replace('_', ' ')}, and work waits for it",
        next=next_step(status.reason),
        seen=status.note or sentence(status.reason),
        agent=name,
        desk=status.agent.desk,
        since_ms=status.since_ms,
    )


def _of_untold(notices: Iterable[NoticePost]) -> list[Need]:
    """Return one entry per cause: a channel that is gone takes many notices with it."""
    by_cause: dict[tuple[NoticeState, str], list[NoticePost]] = {}
    for notice in sorted(notices, key=lambda one: one.created_ms):
        by_cause.setdefault((notice.state, notice.error), []).append(notice)
    return [
        Need(
            kind=NeedKind.UNTOLD,
            what=texts.UNTOLD[state],
            next=texts.NO_ACCESS if state is NoticeState.NO_ACCESS else texts.UNTOLD_NEXT,
            seen=error,
            task=TaskId(first.task) if first.task else None,
            more=len({one.task for one in (first, *others)}) - 1,
            since_ms=first.created_ms,
        )
        for (state, error), (first, *others) in by_cause.items()
    ]


def _read_refused(folder: Path) -> list[Need]:
    """List the answers in this folder that Octet could not use; a user who has read a file deletes it."""
    found, what = list[Need](), "Octet could not use an answer that came while it was not running"
    for path in sorted(folder.glob("*.reason.txt")):
        try:
            at_ms, why = round(path.stat().st_mtime * 1000), path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # a user has just deleted it
        seen = f"{path.name.removesuffix('.reason.txt')}.json: {why[:500].strip()}"
        kind, then = NeedKind.ANSWER_REFUSED, texts.ANSWER_REFUSED
        found.append(Need(kind=kind, what=what, next=then, seen=seen, since_ms=at_ms))
    return found
