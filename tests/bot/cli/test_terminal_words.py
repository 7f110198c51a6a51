"""Texts name the machine's commands on the command line, and Discord's in Discord."""

from __future__ import annotations

import pytest

from bot.cli.terminal import IN_DISCORD, at_the_machine
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Verb


def test_every_command_that_is_discords_alone_has_its_counterpart_listed() -> None:
    assert {one.full_name for one in VERBS if On.DISCORD in one.on and On.CLI not in one.on} == set(IN_DISCORD)


@pytest.mark.parametrize("verb", [one for one in VERBS if On.DISCORD in one.on], ids=lambda one: one.full_name)
def test_every_command_of_discord_is_written_as_the_machines(verb: Verb) -> None:
    said = f"Run `/{verb.full_name} x`."
    assert at_the_machine(said).startswith("Run `octet ") == bool(IN_DISCORD.get(verb.full_name, verb.full_name))


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
