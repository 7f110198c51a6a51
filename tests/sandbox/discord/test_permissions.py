"""What the bot may do: Missing Access before Missing Permissions, and what its managed role grants."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord.drafts import Body, compose
from sandbox.discord.model import Json, Permission
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.wire import call

VIEW = Permission.VIEW_CHANNEL


def home(sandbox: Sandbox, rest: str = "") -> str:
    return f"/channels/{sandbox.world.home.id}{rest}"


async def refusal(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, int]:
    status, answer = await call(sandbox, method, path, body)
    return status, (answer or {}).get("code", 0)


def said_by_ben(sandbox: Sandbox, text: str = "mine") -> int:
    world = sandbox.world
    return world.post(world.home, world.ben.id, compose(world, world.home, Body(json={"content": text}))).id


ROUTES = [
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("DELETE", "", None),
    ("GET", "/messages", None),
    ("POST", "/messages", {"content": "x"}),
    ("GET", "/messages/{ben}", None),
    ("PATCH", "/messages/{ben}", {"content": "x"}),
    ("DELETE", "/messages/{ben}", None),
    ("GET", "/messages/1", None),
    ("POST", "/typing", None),
    ("POST", "/threads", {"name": "x", "type": 11}),
    ("POST", "/messages/{ben}/threads", {"name": "x"}),
    ("GET", "/threads/archived/public", None),
]


@pytest.mark.parametrize(("method", "rest", "body"), ROUTES)
async def test_a_channel_that_the_bot_does_not_see_is_50001_whatever_else_is_wrong(
    sandbox: Sandbox, method: str, rest: str, body: Any
) -> None:
    path = home(sandbox, rest.format(ben=said_by_ben(sandbox)))
    sandbox.world.home.bot_denied = VIEW | Permission.SEND_MESSAGES
    assert await refusal(sandbox, method, path, body) == (403, 50001)


async def test_a_thread_in_a_hidden_channel_and_a_private_thread_of_others_are_50001(sandbox: Sandbox) -> None:
    world = sandbox.world
    options: Json = {"auto_archive_minutes": 60, "starter": None}
    public = world.start_thread(world.home, "public", owner_id=world.bot.id, private=False, **options)
    private = world.start_thread(world.home, "private", owner_id=world.ben.id, private=True, **options)
    assert await refusal(sandbox, "GET", f"/channels/{public.id}") == (200, 0)
    assert await refusal(sandbox, "GET", f"/channels/{private.id}/thread-members") == (403, 50001)
    world.bot_role |= Permission.MANAGE_THREADS
    assert await refusal(sandbox, "GET", f"/channels/{private.id}") == (200, 0)
    world.home.bot_denied = VIEW
    assert await refusal(sandbox, "POST", f"/channels/{public.id}/messages", {"content": "x"}) == (403, 50001)


NEEDS: list[tuple[Permission, str, str, Any]] = [
    (Permission.MANAGE_CHANNELS, "DELETE", "", None),
    (Permission.MANAGE_CHANNELS, "PATCH", "", {"name": "x"}),
    (Permission.MANAGE_MESSAGES, "DELETE", "/messages/{ben}", None),
    (Permission.MANAGE_MESSAGES, "PATCH", "/messages/{ben}", {"flags": 4}),
    (Permission.CREATE_PRIVATE_THREADS, "POST", "/threads", {"name": "x", "type": 12}),
    (Permission.SEND_MESSAGES, "POST", "/messages", {"content": "x"}),
    (Permission.EMBED_LINKS, "POST", "/messages", {"embeds": [{"title": "x"}]}),
    (Permission.CREATE_PUBLIC_THREADS, "POST", "/threads", {"name": "x", "type": 11}),
    (Permission.READ_MESSAGE_HISTORY, "GET", "/messages/{ben}", None),
    (Permission.READ_MESSAGE_HISTORY, "GET", "/threads/archived/public", None),
]


@pytest.mark.parametrize(("needed", "method", "rest", "body"), NEEDS)
async def test_without_the_permission_it_is_50013_and_with_it_done(
    sandbox: Sandbox, needed: Permission, method: str, rest: str, body: Any
) -> None:
    path = home(sandbox, rest.format(ben=said_by_ben(sandbox)))
    sandbox.world.home.bot_denied = needed
    assert await refusal(sandbox, method, path, body) == (403, 50013)
    sandbox.world.home.bot_denied = Permission(0)
    sandbox.world.bot_role |= needed
    status, _ = await refusal(sandbox, method, path, body)
    assert status in {200, 201, 204}


async def test_what_was_not_granted_by_the_invitation_is_50013(sandbox: Sandbox) -> None:
    assert await refusal(sandbox, "DELETE", home(sandbox)) == (403, 50013)
    assert await refusal(sandbox, "DELETE", home(sandbox, f"/messages/{said_by_ben(sandbox)}")) == (403, 50013)


async def test_a_thread_is_changed_by_who_started_it_and_deleted_by_a_moderator(sandbox: Sandbox) -> None:
    world = sandbox.world
    options: Json = {"auto_archive_minutes": 60, "starter": None, "private": False}
    own = world.start_thread(world.home, "own", owner_id=world.bot.id, **options)
    foreign = world.start_thread(world.home, "foreign", owner_id=world.ben.id, **options)
    for thread, body, expected in (
        (own, {"name": "new"}, 200),
        (own, {"locked": True}, 403),
        (foreign, {"name": "new"}, 403),
        (own, {"archived": True}, 200),
        (own, {"archived": False}, 200),
    ):
        assert (await refusal(sandbox, "PATCH", f"/channels/{thread.id}", body))[0] == expected, (thread.name, body)
    assert await refusal(sandbox, "DELETE", f"/channels/{own.id}") == (403, 50013)
    await sandbox.archive(own.id, locked=True)
    assert await refusal(sandbox, "PATCH", f"/channels/{own.id}", {"archived": False}) == (403, 50013)
    world.bot_role |= Permission.MANAGE_THREADS
    assert await refusal(sandbox, "PATCH", f"/channels/{own.id}", {"archived": False}) == (200, 0)
    assert await refusal(sandbox, "DELETE", f"/channels/{own.id}") == (200, 0)


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
    world.bot_role |= Permission.MANAGE_THREADS
    assert await refusal(sandbox, "POST", path, {"content": "x"}) == (200, 0)


async def test_without_the_history_the_list_is_empty_and_a_reply_is_refused(sandbox: Sandbox) -> None:
    message_id = said_by_ben(sandbox)
    sandbox.world.home.bot_denied = Permission.READ_MESSAGE_HISTORY
    assert await call(sandbox, "GET", home(sandbox, "/messages")) == (200, [])
    body = {"content": "x", "message_reference": {"message_id": str(message_id)}}
    assert await refusal(sandbox, "POST", home(sandbox, "/messages"), body) == (403, 160002)


async def test_direct_messages_need_no_permission_and_closing_them_deletes_nothing(sandbox: Sandbox) -> None:
    recipient = {"recipient_id": str(sandbox.world.ben.id)}
    _, direct = await call(sandbox, "POST", "/users/@me/channels", recipient)
    await call(sandbox, "POST", f"/channels/{direct['id']}/messages", {"content": "psst"})
    heard = await sandbox.say("Ben", direct["id"], "what?")
    assert await refusal(sandbox, "DELETE", f"/channels/{direct['id']}/messages/{heard['id']}") == (403, 50003)
    assert await refusal(sandbox, "DELETE", f"/channels/{direct['id']}") == (200, 0)
    _, again = await call(sandbox, "POST", "/users/@me/channels", recipient)
    assert len((await call(sandbox, "GET", f"/channels/{again['id']}/messages"))[1]) == 2
    for nobody in ("1", str(sandbox.world.bot.id)):
        assert await refusal(sandbox, "POST", "/users/@me/channels", {"recipient_id": nobody}) == (400, 50033)


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
    assert int(listed["permissions"]) & Permission.SEND_MESSAGES
    await sandbox.remove_bot()
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


async def test_the_gateway_address_needs_no_token_and_the_default_sounds_do(sandbox: Sandbox) -> None:
    status, answer = await call(sandbox, "GET", "/gateway", token="wrong")
    assert (status, answer) == (200, {"url": sandbox.gateway_url})
    assert (await call(sandbox, "GET", "/gateway/bot", token="wrong"))[0] == 401
    _, sounds = await call(sandbox, "GET", "/soundboard-default-sounds")
    assert "quack" in {one["name"] for one in sounds}
