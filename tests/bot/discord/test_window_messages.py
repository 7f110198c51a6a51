"""Windows in Discord: a dialog and its buttons, a window that Octet cannot use, a locked screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.discord.errors import sentence_of
from bot.discord.views.buttons import ended
from bot.verbs import news
from bot.verbs.results import ACT_LABELS
from core.agent_actions.model import NEEDS_ANSWER
from core.calibration.model import CalibrationOptions, CalibrationResult, CalibrationStep
from core.deliveries.model import Assurance, Moment, Outcome, Picture, Reason, Result
from core.desks.model import Shown, WindowNotSeen, WindowStatus
from core.profiles.model import Act, Activity
from core.remedies import next_step, refused, sentence
from core.security.model import OPERATOR, Actor, Permission, Role, require
from core.tasks.model import TaskId, TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import (
    Town,
    bot_at_work,
    buttons,
    people,
    pictures,
    png,
    settings_for,
    text_of,
)
from tests.builders import make_agent, make_person, make_window_agent
from tests.fakes.calibrations import CONNECTED, FakeCalibrations, FakeReload, reload_by
from tests.fakes.lane import bounced
from tests.fakes.sandbox_client import wait_thread

AGENT = "Window-1"
DIALOG = Shown(
    window="agent-1",
    activity=Activity.NEEDS_INPUT,
    answers=(Act.APPROVE, Act.DENY),
    text="Run this command?\nrm -rf build",
    mark="one",
    png=png("purple"),
)
BUSY = Shown(window="agent-1", activity=Activity.BUSY)
SHOT = Picture(moment=Moment.AFTERWARDS, png=png("green"))
PRESSED = Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT, note="the agent works", pictures=(SHOT,))
LOST = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="nothing changed for 2 s")
CHANGED = Outcome(result=Result.REFUSED, reason=Reason.CHANGED, note="another dialog")
LABELS = ["Approve", "Deny", "Screenshot"]
ALL = "interrupt approve deny continue new_chat"


def agents(allowed_actions: str) -> tuple[Any, ...]:
    return make_agent("Dry-1"), make_window_agent(AGENT, window="agent-1", allowed_actions=allowed_actions)


@pytest.fixture
async def owned(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    async with people(tmp_path, sandbox, agents(ALL)) as town, bot_at_work(town):
        await town.own()
        yield town


async def asked(town: Town, shown: Shown = DIALOG) -> dict[str, Any]:
    """Ada's task is with an agent whose window asks something. The message about it."""
    await town.ask("task new", brief="Count the birds", agent=AGENT)
    await town.card("T-1")
    await wait_thread(town.sandbox)
    await town.coordinator.dispatch.window_shows("main", shown)
    if shown.activity is Activity.NEEDS_INPUT:
        return await town.said(f"T-1: {AGENT} waits for an answer in its window.")
    return await town.said(f"T-1: {AGENT}: {sentence(NEEDS_ANSWER[shown.activity])}")


def quoted(message: dict[str, Any]) -> list[str]:
    """Return the window's text, which is in a quoted code block."""
    return text_of(message).partition("> ```\n")[2].partition("> ```")[0].splitlines()


async def test_the_buttons_of_a_halt_and_of_a_cancellation_leave_once_it_is_settled(owned: Town) -> None:
    core, first = owned.coordinator, TaskId("T-1")
    await owned.ask("task new", brief="Count the birds", agent=AGENT)
    await owned.card("T-1", TaskState.WORKING)
    await core.agent_actions.interrupt_task(first, by=OPERATOR)
    halt = await owned.question("Tell it something")
    code = owned.lane.orders[0].text.split("--code ")[1].split()[0]
    await core.tasks.record_progress(first, code, "continuing")
    await owned.without_buttons(halt)
    progress = await owned.said("reports on T-1", "continuing")
    assert "Follow" in buttons(progress)
    await core.dispatch.window_shows("main", BUSY)
    await core.tasks.cancel(first, by=OPERATOR)
    cancelled = await owned.said("cancelled T-1.")
    assert buttons(cancelled) == ["Stop"]
    await owned.without_buttons(progress)
    await core.tasks.undo(first, by=OPERATOR)
    await owned.without_buttons(cancelled)


