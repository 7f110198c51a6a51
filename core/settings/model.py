"""The settings, a section for each topic, and the models that agents can be. Each says what it means and its unit."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from core.kit import faults
from core.kit.problems import show

_HOST = re.compile(r"(?=.{1,100}$)[a-z0-9-]+(\.[a-z0-9-]+)+")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
Level = Literal["debug", "info", "warning", "error"]  # how much the log says


class Schema(BaseModel):
    """What a file may hold: nothing unknown, and no value that is only nearly of its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Section(Schema):
    """One table of octet.toml."""

    # Not strict: the environment has only text. What octet.toml says is checked strictly on its own.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _loopback(host: str) -> str:
    if not is_loopback(host):
        raise ValueError(f'must be an address of this machine only, "127.0.0.1" or "::1", not {show(host)}')
    return host


def _address(*schemes: str) -> AfterValidator:
    begin, pattern = [f"{one}://" for one in schemes], re.compile(rf"({'|'.join(schemes)})://[^\s/]+(/\S*)?")

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"must be an address that begins with {' or '.join(begin)}, not {show(text)}")
        return text

    return AfterValidator(check)


def _own_folder(folder: Path) -> Path:
    if why := faults.why_not(folder):
        raise ValueError(f"is refused: {why}")
    return folder


class CommandGroup(StrEnum):
    """The groups of commands in Discord whose rarer ones an owner can switch on."""

    TASK = "task"
    MSG = "msg"
    AGENT = "agent"
    DESK = "desk"
    FLEET = "fleet"
    ADMIN = "admin"


def _groups(value: Any) -> frozenset[CommandGroup]:
    """Read a file's list, or the text of an environment variable, which has commas."""
    given = [one.strip() for one in value.split(",")] if isinstance(value, str) else value
    try:
        return frozenset(map(CommandGroup, given))
    except (TypeError, ValueError):
        raise ValueError(f"must be a list of some of {', '.join(CommandGroup)}, not {show(value)}") from None


class ConfigKind(StrEnum):
    """What one item of the configuration is."""

    SETTING = "setting"
    SECRET = "secret"  # noqa: S105  a kind, not a secret
    AGENT = "agent"
    DESK = "desk"
    MODEL = "model"
    PROGRAM = "program"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigItem:
    """One item of the configuration as its file says it now, and the place of it."""

    kind: ConfigKind
    name: str  # of a setting as octet.toml writes it, `[http] port`; of a secret its variable
    value: str = ""  # as TOML writes it; of a desk its windows; never a secret
    is_set: bool = True
    file: str = ""  # relative to the home, or `environment`; empty: Octet's default
    line: int | None = None


class DiscordSettings(Section):
    """`[discord]`: the bot's server and channel. Its token is OCTET_DISCORD_TOKEN."""

    guild_id: Annotated[int, Field(ge=1)] | None = None
    """Id of the one server whose members may use this Octet. Commands then appear there at once; global commands take
    a while. Unset: every server with the bot."""
    channel_id: Annotated[int, Field(ge=1)] | None = None
    """Id of the channel for messages about tasks that do not come from Discord (command line, HTTP). Unset: Octet posts
    none."""
    admin_channel_id: Annotated[int, Field(ge=1)] | None = None
    """Id of the channel where Octet posts the head of its journal once a day. Rows that are later removed from the
    journal's end then show, even to someone without this machine. Unset: Octet posts it nowhere."""
    client_id: Annotated[int, Field(ge=1)] | None = None
    """Id of the bot's application, for *Log in with Discord* on the page: needs public_url of [http], and the client
    secret in .env as OCTET_DISCORD_CLIENT_SECRET. Both: discord.com/developers, OAuth2. Unset: `octet page` logs in."""
    pictures: bool = True
    """Attach pictures of an agent's window to the question whether a prompt arrived. Every reader of the task's thread
    sees them until a user answers. false: text only."""
    thread_messages: bool = False
    """true: what users write in a task's thread goes to the task's agent, without a command. Switch on Message Content
    Intent first: discord.com/developers, Bot, Privileged Gateway Intents."""
    groups: Annotated[frozenset[CommandGroup], BeforeValidator(_groups, json_schema_input_type=list[CommandGroup])] = (
        frozenset()
    )
    """Discord offers all commands of these groups, such as ["task", "desk"], and the common ones of the others.
    `/admin commands` changes this while Octet runs."""
    sandbox: bool = False
    """true: connect to a local test server at api_base instead of Discord. The log warns of it, because that server
    receives the token."""
    api_base: Annotated[str, _address("http", "https")] | None = None
    """Address of the test server's REST interface. Refused unless sandbox = true."""
    gateway_url: Annotated[str, _address("ws", "wss")] | None = None
    """Address of the test server's gateway. Refused unless sandbox = true."""

    @property
    def url(self) -> str:
        """The address of the server for people; empty where the settings do not name one."""
        if self.sandbox and self.api_base:
            return urljoin(self.api_base, "/")
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id or ''}" if self.guild_id else ""


