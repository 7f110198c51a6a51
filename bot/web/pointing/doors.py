"""Who may see a page's picture and click on it: whoever came by its address, which lets one browser in, once."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.calibration.ports import CalibrationDialog
from core.kit.errors import Denied

LASTS_S = 1800.0
"""So long a page can be used after it was asked for."""
MOST = 8
"""Pages at once; the oldest ends for a new one."""


class LinkExpired(Denied):
    """This address was used before, or is too old. Ask for a new one, where you got this one."""


@dataclass(slots=True)
class _Door:
    asking: CalibrationDialog
    token: str
    """For one browser; empty once it came."""
    key: str
    """What that browser shows from then on; empty until it came."""
    since_s: float


class OneTimeLinks:
    """The pages of one process. Nothing of them outlives it."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._doors: list[_Door] = []

    def open(self, asking: CalibrationDialog) -> str:
        """The token by which one browser gets in, for the part of the address that browsers send to nobody."""
        token = secrets.token_urlsafe(32)
        self._doors = [*self._doors[1 - MOST :], _Door(asking, token, "", self._now_s())]
        return token

    def enter(self, token: str) -> str:
        """The key that this browser shows from now on. Raises NoWayIn; also for a token that was used."""
        door = self._found(token, lambda door: door.token)
        door.token, door.key = "", secrets.token_urlsafe(32)
        return door.key

    def asking(self, key: str) -> CalibrationDialog:
        """Whose page this key is for. Raises NoWayIn."""
        return self._found(key, lambda door: door.key).asking

    def _found(self, shown: str, of: Callable[[_Door], str]) -> _Door:
        now_s = self._now_s()
        self._doors = [door for door in self._doors if now_s - door.since_s <= LASTS_S]
        for door in self._doors:
            right = of(door)
            if right and hmac.compare_digest(shown.encode(), right.encode()):
                return door
        raise LinkExpired
