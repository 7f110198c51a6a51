"""What messages, threads and events carry: mentions, sizes, where a message comes from, who came and went, pins."""

from __future__ import annotations

import io
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sandbox.discord.drafts import CODE
from sandbox.discord.model import HAS_MEMBERS_INTENT, ChatPermission, Json
from sandbox.discord.server import Sandbox
from tests.sandbox.discord.test_interactions import PING, callback, frame, webhook
from tests.sandbox.discord.wire import call, gateway, identify


def home(sandbox: Sandbox, rest: str = "") -> str:
    return f"/channels/{sandbox.world.home.id}{rest}"


async def posted(sandbox: Sandbox, content: str, **more: Any) -> Json:
    status, message = await call(sandbox, "POST", home(sandbox, "/messages"), {"content": content, **more})
    assert status == 200, message
    return message


async def identified(sandbox: Sandbox, socket: ClientWebSocketResponse, intents: int = 1) -> None:
    await socket.receive_json()
    await socket.send_json(identify(sandbox, intents=intents))
    await frame(socket, "GUILD_CREATE")


def names(sandbox: Sandbox, message: Json) -> set[str]:
    return {sandbox.world.users[int(user["id"])].name for user in message["mentions"]}


# Mentions


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("{ada}", True),
        ("`{ada}`", False),
        ("``a ` {ada}``", False),
        ("```py\n{ada} @everyone\n```", False),
        ("`{ada}", True),
        ("```{ada}` @everyone``", True),
        ("`a` {ada} `b`", True),
        ("`a` `{ada}`", False),
    ],
)
@pytest.mark.parametrize("is_v2", [False, True])
async def test_code_mentions_nobody(sandbox: Sandbox, text: str, *, mentioned: bool, is_v2: bool) -> None:
    words = text.format(ada=f"<@{sandbox.world.ada.id}>")
    parts = {"flags": 1 << 15, "components": [{"type": 10, "content": words}]}
    _, message = await call(sandbox, "POST", home(sandbox, "/messages"), parts if is_v2 else {"content": words})
    assert (names(sandbox, message) == {"Ada"}) is mentioned
    assert bool(sandbox.world.messages[int(message["id"])].pings) is mentioned


NO_TICKS = st.characters(exclude_characters="`")


@given(ticks=st.integers(1, 6), inside=st.text(NO_TICKS, min_size=1), around=st.text(NO_TICKS))
def test_whatever_stands_between_equal_ticks_is_code_and_nothing_else_is(ticks: int, inside: str, around: str) -> None:
    assert CODE.sub("", f"{around}{'`' * ticks}{inside}{'`' * ticks}{around}") == around * 2
    unequal = f"{around}{'`' * ticks}{inside}{'`' * (ticks + 1)}"
    assert CODE.sub("", unequal) == unequal


async def test_everyone_is_pinged_only_by_who_may_and_named_people_stay_named(sandbox: Sandbox) -> None:
    text = f"<@{sandbox.world.ada.id}> @everyone"
    shy = await posted(sandbox, text)
    assert (shy["mention_everyone"], names(sandbox, shy)) == (False, {"Ada"})
    sandbox.world.bot_role |= ChatPermission.MENTION_EVERYONE
    bold = await posted(sandbox, text)
    assert (bold["mention_everyone"], names(sandbox, bold)) == (True, {"Ada"})
    assert [m["id"] for m in await sandbox.pings("Ben")] == [bold["id"]]
    assert (await sandbox.say("Ben", "octet", "@everyone"))["mention_everyone"] is False
    assert (await sandbox.say("Ada", "octet", "@everyone"))["mention_everyone"] is True


async def test_an_edit_names_anew_and_pings_nobody(sandbox: Sandbox) -> None:
    message = await posted(sandbox, f"<@{sandbox.world.ada.id}>")
    one = home(sandbox, f"/messages/{message['id']}")
    _, same = await call(sandbox, "PATCH", one, {"embeds": [{"title": "x"}]})
    assert names(sandbox, same) == {"Ada"}
    _, other = await call(sandbox, "PATCH", one, {"content": f"<@{sandbox.world.ben.id}>"})
    assert names(sandbox, other) == {"Ben"}
    assert await sandbox.pings("Ben") == []


# Replies


