"""Which server Octet serves, where its bot is on several. (The local Discord has one only.)"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.init import discord
from bot.cli.init.prompts import InitOptions, Prompts
from bot.cli.init.templates import copy_templates
from bot.discord.setup_client import Application, DiscordServer, SetupClient
from core.home import Home
from tests.builders import refuses

ZOO, FARM = DiscordServer(id="11", name="The zoo"), DiscordServer(id="22", name="The farm")
APPLICATION = Application(id="1", bot_id="2", bot_name="Octet", owners=())


class OnTwo(SetupClient):
    """Discord, as it shows a bot that is on two servers."""

    def __init__(self) -> None:
        super().__init__("token")

    def servers(self) -> list[DiscordServer]:
        return [ZOO, FARM]


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DiscordServer]:
    """Settle it with what is typed at a terminal, or with nobody at one."""
    home = Home(root=tmp_path)
    copy_templates(home.config)

    def run(typed: str | None = None, guild: int | None = None) -> DiscordServer:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed or ""))
        questions = Prompts(is_terminal=typed is not None)
        options = InitOptions(guild=guild, wait_s=0)
        return discord.DiscordSetup(home, OnTwo(), APPLICATION, options, questions).choose_server()

    return run


def test_one_of_two_is_chosen_once_and_kept(
    choose: Callable[..., DiscordServer], capsys: pytest.CaptureFixture[str]
) -> None:
    assert choose("the farm\n2\n") == FARM
    shown = capsys.readouterr().out
    assert "1  The zoo" in shown
    assert "Type a number from 1 to 2." in shown
    assert choose() == FARM
    assert "Server: The farm (kept)." in capsys.readouterr().out
    assert choose(guild=11) == ZOO, "an option chooses anew"


def test_without_a_terminal_the_option_is_named(choose: Callable[..., DiscordServer]) -> None:
    with refuses("no_terminal", match="--guild"):
        choose()


def test_a_third_one_is_refused_with_those_that_there_are(
    choose: Callable[..., DiscordServer], capsys: pytest.CaptureFixture[str]
) -> None:
    with refuses("not_invited_there", match=r"The zoo \(id 11\), The farm \(id 22\)"):
        choose(guild=33)
    assert "is not on the server 33; it is on: The zoo" in capsys.readouterr().out
