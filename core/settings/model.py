"""The settings, a section for each topic, and the models that agents can be. Each setting says what it means, its
unit, and why it is as it is."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from core.kit import faults
from core.kit.problems import show

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
    """Tell whether this names the machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _loopback(host: str) -> str:
    if not is_loopback(host):
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


class DiscordSettings(Section):
    """`[discord]`: where the bot lives. Its token is OCTET_DISCORD_TOKEN."""

    guild_id: Annotated[int, Field(ge=1)] | None = None
    """Id of the one server whose members may use this Octet. Commands registered for one server are there at once,
    global ones only after a while. Unset: every server the bot was invited to."""
    channel_id: Annotated[int, Field(ge=1)] | None = None
    """Id of the channel that is told about tasks which came from elsewhere than Discord (command line, HTTP). Unset:
    such tasks are told to nobody."""
    pictures: bool = True
    """Attach pictures of an agent's window to the question what became of a prompt that nobody saw arrive. Whoever can
    read the task's thread sees them until it is answered. false: words only."""
    sandbox: bool = False
    """true: speak to a local stand-in instead of Discord, at api_base. Said loudly in the log, because whoever stands
    at that address receives the token."""
    api_base: Annotated[str, _address("http", "https")] | None = None
    """Address of the stand-in's REST interface. Refused unless sandbox = true."""
    gateway_url: Annotated[str, _address("ws", "wss")] | None = None
    """Address of the stand-in's gateway. Refused unless sandbox = true."""


class HttpSettings(Section):
    """`[http]`: the interface for agents' answers and the command line."""

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    """Address to listen on. Loopback only: everybody who reaches it may try codes and tokens, and there is no TLS."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8321
    """Port to listen on. When it is taken, another one is; run.json in the home says which."""


class DispatchSettings(Section):
    """`[dispatch]`: how long deliveries are tried, and agents are waited for, before a person is asked."""

    max_retries: Annotated[int, Field(ge=1, le=1000)] = 40
    """Attempts of one delivery that may fail through something that passes by itself; then refused."""
    retry_window_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 60.0
    """Seconds after which a delivery that still bounces is refused. Nobody waits longer unseen."""
    settle_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 5.0
    """Seconds a window may be covered or moved before this counts as lasting. Short enough to be told soon, long enough
    for a notification to go away."""
    recovery_timeout_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 30.0
    """Seconds to wait for a desk, to find out what became of a prompt that was interrupted after Enter had been asked
    for. Then a person is asked. Other prompts for that desk wait meanwhile."""
    max_rejections_per_hour: Annotated[int, Field(ge=1, le=1000)] = 6
    """This many refusals of one task within an hour park it: then only a person can help."""
    agent_timeout_s: Annotated[float, Field(gt=0, le=2_592_000, allow_inf_nan=False)] = 3600.0
    """Seconds without any sign of an agent at work (`octet progress`, `reply`, `done`) after which its task is parked
    and people are told. Longer than most tasks take, shorter than a night nobody looks at."""
    on_agent_timeout: Literal["park", "nudge", "release"] = "park"
    """What is done then: park the task for a person; nudge its agent once; release the task to another agent. The last
    two only where the window is seen idle: a silent agent may be in the middle of its work."""


class ReceiptSettings(Section):
    """`[receipts]`: for how long is kept what proves a delivery."""

    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days for which receipts of deliveries are kept: what was seen and when, hashes, no texts."""
    keep_pictures_days: Annotated[int, Field(ge=0, le=3650)] = 14
    """Days for which their pictures are kept: the composer before and after Enter, masked as the profile says. 0: none,
    but of a prompt of which a person has still to say what became of it."""
    keep_texts_days: Annotated[int, Field(ge=1, le=3650)] = 180
    """Days for which texts are kept after their task has ended: briefs, answers, messages and what was posted about
    them. Then Octet clears them; titles, ids, hashes and states stay."""


class AnswerLimits(Section):
    """`[answers]`: how much an agent may send to its task. Reports of progress do not count."""

    texts: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Texts that one task takes. The answer that ends it is taken beyond that."""
    megabytes: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Megabytes of text that one task takes. The answer that ends it is taken beyond that."""
    texts_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 30
    """Texts that one task takes within a minute. More of them wait, and none is lost."""


class AgentCommands(Section):
    """`[agents]`: what prompts tell agents."""

    agent_command: Annotated[str, Field(min_length=1, max_length=500)] = "octet"
    """How the prompt writes the command that agents answer with. The default becomes its full path where octet is not
    on PATH."""


class DisplaySettings(Section):
    """`[displays]`: the displays of desks that have one of their own ([virtual] in config/desks)."""

    start: bool = True
    """true: `octet run` starts them and ends them with itself. false: they are there while `octet desk up` keeps them,
    so that the agents' programs outlive a restart of Octet."""


def _ping_url(given: SecretStr) -> SecretStr:
    """The words never repeat the address: whoever knows it can keep an alarm from being raised."""
    parts = urlsplit(given.get_secret_value())
    try:
        has_port = parts.port != 0
    except ValueError:  # its words repeat a part of the address
        has_port = False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.netloc.isprintable() or not has_port:
        raise ValueError("must be the whole address of a page that is asked for, beginning with https://")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://: whoever listens on the way could ping in place of Octet")
    return given


class AlarmSettings(Section):
    """`[alarm]`: who hears of it when Octet itself stands still or has ended."""

    ping_url: Annotated[SecretStr, AfterValidator(_ping_url)] | None = None
    """Address of a dead man's switch outside this machine (Healthchecks, Uptime Kuma, …). Asked for every minute while
    all is well, and never while it is not: its silence raises the alarm there. Whatever in it is secret is never
    logged; it belongs into .env, as OCTET_ALARM__PING_URL. https, or http to this machine. Unset: nobody is pinged."""


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
    """Name of the variable in .env or the environment that holds the key; left out for an API without."""
    at_once: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many requests of all its agents may be under way at the same time."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0  # How long one whole answer may take, in seconds
    key: SkipJsonSchema[SecretStr | None] = Field(default=None, exclude=True)

    @property
    def is_local(self) -> bool:
        """Whether the API runs on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


class LogSettings(Section):
    """`[log]`: what the log says."""

    level: Level = "info"  # The least important lines that are written. Bodies never are


class Settings(BaseModel):
    """All settings of one run, built once and handed on."""

    model_config = ConfigDict(frozen=True)

    discord_token: SecretStr | None = None
    """The bot's token, from Discord's developer portal. A secret: .env or environment only."""
    fault_points: Annotated[Path, AfterValidator(_own_folder)] | None = None
    """For tests only, environment only: a folder of tickets, each of which ends this process at a named place in its
    code. The folder must be yours, and no other account may write in it."""
    discord: DiscordSettings = DiscordSettings()
    http: HttpSettings = HttpSettings()
    dispatch: DispatchSettings = DispatchSettings()
    receipts: ReceiptSettings = ReceiptSettings()
    answers: AnswerLimits = AnswerLimits()
    agents: AgentCommands = AgentCommands()
    displays: DisplaySettings = DisplaySettings()
    alarm: AlarmSettings = AlarmSettings()
    log: LogSettings = LogSettings()
