"""`octet init` at a terminal, against the local Discord over real sockets, to a test task on the dry-run lane."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.cli.init.first_task import run_first_task
from bot.cli.init.prompts import Prompts
from bot.cli.init.templates import copy_templates
from bot.discord.setup_client import invite_link
from core.home import Home
from tests.bot.cli.init.place import REPOSITORY, Place, open_place
from tests.builders import refuses
from tests.fakes.sandbox_client import wait_message
from tests.fakes.terminal import Terminal
from tests.pace import patience

pytestmark = pytest.mark.timeout(300)  # a person answers, and Octet starts, up to seven times
SECRET = "a-token-of-a-test"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path, token=SECRET) as opened:
        yield opened
        assert opened.sandbox.record.problems == []


async def at(work: Callable[[], None]) -> None:
    """Do a user's part in a thread: the local Discord answers meanwhile."""
    await asyncio.to_thread(work)


async def test_from_an_empty_home_to_a_test_task_in_five_answers(place: Place) -> None:
    def person() -> None:
        with place.init() as terminal:
            terminal.answer("The bot's token", SECRET)
            terminal.expect("The bot is called Octet")
            terminal.expect("Server: Octet sandbox, the only one")
            terminal.answer("The channel for messages about tasks", "2")
            terminal.answer("Make Ada")
            terminal.expect("Ada owns this Octet now")
            terminal.answer("Where are your agents?", "dryrun")
            terminal.expect("8 on the dry run")
            terminal.answer("Start Octet whenever you log in, by a systemd user unit")
            terminal.expect("Discord is connected.")
            terminal.expect("T-1 was a dry run")
            terminal.expect("Octet runs here until Ctrl-C")
            terminal.interrupt()
            assert terminal.end() == 0
            assert len(terminal.questions) == 5
            assert SECRET not in terminal.shown

    await at(person)
    world = place.sandbox.world
    general = next(channel for channel in world.channels.values() if channel.name == "general")
    assert place.text(".env") == f"OCTET_DISCORD_TOKEN={SECRET}\n"
    assert stat.S_IMODE((place.home / ".env").stat().st_mode) == 0o600
    template = (REPOSITORY / "config/octet.toml").read_text(encoding="utf-8")
    for key, value in (("guild_id", world.guild_id), ("channel_id", general.id)):
        template = template.replace(f"# {key} = 123456789012345678", f"{key} = {value}")
    assert place.text("config/octet.toml") == template
    cards = [text for text in map(str, await place.sandbox.messages(channel="general")) if "T-1" in text]
    assert cards
    assert not (place.home / "run.json").exists()
    assert [str(log.relative_to(place.home)) for log in place.home.rglob("*.log")] == ["log/octet.log"]