def _public_url(text: str) -> str:
    """Check an origin, and return it as browsers write it."""
    try:
        parts = urlsplit(text)
        port = "" if parts.port in {None, 443} else f":{parts.port}"
        host, has_more = parts.hostname or "", parts.path not in {"", "/"} or parts.query or parts.fragment
        is_right = parts.scheme == "https" and not has_more and not parts.username and _HOST.fullmatch(host)
    except ValueError:
        is_right, host, port = None, "", ""
    if not is_right or is_loopback(host):
        raise ValueError(f'must be https:// and a host, such as "https://octet.example.org", not {show(text)}')
    return f"https://{host}{port}"


class HttpSettings(Section):
    """`[http]`: the interface for agents' answers and the command line."""

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    """Address to listen on. Loopback only: every client that reaches it may try codes and tokens, and there is no
    TLS."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8321
    """Port to listen on. If another program uses it, Octet takes another one; run.json in the home says which."""
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    """Where your own tunnel or proxy serves this Octet by https, such as "https://octet.example.org". Octet then
    accepts requests for this host, too, and its messages in Discord link to the page. Unset: this machine only."""


class DispatchSettings(Section):
    """`[dispatch]`: how long Octet retries deliveries and waits for agents before it asks a user."""

    max_retries: Annotated[int, Field(ge=1, le=1000)] = 40
    """Transient failures allowed for one delivery before Octet refuses it."""
    retry_window_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 60.0
    """Seconds after which Octet refuses a delivery that still bounces."""
    settle_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 5.0
    """Seconds for which a window may be covered or moved before Octet reports it: long enough for a notification to
    disappear."""
    recovery_timeout_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 30.0
    """Seconds to wait for a desk in order to check a prompt that was interrupted around Enter. Then Octet asks a user.
    Other prompts for that desk wait meanwhile."""
    max_rejections_per_hour: Annotated[int, Field(ge=1, le=1000)] = 6
    """Octet parks a task after this many refusals within an hour; then a user must act."""
    max_tasks_per_user: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """So many tasks of one user may be under way at once; the others wait for their turn. Unset: no limit."""
    rest_after_failures: Annotated[int, Field(ge=1, le=1000)] = 3
    """After so many failed tasks in a row an agent rests: five minutes, twice as long after each further failure, at
    most four hours. Then it gets one task as a test."""
    idle_after_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 30.0
    """Seconds for which the window of an agent with a task must show that it rests before Octet reports that it looks
    idle and has not answered."""
    agent_timeout_s: Annotated[float, Field(gt=0, le=2_592_000, allow_inf_nan=False)] = 3600.0
    """Seconds without any sign of an agent at work (`octet progress`, `reply`, `done`) after which Octet
    parks its task and reports it. Longer than most tasks take, shorter than a night."""
    on_agent_timeout: Literal["park", "nudge", "release"] = "park"
    """What Octet does then: park the task for a user, nudge its agent once, or release the task to another agent. The
    last two need an idle window: a silent agent may be in the middle of its work."""


class ReceiptSettings(Section):
    """`[receipts]`: how long Octet keeps the proofs of deliveries."""

    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days for which Octet keeps receipts of deliveries: observations, times and hashes, no texts."""
    keep_pictures_days: Annotated[int, Field(ge=0, le=3650)] = 14
    """Days for which Octet keeps their pictures: the composer before and after Enter, masked as the profile says.
    0: only those of unconfirmed deliveries, until a user decides."""
    keep_texts_days: Annotated[int, Field(ge=1, le=3650)] = 180
    """Days for which Octet keeps texts after their task has ended: briefs, answers, messages and its own posts about
    them. It then deletes them, and keeps titles, ids, hashes and states."""


class AnswerLimits(Section):
    """`[answers]`: how much an agent may send to its task. Reports of progress do not count."""

    texts: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Texts that one task takes. Its final answer does not count."""
    megabytes: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Megabytes of text that one task takes. Its final answer does not count."""
    texts_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 30
    """Texts that one task takes within a minute. Further ones wait; none is lost."""


class CheckSettings(Section):
    """`[checks]`: how Octet runs the checks of tasks."""

    at_once: Annotated[int, Field(ge=1, le=64)] = 2
    """Of how many tasks Octet runs checks at the same time."""
    retries: Annotated[int, Field(ge=0, le=20)] = 2
    """How often an agent may repair its work after failed checks before Octet asks a user."""
    keep_folders_days: Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)] = 7.0
    """Days after the end of a task after which Octet removes its folder. Its snapshots stay."""


