"""How a sandbox behaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, frozen=True)
class SandboxSettings:
    """How the sandbox behaves; the deadlines are Discord's own unless a test shortens them."""

    port: int = 0
    token: str | None = None
    ack_deadline_s: float = 3.0
    token_ttl_s: float = 15 * 60.0
    rate_limit: int = 200
    rate_window_s: float = 1.0
    heartbeat_ms: int = 41_250
    nonce_ttl_s: float = 120.0  # how long a message's nonce is remembered
    session_ttl_s: float = 120.0  # how long a lost client may come back to its gateway session
    has_screen: bool = False  # whether the page shows a screen; `show_screen` says later where its picture is
    identify_every_s: float = 5.0  # how often the application may start a gateway session
    shards: int = 1  # how many gateway sessions the application must divide its guilds among
    privileged: int = 0  # the application's flags of the privileged intents that its owner has enabled
    clock: Callable[[], float] = time.monotonic  # seconds, for the gateway's limits
    is_invited: bool = True  # whether the bot is a member of the guild from the start, or `invite` makes it one
