"""Reads the times that users write: a duration, a day with or without a time, or a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from bot.verbs.declare import Coordinator, ParameterKind
from core import limits
from core.kit.clock import as_datetime
from core.remedies import refused
from core.security.model import Actor

Moment = Annotated[str, ParameterKind(help="A time: `2h`, `tomorrow 9am`, `fri 17:00`, or `2026-05-31 18:00`")]


def _zone(name: str) -> ZoneInfo | Literal["machine"]:
    if name.strip().casefold() == "machine":
        return "machine"
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as Europe
        raise refused("invalid_zone", text=name[:40]) from None


Zone = Annotated[
    ZoneInfo | Literal["machine"],
    ParameterKind(help="Your time zone, such as Europe/Berlin; or `machine`", takes=str, parse=_zone),
]
_DURATION = re.compile(r"(?:\+|in )?\s*(\d{1,5})\s*(?:(min)(?:s|utes?)?|(h)(?:rs?|ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?)")
_UNITS = {"min": 60_000, "h": 3_600_000, "d": 24 * 3_600_000, "w": 7 * 24 * 3_600_000}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"(?:(\d\d?):(\d\d)|(\d\d?)(?::(\d\d))? ?([ap])m)")
_DAYS = {"today": (0, time()), "tonight": (0, time(20)), "tomorrow": (1, time())}
"""The days with a name: in how many days each is, and when it begins."""
_LAST = time(23, 59, 59)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """What time it is for a user: what they write counts in their zone."""

    now_ms: int
    zone: ZoneInfo | None = None  # None: the host's

    def read(self, text: str | None, *, is_end: bool = False) -> int | None:
        """Read a time in milliseconds since 1970; 0 for `none`. A day alone means its beginning, or with `is_end` its
        end. Raises invalid_moment or moment_past."""
        if not text:
            return None
        text = _plain(text)
        if text == "none":
            return 0
        if match := _DURATION.fullmatch(text):
            return self.now_ms + int(match[1]) * _UNITS[match[match.lastindex or 0]]
        try:
            first, last = map(self._ms_of, self._read_wall(text))
        except (ValueError, OverflowError):
            raise refused("invalid_moment", text=text[:40]) from None
        if last < self.now_ms:
            raise refused("moment_past", text=text[:40])
        return limits.check("time", last if is_end else max(first, self.now_ms), limits.TIME_MS)

    def _read_wall(self, text: str) -> tuple[datetime, datetime]:
        """Return between which times of a clock on the wall it is. Raises ValueError."""
        name, _, rest = f"today {text}".partition(" ") if _TIME.fullmatch(text) else text.partition(" ")
        now = as_datetime(self.now_ms).astimezone(self.zone).replace(tzinfo=None)
        days = _days_until(name, now)
        if days is None:
            at = datetime.fromisoformat(text.upper())
            return at, datetime.combine(at, _LAST) if re.fullmatch(r"[\dw-]+", text) else at
        exact = _read_time(rest.removeprefix("at ")) if rest else None
        last = datetime.combine(now.date() + timedelta(days=days), exact or _LAST)
        if name not in _DAYS and last < now:
            last += timedelta(days=7)
        return datetime.combine(last, exact or _DAYS.get(name, _DAYS["today"])[1]), last

    def _ms_of(self, wall: datetime) -> int:
        """Return the time of a clock on the wall. One that a zone's step leaves out is as much later."""
        return round((wall if wall.tzinfo else wall.replace(tzinfo=self.zone)).timestamp() * 1000)


def local_time(octet: Coordinator, by: Actor) -> LocalTime:
    return LocalTime(now_ms=octet.clock.now_ms(), zone=octet.mentions.zone_of(by.id))


def is_duration(text: str | None) -> bool:
    return bool(_DURATION.fullmatch(_plain(text or "")))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _days_until(name: str, now: datetime) -> int | None:
    if name in _DAYS:
        return _DAYS[name][0]
    found = [number for number, one in enumerate(_WEEKDAYS) if name in {one, one[:3]}]
    return (found[0] - now.weekday()) % 7 if found else None


def _read_time(text: str) -> time:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    if match[5] is None:
        return time(int(match[1]), int(match[2]))
    if not 1 <= int(match[3]) <= 12:
        raise ValueError(text)
    return time(int(match[3]) % 12 + (12 if match[5] == "p" else 0), int(match[4] or 0))
