"""One pane as a control act uses it: the terminal side of automation.protocol's ActPort."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from automation.protocol.dialog_action import DialogState
from automation.protocol.ports import DeliveryClock, PermanentFailure, TransientFailure
from automation.terminal.pane import TmuxPane
from automation.terminal.pane_lock import PaneLock
from automation.terminal.panes import Panes
from automation.terminal.tmux import key
from core.deliveries.model import Moment, Picture, Reason, Target
from core.profiles.model import Act, Press


class PaneAction:
    """One act's view of one pane."""

    def __init__(self, *, name: str, panes: Panes, pace: DeliveryClock) -> None:
        self._panes = panes
        self._name = name
        self._pace = pace
        self._hold = PaneLock(panes.tmux)
        self._pane = TmuxPane(name=name, panes=panes, pace=pace, idle_s=0.0, hold=self._hold)
        self._mark = ""
        self._around: Sequence[str] = ()

    def find(self) -> None:
        self._pane.find()

    def stand(self) -> DialogState:
        look, profile = self._pane.seen(), self._panes.profile(self._name)
        self._around = look.view.around
        if look.view.why_unread:
            raise TransientFailure(Reason.NOT_READABLE, look.view.why_unread)
        self._panes.check(self._name, look.stand, held=self._hold.word)
        dialog = None if look.view.dialog is None else profile.terminal.dialogs[look.view.dialog]
        presses = {act: press for act in Act if (press := profile.press(act, dialog)) is not None and press.chord}
        self._mark = "" if dialog is None else mark(look.view.crop)
        if dialog is None:
            return DialogState(is_busy=look.view.is_busy, is_empty=look.view.is_empty, presses=presses)
        return DialogState(
            shows=dialog.shows,
            answers=dialog.answers,
            mark=self._mark,
            is_busy=look.view.is_busy,
            presses=presses,
        )

    def is_other(self, mark: str) -> bool:
        return self._mark != mark

    def looks(self) -> str:
        return mark(self._around)

    def prepare(self, act: Act, press: Press) -> None:
        """There is nothing to bring forward: a pane takes keys wherever it is."""

    def press(self, press: Press, *, by_s: float) -> None:
        """Press once, not later than `by_s`: the pane is held, looked at once more, and the server sees that its cursor
        and size are those of that look. Whatever TransientFailure or PermanentFailure it raises, nothing was pressed
        then."""
        before = self._mark
        self._hold.take(self._pane.seen().stand)
        self.stand()
        if self._mark != before:
            raise PermanentFailure(Reason.CHANGED, "the dialog does not look any more as it was shown")
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        stand = self._pane.seen_last().stand
        keys = ["send-keys", "-t", stand.id, key(press.chord)]
        self._hold.act(stand, keys, same_sight=True, is_last=True)

    def pictures(self) -> tuple[Picture, ...]:
        self._pane.remember(Moment.AFTERWARDS)
        return self._pane.pictures(whole=True)

    def target_identity(self) -> Target | None:
        return self._pane.target_identity()

    def give_back(self) -> None:
        self._pane.give_back()


def mark(lines: Sequence[str]) -> str:
    """By which exactly this dialog is known again: a letter more or less is another one."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
