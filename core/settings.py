"""The settings of every room, and the home they are read from. The one place that knows the environment.

Order: config/octet.toml < .env < environment (`OCTET_HTTP__PORT` is `port` of `[http]`). Secrets stand in .env or the
environment only. Each setting says what it means, its unit, and why it is as it is.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

import platformdirs
from dotenv.parser import Binding, parse_stream
from pydantic import ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from core.kit.problems import KeyPath, Problem, show, suggest
from core.kit.schemas import Schema, explain
from core.kit.toml import TomlFile, read_toml

TOKEN = "OCTET_DISCORD_TOKEN"  # noqa: S105  the name of the variable, not the secret
HOME = "OCTET_HOME"
OCTET_TOML = "config/octet.toml"
ENV_FILE = ".env"
ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder that one Octet lives in, and the places inside. Naming a place does not make it."""

    root: Path

    @property
    def config(self) -> Path:
        """What people write: octet.toml, agents.toml, desks/, profiles/."""
        return self.root / "config"

    @property
    def env_file(self) -> Path:
        """Secrets, and settings that belong to this machine only."""
        return self.root / ENV_FILE

    @property
    def db(self) -> Path:
        """The database: tasks, messages, deliveries, the journal."""
        return self.root / "octet.db"

    @property
    def lock(self) -> Path:
        """Held by the one coordinator of this home."""
        return self.root / "octet.lock"

    @property
    def run_json(self) -> Path:
        """Address, port and operator's token of the running coordinator; 0600."""
        return self.root / "run.json"

    @property
    def audit_key(self) -> Path:
        """The key of the journal's chain; 0600."""
        return self.root / "audit.key"

    @property
    def codes_key(self) -> Path:
        """The key that tasks' answer codes are checked with; 0600."""
        return self.root / "codes.key"

    @property
    def answers(self) -> Path:
        """Answers that agents left while no coordinator ran."""
        return self.root / "answers"

    @property
    def briefs(self) -> Path:
        """Prompts that are longer than their window takes; files are 0600."""
        return self.root / "briefs"

    @property
    def anchors(self) -> Path:
        """Pictures of the part of each window that always looks the same."""
        return self.root / "anchors"


Level = Literal["debug", "info", "warning", "error"]
"""How much the log says."""


class _Section(Schema):
    # Not strict: the environment has only text. What octet.toml says is checked strictly on its own.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


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
    sandbox: bool = Field(
        default=False,
        description="true: speak to a local stand-in instead of Discord, at api_base. Said loudly in the log, "
        "because whoever stands at that address receives the token.",
    )
    api_base: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None = Field(
        default=None, description="Address of the stand-in's REST interface. Refused unless sandbox = true."
    )
    gateway_url: Annotated[str, Field(pattern=r"^wss?://[^\s/]+(/\S*)?$")] | None = Field(
        default=None, description="Address of the stand-in's gateway. Refused unless sandbox = true."
    )


class Http(_Section):
    """`[http]`: the interface for agents' answers and the command line."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Loopback only: everybody who reaches it may try codes and tokens, "
        "and there is no TLS.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8321,
        description="Port to listen on. When it is taken, another one is; run.json in the home says which.",
    )


class Dispatch(_Section):
    """`[dispatch]`: how long deliveries are tried before a person is asked."""

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
    refusals_per_hour: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=6, description="This many refusals of one task within an hour park it: then only a person can help."
    )


class AgentCommands(_Section):
    """`[agents]`: what prompts tell agents."""

    agent_command: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        default="octet",
        description="How the prompt writes the command that agents answer with. The default becomes its full path "
        "where octet is not on PATH.",
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
    discord: Discord = Discord()
    http: Http = Http()
    dispatch: Dispatch = Dispatch()
    agents: AgentCommands = AgentCommands()
    log: Log = Log()

    sections: ClassVar[dict[str, type[_Section]]] = {
        "discord": Discord,
        "http": Http,
        "dispatch": Dispatch,
        "agents": AgentCommands,
        "log": Log,
    }

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Strongest first. What octet.toml says is handed to the constructor and is the weakest."""
        return env_settings, dotenv_settings, init_settings


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def find_home(home: Path | None, env: Mapping[str, str], cwd: Path) -> Home:
    """`home` (--home), else $OCTET_HOME, else `cwd` if it holds config/octet.toml, else the user's data folder."""
    if home is not None:
        return Home(root=cwd / home.expanduser())
    if env.get(HOME):
        return Home(root=cwd / Path(env[HOME]).expanduser())
    if (cwd / OCTET_TOML).is_file():
        return Home(root=cwd)
    return Home(root=platformdirs.user_data_path("octet", appauthor=False))


