"""An unmodified discord.py client lives on the sandbox, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import discord
import pytest

from sandbox.discord.errors import ClientRefused
from sandbox.discord.model import Json
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from tests.fakes.sandbox_client import wait_message
from tests.sandbox.discord.trial_bot import TrialBot, redirect, running
from tests.sandbox.discord.wire import hurried, hurry, unzstd


def content_is(text: str):
    return lambda message: message["content"] == text


async def test_the_bot_gets_ready_and_its_commands_are_synced(sandbox: Sandbox, bot: TrialBot) -> None:
    guild = bot.get_guild(sandbox.world.guild_id)
    assert guild is not None
    assert [channel.name for channel in guild.text_channels] == ["octet", "general"]
    assert guild.self_role is not None
    assert guild.self_role.is_bot_managed()
    assert not guild.me.guild_permissions.mention_everyone
    assert [command["name"] for command in await sandbox.commands()] == ["task"]
    assert bot.application is not None
    assert bot.application.owner.global_name == "Ada"


async def test_a_new_task_goes_from_thinking_to_an_answer_in_its_thread(sandbox: Sandbox, bot: TrialBot) -> None:
    answer = await sandbox.slash("Ada", "#octet", "task new", {"prompt": "Say hello", "agent": "bert"})
    assert answer.kind == "deferred_message"
    done = await wait_message(sandbox, lambda m: "done" in m["content"])
    assert done["sandbox"]["channel"] == "Task 7"
    assert done["sandbox"]["pings"] == [str(sandbox.world.ada.id)]
    assert done["mention_everyone"] is False
    assert done["attachments"][0]["filename"] == "answer.md"
    card = await wait_message(sandbox, lambda m: m["id"] == answer.message_id)
    assert card["embeds"][0]["description"] == "Say hello"
    assert card["content"] == "accepted"
    assert card["sandbox"]["thinking"] is False
    assert card["thread"]["name"] == "Task 7"
    assert [t["name"] for t in await sandbox.threads()] == ["Task 7"]
    assert [m["id"] for m in await sandbox.pings("Ada")] == [done["id"]]
    assert [t["label"] for t in await sandbox.timings()] == ["/task new"]
    assert (await sandbox.timings())[0]["ack_ms"] > 0
    await bot.saw_thread("Task 7")
    thread = bot.get_channel(int(done["channel_id"]))
    assert isinstance(thread, discord.Thread)
    assert await (await thread.fetch_message(int(done["id"]))).attachments[0].read() == b"# Answer\n"


async def test_a_button_outlives_the_process(sandbox: Sandbox) -> None:
    async with running(sandbox, TrialBot(sandbox.world.guild_id)):
        await sandbox.slash("Ada", "#octet", "task new", {"prompt": "x"})
        message = await wait_message(sandbox, lambda m: bool(m["components"]))
        await wait_message(sandbox, lambda m: "done" in m["content"])
    async with running(sandbox, TrialBot(sandbox.world.guild_id)):
        answer = await sandbox.click("Ben", message, "Cancel")
        assert answer.kind == "update"
        edited = await wait_message(sandbox, content_is("Task 7 cancelled"))
        assert edited["id"] == message["id"]
        assert edited["components"] == []


@pytest.mark.usefixtures("bot")
async def test_a_layout_view_is_kept_and_its_button_works(sandbox: Sandbox) -> None:
    answer = await sandbox.slash("Ada", "octet", "task show")
    board: Json = await wait_message(sandbox, lambda m: m["id"] == answer.message_id)
    assert board["flags"] & 1 << 15
    assert board["components"][0]["components"][0]["content"] == "## Board"
    with pytest.raises(ClientRefused, match="link"):
        await sandbox.click("Ada", board, "Open")
    hurry(sandbox)
    assert (await sandbox.click("Ada", board, "v1:cancel:7")).kind == "failed"  # the bot's edit has content: 50035


@pytest.mark.usefixtures("bot")
async def test_autocomplete_offers_what_the_bot_knows(sandbox: Sandbox) -> None:
    choices = await sandbox.autocomplete("Ada", "octet", "task new", {"agent": "ada"}, focused="agent")
    assert [choice["value"] for choice in choices] == ["Ada's agent"]


async def test_private_messages_are_for_the_one_who_asked(sandbox: Sandbox, bot: TrialBot) -> None:
    answer = await sandbox.slash("Ada", "octet", "task whisper")
    await wait_message(sandbox, content_is("and this too"))
    assert [m["content"] for m in await sandbox.messages(user="Ada")] == ["only you", "and this too"]
    assert await sandbox.messages(user="Ben") == []
    channel = bot.get_channel(sandbox.world.home.id)
    assert isinstance(channel, discord.TextChannel)
    assert [m async for m in channel.history()] == []
    assert answer.message_id is not None
    with pytest.raises(discord.NotFound) as caught:
        await channel.fetch_message(int(answer.message_id))
    assert caught.value.code == 10008
    with pytest.raises(ClientRefused):
        await sandbox.click("Ben", answer.message_id, "x")
    await sandbox.dismiss("Ada", answer.message_id)
    assert len(await sandbox.messages(user="Ada")) == 1


@pytest.mark.usefixtures("bot")
async def test_a_dialog_is_opened_and_sent(sandbox: Sandbox) -> None:
    opened = await sandbox.slash("Ada", "octet", "task note")
    assert opened.kind == "modal"
    assert opened.modal is not None
    with pytest.raises(ClientRefused, match="required"):
        await sandbox.submit_modal("Ada", opened, {})
    with pytest.raises(ClientRefused, match="no field 'other'"):
        await sandbox.submit_modal("Ada", opened, {"other": "milk"})
    with pytest.raises(ClientRefused, match="not among the menu's values"):
        await sandbox.submit_modal("Ada", opened, {"text": "milk", "readers": ["7"]})
    readers = [str(sandbox.world.ben.id), str(sandbox.world.ada.id)]
    sent = await sandbox.submit_modal("Ada", opened, {"text": "milk", "readers": readers})
    noted = await wait_message(sandbox, lambda m: m["id"] == sent.message_id)
    assert noted["content"] == "Noted: milk for ben for ada"
    with pytest.raises(ClientRefused, match="sent already"):
        await sandbox.submit_modal("Ada", opened, {"text": "milk"})


@pytest.mark.usefixtures("bot")
async def test_a_dialog_that_was_not_answered_can_be_sent_again(sandbox: Sandbox) -> None:
    opened = await sandbox.slash("Ada", "octet", "task note")
    with hurried(sandbox, 0.05):
        assert (await sandbox.submit_modal("Ada", opened, {"text": "silence"})).kind == "failed"
    assert (await sandbox.submit_modal("Ada", opened, {"text": "milk"})).kind == "message"


CHOICES: list[tuple[str, Callable[[Sandbox], list[int | str]], str]] = [
    ("text", lambda _: ["red", "blue"], "str red, str blue"),
    ("user", lambda s: [s.world.ben.id], "Member ben"),
    ("role", lambda s: [s.world.guild_id], "Role @everyone"),
    ("mentionable", lambda s: [s.world.ada.id, s.world.guild_id], "Member ada, Role @everyone"),
    ("channel", lambda s: [s.world.home.id], "AppCommandChannel octet"),
]


@pytest.mark.usefixtures("bot")
async def test_a_choice_in_each_of_the_five_menus_reaches_the_bot(sandbox: Sandbox) -> None:
    menus = (await sandbox.slash("Ada", "octet", "task menus")).message_id
    assert menus is not None
    for menu, values, told in CHOICES:
        await sandbox.click("Ada", menus, menu, [str(value) for value in values(sandbox)])
        await wait_message(sandbox, content_is(f"{menu}: {told}"))
    thread = await sandbox.slash("Ada", "octet", "task new", {"prompt": "x"})
    for menu, wrong in (
        ("text", []),
        ("text", ["red", "green", "blue"]),
        ("text", ["red", "red"]),
        ("text", ["pink"]),
        ("user", [str(sandbox.world.guild_id)]),
        ("role", [str(sandbox.world.ada.id)]),
        ("mentionable", [str(sandbox.world.home.id)]),
        ("channel", [str(thread.message_id)]),
    ):
        with pytest.raises(ClientRefused, match="menu"):
            await sandbox.click("Ada", menus, menu, wrong)


@pytest.mark.usefixtures("bot")
async def test_no_answer_is_a_failure_that_the_person_sees(sandbox: Sandbox) -> None:
    hurry(sandbox)
    answer = await sandbox.slash("Ada", "octet", "task silent")
    assert answer.kind == "failed"
    assert answer.failure == "The application did not answer within 1 second"


async def test_without_a_connected_bot_a_command_fails(sandbox: Sandbox) -> None:
    async with running(sandbox, TrialBot(sandbox.world.guild_id)):
        pass
    with hurried(sandbox, 0.05):
        answer = await sandbox.slash("Ada", "octet", "task show")
    assert answer.failure == "The application is not connected"


@pytest.mark.usefixtures("bot")
async def test_the_client_refuses_what_a_real_one_would_not_send(sandbox: Sandbox) -> None:
    for command, options, why in (
        ("task gone", {}, "No command"),
        ("task", {}, "needs a subcommand"),
        ("task new", {}, "'prompt' is required"),
        ("task new", {"prompt": "x", "colour": "red"}, "no option 'colour'"),
        ("task new", {"prompt": 3}, "does not take 3"),
        ("task new", {"prompt": "x", "priority": 9}, "none of the choices"),
        ("task new", {"prompt": "x", "priority": True}, "does not take True"),
    ):
        with pytest.raises(ClientRefused, match=why):
            await sandbox.slash("Ada", "octet", command, options)
    assert await sandbox.timings() == []


async def test_a_wrong_token_is_refused_at_both_doors(sandbox: Sandbox) -> None:
    bot = TrialBot(sandbox.world.guild_id)
    with pytest.raises(discord.LoginFailure):
        await bot.start("wrong")
    await bot.close()
    bot = TrialBot(sandbox.world.guild_id)
    await bot.login(sandbox.token)
    bot.http.token = "wrong"
    with pytest.raises(discord.ConnectionClosed) as caught:
        await bot.connect(reconnect=False)
    assert caught.value.code == 4004
    await bot.close()


async def test_a_token_that_is_no_text_is_refused(sandbox: Sandbox) -> None:
    address = urlsplit(sandbox.api_base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"GET {address.path}/users/@me HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bot ".encode()
        + b"\xff\r\nConnection: close\r\n\r\n"
    )
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()


async def test_a_bot_without_message_intents_hears_of_threads_but_of_no_messages(
    sandbox: Sandbox, bot: TrialBot
) -> None:
    await sandbox.say("Ben", "octet", "hello")
    await sandbox.slash("Ada", "octet", "task new", {"prompt": "x"})
    await wait_message(sandbox, lambda m: "done" in m["content"])
    await bot.saw_thread("Task 7")
    assert bot.messages_seen == []


async def test_a_bot_with_the_members_intent_gets_the_whole_list_when_it_starts(sandbox: Sandbox) -> None:
    sandbox.world.privileged = 1 << 15
    async with running(sandbox, TrialBot(sandbox.world.guild_id, members=True)) as bot:
        guild = bot.get_guild(sandbox.world.guild_id)
        assert guild is not None
        assert guild.chunked
        assert {member.name for member in guild.members} == {"Octet", "ada", "ben"}


async def test_a_bot_without_it_finds_members_by_name_and_id(sandbox: Sandbox, bot: TrialBot) -> None:
    guild = bot.get_guild(sandbox.world.guild_id)
    assert guild is not None
    assert [member.name for member in guild.members] == ["Octet"]
    assert [member.name for member in await guild.query_members("ad")] == ["ada"]
    assert [member.name for member in await guild.query_members(user_ids=[sandbox.world.ben.id])] == ["ben"]


async def test_a_privileged_intent_that_is_not_enabled_stops_the_bot(sandbox: Sandbox) -> None:
    bot = TrialBot(sandbox.world.guild_id, message_content=True)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await bot.start(sandbox.token)
    await bot.close()


async def test_a_bot_with_zstandard_installed_lives_on_zstd(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack = unzstd()

    class Context:
        COMPRESSION_TYPE = "zstd-stream"

        def decompress(self, data: bytes, /) -> str:
            return unpack(data).decode()

    monkeypatch.setattr(discord.utils, "_ActiveDecompressionContext", Context)
    async with running(sandbox, TrialBot(sandbox.world.guild_id)):
        assert (await sandbox.slash("Ada", "octet", "task show")).kind == "message"


async def test_a_bot_that_identifies_too_soon_waits_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    async def wait(_bot: TrialBot, _shard: int | None, *, initial: bool = False) -> None:
        nonlocal now
        now += 0.0 if initial else 5.0

    monkeypatch.setattr(TrialBot, "before_identify_hook", wait)
    async with open_sandbox(SandboxSettings(clock=lambda: now)) as sandbox:
        redirect(monkeypatch, sandbox)
        for _ in range(2):
            async with running(sandbox, TrialBot(sandbox.world.guild_id)):
                assert (await sandbox.slash("Ada", "octet", "task show")).kind == "message"
    assert now == 5.0
