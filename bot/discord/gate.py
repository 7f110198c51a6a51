"""What stops Octet from writing to Discord for a while: a ban, a channel that refuses, the limit of edits.

The outbox, the live boards and every request of the client share one gate. Notices record only their own tries.
"""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp
import structlog

from core.kit.clock import Clock
from core.kit.errors import Unavailable

log = structlog.get_logger(__name__)

_BAN_S = 300.0
"""How long a ban without a length lasts, and how long a refused token rests before it is tried again."""
_LONGEST_BAN_S = 3600.0
_SAME_S = 1.0
_TOKEN_ROUTES = ("/webhooks/", "/interactions/")
"""These requests carry their own token: a 401 is about that token, not about the bot's."""


class Blocked(Unavailable):
    """Discord takes nothing from this bot for now: {why}."""

    def __init__(self, *, why: str, after_s: float = _BAN_S) -> None:
        super().__init__(why=why)
        self.after_s = after_s


class Gate:
    """Knows what may be written now. All of it is forgotten when the process ends."""

    def __init__(self, clock: Clock) -> None:
        """Begin open."""
        self._clock = clock
        self._closed_until_s = clock.monotonic_s()
        self.is_probing = False
        """Nothing has succeeded since the last ban: one writer tries, the others wait."""

    def close(self, why: str, after_s: float) -> None:
        """Stop all writers for so long. The same ban, told by several requests, counts once."""
        if self.closed_s() == 0 or after_s > self.closed_s() + _SAME_S:
            log.error("discord_blocks_us", why=why, after_s=round(after_s, 1))
            self._closed_until_s = self._clock.monotonic_s() + after_s
            self.is_probing = True

    def closed_s(self) -> float:
        """Return for how many seconds nothing may be written; 0 when the gate is open."""
        return max(0.0, self._closed_until_s - self._clock.monotonic_s())

    def check(self) -> None:
        """Raise Blocked while the gate is closed."""
        if (left_s := self.closed_s()) > 0:
            raise Blocked(why="waiting until the ban is over", after_s=left_s)

    def passed(self) -> None:
        """Note that Discord took something."""
        self.is_probing = False

    def trace(self) -> aiohttp.TraceConfig:
        """Return hooks for one client: a closed gate refuses each of its requests, and its answers close the gate."""

        async def check(_session: object, _context: SimpleNamespace, sent: aiohttp.TraceRequestStartParams) -> None:
            if not sent.url.scheme.startswith("ws"):
                self.check()

        async def read(_session: object, _context: SimpleNamespace, got: aiohttp.TraceRequestEndParams) -> None:
            status, headers = got.response.status, got.response.headers
            is_json = headers.get("Content-Type") == "application/json"
            if status == 429 and not (headers.get("Via") and is_json):  # else it is an ordinary limit
                self.close("429 by the proxy in front of Discord", ban_s(headers.get("Retry-After", "")))
            elif status == 401 and not any(route in got.url.path for route in _TOKEN_ROUTES):
                self.close("401: the token is refused", _BAN_S)

        hooks = aiohttp.TraceConfig()
        hooks.on_request_start.append(check)
        hooks.on_request_end.append(read)
        return hooks


def ban_s(retry_after: str) -> float:
    """Return how long a ban lasts: as its header says, or some minutes."""
    try:
        return min(max(float(retry_after), 1.0), _LONGEST_BAN_S)
    except ValueError:
        return _BAN_S
