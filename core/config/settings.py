"""Where settings come from, laid one over the other, with the place of whatever is wrong in them.

Order: config/octet.toml < .env < environment (`OCTET_HTTP__PORT` is `port` of `[http]`). Secrets stand in .env or the
environment only. This is the one place that knows the environment.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, SettingsError

from core.config.env_file import read_env_file
from core.config.toml import TomlFile, read_toml
from core.config.validation import explain
from core.home import ENV_FILE, HOME, OCTET_TOML, Home
from core.kit.problems import KeyPath, Problem, show, suggest
from core.kit.redaction import remember
from core.settings.model import Settings

TOKEN = "OCTET_DISCORD_TOKEN"  # noqa: S105  the name of the variable, not the secret
PING_URL = "OCTET_ALARM__PING_URL"
FAULT_POINTS = "OCTET_FAULT_POINTS"
ENVIRONMENT = "environment"
_TOKEN_SHAPE = re.compile(r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}")


def is_token(text: str) -> bool:
    """Whether this has the shape of a bot's token of Discord's."""
    return _TOKEN_SHAPE.fullmatch(text) is not None


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def secret(home: Home, variable: str) -> SecretStr | None:
    """Return the value of this variable, from the environment or else from the home's .env. It is hidden in logs."""
    found = environment().get(variable) or dotenv_values(home.env_file, encoding="utf-8").get(variable)
    return SecretStr(remember(found)) if found else None


def read_settings(home: Home, problems: list[Problem]) -> Settings:
    """The settings of this home. What is wrong is added to `problems`, and left out of what is returned."""
    file = read_toml(home.root / OCTET_TOML, OCTET_TOML)
    if isinstance(file, Problem):
        problems.append(file)
        file = TomlFile(name=OCTET_TOML)
    given = _Given(file, read_env_file(home.env_file, ENV_FILE, problems), environment())
    values = _checked_toml(file, problems)
    _check_names(given, problems)
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # what it warns of is a problem already, with its line
    dotenv = DotEnvSettingsSource(Settings, env_file=home.env_file if given.env_file else None)
    for source, name in ((dotenv, ENV_FILE), (EnvSettingsSource(Settings), ENVIRONMENT)):
        try:
            given_there = source()
            if name == ENV_FILE:
                given_there.pop("fault_points", None)  # it is no setting of a home: `_check_names` says so
            _lay_over(values, given_there)
        except SettingsError:  # OCTET_HTTP='{…' that is not JSON
            text = "a whole section in one variable must be JSON; better name each setting, as in OCTET_HTTP__PORT"
            problems.append(Problem(file=name, text=text))
    settings, wrong = _build(values)
    _tell(given, wrong, problems)
    _tell(given, _wrong_together(settings, given, problems), problems)
    for secret in (settings.discord_token, settings.alarm.ping_url):
        if secret is not None:
            remember(secret.get_secret_value())
    return settings


def holds_ping_url(home: Home) -> bool:
    """Whether octet.toml has the address to ping in it, which is as good as a password."""
    file = read_toml(home.root / OCTET_TOML, OCTET_TOML)
    alarm = file.data.get("alarm") if isinstance(file, TomlFile) else None
    return isinstance(alarm, dict) and "ping_url" in alarm


def _lay_over(values: dict[str, object], stronger: Mapping[str, object]) -> None:
    for key, value in stronger.items():
        below = values.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            _lay_over(cast("dict[str, object]", below), cast("dict[str, object]", value))
        else:
            values[key] = value


def _build(values: dict[str, object]) -> tuple[Settings, list[tuple[KeyPath, str]]]:
    """The settings, without the values that are wrong, and what is wrong with those."""
    try:
        return Settings(**cast("Any", values)), []
    except ValidationError as error:
        wrong = explain(Settings, error)
    for (section, *keys), _ in wrong:
        table = values.get(str(section))
        if keys and isinstance(table, dict):
            cast("dict[str, object]", table).pop(str(keys[0]), None)
        else:
            values.pop(str(section), None)
    return Settings(**cast("Any", values)), wrong


def _tell(given: _Given, wrong: list[tuple[KeyPath, str]], problems: list[Problem]) -> None:
    """Name the place of each; a place that has its problem already gets no second one."""
    problems.extend(given.problem(path, text) for path, text in wrong if not given.is_told(path, problems))


