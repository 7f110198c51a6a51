"""Acts upon agents: allowed, asked, done once within seconds or given up, and told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.agent_actions.model import ACTION_TTL_MS, ActionResult, DialogEnding
from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState, Lane
from core.config.prompts import BUILT_IN
from core.deliveries.model import Assurance, DeliveryRequest, DeliveryState, Outcome, Reason
from core.deliveries.ports import Progress
from core.desks.model import DeskNow, DeskState
from core.dispatch.model import Decision
from core.fleet.model import NeedKind
from core.kit.errors import OctetError
from core.notices.model import NoticeKind
from core.profiles.model import Act, Activity
from core.reasons import ParkCause
from core.security.model import NotAllowed
from core.tasks.model import TaskId, TaskState
from tests.builders import (
    ADA,
    CAROL,
    entries_of,
    longest,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    refuses,
)
from tests.core.agent_actions.house import (
    ALL,
    ASKS,
    CHANGED,
    DONE,
    NOBODY_SAW,
    asked,
    house,
    journal,
    row,
    told,
    until_open,
    until_queued,
)
from tests.core.dispatch.test_loop import reach
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane, bounced


async def test_a_new_conversation_is_begun_once_for_an_agent_that_has_nothing_to_do(tmp_path: Path) -> None:
    lane = FakeLane(DONE)
    async with house(tmp_path, lane) as octet:
        pressed = await octet.agent_actions.new_chat("agent-1", by=ADA)
        assert (pressed.act, pressed.state) == (Act.NEW_CHAT, DeliveryState.DELIVERED)
        assert lane.pressed == [Act.NEW_CHAT]
        with pytest.raises(NotAllowed):
            await octet.agent_actions.new_chat("agent-1", by=CAROL)
        await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        with refuses("agent_busy", match="Agent-1 has T-1"):
            await octet.agent_actions.new_chat("agent-1", by=ADA)
        assert lane.pressed == [Act.NEW_CHAT]


async def test_a_new_conversation_that_was_asked_for_is_not_begun_once_a_task_came_first(tmp_path: Path) -> None:
    lane, clock = FakeLane(bounced()), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        asking = asyncio.ensure_future(octet.agent_actions.new_chat("agent-1", by=ADA))
        async with asyncio.timeout(60):
            await lane.began.wait()
        await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        clock.advance(1)
        octet.dispatch.wake()
        pressed = await asking
        assert (pressed.state, pressed.delivery.reason) == (DeliveryState.CANCELLED, "agent_at_work")
        assert lane.pressed == []


async def test_a_window_that_asks_is_told_once_and_answered_once_by_what_was_shown(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        found = await asked(octet)
        assert (found.agent, found.activity, found.mark, found.text, found.task) == (
            "Agent-1",
            Activity.NEEDS_INPUT,
            "secret-mark-1",
            "Run rm -rf build?",
            "T-1",
        )
        await octet.dispatch.window_shows("main", ASKS)
        assert await told(octet) == [("T-1", "", found.id)]
        lane.script.append(DONE)
        pressed = await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert (pressed.state, pressed.delivery.note) == (
            DeliveryState.DELIVERED,
            "the dialog is gone; the agent works",
        )
        assert lane.pressed == [Act.APPROVE]
        order = lane.orders[-1]
        assert (order.act, order.expected_dialog, order.text, order.window) == (
            Act.APPROVE,
            "secret-mark-1",
            "",
            "agent-1",
        )
        assert await told(octet) == [("T-1", "answered", found.id)]
        view = await octet.agent_actions.show_dialog(found.id, by=ADA)
        assert (view.dialog.ending, view.dialog.text, view.png) == (DialogEnding.ANSWERED, "", b"")
        assert (view.press, view.asker, view.wakes) == (pressed.delivery, ADA.id, ADA.id)
        with refuses("dialog_closed"):
            await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert lane.pressed == [Act.APPROVE]


async def test_the_journal_names_who_pressed_what_at_which_dialog_and_never_what_stood_in_it(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        found = await asked(octet)
        pressed = await octet.agent_actions.answer_dialog(found.id, Act.DENY, by=ADA)
        (stood,) = await journal(octet, "DialogOpened")
        mark_hash = stood[2]["mark_hash"]
        assert await journal(octet, "ActionRequested", "ActionEnded") == [
            (
                "ActionRequested",
                ADA.id,
                {"delivery": pressed.delivery.id, "agent": "Agent-1", "act": "deny", "mark_hash": mark_hash},
            ),
            (
                "ActionEnded",
                "hub",
                {
                    "delivery": pressed.delivery.id,
                    "agent": "Agent-1",
                    "act": "deny",
                    "mark_hash": mark_hash,
                    "result": "delivered",
                    "reason": None,
                },
            ),
        ]
        everything = json.dumps([one.data for one in await entries_of(octet.journal, "agent:Agent-1")])
        assert "rm -rf" not in everything
        assert "secret-mark-1" not in everything
        assert await octet.journal.verify() > 5


async def test_nothing_is_pressed_unless_the_owner_allows_just_this_for_this_agent(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane, allowed_actions="deny") as octet:
        found = await asked(octet)
        with refuses("action_not_allowed") as refusal:
            await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert 'allowed_actions = ["approve", "deny"]' in refusal.value.message
        with refuses("action_not_allowed"):
            await octet.agent_actions.interrupt("agent-1", by=ADA)
        assert (await octet.agent_actions.show_dialog(found.id, by=ADA)).allowed_actions == {Act.DENY}
        assert (await octet.agent_actions.answer_agent("Agent-1", Act.DENY, by=ADA)).state is DeliveryState.DELIVERED
        assert lane.pressed == [Act.DENY]


async def test_a_profile_without_a_key_is_named_instead_of_a_permission_that_would_not_help(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane, allowed_actions="") as octet:
        await asked(octet)
        octet.tasks.prompts.use({"Agent-1": replace(longest(1000), name="plain", acts={})}, BUILT_IN)
        for action in (octet.agent_actions.new_chat, octet.agent_actions.interrupt):
            with refuses("action_without_key", match=r"config/profiles/plain\.toml"):
                await action("Agent-1", by=ADA)
        assert lane.pressed == []


async def test_a_task_behind_an_open_dialog_says_so_and_needs_me_lists_the_dialog_once(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        await octet.dispatch.window_shows("main", ASKS)
        await octet.tasks.quarantine.write(octet.dispatch.assigner.assign_ready)
        task = await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
        assert [one.agent.name for one in (await octet.tasks.show(task.id, by=ADA)).held_up_by] == ["Agent-1"]
        other = await octet.tasks.new(make_new_task(), by=ADA)
        assert (await octet.tasks.show(other.id, by=ADA)).held_up_by == ()
        needs = await octet.fleet.needs_me(by=ADA)
        assert [(one.kind, one.agent) for one in needs.shown] == [(NeedKind.NEEDS_ANSWER, "Agent-1")]


async def test_what_does_not_answer_the_dialog_is_not_pressed(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await asked(octet)
        with refuses("answer_not_offered", match="It takes: approve, deny"):
            await octet.agent_actions.answer_agent("Agent-1", Act.CONTINUE, by=ADA)
        assert lane.pressed == []


async def test_who_has_no_permission_presses_nothing(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        found = await asked(octet)
        for call in (
            octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=CAROL),
            octet.agent_actions.answer_agent("Agent-1", Act.APPROVE, by=CAROL),
            octet.agent_actions.interrupt("Agent-1", by=CAROL),
        ):
            with pytest.raises(NotAllowed):
                await call
        assert lane.pressed == []


async def test_two_presses_at_once_act_once(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        found = await asked(octet)
        lane.gate.clear()

        async def press(act: Act) -> ActionResult | OctetError:
            try:
                return await octet.agent_actions.answer_dialog(found.id, act, by=ADA)
            except OctetError as refusal:
                lane.gate.set()
                return refusal

        async with asyncio.timeout(60):
            first, second = await asyncio.gather(press(Act.APPROVE), press(Act.DENY))
        assert isinstance(first, ActionResult)
        assert isinstance(second, OctetError)
        assert second.code == "action_underway"
        assert lane.pressed == [Act.APPROVE]


async def test_a_dialog_that_changed_meanwhile_is_not_answered_and_the_next_one_is_told(tmp_path: Path) -> None:
    lane, worker = FakeLane(), FakeDeskWorker()
    async with house(tmp_path, lane, worker=worker) as octet:
        found = await asked(octet)
        lane.script.append(CHANGED)
        worker.shown["agent-1"] = replace(ASKS, mark="other", text="Push to main?")
        pressed = await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert (pressed.state, pressed.delivery.reason) == (DeliveryState.REFUSED, "changed")
        assert lane.pressed == []
        (now,) = await until_open(octet, "other")
        assert await told(octet) == [("T-1", "changed", found.id), ("T-1", "", now.id)]


async def test_an_interrupt_goes_before_whatever_is_queued_and_while_the_agent_works(tmp_path: Path) -> None:
    lane = FakeLane()
    lane.gate.clear()
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task("one", agent="Agent-1"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.DELIVERING)
        await octet.tasks.new(make_new_task("two", agent="Agent-2", priority=0), by=ADA)
        await reach(octet, TaskId("T-2"), TaskState.ASSIGNED)
        async with asyncio.TaskGroup() as group:
            interrupt = group.create_task(octet.agent_actions.interrupt("Agent-1", by=ADA))
            await until_queued(octet)
            lane.gate.set()
        assert interrupt.result().state is DeliveryState.DELIVERED
        await reach(octet, TaskId("T-2"), TaskState.WORKING)
        assert [order.act for order in lane.orders] == [None, Act.INTERRUPT, None]


async def test_an_interrupted_task_is_parked_and_continues_when_its_agent_speaks_or_is_told_how(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        first = (await octet.tasks.new(make_new_task("one", agent="Agent-1"), by=ADA)).id
        await reach(octet, first, TaskState.WORKING)
        code = lane.orders[0].text.split("--code ")[1].split()[0]
        assert (await octet.agent_actions.interrupt("Agent-1", by=ADA)).state is DeliveryState.DELIVERED
        parked = (await octet.tasks.show(first, by=ADA)).task
        assert (parked.state, parked.reason, parked.note) == (
            TaskState.PARKED,
            ParkCause.INTERRUPTED,
            "Ada interrupted it",
        )
        assert (await octet.agents.show("Agent-1", by=ADA)).task is None
        await octet.tasks.record_progress(first, code, "continuing")
        await reach(octet, first, TaskState.WORKING)
        assert (await octet.agents.show("Agent-1", by=ADA)).task == first
        await octet.agent_actions.interrupt("Agent-1", by=ADA)
        await octet.agent_messages.send(NewAgentMessage(text="Count again.", task=first), by=ADA)
        await reach(octet, first, TaskState.WORKING)
        assert (await octet.agents.show("Agent-1", by=ADA)).state is AgentState.BUSY


async def test_an_act_that_cannot_be_done_in_time_is_given_up(tmp_path: Path) -> None:
    lane, clock = FakeLane(), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        found = await asked(octet)

        def never(_order: DeliveryRequest, _progress: Progress) -> Outcome:
            clock.advance(ACTION_TTL_MS / 1000)
            return bounced(Reason.KEYS_DOWN)

        lane.script.append(never)
        pressed = await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert (pressed.state, pressed.delivery.reason) == (DeliveryState.REFUSED, "keys_down")
        assert lane.pressed == []
        lane.script.append(DONE)
        again = await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert again.state is DeliveryState.DELIVERED


async def test_what_nobody_saw_is_unknown_told_to_who_pressed_and_never_pressed_again(tmp_path: Path) -> None:
    lane, worker = FakeLane(), FakeDeskWorker()
    async with house(tmp_path, lane, worker=worker) as octet:
        found = await asked(octet)
        worker.shown["agent-1"] = ASKS
        lane.script.append(NOBODY_SAW)
        pressed = await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        assert (pressed.state, pressed.delivery.note) == (DeliveryState.UNKNOWN, "nothing changed within 2 s")
        (doubt,) = await told(octet, NoticeKind.IN_DOUBT)
        assert doubt[0] == "T-1"
        assert doubt[2] == f"{pressed.delivery.id}:1"
        (now,) = await until_open(octet, ASKS.mark)
        assert now.id != found.id, "what it shows afterwards is asked anew"
        with refuses("action_not_repeated"):
            await octet.unknowns.resolve(pressed.delivery.id, Decision.SEND_AGAIN, by=ADA)
        after = await octet.unknowns.resolve(pressed.delivery.id, Decision.ARRIVED, by=ADA)
        assert (after.state, after.assurance) == (DeliveryState.DELIVERED, Assurance.PERSON)
        assert lane.pressed == [Act.APPROVE]
        assert (await octet.tasks.show(TaskId("T-1"), by=ADA)).task.state is TaskState.BLOCKED, "it still asks"


async def test_something_newer_settles_what_nobody_saw(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await asked(octet)
        lane.script += [NOBODY_SAW, DONE]
        first = await octet.agent_actions.interrupt("Agent-1", by=ADA)
        assert first.state is DeliveryState.UNKNOWN
        assert (await octet.agent_actions.interrupt("Agent-1", by=ADA)).state is DeliveryState.DELIVERED
        assert (await row(octet, first.delivery.id)).state is DeliveryState.CANCELLED


async def test_words_and_briefs_do_not_wait_for_an_act_that_nobody_saw(tmp_path: Path) -> None:
    lane = FakeLane(NOBODY_SAW)
    async with house(tmp_path, lane) as octet:
        assert (await octet.agent_actions.interrupt("Agent-1", by=ADA)).state is DeliveryState.UNKNOWN
        await octet.tasks.new(make_new_task(agent="Agent-1"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)


async def test_a_desk_that_is_held_and_an_agent_without_a_window_are_said_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, FakeLane()) as octet:
        found = await asked(octet)
        await octet.desks.hold("main", by=ADA)
        with refuses("desk_not_ready"):
            await octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA)
        with refuses("no_window_for_action"):
            await octet.agent_actions.interrupt("Dry", by=ADA)


@pytest.mark.parametrize("was", ["queued", "leased", "submitting"])
async def test_after_a_restart_nothing_is_begun_again_and_what_may_have_been_pressed_is_unknown(
    tmp_path: Path, was: str
) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        found = await asked(octet)
    async with open_coordinator(
        tmp_path,
        agents=[make_window_agent("Agent-1", window="agent-1", allowed_actions=ALL)],
        desks=[make_desk("agent-1")],
        lanes={(Lane.WINDOW, "main"): lane},
        workers={"main": FakeDeskWorker()},
    ) as octet:
        await octet.dispatch.desk_changed(
            "main", DeskNow(DeskState.READY)
        )  # nobody carries it out: dispatch is not running
        async with asyncio.TaskGroup() as group:
            press = group.create_task(octet.agent_actions.answer_dialog(found.id, Act.APPROVE, by=ADA))
            acts = await until_queued(octet)
            press.cancel()
        delivery = acts[0]
        if was != "queued":
            leased = await octet.store.write(lambda tx: octet.deliveries.lease(tx, delivery.id, sha256=""))
            if was == "submitting":
                await octet.store.write(
                    lambda tx: octet.deliveries.proceed(tx, leased.id, leased.fence, DeliveryState.SUBMITTING)
                )
    async with house(tmp_path, lane) as octet:
        after = await row(octet, delivery.id)
        standing = await octet.agent_actions.dialogs.list_open()
        if was == "submitting":
            assert (after.state, after.reason) == (DeliveryState.UNKNOWN, "restarted")
            assert standing == ()
            assert len(await told(octet, NoticeKind.IN_DOUBT)) == 1
        else:
            assert (after.state, after.reason) == (DeliveryState.CANCELLED, "restarted")
            assert [one.press for one in standing] == [None]
        assert lane.pressed == []
