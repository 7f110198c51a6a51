"""All manners of a worker toward whoever sits at its display: waiting for them, being stopped by them, telling them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from automation.desktop.acts import Acts
from automation.desktop.gate import Gate
from automation.desktop.pipe.inbox import Inbox
from automation.desktop.x11.notice import Notice
from automation.desktop.x11.people import People
from core.deliveries.model import Reason
from core.desks.model import Desk
from core.desks.model import People as Whose
from core.kit.clock import SystemClock
from core.profiles.model import Box

log = structlog.get_logger(__name__)

NOTICE_S = 1.0
"""How long the notice stands before anything is touched."""


class Courtesy:
    """Made and asked by the worker's thread; persons are heard by threads of its own."""

    def __init__(
        self,
        desk: Desk,
        *,
        inbox: Inbox,
        acts: Acts,
        tell: Callable[[str], None],
        places: Callable[[], Sequence[Box]],
    ) -> None:
        """`tell` hears why no delivery may begin from now on; empty when one may again. `places` tells where
        the desk's windows are this moment."""
        manners = desk.manners
        self._inbox = inbox
        self._stop_keys = manners.stop_keys
        self._people = People(
            desk.display,
            stop_keys=manners.stop_keys,
            stop_corner=manners.stop_corner,
            is_ours=acts.is_ours if manners.people is Whose.OTHERS else None,
            did_we_act=acts.is_ours,
            stopped=inbox.stop_here,
        )
        if not self._people.sees:
            log.warning(
                "whose_input_is_not_known", why="the display has no XInput 2.2; stop keys and corner do nothing"
            )
        self._gate = Gate(manners, people=self._people, clock=SystemClock(), tell=tell)
        self._places = places
        self._notice = Notice(desk.display) if manners.notice else None

    def why_not(self) -> Reason | None:
        """Why no delivery may begin now."""
        return self._gate.why_not()

    def idle_s(self) -> float:
        """How long no person has pressed, typed or moved anything."""
        return self._people.idle_s()

    def announce(self, window: str) -> bool:
        """Say on the screen that we are about to type, and wait a little; False where the desk wants no notice."""
        if self._notice is None:
            return False
        how = f"; {self._stop_keys[0]} stops it" if self._stop_keys and self._people.sees else ""
        if not self._notice.show(f"Octet types into {window}{how}", self._places()):
            log.warning("no_room_for_the_notice", why="the windows leave no free edge of the screen")
        self._inbox.rest(NOTICE_S)
        return True

    def over(self) -> None:
        """The notice goes."""
        if self._notice is not None:
            self._notice.hide()

    def close(self) -> None:
        """End its threads."""
        self._gate.close()
        self._people.close()
        if self._notice is not None:
            self._notice.close()
