"""Texts name the machine's commands on the command line, and Discord's in Discord."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.discord.naming import BUTTONS, in_discord
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Verb
from bot.verbs.naming import DISCORDS, at_the_machine


def test_every_command_that_is_discords_alone_has_its_counterpart_listed() -> None:
    assert {one.full_name for one in VERBS if one.discord != "off" and On.CLI not in one.on} == set(DISCORDS)


@pytest.mark.parametrize("verb", [one for one in VERBS if one.discord != "off"], ids=lambda one: one.full_name)
def test_every_command_of_discord_is_written_as_the_machines(verb: Verb) -> None:
    said = f"Run `/{verb.full_name} x`."
    assert at_the_machine(said).startswith("Run `octet ") == bool(DISCORDS.get(verb.full_name, verb.full_name))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Run `/task done`.", "Run `octet task done`."),
        (
            "`/task retry` begins it again; `/msg send` tells it.",
            "`octet task retry` begins it again; `octet msg send` tells it.",
        ),
        ("Resume it with `/desk release` (or `octet desk release`).", "Resume it with `octet desk release`."),
        ("Try `/desk calibrate main` (or `octet calibrate main agent-1`).", "Try `octet calibrate main agent-1`."),
        ("Run `/admin reload`.", "Run `octet reload`."),
        ("Type `/admin claim` with it.", "Type `/admin claim` with it."),
        ("`/task list state:all` lists all.", "`octet task list state:all` lists all."),
        ("See `answers/refused` and `/tmp/x`.", "See `answers/refused` and `/tmp/x`."),
    ],
)
def test_a_next_step_names_the_command_of_the_machine(said: str, shown: str) -> None:
    assert at_the_machine(said) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Run `/task done`.", "Run `/task done`."),
        ("Run `/desk arrange main`.", "Run `octet desk arrange main`."),
        ("Run `/task depend`.", "Run `octet task depend`."),
        ("`/task undo` puts it back.", "*Undo* puts it back."),
        ("Try `/desk calibrate main` (or `octet calibrate main agent-1`).", "Try `octet calibrate main agent-1`."),
        ("Use `/desk release` (or `octet desk release`).", "Use `/desk release` (or `octet desk release`)."),
        ("A brief says \\`/desk arrange\\`.", "A brief says \\`/desk arrange\\`."),
        ("> an agent: `/desk arrange`\n`/help`", "> an agent: `/desk arrange`\n`/help`"),
        ("```\n`/desk arrange`\n```\n`/desk arrange`", "```\n`/desk arrange`\n```\n`octet desk arrange`"),
    ],
)
def test_discord_names_no_command_that_is_not_offered(said: str, shown: str) -> None:
    assert in_discord(said, ()) == shown


def test_discord_names_the_commands_of_groups_that_are_switched_on() -> None:
    assert in_discord("Run `/desk arrange`.", ["desk"]) == "Run `/desk arrange`."
    assert in_discord("Run `/desk arrange`.", ["task"]) == "Run `octet desk arrange`."
    assert in_discord("Run `/msg ack`.", ["msg"]) == "Run `octet msg ack`."


def test_each_button_that_stands_for_a_command_is_one_of_discords() -> None:
    views = "".join(path.read_text("utf-8") for path in Path("bot/discord/views").glob("*.py"))
    labels = [label for one in BUTTONS.values() for label in re.findall(r"\*([^*]+)\*", one)]
    assert len(labels) == 5
    assert set(BUTTONS) <= {one.full_name for one in VERBS}
    assert [one for one in labels if f'"{one}' not in views] == []
