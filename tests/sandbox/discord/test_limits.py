"""What messages, threads and commands do in the sandbox, beyond the table of questions (test_questions.py)."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession

from sandbox.discord.model import HAS_MEMBERS_INTENT, ChatPermission, Json
from sandbox.discord.server import Sandbox
from tests.fakes.sandbox_client import wait_message
from tests.sandbox.discord.wire import call

V2 = 1 << 15


def text(content: str) -> Json:
    return {"type": 10, "content": content}


def home(sandbox: Sandbox, rest: str = "") -> str:
    return f"/channels/{sandbox.world.home.id}{rest}"


async def test_the_same_nonce_gives_the_earlier_message(sandbox: Sandbox) -> None:
    body = {"content": "done", "nonce": "row-7", "enforce_nonce": True}
    _, first = await call(sandbox, "POST", home(sandbox, "/messages"), body)
    _, second = await call(sandbox, "POST", home(sandbox, "/messages"), body)
    assert first["id"] == second["id"]
    assert len(await sandbox.messages()) == 1
    _, third = await call(sandbox, "POST", home(sandbox, "/messages"), {**body, "enforce_nonce": False})
    assert third["id"] != first["id"]


@pytest.mark.parametrize(
    ("allowed", "pings"),
    [
        (None, {"Ada", "Ben", "Octet"}),
        ({"parse": []}, set()),
        ({"parse": ["users"]}, {"Ada"}),
        ({"parse": ["everyone"]}, {"Ada", "Ben", "Octet"}),
        ({"users": ["ADA"]}, {"Ada"}),
        ({"users": ["BEN"]}, set()),
    ],
)
async def test_only_allowed_mentions_ping(sandbox: Sandbox, allowed: Any, pings: set[str]) -> None:
    world = sandbox.world
    world.bot_role |= ChatPermission.MENTION_EVERYONE
    if allowed and "users" in allowed:
        ids = {"ADA": str(world.ada.id), "BEN": str(world.ben.id)}
        allowed = {"users": [ids[name] for name in allowed["users"]]}
    body = {"content": f"<@{world.ada.id}> @everyone"} | ({"allowed_mentions": allowed} if allowed else {})
    _, message = await call(sandbox, "POST", home(sandbox, "/messages"), body)
    found = await wait_message(sandbox, lambda m: m["id"] == message["id"])
    assert {world.users[int(one)].name for one in found["sandbox"]["pings"]} == pings
    await call(sandbox, "PATCH", home(sandbox, f"/messages/{message['id']}"), {"content": f"<@{world.ben.id}>"})
    assert {world.users[one].name for one in world.messages[int(message["id"])].pings} == pings  # edits never ping


async def test_a_v2_message_cannot_become_a_plain_one(sandbox: Sandbox) -> None:
    body = {"flags": V2, "components": [text("card")]}
    _, message = await call(sandbox, "POST", home(sandbox, "/messages"), body)
    status, answer = await call(sandbox, "PATCH", home(sandbox, f"/messages/{message['id']}"), {"content": "plain"})
    assert (status, answer["code"]) == (400, 50035)


async def test_files_are_kept_served_and_dropped(sandbox: Sandbox) -> None:
    media = {"flags": V2, "components": [{"type": 13, "file": {"url": "attachment://a.txt"}}]}
    status, message = await call(sandbox, "POST", home(sandbox, "/messages"), media, files={"a.txt": b"alpha"})
    assert status == 200
    assert "/a.txt?" in message["components"][0]["file"]["url"]
    assert message["attachments"] == []  # only what no component shows
    status, plain = await call(
        sandbox, "POST", home(sandbox, "/messages"), {"content": "two"}, files={"b.txt": b"beta", "../答 d.txt": b"c"}
    )
    assert [one["filename"] for one in plain["attachments"]] == ["b.txt", "_答_d.txt"]
    async with ClientSession() as session, session.get(plain["attachments"][0]["url"]) as response:
        assert await response.read() == b"beta"
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert response.content_type == "application/octet-stream"  # never shown as a page, whatever it claims to be
    keep = {"attachments": [{"id": plain["attachments"][1]["id"]}]}
    _, edited = await call(sandbox, "PATCH", home(sandbox, f"/messages/{plain['id']}"), keep)
    assert [one["filename"] for one in edited["attachments"]] == ["_答_d.txt"]


async def test_what_is_forbidden_is_50013_until_it_is_allowed_again(sandbox: Sandbox) -> None:
    await sandbox.forbid("octet", ["send_messages"])
    status, answer = await call(sandbox, "POST", home(sandbox, "/messages"), {"content": "x"})
    assert (status, answer["code"]) == (403, 50013)
    await sandbox.forbid("octet")
    status, _ = await call(sandbox, "POST", home(sandbox, "/messages"), {"content": "x"})
    assert status == 200


async def test_a_narrow_bucket_answers_429_with_its_headers(sandbox: Sandbox) -> None:
    sandbox.rates.narrow("GET /channels/{channel_id}", limit=1, window_s=30)
    assert (await call(sandbox, "GET", home(sandbox)))[0] == 200
    status, answer = await call(sandbox, "GET", home(sandbox))
    assert status == 429
    assert 0 < answer["retry_after"] <= 30
    other = next(channel for channel in sandbox.world.channels.values() if channel.name == "general")
    assert (await call(sandbox, "GET", f"/channels/{other.id}"))[0] == 200


async def test_messages_are_listed_newest_first_within_bounds(sandbox: Sandbox) -> None:
    ids = [(await call(sandbox, "POST", home(sandbox, "/messages"), {"content": str(n)}))[1]["id"] for n in range(5)]

    async def listed(query: str) -> list[str]:
        return [m["content"] for m in (await call(sandbox, "GET", home(sandbox, f"/messages?{query}")))[1]]

    assert await listed("limit=2") == ["4", "3"]
    assert await listed(f"before={ids[2]}&limit=2") == ["1", "0"]
    assert await listed(f"after={ids[2]}&limit=1") == ["3"]


async def test_commands_are_synced_changed_and_deleted(sandbox: Sandbox) -> None:
    world = sandbox.world
    path = f"/applications/{world.application_id}/guilds/{world.guild_id}/commands"
    good = {"name": "task", "description": "Tasks", "type": 1}
    status, made = await call(sandbox, "PUT", path, [good])
    assert status == 200
    _, again = await call(sandbox, "PUT", path, [good])
    assert again[0]["id"] == made[0]["id"]
    one = f"{path}/{made[0]['id']}"
    assert (await call(sandbox, "PATCH", one, {"description": "Other"}))[1]["description"] == "Other"
    assert (await call(sandbox, "POST", path, {**good, "name": "agent"}))[0] == 201
    assert (await call(sandbox, "DELETE", one))[0] == 204
    assert (await call(sandbox, "GET", one))[1]["code"] == 10063
    assert [command["name"] for command in await sandbox.commands()] == ["agent"]


async def test_threads_live_archive_and_end(sandbox: Sandbox) -> None:
    _, message = await call(sandbox, "POST", home(sandbox, "/messages"), {"content": "card"})
    start = home(sandbox, f"/messages/{message['id']}/threads")
    status, thread = await call(sandbox, "POST", start, {"name": "Task 1", "auto_archive_duration": 60})
    assert (status, thread["id"]) == (201, message["id"])
    assert (await call(sandbox, "POST", start, {"name": "Task 1"}))[1]["code"] == 160004
    _, free = await call(sandbox, "POST", home(sandbox, "/threads"), {"name": "Free", "type": 11})
    path = f"/channels/{thread['id']}"
    sandbox.world.bot_role |= ChatPermission.MANAGE_THREADS
    sandbox.world.privileged = HAS_MEMBERS_INTENT
    assert (await call(sandbox, "PUT", f"{path}/thread-members/{sandbox.world.ben.id}"))[0] == 204
    _, members = await call(sandbox, "GET", f"{path}/thread-members")
    assert str(sandbox.world.ben.id) in {one["user_id"] for one in members}
    assert (await call(sandbox, "DELETE", f"{path}/thread-members/{sandbox.world.ben.id}"))[0] == 204
    assert (await call(sandbox, "PATCH", path, {"archived": True}))[1]["thread_metadata"]["archived"] is True
    assert (await call(sandbox, "PATCH", path, {"name": "New"}))[1]["code"] == 50083
    await call(sandbox, "POST", f"{path}/messages", {"content": "wakes it"})
    assert (await call(sandbox, "GET", path))[1]["thread_metadata"]["archived"] is False
    guild = f"/guilds/{sandbox.world.guild_id}"
    _, active = await call(sandbox, "GET", f"{guild}/threads/active")
    assert {one["id"] for one in active["threads"]} == {thread["id"], free["id"]}
    assert (await call(sandbox, "DELETE", path))[0] == 200
    assert (await call(sandbox, "GET", path))[1]["code"] == 10003


async def test_the_guild_its_people_and_direct_messages_are_told(sandbox: Sandbox) -> None:
    guild = f"/guilds/{sandbox.world.guild_id}"
    sandbox.world.privileged = HAS_MEMBERS_INTENT
    assert (await call(sandbox, "GET", f"{guild}?with_counts=true"))[1]["approximate_member_count"] == 3
    assert [c["name"] for c in (await call(sandbox, "GET", f"{guild}/channels"))[1]] == ["octet", "general"]
    assert len((await call(sandbox, "GET", f"{guild}/members?limit=10"))[1]) == 3
    assert (await call(sandbox, "GET", f"{guild}/members/{sandbox.world.ada.id}"))[1]["user"]["global_name"] == "Ada"
    assert [r["name"] for r in (await call(sandbox, "GET", f"{guild}/roles"))[1]] == ["@everyone", "Octet"]
    body = {"recipient_id": str(sandbox.world.ada.id)}
    _, direct = await call(sandbox, "POST", "/users/@me/channels", body)
    assert (await call(sandbox, "POST", "/users/@me/channels", body))[1]["id"] == direct["id"]
    await call(sandbox, "POST", f"/channels/{direct['id']}/messages", {"content": "psst"})
    assert [m["content"] for m in await sandbox.messages(user="Ada")] == ["psst"]
    assert await sandbox.messages(user="Ben") == []
