"""Watches a desk's panes: keeps their programs, tells what they show and which can be used."""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from PIL import Image

from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import RecoveringWindows
from automation.desktop.worker.process import why_refused
from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal import screen
from automation.terminal.activity import PaneActivityTracker
from automation.terminal.pane_picture import drawn
from automation.terminal.panes import Panes, PaneSnapshot
from automation.terminal.programs import PanePrograms
from automation.terminal.tmux import NoServer, TmuxSilent
from core.deliveries.model import Reason
from core.desks.model import Shown, WindowStatus
from core.profiles.model import Activity, PaneProfile


class PaneInspector:
    """Touches nothing; belongs to the worker's thread."""

    def __init__(self, panes: Panes) -> None:
        self._panes = panes
        self.seen: Mapping[str, PaneSnapshot | PermanentFailure] = {}

    def names(self) -> tuple[str, ...]:
        return self._panes.names()

    def profile(self, name: str) -> PaneProfile:
        """How it is driven."""
        return self._panes.profile(name)

    def picture(self, name: str) -> Image.Image:
        return drawn(screen.hidden(self._panes.look(name).view.lines, self.profile(name).terminal))

    def whole(self) -> Image.Image:
        return drawn(self._panes.shown())

    def is_composer_empty(self, name: str) -> bool:
        """Whether nothing stands in its composer. Raises PermanentFailure."""
        return self._panes.look(name).view.is_empty

    def is_busy(self, name: str) -> bool:
        """Whether its busy sign is shown. Raises PermanentFailure."""
        return self._panes.look(name).view.is_busy

    def why_unusable(
        self, name: str, seen: PaneSnapshot | PermanentFailure
    ) -> TransientFailure | PermanentFailure | None:
        """Why no delivery could begin in what was seen of it."""
        if isinstance(seen, PermanentFailure):
            return seen
        try:
            self._panes.preflight(name, seen)
        except (TransientFailure, PermanentFailure) as trouble:
            return trouble
        return None

    def is_ready(self, name: str) -> bool:
        seen = self.seen.get(name)
        return seen is not None and self.why_unusable(name, seen) is None


log = structlog.get_logger(__name__)

TICK_S = 0.4
FRESH_S = 2.0


class PaneWatcher:
    """Belongs to the worker's thread."""

    def __init__(
        self,
        *,
        panes: Panes,
        eyes: PaneInspector,
        programs: PanePrograms,
        follower: PaneActivityTracker,
        waiting: RecoveringWindows,
        inbox: Inbox,
    ) -> None:
        self._panes = panes
        self._eyes = eyes
        self._programs = programs
        self._follower = follower
        self._waiting = waiting
        self._inbox = inbox
        self._due_s = 0.0

    def begin(self) -> None:
        self._waiting.saw(self._panes.names())
        self._see()

    def report_usable(self) -> None:
        self.look_when_due()

    def due_in_s(self) -> float | None:
        return max(0.0, self._due_s - time.monotonic())

    def look_when_due(self) -> None:
        if self._see():
            self._waiting.look_when_due()

    def recheck_soon(self) -> None:
        self.look_when_due()

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        self._until_certain(self._panes.names())
        looks = self._panes.look_at_all()
        return tuple(self._status(name, looks[name]) for name in self._panes.names())

    def shown(self, name: str) -> Shown:
        self._until_certain((name,))
        return self._follower.shown(name)

    def ended(self, name: str, *, was_used: bool) -> None:
        self._waiting.ended(name, was_used=was_used)

    def _see(self) -> Mapping[str, PaneSnapshot | PermanentFailure]:
        self._due_s = time.monotonic() + TICK_S
        try:
            looks = self._panes.look_at_all()
            self._programs.tend(looks)
        except (TmuxSilent, NoServer) as trouble:
            log.warning("panes_not_seen", why=trouble.message)
            return {}
        self._eyes.seen = looks
        self._follower.saw(looks)
        for name, seen in looks.items():
            self._waiting.usability.saw(self._status(name, seen))
        self._waiting.saw(
            name for name, seen in looks.items() if isinstance(seen, PermanentFailure) or seen.stand.is_dead
        )
        return looks

    def _status(self, name: str, seen: PaneSnapshot | PermanentFailure) -> WindowStatus:
        activity, trouble = self._follower.shown(name).activity, self._eyes.why_unusable(name, seen)
        if trouble is not None and trouble.reason is Reason.BUSY and activity is Activity.BUSY:
            trouble = None  # at work is not out of order
        if trouble is not None:
            self._waiting.saw([name])
        why, code = ("", "") if trouble is None else (why_refused(trouble), trouble.reason.value)
        return WindowStatus(name=name, usable=not why, reason=why, code=code, activity=activity)

    def _until_certain(self, names: tuple[str, ...]) -> None:
        end_s = time.monotonic() + FRESH_S
        self.look_when_due()
        while time.monotonic() < end_s and not all(map(self._follower.is_certain, names)):
            self._inbox.rest(0.1)
            self.look_when_due()
