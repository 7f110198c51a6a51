"""Faults on order: rules by which chosen REST requests are limited, refused, cut off or slowed; strikes are kept."""

from __future__ import annotations

import random
import re
import time
from collections import deque
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from sandbox.discord.model import Json

HITS_KEPT = 10_000


class FaultKind(StrEnum):
    """What happens to a request."""

    LIMIT = "limit"
    """429: `seconds` is what it asks to wait; `is_global` closes all routes so long; without `has_via` it looks like
    a ban by the proxy in front, with a page of HTML. With `code` it is Discord's own refusal, as 30046."""
    ERROR = "error"
    """The answer is `status` (and Discord's `code`); with `executed` the request was carried out all the same."""
    DROP = "drop"
    """The connection is cut; with `executed` only after the request was carried out, so that its answer is lost."""
    DELAY = "delay"  # it is carried out `seconds` later


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One fault. It needs a count (`times`), a `probability` with its `seed`, or both."""

    kind: FaultKind
    route: str = ".*"  # regular expression over the whole of `POST /channels/1/messages`
    times: int | None = None
    probability: float | None = None
    seed: int = 0
    seconds: float = 0.0
    status: int = 503
    code: int = 0
    executed: bool = False
    is_global: bool = False
    has_via: bool = True

    def __post_init__(self) -> None:
        """Refuse a rule that could never strike, or that would never stop unasked."""
        if self.times is None and self.probability is None:
            raise ValueError("a rule needs times, probability, or both")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")
        if self.probability is not None and not 0 < self.probability <= 1:
            raise ValueError("probability must be above 0 and at most 1")
        if self.seconds < 0:
            raise ValueError("seconds must not be negative")
        if self.kind is FaultKind.ERROR and not 400 <= self.status <= 599:
            raise ValueError("status must be an error's")
        try:
            re.compile(self.route)
        except re.error as error:
            raise ValueError(f"route is not a regular expression: {error}") from error

    @classmethod
    def from_json(cls, data: Json) -> FaultRule:
        """Make a rule from its fields by name. Raises ValueError for a field or a kind that does not exist."""
        unknown = set(data) - {one.name for one in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        given: dict[str, Any] = {**data, "kind": FaultKind(data.get("kind", ""))}
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One strike."""

    rule: int
    kind: FaultKind
    call: str
    at: float  # monotonic seconds


@dataclass(slots=True, kw_only=True)
class _Active:
    number: int
    rule: FaultRule
    chance: random.Random
    hits: int = 0

    def strikes(self, call: str) -> bool:
        """Decide whether to strike this call. Each fitting call draws once, so that a seed repeats the same events."""
        rule = self.rule
        if rule.times is not None and self.hits >= rule.times:
            return False
        if re.fullmatch(rule.route, call) is None:
            return False
        return rule.probability is None or self.chance.random() < rule.probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """What to do with one request."""

    delay_s: float = 0.0
    rule: FaultRule | None = None


@dataclass(slots=True)
class Faults:
    """The rules in force, in the order they were given: delays add up, of the others the first that strikes counts."""

    hits: deque[Hit] = field(default_factory=lambda: deque[Hit](maxlen=HITS_KEPT))
    _active: list[_Active] = field(default_factory=list[_Active])
    _count: int = 0
    _closed_until: float = 0.0

    def add(self, rule: FaultRule) -> int:
        self._count += 1
        self._active.append(_Active(number=self._count, rule=rule, chance=random.Random(rule.seed)))
        return self._count

    def clear(self) -> None:
        self._active.clear()
        self._closed_until = 0.0

    def struck(self, number: int) -> int:
        return sum(one.hits for one in self._active if one.number == number)

    def listed(self) -> list[Json]:
        return [{"rule": one.number, "hits": one.hits, **asdict(one.rule)} for one in self._active]

    def take(self, call: str, *, is_limited_globally: bool = True) -> Strike:
        """Decide what happens to `call` ("POST /channels/1/messages"). The global limit exempts some routes."""
        left = self._closed_until - time.monotonic()
        if is_limited_globally and left > 0:
            return Strike(rule=FaultRule(kind=FaultKind.LIMIT, times=1, seconds=left, is_global=True))
        delay_s = 0.0
        for one in self._active:
            if not one.strikes(call):
                continue
            one.hits += 1
            self.hits.append(Hit(rule=one.number, kind=one.rule.kind, call=call, at=time.monotonic()))
            if one.rule.kind is FaultKind.DELAY:
                delay_s += one.rule.seconds
                continue
            if one.rule.is_global:
                self._closed_until = time.monotonic() + one.rule.seconds
            return Strike(delay_s=delay_s, rule=one.rule)
        return Strike(delay_s=delay_s)
