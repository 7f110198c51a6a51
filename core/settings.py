"""The settings of every room. The one place that knows the environment.

Order: config/octet.toml < .env < environment (`OCTET_HTTP__PORT` is `port` of `[http]`). Secrets stand in .env or the
environment only. Each setting says what it means, its unit, and why it is as it is.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from core.home import ENV_FILE, HOME, OCTET_TOML, Home
from core.kit import faults
from core.kit.env_file import read_env_file
from core.kit.problems import KeyPath, Problem, show, suggest
from core.kit.schemas import Schema, explain
from core.kit.toml import TomlFile, read_toml

TOKEN = "OCTET_DISCORD_TOKEN"  # noqa: S105  the name of the variable, not the secret
FAULT_POINTS = "OCTET_FAULT_POINTS"
ENVIRONMENT = "environment"
_TOKEN_SHAPE = re.compile(r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}")


Level = Literal["debug", "info", "warning", "error"]
"""How much the log says."""


class _Section(Schema):
    # Not strict: the environment has only text. What octet.toml says is checked strictly on its own.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def _loopback(host: str) -> str:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(f'must be an address of this machine only, "127.0.0.1" or "::1", not {show(host)}')
    return host


def _address(*schemes: str) -> AfterValidator:
    pattern = re.compile(rf"({'|'.join(schemes)})://[^\s/]+(/\S*)?")

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(
                f"must be an address that begins with {schemes[0]}:// or {schemes[1]}://, not {show(text)}"
            )
        return text

    return AfterValidator(check)


def _own_folder(folder: Path) -> Path:
    if why := faults.why_not(folder):
        raise ValueError(f"is refused: {why}")
    return folder


class Discord(_Section):
    """`[discord]`: where the bot lives. Its token is OCTET_DISCORD_TOKEN."""

    guild_id: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Id of the one server whose members may use this Octet. Commands registered for one server are "
        "there at once, global ones only after a while. Unset: every server the bot was invited to.",
    )
    channel_id: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Id of the channel that is told about tasks which came from elsewhere than Discord (command "
        "line, HTTP). Unset: such tasks are told to nobody.",
    )
    pictures: bool = Field(
        default=True,
        description="Attach pictures of an agent's window to the question what became of a prompt that nobody saw "
        "arrive. Whoever can read the task's thread sees them until it is answered. false: words only.",
    )
    sandbox: bool = Field(
        default=False,
        description="true: speak to a local stand-in instead of Discord, at api_base. Said loudly in the log, "
        "because whoever stands at that address receives the token.",
    )
    api_base: Annotated[str, _address("http", "https")] | None = Field(
        default=None, description="Address of the stand-in's REST interface. Refused unless sandbox = true."
    )
    gateway_url: Annotated[str, _address("ws", "wss")] | None = Field(
        default=None, description="Address of the stand-in's gateway. Refused unless sandbox = true."
    )


class Http(_Section):
    """`[http]`: the interface for agents' answers and the command line."""

    host: Annotated[str, AfterValidator(_loopback)] = Field(
        default="127.0.0.1",
        description="Address to listen on. Loopback only: everybody who reaches it may try codes and tokens, "
        "and there is no TLS.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8321,
        description="Port to listen on. When it is taken, another one is; run.json in the home says which.",
    )


class Dispatch(_Section):
    """`[dispatch]`: how long deliveries are tried, and agents are waited for, before a person is asked."""

    max_bounces: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=40,
        description="Attempts of one delivery that may fail through something that passes by itself; then refused.",
    )
    bounce_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = Field(
        default=60.0,
        description="Seconds after which a delivery that still bounces is refused. Nobody waits longer unseen.",
    )
    settle_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = Field(
        default=5.0,
        description="Seconds a window may be covered or moved before this counts as lasting. "
        "Short enough to be told soon, long enough for a notification to go away.",
    )
    find_out_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = Field(
        default=30.0,
        description="Seconds to wait for a desk, to find out what became of a prompt that was interrupted after Enter "
        "had been asked for. Then a person is asked. Other prompts for that desk wait meanwhile.",
    )
    refusals_per_hour: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=6, description="This many refusals of one task within an hour park it: then only a person can help."
    )
    silent_after_s: Annotated[float, Field(gt=0, le=2_592_000, allow_inf_nan=False)] = Field(
        default=3600.0,
        description="Seconds without any sign of an agent at work (`octet progress`, `reply`, `done`) after which its "
        "task is parked and people are told. Longer than most tasks take, shorter than a night nobody looks at.",
    )
    when_silent: Literal["park", "nudge", "release"] = Field(
        default="park",
        description="What is done then: park the task for a person; nudge its agent once; release the task to another "
        "agent. The last two only where the window is seen idle: a silent agent may be in the middle of its work.",
    )


class Receipts(_Section):
    """`[receipts]`: for how long is kept what proves a delivery."""

    keep_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=90,
        description="Days for which receipts of deliveries are kept: what was seen and when, hashes, no texts.",
    )
    keep_pictures_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        default=14,
        description="Days for which their pictures are kept: the composer before and after Enter, masked as the "
        "profile says. 0: none, but of a prompt of which a person has still to say what became of it.",
    )


class AgentCommands(_Section):
    """`[agents]`: what prompts tell agents."""

    agent_command: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        default="octet",
        description="How the prompt writes the command that agents answer with. The default becomes its full path "
        "where octet is not on PATH.",
    )


class Displays(_Section):
    """`[displays]`: the displays of desks that have one of their own ([virtual] in config/desks)."""

    start: bool = Field(
        default=True,
        description="true: `octet run` starts them and ends them with itself. false: they are there while "
        "`octet desk up` keeps them, so that the agents' programs outlive a restart of Octet.",
    )


class Log(_Section):
    """`[log]`: what the log says."""

    level: Level = Field(default="info", description="The least important lines that are written. Bodies never are.")


class Settings(BaseSettings):
    """All settings of one run, built once and handed on."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",  # unknown names are found before, where their place is known
        env_prefix="OCTET_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        env_file_encoding="utf-8",
    )

    discord_token: SecretStr | None = Field(
        default=None,
        description="The bot's token, from Discord's developer portal. A secret: .env or environment only.",
    )
    fault_points: Annotated[Path, AfterValidator(_own_folder)] | None = Field(
        default=None,
        description="For tests only, environment only: a folder of tickets, each of which ends this process at a named "
        "place in its code. The folder must be yours, and nobody else may write in it.",
    )
    discord: Discord = Discord()
    http: Http = Http()
    dispatch: Dispatch = Dispatch()
    receipts: Receipts = Receipts()
    agents: AgentCommands = AgentCommands()
    displays: Displays = Displays()
    log: Log = Log()

    sections: ClassVar[dict[str, type[_Section]]] = {
        "discord": Discord,
        "http": Http,
        "dispatch": Dispatch,
        "receipts": Receipts,
        "agents": AgentCommands,
        "displays": Displays,
        "log": Log,
    }

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: `read_settings` puts the sources together, where it knows each value's place."""
        return (init_settings,)


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


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
    return settings


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
        if token is not None and not _TOKEN_SHAPE.fullmatch(token):
            text = "this is not a bot's token; copy it from Discord's developer portal: Bot, Reset Token"
            wrong.append((("discord_token",), text))
    elif None in addresses.values():
        text = "needs the stand-in's addresses as well, in api_base and gateway_url"
        wrong.append((("discord", "sandbox"), text))
    return wrong