async def test_a_reply_shows_what_it_answers_and_null_once_that_is_deleted(sandbox: Sandbox) -> None:
    first = await posted(sandbox, "first")
    second = await posted(sandbox, "second", message_reference={"message_id": first["id"]})
    third = await posted(sandbox, "third", message_reference={"message_id": second["id"]})
    assert second["referenced_message"]["content"] == "first"
    assert third["referenced_message"]["message_reference"]["message_id"] == first["id"]
    assert "referenced_message" not in third["referenced_message"]
    assert "referenced_message" not in first
    await call(sandbox, "DELETE", home(sandbox, f"/messages/{first['id']}"))
    _, again = await call(sandbox, "GET", home(sandbox, f"/messages/{second['id']}"))
    assert again["referenced_message"] is None
    assert again["message_reference"]["message_id"] == first["id"]


async def test_a_reply_in_a_conversation_names_no_guild(sandbox: Sandbox) -> None:
    _, direct = await call(sandbox, "POST", "/users/@me/channels", {"recipient_id": str(sandbox.world.ada.id)})
    path = f"/channels/{direct['id']}/messages"
    _, first = await call(sandbox, "POST", path, {"content": "first"})
    _, reply = await call(sandbox, "POST", path, {"content": "x", "message_reference": {"message_id": first["id"]}})
    assert reply["message_reference"] == {"type": 0, "channel_id": direct["id"], "message_id": first["id"]}


async def test_a_thread_s_first_message_shows_its_starter_and_cannot_be_edited_or_deleted(sandbox: Sandbox) -> None:
    card = await posted(sandbox, "card")
    _, thread = await call(sandbox, "POST", home(sandbox, f"/messages/{card['id']}/threads"), {"name": "T"})
    _, (starter,) = await call(sandbox, "GET", f"/channels/{thread['id']}/messages")
    assert (starter["type"], starter["referenced_message"]["content"]) == (21, "card")
    one = f"/channels/{thread['id']}/messages/{starter['id']}"
    assert (await call(sandbox, "PATCH", one, {"content": "x"}))[1]["code"] == 50021
    assert (await call(sandbox, "DELETE", one))[1]["code"] == 50021
    body = {"content": "x", "message_reference": {"message_id": starter["id"]}}
    assert (await call(sandbox, "POST", f"/channels/{thread['id']}/messages", body))[1]["code"] == 50035


async def test_a_thread_counts_what_was_sent_and_what_is_left(sandbox: Sandbox) -> None:
    card = await posted(sandbox, "card")
    _, thread = await call(sandbox, "POST", home(sandbox, f"/messages/{card['id']}/threads"), {"name": "T"})
    path = f"/channels/{thread['id']}"
    sent = [(await call(sandbox, "POST", f"{path}/messages", {"content": "x"}))[1] for _ in range(2)]
    await call(sandbox, "DELETE", f"{path}/messages/{sent[0]['id']}")
    _, now = await call(sandbox, "GET", path)
    assert (now["message_count"], now["total_message_sent"]) == (1, 2)


# Where a message comes from


async def test_messages_from_interactions_say_from_which(sandbox: Sandbox) -> None:
    await call(sandbox, "PUT", f"/applications/{sandbox.world.application_id}/commands", [PING])
    ada, guild = str(sandbox.world.ada.id), str(sandbox.world.guild_id)
    field = {"type": 1, "components": [{"type": 4, "custom_id": "t", "label": "T", "style": 1}]}
    button = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}

    async def answered(given: Json, body: Json) -> Json:
        return (await call(sandbox, "POST", callback(given), body))[1].get("resource", {}).get("message", {})

    async with gateway(sandbox) as socket:
        await identified(sandbox, socket)
        sandbox.interactions._ack_deadline_s = 60
        await sandbox.person.slash("Ada", "octet", "ping", {})
        slash = await frame(socket, "INTERACTION_CREATE")
        card = await answered(slash, {"type": 4, "data": {"content": "card", "components": [button]}})
        command: Json = {"id": slash["id"], "type": 2, "authorizing_integration_owners": {"0": guild}}
        assert card["interaction_metadata"].pop("user")["id"] == ada
        assert card["interaction_metadata"] == command
        _, more = await call(sandbox, "POST", webhook(sandbox, slash), {"content": "more"})
        assert more["interaction_metadata"]["original_response_message_id"] == card["id"]

        await sandbox.person.click("Ada", card["id"], "go")
        click = await frame(socket, "INTERACTION_CREATE")
        assert click["message"]["interaction_metadata"]["id"] == slash["id"]
        await answered(click, {"type": 9, "data": {"custom_id": "m", "title": "M", "components": [field]}})
        await sandbox.person.submit_modal("Ada", click["id"], {"t": "text"})
        submit = await frame(socket, "INTERACTION_CREATE")
        said = await answered(submit, {"type": 4, "data": {"content": "said"}})
        found = said["interaction_metadata"]
        assert (found["id"], found["type"]) == (submit["id"], 5)
        opener = found["triggering_interaction_metadata"]
        assert (opener["id"], opener["type"], opener["interacted_message_id"]) == (click["id"], 3, card["id"])
        _, plain = await call(sandbox, "GET", home(sandbox, f"/messages/{card['id']}"))
        assert "original_response_message_id" not in plain["interaction_metadata"]


