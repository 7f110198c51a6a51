"""Writes what was answered into the home: the token into .env, ids into octet.toml, with everything else as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import tomlkit

from core.config.editor import Edit, change
from core.config.env_file import set_variable
from core.config.settings import TOKEN
from core.kit.errors import Conflict

if TYPE_CHECKING:
    from core.home import Home

_FILE = "octet.toml"


class NotSaved(Conflict):
    """{what} stands in .env or in the environment too, and wins there. Take it away there, or choose the same."""


def save_token(home: Home, token: str) -> None:
    """Into .env, mode 0600."""
    set_variable(home.env_file, TOKEN, token)


def save_discord_ids(home: Home, **ids: int) -> None:
    """Into [discord] of octet.toml: in the place of the commented template where there is one. Raises NotKept, and what
    a change of files of config/ raises."""

    def work(edit: Edit) -> None:
        text = edit.document(_FILE).as_string()
        for key, value in ids.items():
            text = _with(text, key, value)
        edit.write(_FILE, text)

    now = change(home, work).config.settings.discord
    for key, value in ids.items():
        if getattr(now, key) != value:
            raise NotSaved(what=f"{key} of [discord]")


def _with(text: str, key: str, value: int) -> str:
    document: Any = tomlkit.parse(text)
    if key not in document.get("discord", {}):
        section = re.search(r"(?ms)^\[discord\][^\n]*\n(.*?)(?=^\[|\Z)", text)
        template = section and re.compile(rf"(?m)^# *{key} *=[^\n]*$").search(text, section.start(1), section.end(1))
        if template:
            return f"{text[: template.start()]}{key} = {value}{text[template.end() :]}"
    table = document.setdefault("discord", tomlkit.table())
    table[key] = value
    return tomlkit.dumps(document)
