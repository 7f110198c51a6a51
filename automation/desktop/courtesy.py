"""Waits for the users of a display, lets them stop Octet, and shows them what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from automation.desktop.acts import OwnInputLog
from automation.desktop.gate import UserActivityGate
from automation.desktop.pipe.inbox import Inbox
from automation.desktop.x11.notice import TypingBanner
from automation.desktop.x11.people import X11UserInput
from core.deliveries.model import Reason
from core.desks.model import Desk, InputSource
from core.kit.clock import SystemClock
from core.profiles.model import Box

log = structlog.get_logger(__name__)

NOTICE_S = 1.0
"""How long the notice stands before anything is touched."""


class X11UserPresence:
    """Made and asked by the worker's thread; persons are heard by threads of its own."""

    def __init__(
        self,
        desk: Desk,
        *,
        inbox: Inbox,
        acts: OwnInputLog,
        tell: Callable[[str], None],
        places: Callable[[], Sequence[Box]],
    ) -> None:
        """`tell` hears why no delivery may begin from now on; empty when one may again. `places` tells where
        the desk's windows are this moment."""
        user_activity = desk.user_activity
        self._inbox = inbox
        self._stop_keys = user_activity.kill_switch_keys
        self._people = X11UserInput(
            desk.display,
            kill_switch_keys=user_activity.kill_switch_keys,
            kill_switch_corner=user_activity.kill_switch_corner,
            is_ours=acts.is_ours if user_activity.input_source is InputSource.OTHERS else None,
            did_we_act=acts.is_ours,
            stopped=inbox.stop_here,
        )
        if not self._people.sees:
            log.warning(
                "whose_input_is_not_known", why="the display has no XInput 2.2; stop keys and corner do nothing"
            )
        self._gate = UserActivityGate(user_activity, people=self._people, clock=SystemClock(), tell=tell)
        self._places = places
        self._notice = TypingBanner(desk.display) if user_activity.show_banner else None

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
