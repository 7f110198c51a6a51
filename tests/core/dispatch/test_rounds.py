"""The cost of a round, counted in statements and in SQLite's instructions: it never grows faster than what waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core import limits
from core.agent_messages import _store as question_store
from core.agent_messages.model import AgentDraft, NewAgentMessage, Proof, SendOptions
from core.agents.model import Lane
from core.coordinator import Coordinator
from core.dispatch import assigner as assigner_module
from core.messages.model import MessageKind
from core.reasons import Reason
from core.security.model import OPERATOR, HolderId, Permission, Role
from core.store.engine import Tx
from tests.builders import ADA, courier_of, make_agent, make_desk, make_new_task, make_person, open_coordinator, refuses
from tests.core.dispatch.test_long_queue import fleet
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

FEW, TIMES = 8, 10
_STEPS = 50  # instructions between two calls of SQLite's progress handler


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work asked of SQLite."""

    statements: int
    instructions: int


async def cost_of(octet: Coordinator, work: Callable[[Tx], object]) -> Cost:
    """Carry out the work in a write, and count."""
    statements, ticks = list[str](), list[None]()

    def counted(tx: Tx) -> None:
        tx.connection.set_trace_callback(statements.append)
        tx.connection.set_progress_handler(lambda: ticks.append(None), _STEPS)
        try:
            work(tx)
        finally:
            tx.connection.set_trace_callback(None)
            tx.connection.set_progress_handler(None, 0)

    await octet.store.write(counted)
    return Cost(len(statements), len(ticks) * _STEPS)


async def cost_of_round(octet: Coordinator) -> Cost:
    """Let dispatch take rounds until nothing is left; return what the next one costs."""
    while await octet.store.write(octet.dispatch.assigner.assign_ready):
        pass
    return await cost_of(octet, octet.dispatch.assigner.assign_ready)


def assert_linear(few: Cost, many: Cost) -> None:
    """Allow a tenth on top, for trees that are one page deeper."""
    assert many.statements <= few.statements * TIMES, (few, many)
    assert many.instructions <= few.instructions * TIMES * 1.1, (few, many)


Make = Callable[[Coordinator, int], Awaitable[None]]


async def messages_wait(octet: Coordinator, number: int) -> None:
    for one in range(number):
        await octet.agent_messages.send(NewAgentMessage(text=f"text {one}", agent="Agent-1"), by=ADA)


async def questions_wait(octet: Coordinator, number: int) -> None:
    def ask(tx: Tx) -> None:
        message = {"agent": "Agent-1", "task": "", "asked": "operator", "choices": "[]", "at_due": "wait"}
        rows = [{**message, "id": f"Q{one}", "state": "open", "due_ms": 2**50, "since_ms": 0} for one in range(number)]
        tx.execute(question_store.ADD_QUESTION, [{**row, "answer": None, "fence": 0} for row in rows])

    await octet.store.write(ask)


async def parts_wait(octet: Coordinator, number: int) -> None:
    task = await octet.tasks.new(make_new_task(), by=ADA)
    await octet.task_parts.split(task.id, "\n".join(f"part {one}" for one in range(number)), by=ADA)


async def tasks_wait_in_a_chain(octet: Coordinator, number: int) -> None:
    after = frozenset[str]()
    for _ in range(number):
        after = {(await octet.tasks.new(make_new_task(after=frozenset(after)), by=ADA)).id}


async def users_wait(octet: Coordinator, number: int) -> None:
    for one in range(100, 100 + number):
        await octet.people.bind(HolderId(f"discord:{one}"), Role.MEMBER, by=ADA)
        await octet.tasks.new(make_new_task(), by=make_person(one, f"User {one}", Role.MEMBER))


async def keys_are_there(octet: Coordinator, number: int) -> None:
    for one in range(number):
        await octet.api_keys.make(f"key-{one}", frozenset({Permission.TASK_READ}), days=1, by=OPERATOR)


async def subtasks_wait(octet: Coordinator, number: int) -> None:
    task = await octet.tasks.new(make_new_task(), by=ADA)

    def give(tx: Tx) -> None:
        for one in range(number):
            octet.tasks.delegate(tx, octet.tasks.repository.find(tx, task.id), make_new_task(f"sub {one}"), by=ADA)

    await octet.store.write(give)