class TalkLimits(Section):
    """`[talk]`: how much agents may say to each other. A user's message begins a new chain of messages."""

    hops: Annotated[int, Field(ge=1, le=20)] = 4
    """Messages in a row from agent to agent. Direct replies are always allowed."""
    per_pair_per_minute: Annotated[int, Field(ge=1, le=1000)] = 6
    """Messages from one agent to the same other agent within a minute."""
    per_trace: Annotated[int, Field(ge=1, le=100_000)] = 40
    """Messages of agents in one chain. Then Octet stops the chain, and a user decides."""
    subtask_depth: Annotated[int, Field(ge=0, le=5)] = 2
    """How deep subtasks go below the task that a user asked for. 0: no agent gives work to others."""
    subtasks: Annotated[int, Field(ge=1, le=1000)] = 20
    """Subtasks that agents create for one task of a user, at all depths."""
    goal_hours: Annotated[int, Field(ge=1, le=10_000)] = 24
    """Hours for which agents create subtasks for a task, from its creation on."""
    question_minutes: Annotated[int, Field(ge=1, le=100_000)] = 60
    """How long an agent's question waits for an answer, unless the agent says otherwise."""


class AgentCommands(Section):
    """`[agents]`: the content of prompts."""

    agent_command: Annotated[str, Field(min_length=1, max_length=500)] = "octet"
    """The command in the prompt with which agents answer. If octet is not in a folder of every login shell's
    PATH, the default becomes its full path."""


class DisplaySettings(Section):
    """`[displays]`: the virtual displays of desks ([virtual] in config/desks)."""

    start: bool = True
    """true: `octet run` starts and ends virtual displays. false: `octet desk up` runs them, so that the agents'
    programs survive a restart of Octet."""


def _ping_url(given: SecretStr) -> SecretStr:
    """Check the address without ever repeating it: it can keep an alarm from being raised."""
    parts = urlsplit(given.get_secret_value())
    try:
        has_port = parts.port != 0
    except ValueError:  # its words repeat a part of the address
        has_port = False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.netloc.isprintable() or not has_port:
        raise ValueError("must be a complete address that begins with https://")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://: a listener on the way could otherwise ping in place of Octet")
    return given


class AlarmSettings(Section):
    """`[alarm]`: the alert for when Octet itself hangs or has ended."""

    ping_url: Annotated[SecretStr, AfterValidator(_ping_url)] | None = None
    """Address of a dead man's switch outside this machine (Healthchecks, Uptime Kuma, …). Octet requests it every
    minute while everything works; a missing request raises the alarm there. Octet never logs it. Put it into .env as
    OCTET_ALARM__PING_URL. https, or http to this machine. Unset: no outage alerts."""


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError(f'must be the address of an API, for example "https://api.openai.com/v1", not {show(text)}')
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address without a user, a query or a fragment; the key belongs into api_key_env")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):  # it may be the key itself: never repeat it
        raise ValueError('must be the name of an environment variable, for example "OPENAI_API_KEY", not the key')
    return text


class Model(Schema):
    """`[models.NAME]`: one model behind an API that speaks chat completions."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    """Address of the API, for example "https://api.openai.com/v1" or "http://127.0.0.1:11434/v1"."""
    model: Annotated[str, Field(min_length=1, max_length=200)]  # What the API calls the model
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    """Name of the variable in .env or the environment that contains the key; omit it for an API without a key."""
    at_once: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many requests all its agents together may run at the same time."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0  # How long one whole answer may take, in seconds
    input_price: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """Dollars for a million tokens of prompts. With both prices, tasks show what each attempt cost."""
    output_price: Annotated[float, Field(ge=0, le=1_000_000)] | None = None  # Dollars for a million tokens of answers
    asks_usage: bool = True  # Whether Octet asks how many tokens an answer used; false for an API that refuses this
    key: SkipJsonSchema[SecretStr | None] = Field(default=None, exclude=True)

    @property
    def is_local(self) -> bool:
        return is_loopback(urlsplit(self.base_url).hostname or "")


class LogSettings(Section):
    """`[log]`: what Octet logs."""

    level: Level = "info"  # The lowest level that Octet logs. It never logs texts


class Settings(BaseModel):
    """All settings of one run, built once."""

    model_config = ConfigDict(frozen=True)

    discord_token: SecretStr | None = None
    """The bot's token, from Discord's developer portal. A secret: .env or environment only."""
    discord_client_secret: SecretStr | None = None
    """The secret of the bot's application, for `client_id` of [discord]. A secret: .env or environment only."""
    fault_points: Annotated[Path, AfterValidator(_own_folder)] | None = None
    """For tests only, environment only: a folder of tickets; each ends this process at a named place in its
    code. Only your account may be able to write in it."""
    discord: DiscordSettings = DiscordSettings()
    http: HttpSettings = HttpSettings()
    dispatch: DispatchSettings = DispatchSettings()
    receipts: ReceiptSettings = ReceiptSettings()
    answers: AnswerLimits = AnswerLimits()
    talk: TalkLimits = TalkLimits()
    checks: CheckSettings = CheckSettings()
    agents: AgentCommands = AgentCommands()
    displays: DisplaySettings = DisplaySettings()
    alarm: AlarmSettings = AlarmSettings()
    log: LogSettings = LogSettings()