@pytest.mark.parametrize("with_pictures", [True, False])
async def test_the_dialog_is_in_the_thread_with_its_text_and_buttons_and_pings_the_requester(
    sandbox: Sandbox, tmp_path: Path, *, with_pictures: bool
) -> None:
    settings = settings_for(sandbox, pictures=with_pictures)
    async with people(tmp_path, sandbox, agents(ALL)) as town, bot_at_work(town, settings):
        await town.own()
        message = await asked(town)
        assert message["channel_id"] == (await wait_thread(sandbox))["id"]
        assert message["sandbox"]["pings"] == [town.ada]
        assert buttons(message) == LABELS
        assert pictures(message) == (["dialog.png"] if with_pictures else [])
        assert quoted(message) == ["> Run this command?", "> rm -rf build"]
        assert pictures(await town.press(message, "Screenshot")) == ["window.png"]


@pytest.mark.parametrize(("label", "act"), [("Approve", Act.APPROVE), ("Deny", Act.DENY)])
async def test_a_press_answers_the_dialog_and_shows_what_octet_saw_afterwards(
    owned: Town, label: str, act: Act
) -> None:
    message = await asked(owned)
    owned.lane.script.append(PRESSED)
    private = await owned.press(message, label)
    after = await owned.without_buttons(message)
    for one in (private, after):
        assert all(words in text_of(one) for words in (label, "> Octet saw: the agent works"))
    assert pictures(private) == ["afterwards-window.png"]
    assert (pictures(after), quoted(after)) == ([], [])
    assert f"<@{owned.ada}>" in text_of(after)
    assert owned.lane.pressed == [act]
    assert (owned.lane.orders[-1].expected_dialog, owned.lane.orders[-1].text) == ("one", "")


async def test_a_user_who_may_not_see_windows_gets_no_picture(owned: Town) -> None:
    operator = make_person(1, "Op", Role.OPERATOR)
    owned.lane.script.append(PRESSED)
    pressed = await owned.coordinator.agent_actions.interrupt(AGENT, by=operator)
    answer = await ended(pressed, core=owned.coordinator, by=operator)
    assert ACT_LABELS[Act.INTERRUPT] in answer.content
    assert answer.attachments == ()


async def test_a_stranger_who_presses_changes_nothing(owned: Town) -> None:
    message = await asked(owned)
    for label in LABELS:
        assert "needs the role" in text_of(await owned.press(message, label, user="Ben"))
    assert owned.lane.pressed == []
    assert buttons(await owned.now(message)) == LABELS


async def test_a_press_on_a_dialog_that_changed_presses_nothing_and_octet_asks_about_the_new_one(owned: Town) -> None:
    message = await asked(owned)
    owned.lane.script.append(CHANGED)
    owned.worker.shown["agent-1"] = replace(DIALOG, mark="two", text="Push to main?")
    await owned.press(message, "Approve")
    await owned.without_buttons(message)
    assert buttons(await owned.said("> Push to main?")) == LABELS
    assert owned.lane.pressed == []


async def test_a_dialog_answered_at_the_machine_loses_its_buttons(owned: Town) -> None:
    message = await asked(owned)
    await owned.coordinator.dispatch.window_shows("main", BUSY)
    await owned.without_buttons(message)


async def test_an_action_that_is_not_allowed_has_no_button_and_the_message_says_how_to_allow_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with people(tmp_path, sandbox, agents("deny")) as town, bot_at_work(town):
        await town.own()
        message = await asked(town)
        assert buttons(message) == ["Deny", "Screenshot"]
        assert 'allowed_actions = ["approve", "deny"]' in text_of(message)
        denied = refused("action_not_allowed", act="interrupt", agent=AGENT, allowed='"deny", "interrupt"')
        assert (await town.ask("agent interrupt", agent=AGENT)).split("[")[0] == sentence_of(denied).split("[")[0]


@pytest.mark.parametrize("activity", [Activity.ERROR, Activity.LIMITED])
async def test_an_error_or_a_limit_has_no_buttons_and_is_answered_by_command(owned: Town, activity: Activity) -> None:
    message = await asked(owned, replace(DIALOG, activity=activity, answers=(Act.CONTINUE,)))
    assert buttons(message) == []
    assert await owned.ask("agent answer", agent="Dry-1", answer="approve") == sentence_of(
        refused("no_window_for_action", agent="Dry-1")
    )
    owned.lane.script.append(PRESSED)
    assert pictures(await owned.answer("agent answer", agent=AGENT, answer="continue")) == ["afterwards-window.png"]
    await owned.now(message, ACT_LABELS[Act.CONTINUE])
    assert owned.lane.pressed == [Act.CONTINUE]