def test_an_octet_that_does_not_start_ends_the_first_task_with_the_end_of_its_log(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    assert ended.wait() == 0
    for text in ("no output", "the port is in use"):
        with refuses("did_not_start", match=text):
            run_first_task(home, ended, Prompts(is_terminal=False), has_discord=False, answer_s=0)
        home.log.parent.mkdir(exist_ok=True)
        home.log.write_text("the port is in use\n")


async def test_ada_is_owner_at_the_first_start_and_no_code_is_printed(place: Place) -> None:
    def person() -> None:
        options = ("--agents", "dryrun", "--no-login", "--channel", str(place.sandbox.world.home.id))
        with place.init(*options) as terminal:
            terminal.answer("The bot's token", SECRET)
            terminal.answer("Make Ada", "y")
            terminal.expect("Octet runs here until Ctrl-C")
            assert "/admin claim" not in terminal.shown
            loop.call_soon_threadsafe(runs.set)
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(patience(60))
            terminal.interrupt()
            assert terminal.end() == 0

    loop = asyncio.get_running_loop()
    runs, answered = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(at(person))
        await runs.wait()
        try:
            found = await place.sandbox.slash("Ada", "#octet", "task list", {})
            said = await wait_message(
                place.sandbox, lambda m: m["id"] == found.message_id and not m["sandbox"]["thinking"]
            )
        finally:
            answered.set()
    assert "T-1" in str(said)


async def test_the_bot_that_is_on_no_server_is_waited_for(tmp_path: Path) -> None:
    async with open_place(tmp_path, token=SECRET, is_invited=False) as place:
        seen: list[str] = []

        def person() -> None:
            channel = str(place.sandbox.world.home.id)
            with place.init("--agents", "dryrun", "--no-login", "--no-task", "--channel", channel) as terminal:
                terminal.answer("The bot's token", SECRET)
                seen.append(terminal.expect("Waiting until the bot is there"))
                loop.call_soon_threadsafe(place.sandbox.world.invite)
                terminal.expect("Server: Octet sandbox")
                terminal.answer("Make Ada")
                terminal.expect("Everything is set up.")
                assert terminal.end() == 0

        loop = asyncio.get_running_loop()
        await at(person)
        assert invite_link(str(place.sandbox.world.application_id)) in seen[0]


async def test_left_at_any_question_it_goes_on_there_and_asks_nothing_twice(place: Place) -> None:
    answers = [
        ("The bot's token", SECRET),
        ("The channel for messages about tasks", "1"),
        ("Make Ada", "y"),
        ("Where are your agents?", "dryrun"),
        ("Start Octet whenever you log in", "n"),
    ]

    def is_left_at(terminal: Terminal, question: str) -> None:
        terminal.expect(f"? {question}")
        terminal.interrupt()
        assert terminal.end() == 130
        assert "Stopped. Finished steps are kept" in terminal.shown
        assert "Traceback" not in terminal.shown

    def person() -> None:
        with place.init("--no-task") as terminal:
            is_left_at(terminal, answers[0][0])
        for (question, answer), following in zip(answers, [*answers[1:], None], strict=True):
            with place.init("--no-task") as terminal:
                terminal.answer(question, answer)
                assert len(terminal.questions) == 1
                if following is None:
                    terminal.end()
                else:
                    is_left_at(terminal, following[0])
        with place.init("--no-task", "--no-login") as terminal:
            assert terminal.end() == 0
            assert terminal.questions == []
            for words in ("the token is kept", "(kept)", "Owner: Ada (kept)", "Agents: kept"):
                assert words in terminal.shown

    await at(person)
    assert place.text("config/octet.toml").count(f"guild_id = {place.sandbox.world.guild_id}") == 1


async def test_without_a_network_it_goes_on_and_says_nothing_more_of_discord(place: Place) -> None:
    def person() -> None:
        with place.init("--no-login", OCTET_DISCORD__API_BASE="http://127.0.0.1:9/api") as terminal:
            terminal.answer("The bot's token", SECRET)
            terminal.expect("Octet cannot reach Discord")
            terminal.expect("Run `octet init` again to enter a token.")
            before = len(terminal.shown)
            terminal.answer("Where are your agents?", "dryrun")
            terminal.expect("Octet runs here until Ctrl-C")
            terminal.interrupt()
            assert terminal.end() == 0
            assert "iscord" not in terminal.shown[before:]

    await at(person)
    assert SECRET not in place.text(".env") if (place.home / ".env").exists() else True


async def test_a_token_that_discord_does_not_take_is_asked_for_again_and_never_kept(place: Place) -> None:
    (place.home).mkdir()
    (place.home / ".env").write_text("# mine\nOCTET_LOG__LEVEL=debug\n")

    def person() -> None:
        with place.init("--no-task") as terminal:
            terminal.answer("The bot's token", "wrong")
            terminal.expect("Discord refuses this token")
            terminal.answer("The bot's token", f'  "Bot {SECRET}"')
            terminal.expect("The bot is called Octet")
            terminal.interrupt()
            terminal.end()

    await at(person)
    assert place.text(".env") == f"# mine\nOCTET_LOG__LEVEL=debug\nOCTET_DISCORD_TOKEN={SECRET}\n"
    assert stat.S_IMODE((place.home / ".env").stat().st_mode) == 0o600


async def test_a_server_that_the_bot_is_not_on_is_named_with_those_that_it_is_on(place: Place) -> None:
    code, out, err = await piped(place, "--guild", "12345", "--wait", "0", given=SECRET)
    there = f"Octet sandbox (id {place.sandbox.world.guild_id})"
    assert f"The bot is not on the server 12345; it is on: {there}." in out
    assert (code, "The bot is not on the server 12345 yet" in err, there in err) == (75, True, True), err


async def test_without_a_terminal_every_answer_is_an_option_and_the_token_comes_by_standard_input(place: Place) -> None:
    options = ["--owner", "application", "--agents", "dryrun", "--no-login", "--no-task"]
    world = place.sandbox.world

    code, out, err = await piped(place, *options, given=SECRET)
    assert (code, "--channel" in err, "Your earlier answers are kept" in err) == (2, True, True), (out, err)
    code, out, err = await piped(place, *options, "--channel", "7", given="")
    assert (code, f"it sees: {world.home.id} (octet)" in err) == (2, True), (out, err)
    code, out, err = await piped(place, *options, "--channel", str(world.home.id), given="")
    assert (code, err) == (0, "")
    assert "Ada owns this Octet now" in out
    assert SECRET not in out + err


async def test_without_a_terminal_and_without_a_token_the_named_agents_are_set_up(place: Place) -> None:
    code, out, err = await piped(place, "--agents", "terminals", given="")
    assert code == 2
    assert f"continue with:  octet init --home {place.home}" in err
    assert "Run `octet init` again" in out
    code, out, err = await piped(place, "--agents", "dryrun", "--no-login", "--no-task", given="")
    assert (code, err) == (0, "")
    assert "Agents: 8 on the dry run." in out


async def piped(place: Place, *options: str, given: str) -> tuple[int, str, str]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "init", *options),
        cwd=place.root,
        env=place.environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await child.communicate(f"{given}\n".encode() if given else b"")
    assert child.returncode is not None
    return child.returncode, out.decode(), err.decode()


