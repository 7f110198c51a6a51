"""`/agent`, `/desk` and `/admin` as the owner sees them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from core.deliveries.model import Reason
from core.desks.model import Arranged, WindowStatus
from core.kit.problems import ConfigWrong, Problem
from core.maintenance.model import NotReloaded, Reloaded
from core.remedies import next_step
from core.security.model import Actor
from sandbox.discord.server import Sandbox
from tests.bot.discord.town import Town, bot_at_work, people, text_of
from tests.builders import make_learned
from tests.fakes.calibrations import FakeCalibrations, FakeReload
from tests.fakes.lane import refused


async def test_agents_are_listed_with_state_and_role(owned: Town) -> None:
    shown = await owned.ask("agent list")
    assert [line.partition(":")[0] for line in shown.splitlines()] == ["**Dry-1**", "**Window-1**", "**Nowhere**"]
    assert "**Dry-1**: free" in shown


async def test_an_agent_is_shown_with_what_it_can_do(owned: Town) -> None:
    shown = await owned.ask("agent show", agent="window-1")
    for words in ("Window-1", "Can: shell", "Lane: window", "Desk: main, window agent-1"):
        assert words in shown
    assert "no agent called Gone" in await owned.ask("agent show", agent="Gone")


async def test_the_desk_status_looks_at_each_window(owned: Town) -> None:
    shown = await owned.ask("desk status")
    assert "**main**: ready" in shown
    assert "- agent-1: usable" in shown
    owned.hands.windows = (WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED),)
    assert "- agent-1: not usable: covered" in await owned.ask("desk status")


@pytest.mark.parametrize("options", [{}, {"desk": "main"}])
async def test_a_desk_is_held_stopped_and_released(owned: Town, options: dict[str, str]) -> None:
    assert "on hold" in await owned.ask("desk hold", **options)
    assert "presses no key" in await owned.ask("desk stop", **options)
    assert "ready" in await owned.ask("desk release", **options)
    assert owned.hands.told == ["hold", "stop", "release"]


async def test_an_unknown_desk_is_said_to_be_unknown(owned: Town) -> None:
    assert "no desk called attic" in await owned.ask("desk stop", desk="attic")
    assert owned.hands.told == []


async def test_a_screenshot_is_for_the_owner_alone(owned: Town) -> None:
    answer = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "desk screenshot", {"agent": "Window-1"}))
    assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ada.id)
    [attachment] = answer["sandbox"]["files"]
    assert attachment["filename"] == "window.png"
    assert owned.sandbox.world.attachments[int(attachment["id"])].content.startswith(b"\x89PNG")


@pytest.mark.parametrize(("agent", "said"), [("Dry-1", "has no window"), ("Gone", "no agent called")])
async def test_there_is_no_screenshot_where_there_is_no_window(owned: Town, agent: str, said: str) -> None:
    assert said in await owned.ask("desk screenshot", agent=agent)


async def test_a_covered_window_is_not_shown(owned: Town) -> None:
    owned.hands.windows = ()
    assert "Octet cannot show the window" in await owned.ask("desk screenshot", agent="Window-1")


async def test_a_whole_display_is_for_the_owner_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    async with people(tmp_path, sandbox, is_virtual=True) as town, bot_at_work(town):
        await town.own("Ada")
        assert await sandbox.autocomplete("Ada", "#octet", "desk screenshot", {"desk": "MA"}, "desk") == [
            {"name": "main", "value": "main"}
        ]
        answer = await town.answered(await sandbox.slash("Ada", "#octet", "desk screenshot", {"desk": "main"}))
        assert answer["sandbox"]["only_for"] == str(sandbox.world.ada.id)
        [attachment] = answer["sandbox"]["files"]
        assert attachment["filename"] == "display.png"
        assert sandbox.world.attachments[int(attachment["id"])].content.startswith(b"\x89PNG")
        town.hands.told.clear()
        assert "does not know you" in await town.ask("desk screenshot", user="Ben", desk="main")
        assert town.hands.told == []


async def test_a_screen_that_people_use_is_not_shown_whole(owned: Town) -> None:
    assert "Users work at desk" in await owned.ask("desk screenshot", desk="main")


async def test_the_version_is_told(owned: Town) -> None:
    assert (await owned.ask("admin version")).startswith(f"Octet {owned.coordinator.version} · Python 3.")


async def test_every_answer_is_private(owned: Town) -> None:
    for command in ("agent list", "desk status", "admin version", "task list"):
        await owned.ask(command)
    shown = [m for m in await owned.sandbox.messages() if text_of(m)]
    assert {m["sandbox"]["only_for"] for m in shown} == {str(owned.sandbox.world.ada.id)}


async def test_desks_are_completed_for_those_who_may_see_them(owned: Town) -> None:
    for command in ("desk stop", "desk hold", "desk release"):
        found = await owned.sandbox.autocomplete("Ada", "#octet", command, {"desk": "MA"}, "desk")
        assert found == [{"name": "main", "value": "main"}]
        assert await owned.sandbox.autocomplete("Ada", "#octet", command, {"desk": "attic"}, "desk") == []
        assert await owned.sandbox.autocomplete("Ben", "#octet", command, {"desk": ""}, "desk") == []


async def test_windows_are_tried_out_and_nothing_is_sent(owned: Town) -> None:
    assert "✓ **Window-1**: copied back and compared in 3 ms, then cleared" in await owned.ask("desk test")
    owned.lane.script.append(refused(Reason.COMPOSER_NOT_EMPTY, "what stands there was left"))
    shown = await owned.ask("desk test", agent="Window-1")
    assert "✗ **Window-1**: composer not empty: what stands there was left" in shown
    assert f"→ {next_step(Reason.COMPOSER_NOT_EMPTY)}" in shown
    assert owned.lane.submitted == []


async def test_windows_are_put_back(owned: Town) -> None:
    owned.hands.arranged = {"agent-1": Arranged(window="agent-1", done=("moved from 1,1 to 0,0",))}
    assert "✓ **Window-1**: moved from 1,1 to 0,0; is at its place" in await owned.ask("desk arrange", desk="main")
    owned.hands.arranged = {"agent-1": Arranged(window="agent-1", reason=Reason.CLOSED)}
    shown = await owned.ask("desk arrange", desk="main")
    assert "✗ **Window-1**: closed" in shown
    assert next_step(Reason.CLOSED) in shown


async def test_what_octet_learned_is_shown_with_its_date_and_forgotten(owned: Town) -> None:
    owned.coordinator.maintenance.reloads_by(FakeReload())
    await owned.coordinator.dispatch.window_learned(make_learned())
    assert "agent-1: learned its busy sign on <t:1700000000:f>" in await owned.ask("desk status")
    assert "forgot its busy sign" in await owned.ask("desk forget", desk="main", window="agent-1")
    assert "learned" not in await owned.ask("desk status")
    (owned.home / "learned/main.json").write_bytes(b"{")
    assert "is unreadable" in await owned.ask("desk status")


async def test_the_doctor_says_what_is_wrong_and_what_to_do(owned: Town) -> None:
    assert "1 window checked, no problems" in await owned.ask("desk doctor")
    owned.hands.windows = (WindowStatus(name="agent-1", usable=False, reason=Reason.LOCKED),)
    shown = await owned.ask("desk doctor", desk="main")
    assert "✗ Window-1: locked" in shown
    assert f"→ {next_step(Reason.LOCKED)}" in shown


@pytest.mark.parametrize("options", [{}, {"agent": "Window-1", "desk": "main"}])
async def test_a_screenshot_is_of_one_thing(owned: Town, options: dict[str, str]) -> None:
    assert "Name an agent to see its window, or a desk" in await owned.ask("desk screenshot", **options)


async def test_a_reload_tells_what_became_different_or_every_line_that_is_wrong(owned: Town) -> None:
    answers: list[Reloaded | Exception] = [
        Reloaded(),
        Reloaded(agents=("New", "Old"), gone=("Old",), desks=("main",), restart=("[http] port",)),
        NotReloaded(ConfigWrong([Problem(file="config/agents.toml", line=7, text="there is no desk `attic`")])),
    ]

    class Files:
        profiles = ()

        async def __call__(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    assert "does not read its configuration from files" in await owned.ask("admin reload")
    owned.coordinator.maintenance.reloads_by(Files())
    assert "The configuration is unchanged" in await owned.ask("admin reload")
    shown = await owned.ask("admin reload")
    for words in ("Changed agents: New.", "Removed agents: Old.", "restart: main.", "effect when Octet restarts: "):
        assert words in shown
    shown = await owned.ask("admin reload")
    assert "Octet changed nothing" in shown
    assert "- config/agents.toml:7: there is no desk" in shown


async def test_windows_are_connected_from_afar_by_buttons_numbers_and_pictures(owned: Town) -> None:
    assert "does not read its configuration from files" in await owned.ask("desk calibrate", desk="main")
    ways = FakeCalibrations(owned.home)
    owned.coordinator.maintenance.reloads_by(FakeReload(), ways)

    async def press(message: dict[str, Any], label: str, said: str = "") -> dict[str, Any]:
        answer = await owned.sandbox.click("Ada", message, label)
        if said:
            answer = await owned.sandbox.submit_modal("Ada", answer, {"said": said})
        return await owned.answered(answer)

    asked = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "desk calibrate", {"desk": "main"}))
    assert asked["sandbox"]["only_for"] == str(owned.sandbox.world.ada.id)
    assert [one["filename"] for one in asked["sandbox"]["files"]] == ["display.png"]
    assert "**1** chat — apollo · Agent-1 · demo\\_tk" in text_of(asked)
    assert "Octet types a draft into 1,2, reads it back, deletes it" in text_of(asked)
    assert "does not answer" in text_of(await press(asked, "Choose others", "the second"))
    pointed = await press(asked, "Choose others", "2=New")
    assert "Where is the composer of New, “chat — gemini”?" in text_of(pointed)
    assert "did not ask that" in text_of(await press(asked, "Connect 1,2"))
    assert "is not a place" in text_of(await press(pointed, "Name the place", "99"))
    done = text_of(await press(pointed, "Name the place", "45"))
    assert "New: connected: found its composer in the picture; typed a draft, read it back (copy)" in done
    assert ways.taken_over == ["New"]
    again = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "desk calibrate", {"desk": "main"}))
    assert "No window was connected" in text_of(await press(again, "Cancel"))
