"""Rate limits told in headers, as Discord does: a bucket per route and its main ids; generous, narrower on request."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass

from sandbox.discord.model import Json

MAJOR = ("channel_id", "guild_id", "webhook_token", "interaction_token")
VIA = "1.1 sandbox"


@dataclass(slots=True, kw_only=True)
class Bucket:
    """How much of a window is used."""

    limit: int
    window_s: float
    name: str
    used: int = 0
    resets_at: float = 0.0


@dataclass(slots=True, kw_only=True, frozen=True)
class RateDecision:
    """Whether a request may pass, and the headers its answer carries."""

    is_allowed: bool
    retry_after_s: float
    headers: dict[str, str]

    def body(self) -> Json:
        text = "You are being rate limited."
        return {"message": text, "retry_after": round(self.retry_after_s, 3), "global": False, "code": 0}


class RateLimits:
    """Counts requests in buckets."""

    def __init__(self, *, limit: int, window_s: float) -> None:
        self._default = (limit, window_s)
        self._routes: dict[str, tuple[int, float]] = {}
        self._buckets: dict[str, Bucket] = {}

    def narrow(self, route: str, *, limit: int, window_s: float) -> None:
        """Give `route` ("PATCH /channels/{channel_id}/messages/{message_id}") a separate limit."""
        self._routes[route] = (limit, window_s)
        self._buckets.clear()

    def take(self, route: str, ids: dict[str, str]) -> RateDecision:
        """Count one request on `route` with the path's ids."""
        now = time.monotonic()
        key = "|".join([route, *(ids[name] for name in MAJOR if name in ids)])
        bucket = self._buckets.get(key)
        if bucket is None:
            self._sweep(now)
            limit, window_s = self._routes.get(route, self._default)
            bucket = self._buckets[key] = Bucket(limit=limit, window_s=window_s, name=_name(route))
        if now >= bucket.resets_at:
            bucket.used, bucket.resets_at = 0, now + bucket.window_s
        is_allowed = bucket.used < bucket.limit
        if is_allowed:
            bucket.used += 1
        left = bucket.resets_at - now
        if not is_allowed:
            return RateDecision(is_allowed=False, retry_after_s=left, headers=self.exhausted(route, left))
        return RateDecision(is_allowed=True, retry_after_s=left, headers=_headers(bucket, left))

    def exhausted(self, route: str, left: float) -> dict[str, str]:
        """Return the headers of a 429 on `route` that asks to wait so many seconds."""
        limit, window_s = self._routes.get(route, self._default)
        bucket = Bucket(limit=limit, window_s=window_s, name=_name(route), used=limit)
        return _headers(bucket, left) | {"Retry-After": str(math.ceil(left)), "X-RateLimit-Scope": "user"}

    def _sweep(self, now: float) -> None:
        if len(self._buckets) > 1000:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.resets_at > now}


def _name(route: str) -> str:
    return hashlib.sha256(route.encode()).hexdigest()[:32]


def _headers(bucket: Bucket, left: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(bucket.limit),
        "X-RateLimit-Remaining": str(bucket.limit - bucket.used),
        "X-RateLimit-Reset": f"{time.time() + left:.3f}",
        "X-RateLimit-Reset-After": f"{left:.3f}",
        "X-RateLimit-Bucket": bucket.name,
        "Via": VIA,
    }