# Pictures


def picture(kind: str, size: tuple[int, int]) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size).save(drawn, kind)
    return drawn.getvalue()


async def test_pictures_have_their_sizes_and_other_files_none(sandbox: Sandbox) -> None:
    kinds = {"a.png": "PNG", "b.jpg": "JPEG", "c.gif": "GIF", "d.webp": "WEBP"}
    files = {name: picture(kind, (30 + number, 20)) for number, (name, kind) in enumerate(kinds.items())}
    files |= {"e.png": b"\x89PNG, it says", "f.txt": b"text", "g.bmp": picture("BMP", (3, 3))}
    _, message = await call(sandbox, "POST", home(sandbox, "/messages"), {"content": "x"}, files=files)
    sizes = {one["filename"]: (one.get("width"), one.get("height")) for one in message["attachments"]}
    assert sizes == {
        **{name: (30 + number, 20) for number, name in enumerate(kinds)},
        **dict.fromkeys(("e.png", "f.txt", "g.bmp"), (None, None)),
    }


async def test_a_picture_that_an_embed_or_a_gallery_shows_is_there_with_its_size_and_no_attachment(
    sandbox: Sandbox,
) -> None:
    files = {"a.png": picture("PNG", (30, 20))}
    url = "attachment://a.png"
    gallery = {"flags": 1 << 15, "components": [{"type": 12, "items": [{"media": {"url": url}}]}]}
    _, shown = await call(sandbox, "POST", home(sandbox, "/messages"), gallery, files=files)
    media = shown["components"][0]["items"][0]["media"]
    assert (media["width"], media["height"], shown["attachments"]) == (30, 20, [])
    embed = {"embeds": [{"image": {"url": url}}]}
    _, shown = await call(sandbox, "POST", home(sandbox, "/messages"), embed, files=files)
    image = shown["embeds"][0]["image"]
    assert image["url"].startswith("http://127.0.0.1")
    assert (image["width"], image["height"], shown["attachments"]) == (30, 20, [])


async def test_suppressed_embeds_are_not_shown(sandbox: Sandbox) -> None:
    message = await posted(sandbox, "x", embeds=[{"title": "x"}], flags=4)
    assert message["embeds"] == []
    _, again = await call(sandbox, "PATCH", home(sandbox, f"/messages/{message['id']}"), {"flags": 0})
    assert [one["title"] for one in again["embeds"]] == ["x"]


# Threads' members


async def test_thread_members_come_in_pages_and_only_to_who_may_hear_of_them(sandbox: Sandbox) -> None:
    world = sandbox.world
    _, thread = await call(sandbox, "POST", home(sandbox, "/threads"), {"name": "T", "type": 11})
    path = f"/channels/{thread['id']}/thread-members"
    for user in (world.ada, world.ben):
        assert (await call(sandbox, "PUT", f"{path}/{user.id}"))[0] == 204
    assert (await call(sandbox, "GET", path))[1]["code"] == 50001
    world.privileged = HAS_MEMBERS_INTENT
    _, everyone = await call(sandbox, "GET", f"{path}?limit=1")
    assert [one["user_id"] for one in everyone] == [str(user.id) for user in (world.bot, world.ada, world.ben)]
    assert "member" not in everyone[0]
    _, page = await call(sandbox, "GET", f"{path}?with_member=true&limit=1&after={world.bot.id}")
    assert [one["member"]["user"]["id"] for one in page] == [str(world.ada.id)]
    _, one = await call(sandbox, "GET", f"{path}/{world.ben.id}?with_member=true")
    assert one["member"]["user"]["global_name"] == "Ben"
    assert (await call(sandbox, "DELETE", f"{path}/{world.ben.id}"))[1]["code"] == 50013
    world.bot_role |= ChatPermission.MANAGE_THREADS
    assert (await call(sandbox, "DELETE", f"{path}/{world.ben.id}"))[0] == 204
    assert (await call(sandbox, "GET", f"{path}/{world.ben.id}"))[0] == 404


