"""Lists what config/, .env and the environment say now, each item with its file and line; never a secret's value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from core.config.agents import AGENTS_TOML, MODELS_TOML
from core.config.settings import (
    ENVIRONMENT,
    PING_URL,
    SECTIONS,
    TOKEN,
    GivenSettings,
    environment,
    read_env_file,
    read_with_places,
)
from core.config.toml import TomlTable, line_of, read_toml
from core.home import ENV_FILE, OCTET_TOML, Home
from core.settings.model import ConfigItem, ConfigKind, Settings

_NAMED = {"models": ConfigKind.MODEL, "programs": ConfigKind.PROGRAM}
_FOLDERS = {"desks": ConfigKind.DESK, "profiles": ConfigKind.PROFILE}


def list_items(home: Home) -> tuple[ConfigItem, ...]:
    """List all items; leave out a file that is not TOML: `load` reports its problem."""
    settings, given = read_with_places(home, [])
    files = [file.relative_to(home.root).as_posix() for file in sorted(home.config.rglob("*.toml"))]
    tables = [table for name in files if name != OCTET_TOML and (table := read_toml(home.root, name, [])) is not None]
    keys = [name for table in tables if table.name == MODELS_TOML for name in _key_variables(table)]
    return (
        *_settings(settings, given),
        *(_secret(home, name) for name in (TOKEN, PING_URL, *sorted(set(keys)))),
        *(item for table in tables for item in _items(table)),
    )


def _settings(settings: Settings, given: GivenSettings) -> Iterator[ConfigItem]:
    for section in SECTIONS:
        values = getattr(settings, section).model_dump(mode="json")
        for key, value in values.items():
            if f"OCTET_{section}__{key}".upper() != PING_URL:
                file, line = given.place(section, key)
                yield ConfigItem(
                    kind=ConfigKind.SETTING,
                    name=f"[{section}] {key}",
                    value="" if value is None else json.dumps(value, ensure_ascii=False),
                    is_set=value is not None,
                    file=file,
                    line=line,
                )


def _secret(home: Home, variable: str) -> ConfigItem:
    is_here, line = bool(environment().get(variable)), read_env_file(home.env_file, ENV_FILE, []).get(variable)
    file = ENVIRONMENT if is_here else ENV_FILE if line else ""
    return ConfigItem(
        kind=ConfigKind.SECRET, name=variable, is_set=bool(file), file=file, line=None if is_here else line
    )


def _key_variables(models: TomlTable) -> list[str]:
    named = (models.table("models", name).data for name in models.table("models").data)
    return [str(one["api_key_env"]) for one in named if "api_key_env" in one]


def _items(table: TomlTable) -> Iterator[ConfigItem]:
    """List the agents, models or programs of a file, or the desk or profile that it is."""
    path = PurePosixPath(table.name)
    if kind := _FOLDERS.get(path.parent.name):
        windows = (str(one.data.get("name", "")) for one in table.tables("windows").values())
        yield ConfigItem(kind=kind, name=path.stem, value=", ".join(windows), file=table.name, line=1)
    elif table.name == AGENTS_TOML:
        for place, one in table.tables("agents").items():
            line = line_of(table.text, ("agents", place))
            name = str(one.data.get("name", ""))
            yield ConfigItem(kind=ConfigKind.AGENT, name=name, file=table.name, line=line)
    elif kind := _NAMED.get(path.stem):
        for name in table.table(path.stem).data:
            line = line_of(table.text, (path.stem, name))
            yield ConfigItem(kind=kind, name=name, file=table.name, line=line)
