"""The desk worker for panes of tmux: what the loop of all workers works with there. It also keeps their programs."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog

from automation.desktop.worker import loop, process
from automation.desktop.worker.backend import WorkerBackend
from automation.desktop.worker.channel import Inbox
from automation.desktop.worker.leftover_drafts import LeftoverDrafts, RecoveringWindows
from automation.desktop.worker.messages import Hello, WindowActive, WindowShows
from automation.desktop.worker.process import why_refused
from automation.desktop.worker.user_presence import NoUserInput, UserActivityGate
from automation.protocol.ports import PermanentFailure
from automation.terminal import pane_lock
from automation.terminal.activity import PaneActivityTracker
from automation.terminal.pane import BUFFER, TmuxPane
from automation.terminal.pane_action import PaneAction
from automation.terminal.panes import Panes
from automation.terminal.programs import PanePrograms, TmuxOld, check_tmux
from automation.terminal.tmux import NoServer, TmuxMissing, TmuxServer, TmuxSilent
from automation.terminal.watcher import TICK_S, PaneInspector, PaneWatcher
from core.desks.model import Arranged, Transcribed
from core.kit.clock import SystemClock

log = structlog.get_logger(__name__)

NAME = "terminal"
EXCUSES = (TmuxMissing, TmuxOld)
NO_CALIBRATION = "a pane has no place on a screen to be measured; its profile's [terminal] says how it looks"


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See process.run."""
    return process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox) -> None:
    """Look at the panes, tidy up, and do what comes until the pipe ends."""
    check_tmux()
    with ExitStack() as stack:
        loop.WorkerLoop(PaneBackend(hello, inbox, stack).surface(), inbox).run()


class PaneBackend:
    """All that works on the panes of one desk. Belongs to one thread."""

    def __init__(self, hello: Hello, inbox: Inbox, stack: ExitStack) -> None:
        assert hello.desk.tmux is not None, "this worker is for desks with [tmux]"
        self._inbox = inbox
        self._idle_s = hello.desk.user_activity.idle_s
        tmux = TmuxServer(hello.desk.tmux, os.environ)  # noqa: TID251 handed on to tmux, which hands it on to programs
        self._panes = Panes(hello.desk, {profile.name: profile for profile in hello.panes}, tmux)
        self._programs = PanePrograms(self._panes, Path(hello.anchors))
        self._eyes = PaneInspector(self._panes)
        # Who types into a pane keeps away what is for that pane, and nothing else: only quiet hours hold for all.
        tell = loop.tells_waits(inbox)
        self._gate = UserActivityGate(hello.desk.user_activity, people=NoUserInput(), clock=SystemClock(), tell=tell)
        stack.callback(self._gate.close)
        self._tidy = LeftoverDrafts(
            hello.drafts,
            eyes=self._eyes,
            pace=inbox,
            open_window=self._open,
            may_touch=lambda: not loop.hands_off(inbox, self._gate),
        )
        self._free_all()

    def surface(self) -> WorkerBackend:
        """What the loop works with."""
        return WorkerBackend(
            eyes=self._eyes,
            lookout=self._lookout(),
            drafts=self._tidy,
            user_activity=self._gate,
            open_window=self._open,
            let_go=lambda: None,  # a key that was sent to a pane is never held down
            act=lambda name: PaneAction(name=name, panes=self._panes, pace=self._inbox),
            read=self._read,
            arrange=self._arrange,
            calibrate=NO_CALIBRATION,
            noun="pane",
            path=NAME,
        )

    def _lookout(self) -> PaneWatcher:
        follower = PaneActivityTracker(
            panes=self._panes,
            tell=lambda shown: self._inbox.outbox.send(WindowShows(shown=shown)),
            stirs=lambda name: self._inbox.outbox.send(WindowActive(window=name)),
        )
        waiting = RecoveringWindows(
            eyes=self._eyes,
            tidy=self._tidy,
            inbox=self._inbox,
            let_go=lambda: None,
            rest_s=TICK_S,
        )
        return PaneWatcher(
            panes=self._panes,
            eyes=self._eyes,
            programs=self._programs,
            follower=follower,
            waiting=waiting,
            inbox=self._inbox,
        )

    def _free_all(self) -> None:
        freed = pane_lock.free_all(self._panes.tmux, self._panes.all())
        if freed:
            log.warning("panes_given_back_after_crash", panes=freed)
        with suppress(NoServer, TmuxSilent):
            for name in self._panes.tmux.ask(["list-buffers", "-F", "#{buffer_name}"]):
                if name.startswith(BUFFER):
                    self._panes.tmux.ask(["delete-buffer", "-b", name])

    def _open(self, name: str) -> TmuxPane:
        return TmuxPane(name=name, panes=self._panes, pace=self._inbox, idle_s=self._idle_s)

    def _read(self, name: str, _hands_off: str) -> Transcribed:
        """Reading touches nothing here: it may always be."""
        return Transcribed(text=self._open(name).said(), by="screen")

    def _arrange(self, names: tuple[str, ...], _hands_off: str) -> tuple[Arranged, ...]:
        """A pane has no place to be put back to: it is only looked at."""
        return tuple(Arranged(window=name, reason=self._why_unusable(name)) for name in names)

    def _why_unusable(self, name: str) -> str:
        try:
            trouble = self._eyes.why_unusable(name, self._panes.look(name))
        except PermanentFailure as refused:
            trouble = refused
        return "" if trouble is None else why_refused(trouble)
