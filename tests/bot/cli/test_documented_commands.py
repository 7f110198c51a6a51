"""Every `octet …` and `make …` that a page for people names is there, with its options."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot.cli.commands import app

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "inside").glob("*.md")),
]
CODE = re.compile(r"(?s)```.*?```|`[^`]+`")
CALL = re.compile(r"(?m)(?:^|(?<=`)|(?<=/))octet (?P<words>[a-z][^`\n;&|#<>]*(?:\|[a-z][^`\n;&#<>]*)?)")
TARGET = re.compile(r"(?m)(?:^|(?<=`)|(?<=sudo ))make (?P<target>[a-z-]+)")
THEIR_OWN = {"reply", "done", "progress", "ask", "inbox", "send"}
"""Verbs of agents, which read their words themselves."""


@cache
def octet() -> Any:
    return typer.main.get_command(app)


def unknown_in(words: str) -> str:
    """Return what of a call is unknown; empty when all of it is known."""
    command = octet()
    path, rest = "octet", words.split()
    while rest and hasattr(command, "commands"):
        names = rest.pop(0).rstrip(".,:…").split("|")
        missing = [name for name in names if name not in command.commands]
        if missing:
            return f"{path} {missing[0]}"
        path, command = f"{path} {names[0]}", command.commands[names[0]]
    if path.split()[-1] in THEIR_OWN:
        return ""
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    for word in rest:
        if word == "--":
            break
        option = re.match(r"--[a-z-]+", word)
        if option and option[0] not in known | {"--help"}:
            return f"{path} {option[0]}"
    return ""


def calls(page: str) -> list[str]:
    """Every call of octet in the code of a page."""
    return [found["words"] for code in CODE.findall(page) for found in CALL.finditer(code.strip("`"))]


def test_a_verb_or_an_option_that_is_not_there_would_be_seen() -> None:
    page = "Use `octet ini --home x`, `octet init --hme x`, `octet desk hold|relase main`, `octet done --what`."
    assert [unknown_in(words) for words in calls(page)] == ["octet ini", "octet init --hme", "octet desk relase", ""]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_to_type_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [unknown for words in calls(text) if (unknown := unknown_in(words))] == []
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {found["target"] for code in CODE.findall(text) for found in TARGET.finditer(code.strip("`"))}
    assert named - targets == set()


def test_the_front_page_names_enough_to_be_looked_at() -> None:
    assert len(calls((ROOT / "README.md").read_text(encoding="utf-8"))) >= 8


def test_no_help_text_has_words_that_the_console_takes_for_markup() -> None:
    commands = list[Any]([octet()])
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        texts = [command.help, *(getattr(param, "help", "") for param in command.params)]
        assert [text for text in texts if re.search(r"\[/?[a-z]+\]", text or "")] == [], command.name
    assert len(commands) > 60
