"""`/agent`, `/desk`, `/admin` and `/fleet health`: each command answers privately, or with an error."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from bot.discord.errors import sentence_of
from bot.verbs import results
from core.agents.model import AgentState
from core.calibration.model import NotTheQuestion
from core.deliveries.model import Reason
from core.desks.model import DeskState, WindowNotSeen, WindowStatus
from core.kit.errors import OctetError
from core.kit.problems import ConfigWrong, Problem
from core.maintenance.model import NotReloaded, Reloaded
from core.reasons import WaitReason
from core.remedies import next_step, refused, sentence
from core.security.model import Actor
from core.tasks.model import TaskState
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import Town, bot_at_work, buttons, people, pictures, text_of
from tests.builders import make_learned, refuses
from tests.fakes.calibrations import FakeCalibrations, FakeReload, reload_by
from tests.fakes.lane import refused as window_refused

PNG = b"\x89PNG"


async def test_each_command_answers_privately_with_what_it_is_about(owned: Town) -> None:
    for command, options, shows in (
        ("agent list", {}, ["Dry-1", "Window-1", "Nowhere"]),
        ("agent show", {"agent": "window-1"}, ["Window-1", "shell", "agent-1"]),
        ("desk status", {}, ["main", "agent-1"]),
        ("desk test", {}, ["✓", "Window-1"]),
        ("desk arrange", {"desk": "main"}, ["✓", "Window-1"]),
        ("desk doctor", {}, ["main"]),
        ("fleet health", {}, ["OCTET_ALARM__PING_URL"]),
        ("fleet needs-me", {}, []),
        ("task list", {}, ["/task new"]),
        ("admin version", {}, [owned.coordinator.version, "discord.py"]),
    ):
        answer = await owned.answer(command, **options)
        assert [words for words in shows if words not in text_of(answer)] == [], command
        assert answer["sandbox"]["only_for"] == owned.ada, command


async def test_a_command_about_what_does_not_exist_or_does_not_fit_answers_with_the_error(owned: Town) -> None:
    owned.worker.windows = ()
    gone, dry = refused("agent_not_found", id="Gone"), refused("agent_without_window", id="Dry-1")
    cases: list[tuple[str, dict[str, str], OctetError]] = [
        *((f"agent {verb}", {"agent": "Gone"}, gone) for verb in ("show", "pause", "drain", "resume", "interrupt")),
        ("desk screenshot", {"agent": "Gone"}, gone),
        ("desk screenshot", {"agent": "Dry-1"}, dry),
        ("desk screenshot", {"desk": "main"}, refused("desk_is_shared", id="main")),
        ("desk screenshot", {}, refused("name_one")),
        ("desk screenshot", {"agent": "Window-1", "desk": "main"}, refused("name_one")),
        ("desk stop", {"desk": "attic"}, refused("desk_not_found", id="attic")),
        ("desk calibrate", {"desk": "main"}, refused("desk_without_worker", id="main")),
    ]
    for command, options, error in cases:
        assert await owned.ask(command, **options) == sentence_of(error), (command, options)
    covered = await owned.ask("desk screenshot", agent="Window-1")
    assert covered.startswith(sentence_of(WindowNotSeen(id="agent-1", why="")).partition(":")[0])
    assert owned.worker.told == []


async def test_an_agent_is_paused_drained_and_resumed_and_the_card_of_its_task_says_why_it_waits(owned: Town) -> None:
    await owned.ask("agent pause", agent="window-1")
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card("T-1", TaskState.WAITING, sentence(WaitReason.PAUSED))
    await owned.said(f"<@{owned.ada}> **T-1", next_step(WaitReason.PAUSED))
    await owned.ask("agent resume", agent="Window-1")
    await owned.card("T-1", TaskState.WORKING)
    await owned.ask("agent drain", agent="Window-1")
    assert await owned.agent_state() is AgentState.DRAINING
    await owned.ask("task done", task="T-1", text="There are none")
    assert await owned.agent_state() is AgentState.PAUSED


@pytest.mark.parametrize("options", [{}, {"desk": "main"}])
async def test_a_desk_is_held_stopped_and_released(owned: Town, options: dict[str, str]) -> None:
    for verb, state in (("hold", DeskState.HELD), ("stop", DeskState.STOPPED)):
        assert results.DESK_STATES[state][1] in await owned.ask(f"desk {verb}", **options)
    assert await owned.ask("desk release", **options) == "Desk main is running."
    assert owned.worker.told == ["held", "stopped", "open"]


async def test_a_screenshot_is_for_the_owner_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox, is_virtual=True) as town, bot_at_work(town):
        await town.own()
        for options, name in (({"agent": "Window-1"}, "window.png"), ({"desk": "main"}, "display.png")):
            answer = await town.answer("desk screenshot", **options)
            assert (answer["sandbox"]["only_for"], pictures(answer)) == (town.ada, [name])
            [file] = answer["sandbox"]["files"]
            assert sandbox.world.attachments[int(file["id"])].content.startswith(PNG)
            assert await town.ask("desk screenshot", user="Ben", **options) == town.stranger


async def test_a_window_with_a_problem_is_shown_with_its_code_and_what_to_do(owned: Town) -> None:
    owned.lane.script.append(window_refused(Reason.COMPOSER_NOT_EMPTY, "a draft"))
    tested = await owned.ask("desk test", agent="Window-1")
    assert f"{sentence(Reason.COMPOSER_NOT_EMPTY)}: a draft" in tested
    assert f"→ {next_step(Reason.COMPOSER_NOT_EMPTY)}" in tested
    assert owned.lane.submitted == []
    owned.worker.windows = (WindowStatus(name="agent-1", usable=False, reason=Reason.LOCKED),)
    for command in ("desk doctor", "desk status"):
        assert sentence(Reason.LOCKED) in await owned.ask(command)


async def test_what_octet_learned_is_shown_with_its_date_and_forgotten(owned: Town) -> None:
    reload_by(owned.coordinator, FakeReload())
    await owned.coordinator.dispatch.window_learned(make_learned())
    assert "<t:1700000000:f>" in await owned.ask("desk status")
    await owned.do("desk forget", desk="main", window="agent-1")
    assert "<t:1700000000:f>" not in await owned.ask("desk status")
    with refuses("nothing_learned"):
        await owned.do("desk forget", desk="main", window="agent-1")
    (owned.home / "learned/main.json").write_bytes(b"{")
    assert "learned/main.json" in await owned.ask("desk status")


async def test_a_reload_shows_every_invalid_line(owned: Town) -> None:
    wrong = NotReloaded(ConfigWrong([Problem(file="config/agents.toml", line=7, text="there is no desk `attic`")]))

    class Files(FakeReload):
        async def __call__(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
            raise wrong

    reload_by(owned.coordinator, Files())
    shown = await owned.ask("admin reload")
    assert shown == sentence_of(wrong)
    assert "config/agents.toml:7" in shown


async def test_a_user_connects_windows_by_buttons_numbers_and_places(owned: Town) -> None:
    ways = FakeCalibrations(owned.home)
    reload_by(owned.coordinator, FakeReload(), ways)

    async def answer(message: dict[str, Any], label: str, typed: str) -> dict[str, Any]:
        opened = await owned.sandbox.click("Ada", message, label)
        return await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {"text": typed}))

    asked = await owned.answer("desk calibrate", desk="main")
    assert (asked["sandbox"]["only_for"], pictures(asked)) == (owned.ada, ["display.png"])
    assert buttons(asked) == ["Connect 1,2", "Choose others", "Cancel"]
    unread = await answer(asked, "Choose others", "the second")
    assert text_of(unread) == sentence_of(refused("unreadable_answer", text="the second"))
    pointed = await answer(asked, "Choose others", "2=New")
    assert buttons(pointed) == ["Name the place", "Skip this window"]
    assert text_of(await owned.press(asked, "Connect 1,2")) == sentence_of(NotTheQuestion())
    assert text_of(await answer(pointed, "Name the place", "99")) == sentence_of(
        refused("unknown_grid_place", place="99")
    )
    await answer(pointed, "Name the place", "45")
    assert ways.taken_over == ["New"]
    again = await owned.answer("desk calibrate", desk="main")
    assert buttons(await owned.press(again, "Cancel")) == []
    assert ways.taken_over == ["New"]
