"""One agent's driver, without its worker: what it does when a program hangs, or speaks at the wrong time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from automation.acp import driver as driver_module
from automation.acp.driver import QUIET_S, AgentDriver, _Conversation, _NotOffered
from automation.acp.messages import Fact, Prepare
from automation.acp.program import AgentProgram
from automation.acp.turn import Turn
from core.deliveries.model import DeliveryId, Reason, Result, StopReason, TurnEnd
from core.kit.process_start import start_time
from tests.fakes.acp import Scripted, scripted
from tests.fakes.desk import make_order

READY = Prepare(agent="agent-1", begins_task=True, is_asked=True)


def note(one: Scripted, state: object) -> None:
    """Write what an earlier worker noted."""
    folder = Path(one.agent.state)
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps(state))


async def test_a_program_that_never_opens_a_conversation_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AgentProgram.call.__kwdefaults__ is not None
    monkeypatch.setitem(AgentProgram.call.__kwdefaults__, "within_s", 0.5)
    async with asyncio.TaskGroup() as group:
        driver = AgentDriver(scripted(tmp_path, faults="new").agent, group, lambda _: None)
        outcome, needs_tools = await driver.prepare(READY)
        assert outcome is not None
        assert (outcome.result, outcome.reason, needs_tools) == (Result.BOUNCED, Reason.PROGRAM_FAILED, False)
        assert driver._state is not None
        assert not start_time(driver._state.pid), "it does not hang there for ever"
        assert driver.status().reason is Reason.PROGRAM_FAILED


async def test_what_comes_before_the_prompt_was_written_is_of_no_turn(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        driver = AgentDriver(scripted(tmp_path).agent, group, lambda _: None)
        driver._turn = turn = Turn("agent-1", DeliveryId("D1"), "c1", "Do it.", spent=None)
        update = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "of the turn before"}}
        await driver._take_message("session/update", {"sessionId": "c1", "update": update})
        assert not turn.has_arrived
        asked = await driver._take_message("session/request_permission", {"sessionId": "c1"})
        assert asked == {"outcome": {"outcome": "cancelled"}}
        turn.note_written("session/prompt")
        await driver._take_message("session/update", {"sessionId": "another", "update": update})
        assert not turn.has_arrived, "a sub-agent has a conversation of its own"
        await driver._take_message("session/update", {"sessionId": "c1", "update": update})
        assert turn.has_arrived
        assert await driver._take_message("fs/read_text_file", {}) is None, "Octet does not offer it"


def test_a_state_that_cannot_be_read_is_no_state(tmp_path: Path) -> None:
    note(one := scripted(tmp_path), {"prompts": 7})
    assert AgentDriver(one.agent, asyncio.TaskGroup(), lambda _: None)._state is None


async def test_the_state_remembers_the_newest_prompts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "MOST_PROMPTS", 1)
    note(one := scripted(tmp_path), {"prompts": {"D0": ["c0", "hash"]}})
    async with asyncio.TaskGroup() as group:
        driver = AgentDriver(one.agent, group, lambda _: None)
        assert await driver.prepare(READY) == (None, False)
        await driver.prompt(make_order("agent-1", "Do it.", delivery="D1"))
        await driver.idle.wait()
        await driver.end_program()
    assert list(json.loads((Path(one.agent.state) / "state.json").read_text())["prompts"]) == ["D1"]


async def test_a_program_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "CANCEL_S", 0.2)
    facts = list[Fact]()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        driver = AgentDriver(scripted(tmp_path, faults="deaf").agent, group, facts.append)
        await driver.prepare(READY)
        await driver.prompt(make_order("agent-1", "demo: think hm\ndemo: wait 6"))
        assert await driver.interrupt()
        await driver.idle.wait()
    assert [one.stop for one in facts if isinstance(one, TurnEnd)] == [StopReason.LOST]


class Calls:
    """A program that offers modes in the way of older versions, and notes what it is asked."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []

    async def call(self, method: str, params: Any) -> dict[str, Any]:
        self.made.append((method, params))
        return {}


async def test_a_program_without_options_gets_its_mode_by_the_older_call(tmp_path: Path) -> None:
    for mode, made in (("ask", []), ("auto", [("session/set_mode", {"sessionId": "c1", "modeId": "auto"})])):
        program: Any = Calls()
        driver = AgentDriver(scripted(tmp_path, mode=mode).agent, asyncio.TaskGroup(), lambda _: None)
        modes = {"availableModes": [{"id": "ask"}, {"id": "auto"}], "currentModeId": "ask"}
        await driver._choose(program, there := _Conversation(id="c1", modes=modes, options=[]))
        assert (program.made, there.modes["currentModeId"]) == (made, mode)
    driver = AgentDriver(scripted(tmp_path, mode="plan").agent, asyncio.TaskGroup(), lambda _: None)
    with pytest.raises(_NotOffered, match="no mode plan; it offers ask, auto"):
        await driver._choose(program, there)


async def test_no_prompt_goes_while_something_of_an_earlier_turn_still_comes(tmp_path: Path) -> None:
    update = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "late"}}
    async with asyncio.TaskGroup() as group:
        driver = AgentDriver(scripted(tmp_path).agent, group, lambda _: None)
        assert await driver._is_quiet()
        loop = asyncio.get_running_loop()
        await driver._take_message("session/update", {"sessionId": "c1", "update": {"sessionUpdate": "usage_update"}})
        assert driver._last_stray_s < 0, "what comes unasked does not count"
        await driver._take_message("session/update", {"sessionId": "c1", "update": update})
        came_s = loop.time()
        assert await driver._is_quiet()
        assert loop.time() - came_s >= QUIET_S * 0.9


async def test_where_the_system_does_not_tell_whether_the_old_program_ended_a_user_decides(tmp_path: Path) -> None:
    one, order = scripted(tmp_path), make_order("agent-1", "Do it.")
    note(one, {"pid": 2**22, "started": "", "prompts": {order.delivery: ["c1", order.sha256]}})
    async with asyncio.TaskGroup() as group:
        driver = AgentDriver(one.agent, group, lambda _: None)
        assert (await driver.settle(order)).result is Result.UNKNOWN
        assert driver._state is not None
        assert driver._state.pid == 2**22, "no new program is started beside it"
    assert not (one.folder / "heard.jsonl").exists()


async def test_a_program_that_is_killed_while_octet_looks_proves_nothing_and_octet_looks_again(tmp_path: Path) -> None:
    order, killed = make_order("agent-1", "Do it."), ("sh", "-c", "kill -9 $$")
    note(one := scripted(tmp_path, command=killed), {"prompts": {order.delivery: ["c1", order.sha256]}})
    async with asyncio.TaskGroup() as group:
        outcome = await AgentDriver(one.agent, group, lambda _: None).settle(order)
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.WORKER_LOST)
