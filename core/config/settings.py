"""Reads the settings: config/octet.toml < .env < environment (`OCTET_HTTP__PORT` is `port` of `[http]`). Secrets come
from .env or the environment only. No other module reads the environment."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError

from core.config.toml import TomlTable, line_of, read_text, read_toml
from core.config.validation import explain, hints_of, holder_of, validate_partly
from core.home import ENV_FILE, HOME, OCTET_TOML, Home
from core.kit.files import write_private
from core.kit.problems import KeyPath, Problem, show, suggest
from core.kit.redaction import remember
from core.remedies import refused
from core.settings.model import Section, Settings

TOKEN = "OCTET_DISCORD_TOKEN"  # noqa: S105  the name of the variable, not the secret
CLIENT_SECRET = "OCTET_DISCORD_CLIENT_SECRET"  # noqa: S105  as TOKEN
PING_URL = "OCTET_ALARM__PING_URL"
FAULT_POINTS = "OCTET_FAULT_POINTS"
ENVIRONMENT = "environment"
_TOKEN_SHAPE = re.compile(r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}")
SECTIONS: dict[str, type[Section]] = {
    name: holder_of(Settings, (name,))
    for name in hints_of(Settings)
    if name not in {"discord_token", "discord_client_secret", "fault_points"}
}
_SINGLE = {TOKEN: "discord_token", CLIENT_SECRET: "discord_client_secret", FAULT_POINTS: "fault_points"}
_VARIABLES: dict[str, tuple[str, ...]] = {variable: (key,) for variable, key in _SINGLE.items()} | {
    f"OCTET_{section}__{key}".upper(): (section, key) for section, kind in SECTIONS.items() for key in hints_of(kind)
}


def is_token(text: str) -> bool:
    return _TOKEN_SHAPE.fullmatch(text) is not None


def environment() -> Mapping[str, str]:
    return os.environ


def secret(home: Home, variable: str) -> SecretStr | None:
    """Return the value of this variable, from the environment or else from the home's .env. It is hidden in logs."""
    found = environment().get(variable) or dotenv_values(home.env_file, encoding="utf-8").get(variable)
    return SecretStr(remember(found)) if found else None


def read_settings(home: Home, problems: list[Problem]) -> Settings:
    """Return the settings of this home without those that are wrong; add each problem to `problems`."""
    return read_with_places(home, problems)[0]


def read_with_places(home: Home, problems: list[Problem]) -> tuple[Settings, GivenSettings]:
    """Return the settings as `read_settings` does, and where each comes from."""
    file = read_toml(home.root, OCTET_TOML, problems) or TomlTable(name=OCTET_TOML, problems=problems)
    given = GivenSettings(file, _checked_toml(file))
    lines = read_env_file(home.env_file, ENV_FILE, problems)
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # its warnings are problems already, with their lines
    texts = dotenv_values(home.env_file, encoding="utf-8") if lines else {}
    for name, text in texts.items():
        given.take(name, text or "", ENV_FILE, lines.get(name.upper()))
    for name, text in environment().items():
        given.take(name, text, ENVIRONMENT)
    settings, wrong = _build(given.values)
    for path, code, text in (*wrong, *_wrong_together(settings, given)):
        given.report(path, code, text)
    for hidden in (settings.discord_token, settings.discord_client_secret, settings.alarm.ping_url):
        if hidden is not None:
            remember(hidden.get_secret_value())
    return settings, given


def holds_ping_url(home: Home) -> bool:
    """Whether octet.toml has the address to ping in it, which is as good as a password."""
    file = read_toml(home.root, OCTET_TOML, [])
    return file is not None and "ping_url" in file.table("alarm").data


def _build(values: dict[str, Any]) -> tuple[Settings, list[tuple[KeyPath, str, str]]]:
    """Return the settings without the wrong values, and the problems of those."""
    try:
        return Settings(**values), []
    except ValidationError as error:
        wrong = explain(Settings, error)
    for (section, *keys), _, _ in wrong:
        if keys:
            values[str(section)].pop(str(keys[0]), None)
        else:
            values.pop(str(section), None)
    return Settings(**values), wrong


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """The given settings and where each comes from, to name the place of a problem."""

    file: TomlTable
    values: dict[str, Any]
    places: dict[KeyPath, tuple[str, int | None, str]] = field(
        default_factory=dict[KeyPath, tuple[str, int | None, str]]
    )

    def take(self, name: str, text: str, source: str, line: int | None = None) -> None:
        """Apply a variable over earlier sources. One that sets nothing is a problem in .env, or if it looks like a
        setting."""
        variable = name.upper()
        path = _VARIABLES.get(variable)
        is_from_file = source == ENV_FILE
        if path is None or (is_from_file and variable == FAULT_POINTS):
            section = SECTIONS.get(variable.removeprefix("OCTET_").lower())
            if variable.startswith("OCTET_") and (is_from_file or "__" in variable or section is not None):
                code, about = _sets_nothing(variable, is_section=section is not None)
                problem = Problem(file=source, line=line, key=variable if is_from_file else name, code=code, text=about)
                self.file.problems.append(problem)
        elif text:
            self.places[path] = (source, line, variable if is_from_file else name)
            (self.values if len(path) == 1 else self.values.setdefault(path[0], {}))[path[-1]] = text

    def report(self, path: KeyPath, code: str, text: str) -> None:
        """Add a problem with this setting, unless it, or its section, has one already."""
        if self.has_problem(path):
            return
        source, line, key = self.places.get(path, ("", None, ""))
        if path == ("discord_token",) and not source:
            source, key = ENVIRONMENT, TOKEN
        if source:
            self.file.problems.append(Problem(file=source, line=line, key=key, code=code, text=text))
        else:
            self.file.report(path, code, text)

    def place(self, *path: str) -> tuple[str, int | None]:
        """Return the file and line of a setting, or of a variable; no file where neither sets it."""
        if path in self.places:
            return self.places[path][:2]
        table = self.file.table(*path[:-1])
        return (self.file.name, line_of(self.file.text, path)) if path[-1] in table.data else ("", None)

    def has_problem(self, path: KeyPath) -> bool:
        """Return whether this setting, or its section, has a problem already."""
        source, _, key = self.places.get(path, (self.file.name, None, ".".join(map(str, path))))
        reported = {(problem.file, problem.key) for problem in self.file.problems}
        return (source, key) in reported or (self.file.name, str(path[0])) in reported