async def agents_are_there(_: Coordinator, __: int) -> None:
    """Have nothing wait: the world has more agents."""


KINDS = (
    *(agents_are_there, messages_wait, questions_wait, parts_wait, tasks_wait_in_a_chain, users_wait),
    *(keys_are_there, subtasks_wait),
)


@asynccontextmanager
async def filled(home: Path, make: Make, number: int) -> AsyncGenerator[Coordinator]:
    agents = number if make is agents_are_there else 2
    async with fleet(home, *range(1, agents + 1)) as octet:
        await make(octet, number)
        yield octet


@pytest.mark.parametrize("make", KINDS)
async def test_a_round_costs_at_most_in_proportion_to_what_waits(tmp_path: Path, make: Make) -> None:
    found = list[Cost]()
    for number in (FEW, FEW * TIMES):
        async with filled(tmp_path / str(number), make, number) as octet:
            found.append(await cost_of_round(octet))
    assert_linear(*found)


async def test_a_look_for_the_next_delivery_costs_at_most_in_proportion_to_what_waits(tmp_path: Path) -> None:
    found = list[Cost]()
    for number in (FEW, FEW * TIMES):
        async with filled(tmp_path / str(number), messages_wait, number) as octet:
            take = courier_of(octet)._take
            found.append(await cost_of(octet, lambda tx, take=take: take(tx, "", None)))
    assert_linear(*found)


async def test_an_agent_for_which_many_messages_wait_gets_no_more_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING", replace(limits.WAITING, most=3))
    async with fleet(tmp_path, 1, 2) as octet:
        await messages_wait(octet, 3)
        with refuses("line_full"):
            await messages_wait(octet, 1)
        sent = await octet.agent_messages.broadcast(NewAgentMessage(text="Stop"), by=ADA)
        assert sent.recipients == ("Agent-2",)
        assert [(one.agent, one.reason) for one in sent.left_out] == [("Agent-1", Reason.LINE_FULL)]
        with refuses("agent_may_not_talk"):
            await octet.talk.send(AgentDraft(text="Report", to="Agent-1", key="1"), Proof(agent="Agent-2"))


async def test_messages_share_one_round_and_wake_only_the_worker_of_their_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assigner_module, "_SOON_S", 60.0)
    agents = [make_agent(name, lane=Lane.WINDOW, desk=name, window=name) for name in ("ann", "bob", "eve")]
    desks, lanes = [make_desk(one.name, name=one.name) for one in agents], {one.route: FakeLane() for one in agents}
    async with open_coordinator(tmp_path, agents=agents, desks=desks, lanes=lanes) as octet:
        assigner, workers = octet.dispatch.assigner, {one.name: courier_of(octet, one.name)._news for one in agents}
        for news in (assigner._news, *workers.values()):
            news.clear()
        rounds = set[asyncio.TimerHandle | None]()
        for one in range(3):
            await octet.agent_messages.send(NewAgentMessage(text=f"text {one}", agent="bob"), by=ADA)
            rounds.add(assigner._soon)
        assert [name for name, news in workers.items() if news.is_set()] == ["bob"]
        assert not assigner._news.is_set(), "each message has noted why it waits"
        (soon,) = rounds
        assert soon is not None
        soon._run()
        assert assigner._news.is_set(), "one round notes when they expire"
        soon.cancel()


async def test_an_agent_with_many_unread_statuses_gets_no_more_of_them_until_they_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING", replace(limits.WAITING, most=2))
    clock, status = FakeClock(), SendOptions(kind=MessageKind.STATUS, expires_minutes=1)
    async with open_coordinator(tmp_path, agents=[make_agent(), make_agent("Agent-2")], lanes={}, clock=clock) as octet:
        for _ in range(limits.WAITING.most):
            await octet.agent_messages.send(NewAgentMessage(text="At it", agent="Agent-1", options=status), by=ADA)
        with refuses("line_full"):
            await octet.agent_messages.send(NewAgentMessage(text="At it", agent="Agent-1", options=status), by=ADA)
        draft = AgentDraft(text="At it", to="Agent-1", key="1", options=status)
        with refuses("agent_may_not_talk"):
            await octet.talk.send(draft, Proof(agent="Agent-2"))
        clock.advance(61)
        await octet.talk.send(draft, Proof(agent="Agent-2"))
