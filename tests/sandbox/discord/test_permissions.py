"""What the bot may do: Missing Access before Missing Permissions, and what its managed role grants."""

from __future__ import annotations

from typing import Any

from sandbox.discord.drafts import Body, compose
from sandbox.discord.model import ChatPermission
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.wire import call


def home(sandbox: Sandbox, rest: str = "") -> str:
    return f"/channels/{sandbox.world.home.id}{rest}"


async def refusal(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, int]:
    status, answer = await call(sandbox, method, path, body)
    return status, (answer or {}).get("code", 0)


def said_by_ben(sandbox: Sandbox, text: str = "mine") -> int:
    world = sandbox.world
    return world.post(world.home, world.ben.id, compose(world, world.home, Body(json={"content": text}))).id


async def test_a_locked_thread_takes_nothing_from_who_does_not_moderate_it(sandbox: Sandbox) -> None:
    world = sandbox.world
    thread = world.start_thread(
        world.home, "own", owner_id=world.bot.id, auto_archive_minutes=60, starter=None, private=False
    )
    path = f"/channels/{thread.id}/messages"
    _, message = await call(sandbox, "POST", path, {"content": "before"})
    thread.locked = True
    assert await refusal(sandbox, "POST", path, {"content": "x"}) == (403, 160005)
    assert await refusal(sandbox, "PATCH", f"{path}/{message['id']}", {"content": "x"}) == (403, 160005)
    thread.archived = True
    assert await refusal(sandbox, "POST", path, {"content": "x"}) == (400, 50083)
    world.bot_role |= ChatPermission.MANAGE_THREADS
    assert await refusal(sandbox, "POST", path, {"content": "x"}) == (200, 0)


async def test_without_the_history_nothing_is_listed(sandbox: Sandbox) -> None:
    said_by_ben(sandbox)
    assert len((await call(sandbox, "GET", home(sandbox, "/messages")))[1]) == 1
    sandbox.world.home.bot_denied = ChatPermission.READ_MESSAGE_HISTORY
    assert await call(sandbox, "GET", home(sandbox, "/messages")) == (200, [])


async def test_closing_a_conversation_deletes_nothing(sandbox: Sandbox) -> None:
    recipient = {"recipient_id": str(sandbox.world.ben.id)}
    _, direct = await call(sandbox, "POST", "/users/@me/channels", recipient)
    await call(sandbox, "POST", f"/channels/{direct['id']}/messages", {"content": "psst"})
    await sandbox.say("Ben", direct["id"], "what?")
    assert await refusal(sandbox, "DELETE", f"/channels/{direct['id']}") == (200, 0)
    _, again = await call(sandbox, "POST", "/users/@me/channels", recipient)
    assert len((await call(sandbox, "GET", f"/channels/{again['id']}/messages"))[1]) == 2


async def test_the_bot_has_a_managed_role_as_long_as_it_is_a_member(sandbox: Sandbox) -> None:
    world = sandbox.world
    guild = f"/guilds/{world.guild_id}"
    _, (everyone, managed) = await call(sandbox, "GET", f"{guild}/roles")
    assert (everyone["id"], everyone["managed"]) == (str(world.guild_id), False)
    assert (managed["name"], managed["managed"], managed["tags"]) == ("Octet", True, {"bot_id": str(world.bot.id)})
    assert int(managed["permissions"]) == int(world.bot_role)
    assert (await call(sandbox, "GET", f"{guild}/members/{world.bot.id}"))[1]["roles"] == [managed["id"]]
    assert (await call(sandbox, "GET", f"{guild}/members/{world.ada.id}"))[1]["roles"] == []
    _, (listed,) = await call(sandbox, "GET", "/users/@me/guilds")
    assert int(listed["permissions"]) & ChatPermission.SEND_MESSAGES
    world.remove_bot()
    assert await refusal(sandbox, "GET", home(sandbox)) == (403, 50001)
    assert len(sandbox.payloads.roles()) == 1


async def test_the_application_tells_its_flags(sandbox: Sandbox) -> None:
    world = sandbox.world
    assert (await call(sandbox, "GET", "/applications/@me"))[1]["flags"] == 0
    world.privileged = 1 << 15
    command = {"name": "ping", "description": "Ping", "type": 1}
    await call(sandbox, "PUT", f"/applications/{world.application_id}/commands", [command])
    _, application = await call(sandbox, "GET", "/oauth2/applications/@me")
    assert application["flags"] == int(application["flags_new"]) == 1 << 15 | 1 << 23


async def test_a_sound_and_the_gateway_s_address_are_told(sandbox: Sandbox) -> None:
    assert (await call(sandbox, "GET", "/gateway"))[1] == {"url": sandbox.gateway_url}
    assert "quack" in {one["name"] for one in (await call(sandbox, "GET", "/soundboard-default-sounds"))[1]}


async def test_the_bot_s_guilds_come_in_pages(sandbox: Sandbox) -> None:
    guild_id = sandbox.world.guild_id
    for query, count in (
        ("", 1),
        (f"?after={guild_id}", 0),
        (f"?after={guild_id - 1}", 1),
        (f"?before={guild_id}", 0),
        (f"?before={guild_id + 1}", 1),
    ):
        assert len((await call(sandbox, "GET", f"/users/@me/guilds{query}"))[1]) == count, query
    _, (listed,) = await call(sandbox, "GET", "/users/@me/guilds?with_counts=true")
    assert listed["approximate_member_count"] == 3


async def test_active_threads_are_those_that_the_bot_sees(sandbox: Sandbox) -> None:
    world = sandbox.world
    for name, owner, private in (("own", world.bot, True), ("hidden", world.ben, True), ("open", world.ben, False)):
        world.start_thread(world.home, name, owner_id=owner.id, private=private, auto_archive_minutes=60, starter=None)
    path = f"/guilds/{world.guild_id}/threads/active"
    assert [one["name"] for one in (await call(sandbox, "GET", path))[1]["threads"]] == ["own", "open"]
    assert [one["name"] for one in sandbox.payloads.guild_create(with_presences=False)["threads"]] == ["own", "open"]


async def test_a_channel_has_a_name_and_no_archive(sandbox: Sandbox) -> None:
    sandbox.world.bot_role |= ChatPermission.MANAGE_CHANNELS
    await call(sandbox, "PATCH", home(sandbox), {"name": "renamed", "archived": True})
    assert (sandbox.world.home.name, sandbox.world.home.archived) == ("renamed", False)


async def test_translations_of_commands_are_listed_on_request(sandbox: Sandbox) -> None:
    path = f"/applications/{sandbox.world.application_id}/commands"
    words = {"description": "x", "description_localizations": {"de": "y"}}
    command = {"name": "task", "type": 1, **words, "options": [{"name": "prompt", "type": 3, **words}]}
    await call(sandbox, "PUT", path, [command])
    _, (bare,) = await call(sandbox, "GET", path)
    assert "localizations" not in str(bare)
    _, (whole,) = await call(sandbox, "GET", f"{path}?with_localizations=true")
    assert whole["description_localizations"] == whole["options"][0]["description_localizations"] == {"de": "y"}