def _sets_nothing(variable: str, *, is_section: bool) -> tuple[str, str]:
    if variable == HOME:
        return "sets_nothing", "has no effect here: Octet looks for this file in the home; set it in the environment"
    if variable == FAULT_POINTS:
        return "sets_nothing", "has no effect here: it is for tests, in the environment of one run"
    if is_section:
        return "whole_section", "has no effect: it is a whole section; name each setting, as in OCTET_HTTP__PORT"
    return "unknown_setting", f"there is no such setting; {suggest(variable, _VARIABLES)}"


def _checked_toml(file: TomlTable) -> dict[str, Any]:
    """Return the valid part of octet.toml. Secrets in it are refused."""
    right: dict[str, Any] = {}
    for name, value in file.data.items():
        if _is_secret(name):
            _refuse_secret(file, name)
        elif name not in SECTIONS:
            file.report((name,), "unknown_section", f"there is no such section; {suggest(name, SECTIONS)}")
        elif not isinstance(value, dict):
            text = f"must be a table, not {show(value)}; write [{name}] above its keys"
            file.report((name,), "dict_type", text)
        else:
            table = file.table(name)
            secrets = sorted(filter(_is_secret, table.data))
            for key in secrets:
                _refuse_secret(table, key)
            plain = table.without(*secrets)
            _, bad = validate_partly(SECTIONS[name], plain, strict=True)
            right[name] = dict(plain.without(*bad).data)
    return right


def _is_secret(key: str) -> bool:
    return bool(re.search(r"token|secret|password|api_?key", key, re.IGNORECASE))


def _refuse_secret(table: TomlTable, key: str) -> None:
    text = f"this file may not contain a secret; put {TOKEN}=… into .env or the environment"
    table.report((key,), "secret", text)


def _wrong_together(settings: Settings, given: GivenSettings) -> list[tuple[KeyPath, str, str]]:
    """Return the problems that one setting alone cannot show."""
    discord = settings.discord
    if given.has_problem(("discord", "sandbox")):
        return []
    wrong = _wrong_log_in(settings)
    addresses = {"api_base": discord.api_base, "gateway_url": discord.gateway_url}
    if not discord.sandbox:
        text = "is refused unless sandbox = true: it would send the token to this address; remove it"
        wrong.extend((("discord", key), "needs_sandbox", text) for key, value in addresses.items() if value is not None)
        token = settings.discord_token.get_secret_value() if settings.discord_token else None
        if token is not None and not is_token(token):
            text = "this is not a bot's token; copy it from Discord's developer portal: Bot, Reset Token"
            wrong.append((("discord_token",), "bad_token", text))
    elif None in addresses.values():
        text = "also needs the test server's addresses, in api_base and gateway_url"
        wrong.append((("discord", "sandbox"), "no_address", text))
    return wrong


def _wrong_log_in(settings: Settings) -> list[tuple[KeyPath, str, str]]:
    """Return what *Log in with Discord* lacks."""
    key: KeyPath = ("discord", "client_id")
    if settings.discord.client_id is None:
        return []
    if settings.http.public_url is None:
        return [(key, "needs_public_url", "also needs public_url in [http]: Discord sends browsers back to it")]
    if settings.discord_client_secret is None:
        return [(key, "no_client_secret", f"also needs {CLIENT_SECRET}=… in .env or the environment")]
    return []


def read_env_file(file: Path, name: str, problems: list[Problem]) -> dict[str, int]:
    """Return the line of each variable in `file`, by its upper-case name; add what cannot be read to `problems`."""
    try:
        content = read_text(file, name, problems)
    except FileNotFoundError:
        content = None
    bindings = list(parse_stream(io.StringIO(content or "")))
    text = "is unreadable; write NAME=value, with quotes around a value with spaces or #"
    problems.extend(
        Problem(file=name, line=binding.original.line, code="syntax", text=text)
        for binding in bindings
        if binding.error
    )
    return {binding.key.upper(): binding.original.line for binding in bindings if binding.key and not binding.error}


def set_variable(file: Path, name: str, value: str) -> None:
    """Write `name`=`value` in its old place, else at the end; keep every other line, and make the file private. The
    value may hold no blanks, quotes or #. Raises env_file_not_read."""
    try:
        text = file.read_bytes().decode("utf-8") if file.exists() else ""
    except UnicodeDecodeError as error:
        raise refused("env_file_not_read", file=file, why="it is not UTF-8; save it as UTF-8") from error
    end = "\r\n" if "\r\n" in text else "\n"
    line = f"{name}={value}{end}"
    parts: list[str] = []
    is_set = False
    for binding in parse_stream(io.StringIO(text)):
        old = binding.original.string
        if binding.error or (binding.key or "").upper() != name.upper():
            parts.append(old)
        elif not is_set:  # a second one of the same name is dropped: it would win
            parts.append(old[: len(old) - len(old.lstrip())] + line)
            is_set = True
    if not is_set:
        if parts and not parts[-1].endswith("\n"):
            parts[-1] += end
        parts.append(line)
    write_private(file.resolve(), "".join(parts))  # a link stays a link
