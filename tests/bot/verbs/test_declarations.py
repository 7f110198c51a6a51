"""What is made from the declarations: docs, the agents' command line, and a command line that starts quickly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.present import FAILED
from bot.cli.present import PRESENT as ON_THE_CONSOLE
from bot.discord.lists import KINDS
from bot.discord.present import PRESENT
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On
from bot.verbs.schemas import jsonable
from core.tasks.model import TaskId
from scripts import agent_commands, config_tables, verb_tables
from tests.bot.discord.shapes import make_task

IN_DISCORD = {*PRESENT, *KINDS}
DOCS = Path(__file__).parents[3] / "docs"
HEAVY = ("fastapi", "discord", "uvicorn", "sqlalchemy", "core.coordinator", "core.store.engine", "PIL")


@pytest.mark.parametrize("page", [*verb_tables.PAGES, *config_tables.PAGES])
def test_the_docs_have_the_tables_that_the_code_makes(page: str) -> None:
    table = {**verb_tables.PAGES, **config_tables.PAGES}[page]()
    text = (DOCS / page).read_text(encoding="utf-8")
    assert table in text, "run `make docs`"
    assert verb_tables.with_table(text, table) == text


def test_each_verb_has_help_and_fits_into_discord() -> None:
    for verb in VERBS:
        assert 0 < len(verb.summary) <= 100, verb.name
        for one in verb.parameters:
            assert 0 < len(one.help) <= 100, (verb.name, one.name)


def test_each_result_can_be_presented() -> None:
    for verb in VERBS:
        if not verb.says:
            assert verb.discord == "off" or verb.result in IN_DISCORD, verb.name
            assert On.CLI not in verb.on or verb.result in ON_THE_CONSOLE, verb.name
    results = {verb.result for verb in VERBS}
    assert IN_DISCORD | set(ON_THE_CONSOLE) | set(FAILED) <= results


def test_the_agents_commands_are_those_that_their_verbs_declare() -> None:
    assert agent_commands.FILE.read_text("utf-8") == agent_commands.text(), "run `make docs`"


def test_the_command_line_starts_without_what_is_slow_to_import() -> None:
    asked = f"import bot.cli.commands, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_result_goes_over_http_as_it_is_with_what_its_properties_say() -> None:
    sent = jsonable(make_task(id=TaskId("T-7"), needs=frozenset({"shell", "docs"})))
    assert (sent["id"], sent["needs"], sent["cure"], sent["is_unverified"]) == ("T-7", ["docs", "shell"], "", False)
