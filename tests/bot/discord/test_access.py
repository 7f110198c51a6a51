"""Who may do what: the owner everything, everybody else nothing, and nobody from elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.discord.errors import WrongServer
from core.security.model import OPERATOR
from tests.bot.discord.town import Town, make_bot, text_of

COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("task new", {"brief": "Count the birds"}),
    ("task list", {}),
    ("task show", {"task": "T-1"}),
    ("task cancel", {"task": "T-1"}),
    ("task done", {"task": "T-1", "text": "x"}),
    ("task retry", {"task": "T-1"}),
    ("task assign", {"task": "T-1", "agent": "Dry-1"}),
    ("task priority", {"task": "T-1", "priority": 0}),
    ("agent list", {}),
    ("agent show", {"agent": "Dry-1"}),
    ("agent pause", {"agent": "Dry-1"}),
    ("agent drain", {"agent": "Dry-1"}),
    ("agent resume", {"agent": "Dry-1"}),
    ("agent interrupt", {"agent": "Window-1"}),
    ("agent new-chat", {"agent": "Window-1"}),
    ("agent answer", {"agent": "Window-1", "answer": "approve"}),
    ("desk status", {}),
    ("desk screenshot", {"agent": "Window-1"}),
    ("desk screenshot", {"desk": "main"}),
    ("desk test", {}),
    ("desk calibrate", {"desk": "main"}),
    ("admin reload", {}),
    ("desk arrange", {"desk": "main"}),
    ("desk doctor", {}),
    ("desk forget", {"desk": "main", "window": "agent-1"}),
    ("desk stop", {}),
    ("desk hold", {}),
    ("desk release", {}),
    ("msg send", {"text": "x", "agent": "Dry-1"}),
    ("msg broadcast", {"text": "x"}),
    ("fleet needs-me", {}),
    ("fleet health", {}),
    ("fleet board", {}),
    ("admin version", {}),
]


async def test_a_stranger_is_denied_privately_and_nothing_happens(owned: Town) -> None:
    for command, options in COMMANDS:
        answer = await owned.answered(await owned.sandbox.slash("Ben", "#octet", command, options))
        assert "This Octet does not know you" in text_of(answer), command
        assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ben.id)
    assert owned.hands.told == []
    assert await owned.sandbox.threads() == []
    assert await owned.coordinator.tasks.list(by=OPERATOR) == ()


async def test_the_list_above_has_every_command_but_claim(owned: Town) -> None:
    registered = {f"{top['name']} {sub['name']}" for top in await owned.sandbox.commands() for sub in top["options"]}
    assert registered == {command for command, _ in COMMANDS} | {"admin claim"}


async def test_before_there_is_an_owner_nobody_may_do_anything(town: Town) -> None:
    assert "does not know you" in await town.ask("task list")


async def test_the_first_owner_shows_the_console_code_and_nobody_can_after(town: Town) -> None:
    code = town.coordinator.people.claim_code()
    assert "not the code" in await town.ask("admin claim", code="guess")
    assert "You are the owner" in await town.ask("admin claim", code=f" {code} ")
    assert "already has an owner" in await town.ask("admin claim", user="Ben", code=str(code))
    assert "Octet" in await town.ask("admin version")


@pytest.mark.parametrize("guild", [None, 4711])
async def test_direct_messages_and_foreign_servers_are_refused(town: Town, guild: int | None) -> None:
    bot = make_bot(town)
    user = SimpleNamespace(id=town.sandbox.world.ada.id, display_name="Ada")
    with pytest.raises(WrongServer):
        await bot.actor(SimpleNamespace(guild_id=guild, user=user))  # pyright: ignore[reportArgumentType] - what `actor` looks at
    await bot.close()