async def test_what_the_bot_may_not_do_in_a_channel_is_said_before_it_is_chosen(place: Place) -> None:
    await place.sandbox.forbid("octet", ["send_messages", "attach_files"])

    def person() -> None:
        with place.init("--no-task", "--agents", "dryrun", "--no-login", "--owner", "none") as terminal:
            terminal.answer("The bot's token", SECRET)
            offered = terminal.expect("The channel for messages about tasks [2]")
            assert "#octet (the bot lacks there: Send Messages, Attach Files)" in offered
            terminal.type("1")
            terminal.expect("There the bot lacks: Send Messages, Attach Files. Allow that")
            terminal.expect("/admin claim")
            assert terminal.end() == 0

    await at(person)


def test_a_home_that_octet_makes_is_closed_to_other_accounts(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    for home in ("data/octet", "open"):
        copy_templates(tmp_path / home / "config")
    assert stat.S_IMODE((tmp_path / "data" / "octet").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755, "a folder that was there keeps its mode"


SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$HOME/systemctl.log"
"""


async def test_start_at_log_in_is_set_up_if_wished_and_the_background_takes_over(place: Place) -> None:
    """With a systemctl that notes what it is told; the real one belongs to the person at this machine."""
    programs = place.root / "programs"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL)
    (programs / "systemctl").chmod(0o755)
    path = f"{programs}:{place.environ['PATH']}"
    channel = str(place.sandbox.world.home.id)

    def person() -> None:
        with place.init("--agents", "dryrun", "--owner", "none", "--channel", channel, PATH=path) as terminal:
            terminal.answer("The bot's token", SECRET)
            terminal.answer("Start Octet whenever you log in", "y")
            terminal.expect("enabled octet.service")
            terminal.expect("In Discord, type:  /admin claim code:")
            terminal.expect("T-1 was a dry run")
            terminal.expect("From now on Octet runs in the background:")
            terminal.expect("started octet.service")
            assert terminal.end() == 0
        with place.init("--no-task", "--owner", "none", PATH=path) as terminal:
            terminal.expect("Start at log-in: kept")
            assert terminal.end() == 0
            assert terminal.questions == []

    await at(person)
    assert f"X-Octet-Home={place.home}\n" in (place.root / "person/.config/systemd/user/octet.service").read_text()
    assert "--user restart --no-block octet.service" in (place.root / "person/systemctl.log").read_text()
