"""Limits on writing to Discord: a ban, a channel that refuses, the number of edits.

The outbox, the board writer and every request of the client share one instance."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import structlog

from core.kit.clock import Clock
from core.kit.errors import Unavailable

log = structlog.get_logger(__name__)

_BAN_S = 300.0  # how long a ban without a length lasts, and how long Octet waits after Discord refused the token
_LONGEST_BAN_S = 3600.0
_SAME_S = 1.0
_MOMENT_S = 0.001
_FIRST_REFUSAL_S, _LONGEST_REFUSAL_S = 5.0, 3600.0
EDITS, EDITS_S = 5, 5.0  # a channel takes so many edits in so many seconds
_TOKEN_ROUTES = ("/webhooks/", "/interactions/")  # a 401 of these is about their own token, not about the bot's


class DiscordBan(Unavailable):
    """Discord currently accepts nothing from this bot: {why}."""

    def __init__(self, *, why: str, after_s: float = _BAN_S) -> None:
        super().__init__(why=why)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A channel that answered 403."""

    why: str
    times: int
    until_s: float


class SendLimits:
    """Knows what Octet may send now, in memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closed_until_s = clock.monotonic_s()
        self.is_probing = False  # no request has succeeded since the last ban: one writer tries, the others wait
        self._refusals: dict[str, _Refusal] = {}
        self._edits: dict[str, deque[float]] = {}

    def note_ban(self, why: str, after_s: float) -> None:
        """Stop all writers for `after_s`. A ban that several requests report counts once."""
        if self.banned_for_s() == 0 or after_s > self.banned_for_s() + _SAME_S:
            log.error("discord_bans_bot", why=why, after_s=round(after_s, 1))
            self._closed_until_s = self._clock.monotonic_s() + after_s
            self.is_probing = True

    def banned_for_s(self) -> float:
        """Return how many seconds a ban still lasts; 0 without one."""
        return max(0.0, self._closed_until_s - self._clock.monotonic_s())

    def note_success(self, channel: str) -> None:
        """Note that Discord accepted something in this channel."""
        self.is_probing = False
        self._refusals.pop(channel, None)

    def note_refusal(self, channel: str, why: str) -> float:
        """Note that Discord refuses the channel; return how long Octet pauses there: longer each time."""
        known = self._refusals.get(channel)
        now = self._clock.monotonic_s()
        if known is None or known.until_s <= now + _MOMENT_S:
            times = known.times + 1 if known else 0
            pause_s = min(_FIRST_REFUSAL_S * 2.0 ** min(times, 16), _LONGEST_REFUSAL_S)
            log.warning("discord_refuses_channel", channel=channel, why=why, after_s=pause_s)
            known = self._refusals[channel] = _Refusal(why, times, now + pause_s)
        return known.until_s - now

    def is_refused(self, channel: str) -> bool:
        """Tell whether Discord refused the last message in this channel; after the pause one writer tries."""
        return channel in self._refusals

    def refusal_of(self, channel: str) -> tuple[str, float] | None:
        """Return why Octet pauses in the channel and for how many seconds more; None when it may try."""
        known = self._refusals.get(channel)
        left_s = known.until_s - self._clock.monotonic_s() if known else 0.0
        return (known.why, left_s) if known and left_s > _MOMENT_S else None

    def forget_refusals(self) -> None:
        """Try every channel again: permissions may have changed."""
        self._refusals.clear()

    def take_edit(self, channel: str, *, spare: int = 0) -> bool:
        """Take one of the channel's edits, if more than `spare` are left."""
        free = len(self._recent(channel)) < EDITS - spare
        if free:
            self._edits.setdefault(channel, deque()).append(self._clock.monotonic_s())
        return free

    def return_edit(self, channel: str) -> None:
        """Return an edit that was not needed."""
        if edits := self._edits.get(channel):
            edits.pop()

    def channels_without_edits(self) -> dict[str, float]:
        """Return the channels that take no edit now, and in how many seconds each takes one again."""
        used = {channel: self._recent(channel) for channel in tuple(self._edits)}
        now = self._clock.monotonic_s()
        return {channel: edits[0] + EDITS_S - now for channel, edits in used.items() if len(edits) >= EDITS}

    def _recent(self, channel: str) -> deque[float]:
        edits = self._edits.get(channel, deque[float]())
        while edits and edits[0] + EDITS_S <= self._clock.monotonic_s():
            edits.popleft()
        if not edits:
            self._edits.pop(channel, None)
        return edits

    def trace_config(self) -> aiohttp.TraceConfig:
        """Return hooks for one client: during a ban each request raises, and responses report bans."""

        async def check(_session: object, _context: SimpleNamespace, sent: aiohttp.TraceRequestStartParams) -> None:
            if (left_s := self.banned_for_s()) > 0 and not sent.url.scheme.startswith("ws"):
                raise DiscordBan(why="waiting until the ban is over", after_s=left_s)

        async def read(_session: object, _context: SimpleNamespace, got: aiohttp.TraceRequestEndParams) -> None:
            status, headers = got.response.status, got.response.headers
            is_json = headers.get("Content-Type") == "application/json"
            if status == 429 and not (headers.get("Via") and is_json):  # else it is an ordinary limit
                self.note_ban("429 by the proxy in front of Discord", ban_duration_s(headers.get("Retry-After", "")))
            elif status == 401 and not any(route in got.url.path for route in _TOKEN_ROUTES):
                self.note_ban("401: the token is refused", _BAN_S)

        hooks = aiohttp.TraceConfig()
        hooks.on_request_start.append(check)
        hooks.on_request_end.append(read)
        return hooks


def ban_duration_s(retry_after: str) -> float:
    """Return how long a ban lasts: as its header says, or some minutes."""
    try:
        return min(max(float(retry_after), 1.0), _LONGEST_BAN_S)
    except ValueError:
        return _BAN_S
