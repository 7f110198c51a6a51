"""Writes the tables of verbs into docs/discord.md and docs/architecture.md, from the declarations of `bot.verbs`."""

from __future__ import annotations

import re
from pathlib import Path

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Verb
from core.security.model import ROLE_ALLOWS, Role

DOCS = Path(__file__).resolve().parent.parent / "docs"
_NOTE = "<!-- made by `make docs` from bot/verbs -->\n"
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
    ("", "reply"): "octet reply",
    ("", "done"): "octet done",
    ("", "progress"): "octet progress",
}
"""Commands that bot/cli places or writes by hand."""


def main() -> None:
    """Write both tables."""
    for page, table in (("discord.md", discord_table()), ("architecture.md", all_table())):
        file = DOCS / page
        file.write_text(with_table(file.read_text("utf-8"), table), "utf-8")


def with_table(text: str, table: str) -> str:
    """Put the table in place of the one that the page has."""
    return re.sub(re.escape(_NOTE) + r".*?" + _END, lambda _: f"{_NOTE}{table}{_END}", text, flags=re.DOTALL)


def discord_table() -> str:
    """List what Discord offers, for its users."""
    rows = [
        (f"`/{one.full_name}`", " ".join(one.help.split()).removesuffix("."), _who(one), _undo(one))
        for one in VERBS
        if On.DISCORD in one.on
    ]
    return _table(("command", "what it does", "who may", "undone by"), rows)


def all_table() -> str:
    """List where each verb is offered, for developers."""
    rows = [
        (
            one.summary,
            f"`/{one.full_name}`" if On.DISCORD in one.on else "–",
            f"`{one.route}`" if one.route else "–",
            f"`{command}`" if (command := _command(one)) else "–",
            "; ".join(filter(None, (f"`{one.permission.value}`" if one.permission else "", one.own))) or _CODE,
        )
        for one in VERBS
    ]
    return _table(("verb", "Discord", "HTTP (`/api/v2`)", "command line", "permission"), rows)


_CODE = "a reply key, and the prompt's code"


def _command(one: Verb) -> str:
    by_hand = _BY_HAND.get((one.group, one.name), "")
    return f"octet {one.group} {one.name}" if On.CLI in one.on else by_hand


def _who(one: Verb) -> str:
    least = next((words for role, words in _ROLES.items() if one.permission in ROLE_ALLOWS[role]), "")
    return ", and ".join(filter(None, (least, one.own)))


def _undo(one: Verb) -> str:
    return f"`/{one.group} {one.undo}`" if one.undo else ""


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
