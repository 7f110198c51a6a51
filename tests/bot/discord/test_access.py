"""Who may do what: the owner everything, other users nothing, and no user of another server anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.discord.errors import UserUnknown, WrongServer, said
from core.security.model import OwnerExists, WrongClaim
from tests.bot.discord.town import Town, make_bot, text_of

VALUES = {
    "agent": "Dry-1",
    "brief": "Count the birds",
    "desk": "main",
    "needs": "python",
    "remove": False,
    "task": "T-1",
    "text": "x",
    "window": "agent-1",
}


def options_of(command: dict[str, Any]) -> dict[str, Any]:
    """Return a valid value for each option."""
    return {
        one["name"]: one["choices"][0]["value"] if one.get("choices") else VALUES[one["name"]]
        for one in command.get("options", [])
    }


async def test_every_command_and_completion_denies_a_stranger_privately(owned: Town) -> None:
    for group in await owned.sandbox.commands():
        for one in group["options"]:
            name, given = f"{group['name']} {one['name']}", {} if one["name"] == "claim" else options_of(one)
            if one["name"] == "claim":  # open to all: it takes the code of the console
                continue
            answer = await owned.answer(name, "Ben", **given)
            assert text_of(answer) == said(UserUnknown()), name
            assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ben.id)
            for option in [option["name"] for option in one.get("options", []) if option.get("autocomplete")]:
                assert await owned.complete(name, option, "", "Ben", **{**given, option: ""}) == [], name
    assert (owned.hands.told, await owned.sandbox.threads(), await owned.tasks()) == ([], [], [])


async def test_a_stranger_gets_no_dialog(owned: Town) -> None:
    answer = await owned.sandbox.slash("Ben", "#octet", "task new", {})
    assert answer.kind != "modal"
    assert text_of(await owned.answered(answer)) == said(UserUnknown())


async def test_the_first_user_with_the_code_of_the_console_becomes_the_owner_and_no_user_after(town: Town) -> None:
    code = str(town.coordinator.people.claim_code())
    assert await town.ask("task list") == said(UserUnknown())
    assert await town.ask("admin claim", code="guess") == said(WrongClaim())
    await town.ask("admin claim", code=f" {code} ")
    assert await town.ask("admin claim", user="Ben", code=code) == said(OwnerExists())
    assert await town.ask("task list", user="Ben") == said(UserUnknown())
    assert town.coordinator.version in await town.ask("admin version")


@pytest.mark.parametrize("guild", [None, 4711])
async def test_direct_messages_and_other_servers_are_refused(town: Town, guild: int | None) -> None:
    bot = make_bot(town)
    user = SimpleNamespace(id=town.sandbox.world.ada.id, display_name="Ada")
    with pytest.raises(WrongServer):
        await bot.actor(SimpleNamespace(guild_id=guild, user=user))  # pyright: ignore[reportArgumentType] - what `actor` looks at
    await bot.close()