@pytest.mark.parametrize("intents", [1, 1 | 1 << 1])
async def test_who_came_into_a_thread_and_left_it_is_told(sandbox: Sandbox, intents: int) -> None:
    world = sandbox.world
    world.privileged = HAS_MEMBERS_INTENT
    world.bot_role |= ChatPermission.MANAGE_THREADS
    async with gateway(sandbox) as socket:
        await identified(sandbox, socket, intents)
        _, thread = await call(sandbox, "POST", home(sandbox, "/threads"), {"name": "T", "type": 11})
        born = await frame(socket, "THREAD_MEMBERS_UPDATE")
        assert [one["user_id"] for one in born["added_members"]] == [str(world.bot.id)]
        path = f"/channels/{thread['id']}"
        await call(sandbox, "POST", f"{path}/messages", {"content": f"<@{world.ben.id}>"})
        await call(sandbox, "DELETE", f"{path}/thread-members/{world.ben.id}")
        await call(sandbox, "DELETE", f"{path}/thread-members/@me")
        if intents > 1:
            came, left = [await frame(socket, "THREAD_MEMBERS_UPDATE") for _ in range(2)]
            assert [one["member"]["user"]["id"] for one in came["added_members"]] == [str(world.ben.id)]
            assert left["removed_member_ids"] == [str(world.ben.id)]
        gone = await frame(socket, "THREAD_MEMBERS_UPDATE")
        assert (gone["removed_member_ids"], gone["member_count"]) == ([str(world.bot.id)], 0)


async def test_the_bot_hears_that_it_left_a_private_thread_and_nothing_after_it(sandbox: Sandbox) -> None:
    world = sandbox.world
    thread = world.start_thread(
        world.home, "T", owner_id=world.bot.id, private=True, auto_archive_minutes=60, starter=None
    )
    async with gateway(sandbox) as socket:
        await identified(sandbox, socket, 1 | 1 << 9)
        await call(sandbox, "DELETE", f"/channels/{thread.id}/thread-members/@me")
        assert (await frame(socket, "THREAD_MEMBERS_UPDATE"))["removed_member_ids"] == [str(world.bot.id)]
        world.change_members(thread, add=[world.ben.id])
        await sandbox.say("Ben", str(thread.id), "hidden")
        await sandbox.say("Ben", "octet", "shown")
        assert (await frame(socket, "MESSAGE_CREATE"))["channel_id"] == str(world.home.id)


async def test_archived_threads_come_in_pages_with_the_bot_s_membership(sandbox: Sandbox) -> None:
    ids = []
    for name in "abc":
        _, thread = await call(sandbox, "POST", home(sandbox, "/threads"), {"name": name, "type": 11})
        ids.append(thread["id"])
        await call(sandbox, "PATCH", f"/channels/{thread['id']}", {"archived": True})
    path = home(sandbox, "/threads/archived/public?limit=2")
    _, first = await call(sandbox, "GET", path)
    assert ([one["id"] for one in first["threads"]], first["has_more"]) == (ids[:0:-1], True)
    assert [one["id"] for one in first["members"]] == ids[:0:-1]
    before = first["threads"][-1]["thread_metadata"]["archive_timestamp"].replace("+", "%2B")
    _, second = await call(sandbox, "GET", f"{path}&before={before}")
    assert ([one["id"] for one in second["threads"]], second["has_more"]) == (ids[:1], False)


# Pins