async def test_a_dialog_without_a_task_is_in_the_channel_and_pings_no_user(owned: Town) -> None:
    await owned.coordinator.dispatch.window_shows("main", DIALOG)
    message = await owned.question("Approve")
    assert message["channel_id"] == str(owned.sandbox.world.home.id)
    assert message["sandbox"]["pings"] == []
    assert sentence(NEEDS_ANSWER[Activity.NEEDS_INPUT]) in await owned.ask("fleet needs-me")


async def test_a_press_that_octet_did_not_see_is_asked_about_and_not_repeated(owned: Town) -> None:
    message = await asked(owned)
    owned.lane.script.append(LOST)
    await owned.press(message, "Approve")
    await owned.without_buttons(message)
    doubt = await owned.question("It was pressed")
    assert doubt["sandbox"]["pings"] == [owned.ada]
    assert "nothing changed for 2 s" in text_of(doubt)
    assert buttons(doubt) == ["It was pressed", "No longer needed"]
    await owned.press(doubt, "It was pressed")
    await owned.without_buttons(doubt)
    assert owned.lane.pressed == [Act.APPROVE]


class Recalibrates(FakeCalibrations):
    """Fails once; then the window can be used again."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.home)
        self.town = town
        self.errors = [WindowNotSeen(id="agent-1", why="no window has its title")]

    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        require(by, Permission.DESK_SEE)
        if self.errors:
            raise self.errors.pop()
        await self.town.coordinator.dispatch.window_seen(desk, WindowStatus(name="agent-1", usable=True))
        return CalibrationStep(number=1, now=CalibrationResult(desk=desk, connected=(CONNECTED,)), lines=())


def blocked(reason: Reason, note: str = "") -> WindowStatus:
    return WindowStatus(name="agent-1", usable=False, reason=reason, note=note)


async def test_the_owner_recalibrates_a_blocked_window_by_its_button_or_by_the_one_of_needs_me(owned: Town) -> None:
    button = "Recalibrate agent-1"
    reload_by(owned.coordinator, FakeReload(), Recalibrates(owned))
    await owned.coordinator.dispatch.window_seen("main", blocked(Reason.RESIZED, "it is 1×1"))
    message = await owned.said(sentence(Reason.RESIZED), "it is 1×1", next_step(Reason.RESIZED))
    assert (message["sandbox"]["pings"], buttons(message)) == ([owned.ada], [button])
    denied = await owned.press(message, button, user="Ben")
    assert text_of(denied) == owned.refuses(Permission.DESK_SEE)
    needs = await owned.answer("fleet needs-me")
    assert buttons(needs) == [button]
    failed = WindowNotSeen(id="agent-1", why="no window has its title")
    assert text_of(await owned.press(needs, button)) == sentence_of(failed)
    assert buttons(await owned.now(message, failed.message, "`octet calibrate main agent-1`")) == [button]
    await owned.press(message, button)
    assert f"<@{owned.ada}>" in text_of(await owned.without_buttons(message))


async def test_titles_of_other_windows_stay_out_of_the_channel(owned: Town) -> None:
    await owned.coordinator.dispatch.window_seen("main", blocked(Reason.COVERED, "by “My diary”"))
    assert "diary" not in text_of(await owned.question("Recalibrate agent-1"))
    assert "diary" in await owned.ask("fleet needs-me")


async def test_a_locked_screen_is_one_message_that_pings_the_owner_and_is_edited_when_it_is_over(owned: Town) -> None:
    owned.lane.script.extend([bounced(Reason.LOCKED)] * 10_000)
    await owned.sandbox.slash("Ada", "#octet", "task new", {"brief": "Count the birds", "agent": AGENT})
    await owned.card("T-1")
    await owned.coordinator.dispatch.desk_locked("main", is_locked=True)
    message = await owned.said(f"<@{owned.ada}>", "desk main", "octet desk up")
    await owned.coordinator.dispatch.desk_locked("main", is_locked=False)
    over = await owned.now(message, "desk **main**", news.duration(0))
    assert f"<@{owned.ada}>" not in text_of(over)


def test_a_duration_is_written_in_hours_and_minutes() -> None:
    minutes = {20_000: "less than a minute", 180_000: "3 min", 7_500_000: "2 h 5 min", 3_600_000: "1 h"}
    assert {for_ms: news.duration(for_ms) for for_ms in minutes} == minutes
