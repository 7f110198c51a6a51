"""The desk worker where there is no X11: what the loop of all workers works with there, by PyAutoGUI, clipboard and
pixels."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from automation.desktop.clicks import Clicks
from automation.desktop.gate import Gate, Nobody
from automation.desktop.pipe.frames import Hello
from automation.desktop.pipe.inbox import Inbox, Outbox
from automation.desktop.portable.clipboard import Clipboard, NoClipboard
from automation.desktop.portable.fingers import Fingers, NoSuchKey
from automation.desktop.portable.sight import Sight
from automation.desktop.portable.window import PortableWindow
from automation.desktop.sight.anchors import Anchors
from automation.desktop.sight.screen import Screen
from automation.desktop.work import loop, process
from automation.desktop.work.surface import Surface
from automation.desktop.work.tidy import Tidy
from automation.desktop.work.waiting import REST_S, Waiting
from core.desks.model import Shown, WindowStatus
from core.kit.clock import SystemClock

NAME = "portable"
"""What outcomes and receipts say."""
EXCUSES = (NoClipboard, NoSuchKey)
"""Why there are no hands here: the coordinator is told, and tries again later."""
NO_ACTS = "the portable path presses nothing but what a delivery needs"
NO_READING = "the portable path reads no windows"
NO_ARRANGING = "the portable path cannot move windows; do it by hand"
NO_CALIBRATION = "the portable path cannot tell windows from each other; write their places into config/desks"


def run(desk: str) -> int:
    """Be the worker of this desk until the coordinator is gone; the exit code. See process.run."""
    return process.run(desk, work, excuses=EXCUSES)


def work(hello: Hello, inbox: Inbox, outbox: Outbox) -> None:
    """Do what comes until the pipe ends."""
    with ExitStack() as stack:
        loop.work(PortableHands(hello, inbox, outbox, stack).surface(), inbox, outbox)


class PortableHands:
    """All that works on the one screen. Belongs to the thread that made it: only that one presses keys."""

    def __init__(self, hello: Hello, inbox: Inbox, outbox: Outbox, stack: ExitStack) -> None:
        display = os.environ.get("DISPLAY", "")  # noqa: TID251 which screen there is, PyAutoGUI and mss read there too
        self._inbox = inbox
        self._outbox = outbox
        self._fingers = Fingers(display)
        self._fingers.check(
            {
                chord
                for profile in hello.profiles
                for chord in (profile.paste, profile.submit, *profile.clear, *profile.copy, *profile.after_copy)
            }
        )
        self._clipboard = Clipboard()
        self._clicks = Clicks()
        self._sight = Sight(
            desk=hello.desk,
            profiles={profile.name: profile for profile in hello.profiles},
            screen=stack.enter_context(Screen(display or None)),
            anchors=Anchors(Path(hello.anchors)),
        )
        tell = loop.tells_waits(inbox, outbox)
        self._gate = Gate(hello.desk.user_activity, people=Nobody(), clock=SystemClock(), tell=tell)
        stack.callback(self._gate.close)
        self._tidy = Tidy(
            hello.drafts,
            eyes=self._sight,
            pace=inbox,
            open_window=self._open,
            may_touch=lambda: not loop.hands_off(inbox, self._gate),
        )

    def surface(self) -> Surface:
        """What the loop works with."""
        waiting = Waiting(
            eyes=self._sight, tidy=self._tidy, inbox=self._inbox, outbox=self._outbox, let_go=self._fingers.let_go
        )
        return Surface(
            eyes=self._sight,
            lookout=Lookout(self._sight, waiting),
            drafts=self._tidy,
            user_activity=self._gate,
            open_window=self._open,
            let_go=self._fingers.let_go,
            act=NO_ACTS,
            read=NO_READING,
            arrange=NO_ARRANGING,
            calibrate=NO_CALIBRATION,
            path=NAME,
            remark=NAME,
        )

    def _open(self, name: str) -> PortableWindow:
        return PortableWindow(
            name=name,
            sight=self._sight,
            fingers=self._fingers,
            clipboard=self._clipboard,
            clicks=self._clicks,
            pace=self._inbox,
        )


class Lookout:
    """Looks once a second at windows that cannot be used, and at nothing else: nothing tells of a change."""

    def __init__(self, sight: Sight, waiting: Waiting) -> None:
        self._sight = sight
        self._waiting = waiting

    def begin(self) -> None:
        """Nobody knows anything of any window yet."""
        self._waiting.saw(self._sight.names())

    def tell_usable(self) -> None:
        """Look at all of them."""
        self._waiting.look_again()

    def due_in_s(self) -> float | None:
        """Never, once all can be used."""
        return REST_S if self._waiting.names() else None

    def look_again(self) -> None:
        """Look at those that could not be used."""
        names = self._waiting.names()
        self._waiting.look_again()
        for name in names:
            self._waiting.usability.saw(self._sight.status(name))

    def glance(self) -> None:
        """Something may have changed."""
        self._waiting.look_again()

    def look(self, *, closely: bool) -> tuple[WindowStatus, ...]:
        """Each window, for people. How each is read makes no difference here: all are copied out of."""
        return tuple(map(self._sight.status, self._sight.names()))

    def shown(self, name: str) -> Shown:
        """What this window shows of its agent."""
        status = self._sight.status(name)
        return Shown(window=name, activity=status.activity, note=status.reason)

    def ended(self, name: str, *, was_used: bool) -> None:
        """An order ended: a window into which no text went, or where a draft of ours is left, is looked after."""
        self._waiting.ended(name, was_used=was_used)