@pytest.mark.parametrize("route", ["/pins", "/messages/pins"])
async def test_pins_are_set_listed_and_taken_away(sandbox: Sandbox, route: str) -> None:
    sandbox.world.bot_role |= ChatPermission.PIN_MESSAGES
    ids = [(await posted(sandbox, str(number)))["id"] for number in range(3)]
    for one in ids:
        assert (await call(sandbox, "PUT", home(sandbox, f"{route}/{one}")))[0] == 204
    assert (await call(sandbox, "PUT", home(sandbox, f"{route}/{ids[0]}")))[0] == 204
    _, older = await call(sandbox, "GET", home(sandbox, "/pins"))
    assert [one["id"] for one in older] == ids[::-1]
    assert all(one["pinned"] for one in older)
    _, page = await call(sandbox, "GET", home(sandbox, "/messages/pins?limit=2"))
    assert ([one["message"]["id"] for one in page["items"]], page["has_more"]) == (ids[:0:-1], True)
    before = page["items"][-1]["pinned_at"].replace("+", "%2B")
    _, rest = await call(sandbox, "GET", home(sandbox, f"/messages/pins?before={before}"))
    assert ([one["message"]["id"] for one in rest["items"]], rest["has_more"]) == (ids[:1], False)
    _, (said, *_) = await call(sandbox, "GET", home(sandbox, "/messages"))
    assert (said["type"], said["message_reference"]["message_id"]) == (6, ids[2])
    assert len(sandbox.world.messages) == 6  # the second time nothing was said
    assert (await call(sandbox, "DELETE", home(sandbox, f"{route}/{ids[2]}")))[0] == 204
    assert (await call(sandbox, "GET", home(sandbox, f"/messages/{ids[2]}")))[1]["pinned"] is False


async def test_what_cannot_be_pinned_says_why(sandbox: Sandbox) -> None:
    message = await posted(sandbox, "x")
    path = home(sandbox, f"/messages/pins/{message['id']}")
    assert (await call(sandbox, "PUT", path))[1]["code"] == 50013
    sandbox.world.bot_role |= ChatPermission.PIN_MESSAGES
    assert (await call(sandbox, "PUT", home(sandbox, "/messages/pins/1")))[1]["code"] == 10008
    assert (await call(sandbox, "GET", home(sandbox, "/messages/pins?before=yesterday")))[1]["code"] == 50035
    for _ in range(250):
        said = await sandbox.say("Ben", "octet", "y")
        sandbox.world.set_pinned(sandbox.world.home, sandbox.world.messages[int(said["id"])], is_pinned=True)
    assert (await call(sandbox, "PUT", path))[1]["code"] == 30003
    (system, *_) = [one.id for one in sandbox.world.messages.values() if one.is_system]
    assert (await call(sandbox, "PUT", home(sandbox, f"/messages/pins/{system}")))[1]["code"] == 50021
    sandbox.world.home.bot_denied = ChatPermission.READ_MESSAGE_HISTORY
    assert (await call(sandbox, "GET", home(sandbox, "/pins")))[1] == []
    assert (await call(sandbox, "GET", home(sandbox, "/messages/pins")))[1] == {"items": [], "has_more": False}


async def test_pins_are_told_to_the_gateway(sandbox: Sandbox) -> None:
    sandbox.world.bot_role |= ChatPermission.PIN_MESSAGES
    message = await posted(sandbox, "x")
    async with gateway(sandbox) as socket:
        await identified(sandbox, socket)
        for method, is_pinned in (("PUT", True), ("DELETE", False)):
            await call(sandbox, method, home(sandbox, f"/messages/pins/{message['id']}"))
            told = await frame(socket, "CHANNEL_PINS_UPDATE")
            assert told["channel_id"] == str(sandbox.world.home.id)
            assert bool(told["last_pin_timestamp"]) is is_pinned


async def test_the_gateway_tells_nothing_of_a_channel_that_the_bot_does_not_see(sandbox: Sandbox) -> None:
    async with gateway(sandbox) as socket:
        await identified(sandbox, socket, 1 | 1 << 9)
        sandbox.world.home.bot_denied = ChatPermission.VIEW_CHANNEL
        await sandbox.say("Ben", "octet", "hidden")
        await sandbox.say("Ben", "general", "shown")
        assert (await frame(socket, "MESSAGE_CREATE"))["channel_id"] != str(sandbox.world.home.id)
