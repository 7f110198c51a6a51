"""Writes the tables of docs/commands.md, docs/api.md and docs/architecture.md, from the declarations of `bot.verbs` and
the commands that bot/cli writes by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer.main

from bot.cli.commands import app
from bot.verbs.catalogue import ABOUT, VERBS
from bot.verbs.declare import On, Parameter, Verb
from core.security.model import ROLE_ALLOWS, Role

DOCS = Path(__file__).resolve().parent.parent / "docs"
_NOTE = "<!-- made by `make docs` -->\n"
_END = "<!-- end -->"
_ROLES = {
    Role.VIEWER: "viewers and up",
    Role.MEMBER: "members and up",
    Role.OPERATOR: "operators and up",
    Role.ADMIN: "admins and up",
    Role.OWNER: "the owner",
}
_BY_HAND = {
    ("receipt", "show"): "octet receipt",
    ("admin", "reload"): "octet reload",
    ("fleet", "status"): "octet status",
    ("receipt", "picture"): "octet receipt --pictures DIR",
    ("desk", "screenshot"): "octet desk screenshot",
    ("agent", "env"): "octet agent env",
    ("profile", "enabled"): "octet profile enable",
}
"""Commands that bot/cli places or writes by hand."""
_INTERNAL = {"octet desk run", "octet desk import", "octet autostart begin"}
"""Commands that Octet runs itself, or only refuses."""


def main() -> None:
    """Write all tables."""
    write(PAGES)


def write(pages: Mapping[str, Callable[[], str]]) -> None:
    """Put its tables into each page."""
    for page, table in pages.items():
        file = DOCS / page
        file.write_text(with_table(file.read_text("utf-8"), table()), "utf-8")


def with_table(text: str, table: str) -> str:
    """Put the table in place of the one that the page has."""
    return re.sub(re.escape(_NOTE) + r".*?" + _END, lambda _: f"{_NOTE}{table}{_END}", text, flags=re.DOTALL)


def commands_page() -> str:
    """List what Discord and the command line offer, for users."""
    offered = [one for one in VERBS if _command(one) or one.discord != "off"]
    groups = [group for group in dict.fromkeys(one.group for one in offered) if group]
    parts = [f"## {ABOUT[group]}\n\n{_verbs(one for one in offered if one.group == group)}\n" for group in groups]
    parts += ["## For users and agents\n\n", _verbs(one for one in offered if not one.group), "\n"]
    parts.append(f"## Only on the command line\n\n{_by_hand()}")
    return "".join(parts)


def api_page() -> str:
    """List the routes, for programs."""
    rows = [
        (
            f"`{one.route}`",
            one.summary,
            ", ".join(_shown(each) for each in one.parameters if f"{{{each.name}}}" not in one.route),
            one.permission.value if one.permission else _proof(one),
        )
        for one in VERBS
        if one.route
    ]
    return table_of(("route", "what it does", "fields", "permission"), rows)


def all_table() -> str:
    """List where each verb is offered, for developers."""
    rows = [
        (
            one.summary,
            f"`/{one.full_name}`" if one.discord != "off" else "–",
            f"`{one.route}`" if one.route else "–",
            f"`{command}`" if (command := _command(one)) else "–",
            "; ".join(
                filter(
                    None, (f"`{one.permission.value}`" if one.permission else "" if one.own else _proof(one), one.own)
                )
            ),
        )
        for one in VERBS
    ]
    return table_of(("verb", "Discord", "HTTP (`/api/v2`)", "command line", "permission"), rows)


def _proof(one: Verb) -> str:
    """Say what an agent shows in place of a permission."""
    needs_code = any(parameter.name == "code" for parameter in one.parameters)
    return "a reply key, and the prompt's code" if needs_code else "the agent's own token"


def _command(one: Verb) -> str:
    by_hand = f"octet {one.command}" if one.command else _BY_HAND.get((one.group, one.name), "")
    return f"octet {one.group} {one.name}" if On.CLI in one.on else by_hand


def _verbs(verbs: Iterable[Verb]) -> str:
    rows = [(_names(one), " ".join(one.help.split()), _who(one)) for one in verbs]
    return table_of(("command", "what it does", "who may"), rows)


def _names(one: Verb) -> str:
    names, command = list[str](), _command(one)
    if one.discord != "off":
        name = f"`/{one.full_name}`"
        name = f"**{name}**" if one.discord == "default" else name
        names.append(" ".join([name, *(_shown(each) for each in one.parameters if not each.kind.for_programs)]))
    if On.CLI in one.on and not names:
        names.append(" ".join([f"`{command}`", *map(_shown, one.parameters)]))
    elif command and (not names or command != f"octet {one.full_name}"):
        names.append(f"`{command}`")
    return " · ".join(names)


def _shown(one: Parameter) -> str:
    return f"`{one.name}`" if one.is_required else f"`[{one.name}]`"


def _by_hand() -> str:
    """List the commands that are not verbs; `--help` has their options."""
    verbs = {_command(one) for one in VERBS}
    rows: list[tuple[str, str]] = []

    def add(path: str, command: Any) -> None:
        if children := getattr(command, "commands", {}):
            for name, child in sorted(children.items()):
                add(f"{path} {name}", child)
        elif path not in verbs | _INTERNAL:
            rows.append((f"`{path}`", " ".join((command.help or "").split())))

    add("octet", typer.main.get_command(app))
    return table_of(("command", "what it does; `--help` lists its options"), rows)


def _who(one: Verb) -> str:
    least = next((words for role, words in _ROLES.items() if one.permission in ROLE_ALLOWS[role]), "")
    if not one.permission:
        return one.own or "agents"
    return ", and ".join(filter(None, (least, one.own)))


def table_of(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


PAGES = {"commands.md": commands_page, "api.md": api_page, "architecture.md": all_table}


if __name__ == "__main__":
    main()
