"""A person's client sends only what Discord's own client would send, and shows private messages to one person."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sandbox.discord.errors import ApiError, ClientRefused
from sandbox.discord.server import Sandbox
from tests.fakes.sandbox_client import wait_message
from tests.sandbox.discord.trial_bot import TrialBot
from tests.sandbox.discord.wire import hurried

pytestmark = pytest.mark.usefixtures("bot")


@pytest.mark.parametrize(
    ("command", "options", "why"),
    [
        ("task gone", {}, "No command"),
        ("task", {}, "needs a subcommand"),
        ("task new", {}, "'prompt' is required"),
        ("task new", {"prompt": "x", "colour": "red"}, "no option 'colour'"),
        ("task new", {"prompt": 3}, "does not take 3"),
        ("task new", {"prompt": "x", "priority": 9}, "none of the choices"),
        ("task new", {"prompt": "x", "priority": True}, "does not take True"),
        ("task new", {"prompt": "x" * 6001}, "takes at most 6000"),
    ],
)
async def test_a_command_that_is_not_offered_is_not_sent(
    sandbox: Sandbox, command: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ClientRefused, match=why):
        await sandbox.slash("Ada", "octet", command, options)
    assert await sandbox.timings() == []


async def test_the_bot_reads_a_file_that_a_user_gives_to_a_command(sandbox: Sandbox) -> None:
    file = {"filename": "birds.csv", "content": base64.b64encode("wren,Zaunkönig".encode()).decode()}
    read = await sandbox.slash("Ada", "octet", "task read", {"file": file})
    answer = next(one for one in await sandbox.messages() if one["id"] == read.message_id)
    assert answer["content"] == "birds.csv, text/csv: wren,Zaunkönig"
    large = {"filename": "x", "content": "A" * 16_000_000}
    for value, why in (("birds.csv", "does not take"), (large, "too large")):
        with pytest.raises((ClientRefused, ApiError), match=why):
            await sandbox.slash("Ada", "octet", "task read", {"file": value})


async def test_a_link_is_not_clicked(sandbox: Sandbox) -> None:
    board = await sandbox.slash("Ada", "octet", "task show")
    with pytest.raises(ClientRefused, match="link"):
        await sandbox.click("Ada", board.message_id or "", "Open")


async def test_a_value_is_picked_in_a_menu_that_offers_it_and_the_bot_answers_privately(sandbox: Sandbox) -> None:
    board = (await sandbox.slash("Ada", "octet", "task show")).message_id or ""
    for values, why in ((["eve"], "not among"), (["bert", "clara"], "takes 1 to 1"), ([], "takes 1 to 1")):
        with pytest.raises(ClientRefused, match=why):
            await sandbox.click("Ada", board, "v1:pick:7", values)
    picked = await sandbox.click("Ada", board, "v1:pick:7", ["bert"])
    data = sandbox.interactions.by_id[int(picked.interaction_id)].data
    assert (data["component_type"], data["custom_id"], data["values"]) == (3, "v1:pick:7", ["bert"])
    answer = next(one for one in await sandbox.messages(user="Ada") if one["id"] == picked.message_id)
    assert (answer["content"], answer["sandbox"]["only_for"]) == ("Picked bert", str(sandbox.world.ada.id))


async def test_a_dialog_is_sent_complete_and_again_only_when_it_was_not_answered(sandbox: Sandbox) -> None:
    opened = await sandbox.slash("Ada", "octet", "task note")
    for values, why in (
        ({}, "required"),
        ({"other": "milk"}, "no field 'other'"),
        ({"text": "milk", "readers": ["7"]}, "not among the menu's values"),
        ({"text": "milk", "readers": 3 * [str(sandbox.world.ben.id)]}, "not among the menu's values"),
        ({"text": "milk", "readers": [str(one) for one in sandbox.world.users]}, "takes 0 to 2 values"),
    ):
        with pytest.raises(ClientRefused, match=why):
            await sandbox.submit_modal("Ada", opened, values)
    with hurried(sandbox, 0.05):
        assert (await sandbox.submit_modal("Ada", opened, {"text": "silence"})).kind == "failed"
    assert (await sandbox.submit_modal("Ada", opened, {"text": "milk"})).kind == "message"
    with pytest.raises(ClientRefused, match="sent already"):
        await sandbox.submit_modal("Ada", opened, {"text": "milk"})


async def test_private_messages_are_only_for_the_person_who_asked(sandbox: Sandbox, bot: TrialBot) -> None:
    answer = await sandbox.slash("Ada", "octet", "task whisper")
    await wait_message(sandbox, lambda one: one["content"] == "and this too")
    assert [one["content"] for one in await sandbox.messages(user="Ada")] == ["only you", "and this too"]
    assert await sandbox.messages(user="Ben") == []
    assert [one async for one in bot.get_partial_messageable(sandbox.world.home.id).history()] == []
    with pytest.raises(ClientRefused):
        await sandbox.click("Ben", answer.message_id or "", "x")
    await bot.close()
    with hurried(sandbox, 0.05):
        assert (await sandbox.slash("Ada", "octet", "task show")).failure == "The application is not connected"
