"""The desk worker for panes of tmux. It also keeps their programs running."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog

from automation.desktop.worker import loop, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import LeftoverDrafts, PollingWatcher, RecoveringWindows
from automation.desktop.worker.messages import Hello, WindowActive, WindowShows
from automation.desktop.worker.user_presence import UserInput
from automation.protocol.ports import PermanentFailure
from automation.terminal import pane_lock
from automation.terminal.activity import PaneActivityTracker
from automation.terminal.pane import BUFFER, PaneAction, TmuxPane
from automation.terminal.panes import Panes, PaneSnapshot
from automation.terminal.programs import PanePrograms, TmuxOld, check_tmux
from automation.terminal.tmux import NoServer, TmuxMissing, TmuxServer, TmuxSilent
from core.calibration.model import FoundPane
from core.deliveries.model import Reason
from core.desks.model import Arranged, Shown, Transcribed, WindowStatus
from core.profiles.model import Activity

log = structlog.get_logger(__name__)

NAME = "terminal"
EXCUSES: process.Reasons = {TmuxMissing: Reason.NO_TMUX, TmuxOld: Reason.NO_TMUX}
TICK_S = 0.4  # between two looks at all panes
CERTAIN_S = 2.0  # the longest wait until it is certain what a pane shows


def run(desk: str) -> int:
    return loop.run_desk(desk, PaneWorker, excuses=EXCUSES)


class PaneWorker(PollingWatcher, WorkerBackend):
    """Everything that works on the panes of one desk, and the watcher that looks at them. Belongs to one thread."""

    every_s = TICK_S
    noun = "pane"
    path = NAME
    no_calibration = "a pane has no place on a screen to be measured; its profile's [terminal] says how it looks"

    def __init__(self, hello: Hello, inbox: Inbox, stack: ExitStack) -> None:
        assert hello.desk.tmux is not None, "this worker is for desks with [tmux]"
        check_tmux()
        self.inbox = inbox
        self._idle_s = hello.desk.user_activity.idle_s
        tmux = TmuxServer(hello.desk.tmux, os.environ)  # noqa: TID251 handed on to tmux, which hands it on to programs
        self.watcher = self
        self.inspector = self._panes = Panes(hello.desk, {profile.name: profile for profile in hello.panes}, tmux)
        self._programs = PanePrograms(self._panes, Path(hello.anchors))
        # A user who types into a pane blocks deliveries into that pane only; quiet hours block all.
        self.user_activity = loop.open_gate(hello, inbox, stack, UserInput())
        self.drafts = LeftoverDrafts(hello.drafts, self)
        self._follower = PaneActivityTracker(
            panes=self._panes,
            tell=lambda shown: inbox.outbox.send(WindowShows(shown=shown)),
            tell_active=lambda name: inbox.outbox.send(WindowActive(window=name)),
        )
        self._waiting = RecoveringWindows(self, rest_s=TICK_S)
        self._free_all()

    def begin(self) -> None:
        super().begin()
        self._see()

    def _look_at_all(self) -> None:
        if self._see():
            self._waiting.look_when_due()

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        self._until_certain(self._panes.names())
        return tuple(self._status(name, seen) for name, seen in self._panes.look_at_all().items())

    def shown(self, name: str) -> Shown:
        self._until_certain((name,))
        return self._follower.shown(name)

    def _see(self) -> bool:
        try:
            looks = self._panes.look_at_all()
            self._programs.keep_running(looks)
        except (TmuxSilent, NoServer) as trouble:
            log.warning("panes_not_seen", why=trouble.message)
            return False
        self._panes.last = looks
        self._follower.note_looks(looks)
        for name, seen in looks.items():
            self._waiting.usability.note_status(self._status(name, seen))
        self._waiting.note_unusable(
            name for name, seen in looks.items() if isinstance(seen, PermanentFailure) or seen.state.is_dead
        )
        return bool(looks)

    def _status(self, name: str, seen: PaneSnapshot | PermanentFailure) -> WindowStatus:
        activity, trouble = self._follower.shown(name).activity, self._panes.why_unusable(name, seen)
        if trouble is not None and trouble.reason is Reason.BUSY and activity is Activity.BUSY:
            trouble = None  # at work is not out of order
        if trouble is not None:
            self._waiting.note_unusable([name])
        if trouble is None:
            return WindowStatus(name=name, usable=True, activity=activity)
        return WindowStatus(name=name, usable=False, reason=trouble.reason, note=trouble.note, activity=activity)

    def _until_certain(self, names: tuple[str, ...]) -> None:
        end_s = time.monotonic() + CERTAIN_S
        self.look_when_due()
        while time.monotonic() < end_s and not all(map(self._follower.is_certain, names)):
            self.inbox.rest(0.1)
            self.look_when_due()

    def open_action(self, name: str) -> PaneAction:
        return PaneAction(name=name, panes=self._panes, pace=self.inbox)

    def open_window(self, name: str) -> TmuxPane:
        return TmuxPane(name=name, panes=self._panes, pace=self.inbox, idle_s=self._idle_s)

    def read(self, name: str, *, may_touch: bool = True) -> Transcribed:
        """Read the pane: that touches nothing, so it is always allowed."""
        return Transcribed(text=self.open_window(name).shown_text(), by="screen")

    def arrange(self, names: tuple[str, ...]) -> tuple[Arranged, ...]:
        """Look at these panes: a pane has no place to restore."""
        return tuple(map(self._look_at, names))

    def _look_at(self, name: str) -> Arranged:
        trouble = self._panes.why_unusable(name, self._panes.try_look(name))
        if trouble is None:
            return Arranged(window=name)
        return Arranged(window=name, reason=trouble.reason, note=trouble.note)

    def unused_panes(self) -> tuple[FoundPane, ...]:
        self._see()  # first: a pane that has just been configured gets its tag
        return self._panes.unused()

    def _free_all(self) -> None:
        freed = pane_lock.free_all(self._panes.tmux, self._panes.all())
        if freed:
            log.warning("panes_released_after_crash", panes=freed)
        with suppress(NoServer, TmuxSilent):
            for name in self._panes.tmux.ask(["list-buffers", "-F", "#{buffer_name}"]):
                if name.startswith(BUFFER):
                    self._panes.tmux.ask(["delete-buffer", "-b", name])