def read_settings(home: Home, problems: list[Problem]) -> Settings | None:
    """The settings of this home. Everything wrong with them is added to `problems`; None when they cannot be built."""
    file = read_toml(home.root / OCTET_TOML, OCTET_TOML)
    if isinstance(file, Problem):
        problems.append(file)
        file = TomlFile(name=OCTET_TOML)
    env_file = _read_env_file(home, problems)
    given = _Given(file, env_file, environment())
    values = _checked_toml(file, problems)
    _check_names(given, problems)
    try:
        settings = Settings(**cast("Any", {**values, "_env_file": home.env_file if env_file else None}))
    except ValidationError as error:
        told = {(problem.file, problem.key) for problem in problems}
        found = [given.problem(path, text) for path, text in explain(Settings, error)]
        problems.extend(problem for problem in found if (problem.file, problem.key) not in told)
        return None
    except SettingsError as error:  # OCTET_HTTP='{…' that is not JSON
        problems.append(Problem(file=ENVIRONMENT, text=f"{str(error).lower()}; name each setting: OCTET_HTTP__PORT"))
        return None
    _check_together(settings, given, problems)
    return settings


@dataclass(frozen=True, slots=True)
class _Given:
    """Who gave which setting, to name the place of a problem."""

    file: TomlFile
    env_file: dict[str, Binding]
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
                return Problem(file=ENV_FILE, line=self.env_file[variable].original.line, key=variable, text=text)
        if path == ("discord_token",):
            return Problem(file=ENVIRONMENT, key=TOKEN, text=text)
        return self.file.problem(path, text)


def _read_env_file(home: Home, problems: list[Problem]) -> dict[str, Binding]:
    """The variables of .env with their lines, by upper-case name. Empty when there is no .env or it cannot be read."""
    try:
        raw = home.env_file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(Problem(file=ENV_FILE, text=f"cannot be read: {(error.strerror or str(error)).lower()}"))
        return {}
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # what it warns of is a problem below, with its line
    try:
        bindings = list(parse_stream(io.StringIO(raw.decode("utf-8"))))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file=ENV_FILE, line=line, text="is not UTF-8; save it as UTF-8"))
        return {}
    found: dict[str, Binding] = {}
    for binding in bindings:
        if binding.error:
            text = "cannot be read; write NAME=value, and quotes around a value with blanks or #"
            problems.append(Problem(file=ENV_FILE, line=binding.original.line, text=text))
        elif binding.key:
            found[binding.key.upper()] = binding
    return found


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
    others = {HOME, "OCTET_TIERS", "OCTET_AGENT_TOKEN"}
    for name, binding in given.env_file.items():
        if name.startswith("OCTET_") and name not in known | others:
            text = f"there is no such setting; {suggest(name, known)}"
            problems.append(Problem(file=ENV_FILE, line=binding.original.line, key=name, text=text))
    for name, written in given.names().items():
        if "__" in name and name not in known:
            text = f"there is no such setting; {suggest(name, known)}"
            problems.append(Problem(file=ENVIRONMENT, key=written, text=text))


def _variable(section: str, key: str) -> str:
    return f"OCTET_{section}__{key}".upper()


def _check_together(settings: Settings, given: _Given, problems: list[Problem]) -> None:
    """What one setting alone cannot show."""
    discord = settings.discord
    for key, value in (("api_base", discord.api_base), ("gateway_url", discord.gateway_url)):
        if value is not None and not discord.sandbox:
            text = "is refused unless sandbox = true: it would send the token to this address; remove it"
            problems.append(given.problem(("discord", key), text))
    if discord.sandbox and discord.api_base is None:
        problems.append(given.problem(("discord", "sandbox"), "needs the stand-in's address in api_base as well"))
    token = settings.discord_token.get_secret_value() if settings.discord_token else None
    if token is not None and not discord.sandbox and not re.fullmatch(r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}", token):
        text = "this is not a bot's token; copy it from discord.com/developers, Bot, Reset Token"
        problems.append(given.problem(("discord_token",), text))
    if not _is_loopback(settings.http.host):
        text = f'must be an address of this machine only ("127.0.0.1", "::1"), not {show(settings.http.host)}'
        problems.append(given.problem(("http", "host"), text))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
