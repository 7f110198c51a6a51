"""What whoever calls `octet init` says beforehand, by options. What is not said is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AgentPlace(StrEnum):
    """The ways in which prompts reach agents."""

    WINDOWS = "windows"
    TERMINALS = "terminals"
    DISPLAYS = "displays"
    DRY_RUN = "dryrun"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """None is asked."""

    guild: int | None = None
    channel: int | None = None
    owner: str | None = None  # A person's id, `application` for whoever owns that, or `none`
    agents: AgentPlace | None = None
    login: bool | None = None  # whether Octet starts at log-in
    wait_s: float = 600.0  # how long to wait for the bot's invitation
    answer_s: float = 120.0  # how long to wait for the test task's answer
    send_task: bool = True  # Octet is started, and one test task sent
    keep_running: bool = True  # afterwards it runs until Ctrl-C
