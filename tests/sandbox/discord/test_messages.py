"""What messages, threads, people and commands become, beyond the answers of the table (test_questions.py)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sandbox.discord.drafts import CODE
from sandbox.discord.model import HAS_MEMBERS_INTENT, ChatPermission, Json
from sandbox.discord.server import Sandbox, SandboxSettings
from tests.sandbox.discord.wire import call, home, ok, refusal

V2 = 1 << 15


async def posted(sandbox: Sandbox, content: str, **more: Any) -> Json:
    return await ok(sandbox, "POST", home(sandbox, "/messages"), {"content": content, **more})


async def started(sandbox: Sandbox, name: str = "T") -> str:
    """Return the path of a new public thread of the bot."""
    thread = await ok(sandbox, "POST", home(sandbox, "/threads"), {"name": name, "type": 11})
    return f"/channels/{thread['id']}"


def mentioned(sandbox: Sandbox, message: Json) -> set[str]:
    return {sandbox.world.users[int(user["id"])].name for user in message["mentions"]}


def pinged(sandbox: Sandbox, message: Json) -> set[str]:
    return {sandbox.world.users[one].name for one in sandbox.world.messages[int(message["id"])].pings}


# Mentions


@pytest.mark.parametrize(
    ("text", "is_mention"),
    [
        ("{ada}", True),
        ("`{ada}`", False),
        ("``a ` {ada}``", False),
        ("```py\n{ada} @everyone\n```", False),
        ("```{ada}` @everyone``", True),
        ("`a` {ada} `b`", True),
    ],
)
async def test_code_mentions_no_user(sandbox: Sandbox, text: str, *, is_mention: bool) -> None:
    words = text.format(ada=f"<@{sandbox.world.ada.id}>")
    for body in ({"content": words}, {"flags": V2, "components": [{"type": 10, "content": words}]}):
        message = await ok(sandbox, "POST", home(sandbox, "/messages"), body)
        assert (mentioned(sandbox, message) == {"Ada"}) is is_mention
        assert bool(pinged(sandbox, message)) is is_mention


NO_TICKS = st.characters(exclude_characters="`")


@given(ticks=st.integers(1, 6), inside=st.text(NO_TICKS, min_size=1), around=st.text(NO_TICKS))
def test_text_between_equal_ticks_is_code(ticks: int, inside: str, around: str) -> None:
    assert CODE.sub("", f"{around}{'`' * ticks}{inside}{'`' * ticks}{around}") == around * 2
    unequal = f"{around}{'`' * ticks}{inside}{'`' * (ticks + 1)}"
    assert CODE.sub("", unequal) == unequal


@pytest.mark.parametrize(
    ("allowed", "pings"),
    [
        (None, {"Ada", "Ben", "Octet"}),
        ({"parse": []}, set()),
        ({"parse": ["users"]}, {"Ada"}),
        ({"parse": ["everyone"]}, {"Ada", "Ben", "Octet"}),
        ({"users": ["ada"]}, {"Ada"}),
        ({"users": ["ben", None]}, set()),
    ],
)
async def test_only_allowed_mentions_ping_and_an_edit_never_pings(
    sandbox: Sandbox, allowed: dict[str, Any] | None, pings: set[str]
) -> None:
    world = sandbox.world
    world.bot_role |= ChatPermission.MENTION_EVERYONE
    ids = {"ada": str(world.ada.id), "ben": str(world.ben.id), None: None}
    if allowed and "users" in allowed:
        allowed = {"users": [ids[name] for name in allowed["users"]]}
    more = {"allowed_mentions": allowed} if allowed else {}
    message = await posted(sandbox, f"<@{world.ada.id}> @everyone", **more)
    assert pinged(sandbox, message) == pings
    edited = await ok(sandbox, "PATCH", home(sandbox, f"/messages/{message['id']}"), {"content": f"<@{world.ben.id}>"})
    assert (mentioned(sandbox, edited), pinged(sandbox, message)) == ({"Ben"}, pings)


async def test_only_a_permitted_author_mentions_everyone(sandbox: Sandbox) -> None:
    text = f"<@{sandbox.world.ada.id}> @everyone"
    shy = await posted(sandbox, text)
    assert (shy["mention_everyone"], mentioned(sandbox, shy)) == (False, {"Ada"})
    sandbox.world.bot_role |= ChatPermission.MENTION_EVERYONE
    bold = await posted(sandbox, text)
    assert (bold["mention_everyone"], mentioned(sandbox, bold)) == (True, {"Ada"})
    assert [m["id"] for m in await sandbox.pings("Ben")] == [bold["id"]]
    assert [(await sandbox.say(one, "octet", "@everyone"))["mention_everyone"] for one in ("Ben", "Ada")] == [
        False,
        True,
    ]


# Nonces, replies, lists


async def test_a_nonce_gives_the_earlier_message_for_its_time(sandbox: Sandbox) -> None:
    body = {"nonce": "row-7", "enforce_nonce": True}
    first = await posted(sandbox, "done", **body)
    assert (await posted(sandbox, "done", **body))["id"] == first["id"]
    assert (await posted(sandbox, "done", nonce="row-7"))["id"] != first["id"]
    assert SandboxSettings().nonce_ttl_s == 120
    sandbox.world._nonce_ttl_s = 0.0
    assert (await posted(sandbox, "done", **body))["id"] != first["id"]
    assert len(await sandbox.messages()) == 3


async def test_a_reply_shows_what_it_answers_until_that_is_deleted(sandbox: Sandbox) -> None:
    first = await posted(sandbox, "first")
    second = await posted(sandbox, "second", message_reference={"message_id": first["id"]})
    third = await posted(sandbox, "third", message_reference={"message_id": second["id"]})
    assert second["referenced_message"]["content"] == "first"
    assert third["referenced_message"]["message_reference"]["message_id"] == first["id"]
    assert "referenced_message" not in third["referenced_message"]
    await ok(sandbox, "DELETE", home(sandbox, f"/messages/{first['id']}"))
    again = await ok(sandbox, "GET", home(sandbox, f"/messages/{second['id']}"))
    assert (again["referenced_message"], again["message_reference"]["message_id"]) == (None, first["id"])


async def test_messages_are_listed_newest_first_within_bounds(sandbox: Sandbox) -> None:
    ids = [(await posted(sandbox, str(number)))["id"] for number in range(5)]

    async def listed(query: str) -> list[str]:
        return [m["content"] for m in await ok(sandbox, "GET", home(sandbox, f"/messages?{query}"))]

    assert await listed("limit=2") == ["4", "3"]
    assert await listed(f"before={ids[2]}&limit=2") == ["1", "0"]
    assert await listed(f"after={ids[2]}&limit=1") == ["3"]
    sandbox.world.home.bot_denied = ChatPermission.READ_MESSAGE_HISTORY
    assert await listed("limit=2") == []


async def test_suppressed_embeds_are_hidden_and_a_v2_message_stays_one(sandbox: Sandbox) -> None:
    message = await posted(sandbox, "x", embeds=[{"title": "x"}], flags=4)
    assert message["embeds"] == []
    again = await ok(sandbox, "PATCH", home(sandbox, f"/messages/{message['id']}"), {"flags": 0})
    assert [one["title"] for one in again["embeds"]] == ["x"]
    body = {"flags": V2, "components": [{"type": 10, "content": "card"}]}
    card = await ok(sandbox, "POST", home(sandbox, "/messages"), body)
    plain = await refusal(sandbox, "PATCH", home(sandbox, f"/messages/{card['id']}"), {"content": "plain"})
    assert plain == (400, 50035)


# Files


def picture(kind: str, size: tuple[int, int]) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size).save(drawn, kind)
    return drawn.getvalue()


async def test_files_are_kept_and_served_and_pictures_have_their_sizes(sandbox: Sandbox) -> None:
    kinds = {"a.png": "PNG", "b.jpg": "JPEG", "c.gif": "GIF", "d.webp": "WEBP"}
    files = {name: picture(kind, (30 + number, 20)) for number, (name, kind) in enumerate(kinds.items())}
    files |= {"e.png": b"\x89PNG, it says", "../答 f.txt": b"text"}
    message = await ok(sandbox, "POST", home(sandbox, "/messages"), {"content": "x"}, files=files)
    sizes = {one["filename"]: (one.get("width"), one.get("height")) for one in message["attachments"]}
    pictures = {name: (30 + number, 20) for number, name in enumerate(kinds)}
    assert sizes == pictures | {"e.png": (None, None), "_答_f.txt": (None, None)}
    text = message["attachments"][-1]
    async with ClientSession() as session, session.get(text["url"]) as response:
        assert await response.read() == b"text"
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert response.content_type == "application/octet-stream"  # a browser never shows it as a page
    keep = {"attachments": [{"id": text["id"]}]}
    edited = await ok(sandbox, "PATCH", home(sandbox, f"/messages/{message['id']}"), keep)
    assert [one["filename"] for one in edited["attachments"]] == ["_答_f.txt"]


async def test_a_file_that_an_embed_or_a_component_shows_is_no_attachment(sandbox: Sandbox) -> None:
    url, files = "attachment://a.png", {"a.png": picture("PNG", (30, 20))}
    bodies: list[Json] = [
        {"flags": V2, "components": [{"type": 12, "items": [{"media": {"url": url}}]}]},
        {"flags": V2, "components": [{"type": 13, "file": {"url": url}}]},
        {"embeds": [{"image": {"url": url}}]},
    ]
    gallery, file, embed = [await ok(sandbox, "POST", home(sandbox, "/messages"), body, files=files) for body in bodies]
    media, image = gallery["components"][0]["items"][0]["media"], embed["embeds"][0]["image"]
    assert (media["width"], media["height"], image["width"], image["height"]) == (30, 20, 30, 20)
    assert all("/a.png?" in one["url"] for one in (media, image, file["components"][0]["file"]))
    assert [one["attachments"] for one in (gallery, file, embed)] == [[], [], []]


# Threads


async def test_a_thread_lives_is_archived_and_ends(sandbox: Sandbox) -> None:
    card = await posted(sandbox, "card")
    start = home(sandbox, f"/messages/{card['id']}/threads")
    thread = await ok(sandbox, "POST", start, {"name": "Task 1", "auto_archive_duration": 60})
    assert thread["id"] == card["id"]
    path = f"/channels/{thread['id']}"
    (starter,) = await ok(sandbox, "GET", f"{path}/messages")
    assert (starter["type"], starter["referenced_message"]["content"]) == (21, "card")
    sent = [await ok(sandbox, "POST", f"{path}/messages", {"content": "x"}) for _ in range(2)]
    await ok(sandbox, "DELETE", f"{path}/messages/{sent[0]['id']}")
    now = await ok(sandbox, "GET", path)
    assert (now["message_count"], now["total_message_sent"]) == (1, 2)
    await ok(sandbox, "PATCH", path, {"archived": True})
    assert (await refusal(sandbox, "PATCH", path, {"name": "New"}))[1] == 50083
    await ok(sandbox, "POST", f"{path}/messages", {"content": "wakes it"})
    assert (await ok(sandbox, "GET", path))["thread_metadata"]["archived"] is False
    sandbox.world.bot_role |= ChatPermission.MANAGE_THREADS
    await ok(sandbox, "DELETE", path)
    assert await refusal(sandbox, "GET", path) == (404, 10003)


async def test_a_locked_thread_takes_messages_only_from_a_moderator(sandbox: Sandbox) -> None:
    path = await started(sandbox)
    message = await ok(sandbox, "POST", f"{path}/messages", {"content": "before"})
    thread = sandbox.world.channels[int(path.rpartition("/")[2])]
    thread.locked = True
    assert await refusal(sandbox, "POST", f"{path}/messages", {"content": "x"}) == (403, 160005)
    one = f"{path}/messages/{message['id']}"
    assert await refusal(sandbox, "PATCH", one, {"content": "x"}) == (403, 160005)
    thread.archived = True
    assert await refusal(sandbox, "POST", f"{path}/messages", {"content": "x"}) == (400, 50083)
    sandbox.world.bot_role |= ChatPermission.MANAGE_THREADS
    await ok(sandbox, "POST", f"{path}/messages", {"content": "x"})


async def test_lists_hold_what_the_bot_sees_in_pages(sandbox: Sandbox) -> None:
    world = sandbox.world
    for name, owner, private in (("own", world.bot, True), ("hidden", world.ben, True), ("open", world.ben, False)):
        world.start_thread(world.home, name, owner_id=owner.id, private=private, auto_archive_minutes=60, starter=None)
    active = await ok(sandbox, "GET", f"/guilds/{world.guild_id}/threads/active")
    assert [one["name"] for one in active["threads"]] == ["own", "open"]
    for name in "abc":
        await ok(sandbox, "PATCH", await started(sandbox, name), {"archived": True})
    archived = await ok(sandbox, "GET", home(sandbox, "/threads/archived/public?limit=2"))
    assert ([one["name"] for one in archived["threads"]], archived["has_more"]) == (["c", "b"], True)
    world.privileged, members = HAS_MEMBERS_INTENT, f"{await started(sandbox)}/thread-members"
    await ok(sandbox, "PUT", f"{members}/{world.ada.id}")
    (member,) = await ok(sandbox, "GET", f"{members}?with_member=true&limit=1&after={world.bot.id}")
    assert member["member"]["user"]["id"] == str(world.ada.id)
    assert len(await ok(sandbox, "GET", f"/guilds/{world.guild_id}/members?limit=2")) == 2
    assert await ok(sandbox, "GET", f"/users/@me/guilds?after={world.guild_id}") == []


async def test_conversations_outlive_their_closing_and_are_seen_by_one_person(sandbox: Sandbox) -> None:
    body = {"recipient_id": str(sandbox.world.ben.id)}
    direct = await ok(sandbox, "POST", "/users/@me/channels", body)
    path = f"/channels/{direct['id']}"
    first = await ok(sandbox, "POST", f"{path}/messages", {"content": "psst"})
    reply = {"content": "x", "message_reference": {"message_id": first["id"]}}
    answered = await ok(sandbox, "POST", f"{path}/messages", reply)
    assert answered["message_reference"] == {"type": 0, "channel_id": direct["id"], "message_id": first["id"]}
    await ok(sandbox, "DELETE", path)
    assert (await ok(sandbox, "POST", "/users/@me/channels", body))["id"] == direct["id"]
    assert [one["content"] for one in await sandbox.messages(user="Ben")] == ["psst", "x"]
    assert await sandbox.messages(user="Ada") == []


async def test_commands_are_synced_changed_and_deleted(sandbox: Sandbox) -> None:
    world = sandbox.world
    path = f"/applications/{world.application_id}/guilds/{world.guild_id}/commands"
    command = {"name": "task", "type": 1, "description": "x", "description_localizations": {"de": "y"}}
    (made,) = await ok(sandbox, "PUT", path, [command])
    assert (await ok(sandbox, "PUT", path, [command]))[0]["id"] == made["id"]
    assert "description_localizations" not in (await ok(sandbox, "GET", path))[0]
    assert (await ok(sandbox, "GET", f"{path}?with_localizations=true"))[0]["description_localizations"] == {"de": "y"}
    one = f"{path}/{made['id']}"
    assert (await ok(sandbox, "PATCH", one, {"description": "Other"}))["description"] == "Other"
    assert (await call(sandbox, "POST", path, {"name": "agent", "description": "x", "type": 1}))[0] == 201
    await ok(sandbox, "DELETE", one)
    assert (await refusal(sandbox, "GET", one))[1] == 10063
    assert [one["name"] for one in await sandbox.commands()] == ["agent"]


async def test_a_narrow_bucket_limits_one_channel(sandbox: Sandbox) -> None:
    sandbox.rates.narrow("GET /channels/{channel_id}", limit=1, window_s=30)
    await ok(sandbox, "GET", home(sandbox))
    status, answer = await call(sandbox, "GET", home(sandbox))
    assert (status, 0 < answer["retry_after"] <= 30) == (429, True)
    await ok(sandbox, "GET", f"/channels/{(await sandbox.channels())[1]['id']}")