@dataclass(frozen=True, slots=True)
class _Given:
    """Who gave which setting, to name the place of a problem."""

    file: TomlFile
    env_file: dict[str, int]
    env: Mapping[str, str]

    def names(self) -> dict[str, str]:
        """Octet's variables: upper-case name → name as it was written."""
        return {name.upper(): name for name in self.env if name.upper().startswith("OCTET_")}

    def problem(self, path: KeyPath, text: str) -> Problem:
        for length in range(len(path), 0, -1):  # OCTET_HTTP='{"port": 1}' sets a whole section
            variable = "OCTET_" + "__".join(str(part) for part in path[:length]).upper()
            written = self.names().get(variable)
            if written and self.env[written]:
                return Problem(file=ENVIRONMENT, key=written, text=text)
            if variable in self.env_file:
                return Problem(file=ENV_FILE, line=self.env_file[variable], key=variable, text=text)
        if path == ("discord_token",):
            return Problem(file=ENVIRONMENT, key=TOKEN, text=text)
        return self.file.problem(path, text)

    def is_told(self, path: KeyPath, problems: list[Problem]) -> bool:
        """Whether this setting, or the section it stands in, has a problem already."""
        places = [self.problem(path[:length], "") for length in range(1, len(path) + 1)]
        told = {(problem.file, problem.key) for problem in problems}
        return any((place.file, place.key) in told for place in places)


def _checked_toml(file: TomlFile, problems: list[Problem]) -> dict[str, object]:
    """The part of octet.toml that is right on its own. Secrets in it are refused."""
    right: dict[str, object] = {}
    for name, value in file.data.items():
        if _is_secret(name):
            problems.append(_misplaced(file, (name,)))
        elif name not in Settings.sections:
            problems.append(file.problem((name,), f"there is no such section; {suggest(name, Settings.sections)}"))
        elif not isinstance(value, dict):
            problems.append(file.problem((name,), f"must be a table, not {show(value)}; write [{name}] above its keys"))
        else:
            right[name] = _checked_section(file, name, cast("dict[str, object]", value), problems)
    return right


def _checked_section(
    file: TomlFile, name: str, values: dict[str, object], problems: list[Problem]
) -> dict[str, object]:
    secrets = {key for key in values if _is_secret(key)}
    problems.extend(_misplaced(file, (name, key)) for key in sorted(secrets))
    values = {key: value for key, value in values.items() if key not in secrets}
    schema = Settings.sections[name]
    try:
        schema.model_validate(values, strict=True)
    except ValidationError as error:
        wrong = explain(schema, error)
        problems.extend(file.problem((name, *path), text) for path, text in wrong)
        bad = {path[0] for path, _ in wrong if path}
        return {key: value for key, value in values.items() if key not in bad}
    return values


def _is_secret(key: str) -> bool:
    return bool(re.search(r"token|secret|password|api_?key", key, re.IGNORECASE))


def _misplaced(file: TomlFile, path: KeyPath) -> Problem:
    return file.problem(path, f"a secret may not stand in this file; put {TOKEN}=… into .env or the environment")


def _check_names(given: _Given, problems: list[Problem]) -> None:
    """Octet's variables that set nothing: all in .env, and in the environment those that look like settings."""
    sections = Settings.sections.items()
    known = {TOKEN} | {_variable(section, key) for section, schema in sections for key in schema.model_fields}
    for name, line in given.env_file.items():
        if name.startswith("OCTET_") and name not in known:
            text = f"there is no such setting; {suggest(name, known)}"
            if name == HOME:
                text = "sets nothing here: this file is looked for in the home; set it in the environment"
            elif name == FAULT_POINTS:
                text = "sets nothing here: it is for tests, and for the environment of one run only"
            problems.append(Problem(file=ENV_FILE, line=line, key=name, text=text))
    for name, written in given.names().items():
        if "__" in name and name not in known:
            text = f"there is no such setting; {suggest(name, known)}"
            problems.append(Problem(file=ENVIRONMENT, key=written, text=text))


def _variable(section: str, key: str) -> str:
    return f"OCTET_{section}__{key}".upper()


def _wrong_together(settings: Settings, given: _Given, problems: list[Problem]) -> list[tuple[KeyPath, str]]:
    """What one setting alone cannot show."""
    wrong: list[tuple[KeyPath, str]] = []
    discord = settings.discord
    if given.is_told(("discord", "sandbox"), problems):
        return wrong
    addresses = {"api_base": discord.api_base, "gateway_url": discord.gateway_url}
    if not discord.sandbox:
        text = "is refused unless sandbox = true: it would send the token to this address; remove it"
        wrong.extend((("discord", key), text) for key, value in addresses.items() if value is not None)
        token = settings.discord_token.get_secret_value() if settings.discord_token else None
        if token is not None and not is_token(token):
            text = "this is not a bot's token; copy it from Discord's developer portal: Bot, Reset Token"
            wrong.append((("discord_token",), text))
    elif None in addresses.values():
        text = "needs the stand-in's addresses as well, in api_base and gateway_url"
        wrong.append((("discord", "sandbox"), text))
    return wrong
