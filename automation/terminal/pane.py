"""One pane as a delivery and a control act use it: the terminal side of the protocol's WindowPort and ActionPort."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from automation.protocol import ports
from automation.protocol.dialog_action import DialogState
from automation.protocol.ports import (
    ClearResult,
    DeliveryClock,
    DeliveryFailure,
    PermanentFailure,
    ReadbackResult,
    TransientFailure,
)
from automation.protocol.text import mark, normalise
from automation.terminal import screen
from automation.terminal.pane_lock import PaneLock
from automation.terminal.pane_picture import drawn, png
from automation.terminal.panes import HISTORY, Panes, PaneSnapshot, PaneState, seeing
from automation.terminal.tmux import NoServer, TmuxMissing, TmuxSilent, key
from core.deliveries.model import Moment, Picture, PictureArea, Reason, Target
from core.kit import faults
from core.profiles.model import Act, Normalise, PaneReadback, Press

T = TypeVar("T")
BUFFER = "octet-delivery."  # begins the name of each buffer of ours; one lives as long as one go of the server
LOOK_S = 0.004
CLEAR_S = 1.5
STILL_S = 0.03  # so long it must be empty: what was pasted may still be drawn
FRESH_S = 0.1  # A look this old is good for a decision that the server checks once more
IDLE_S = 2.0


class TmuxPane:
    """One delivery's view of one pane."""

    def __init__(self, *, name: str, panes: Panes, pace: DeliveryClock, idle_s: float = IDLE_S) -> None:
        """Nothing begins until nobody typed into this pane for `idle_s`."""
        self._name = name
        self._panes = panes
        self._pace = pace
        self._idle_s = idle_s
        self._profile = panes.profile(name)
        self._hold = PaneLock(panes.tmux)
        self._text = ""
        self._is_staged = False
        self._identity = ""  # the pane and the process, as they were when it was looked at first
        self._last: PaneSnapshot | None = None
        self._looked_s = 0.0
        self._has_just_read = False
        self._read: str | None = None
        self._ours = ""  # what the composer showed when all of it was known to be ours
        self._sure_under = ""  # Under this hold of ours no one else has been able to write there since
        self._album: dict[tuple[PictureArea, Moment], tuple[str, ...]] = {}

    # looking

    def look(self, *, may_be_busy: bool = False) -> bool:
        look = self.seen()
        self._panes.preflight(self._name, look, may_be_busy=may_be_busy)
        if look.typed_s < self._idle_s:
            raise TransientFailure(Reason.PERSON_TYPING, "somebody types into this pane")
        return look.view.is_busy

    def find(self) -> None:
        look = self.seen()
        self._panes.check(self._name, look.stand, held=self._hold.word)

    def is_at_work(self) -> bool:
        return (self._fresh() or self.seen()).view.is_busy

    def read(self) -> ReadbackResult:
        look = self.seen()
        self._panes.check(self._name, look.stand, held=self._hold.word)
        text = look.view.composer
        if text is None:
            return ReadbackResult(by=PaneReadback.SCREEN, taken=self._is_staged)
        self._read, self._has_just_read = text, True
        if self._is_sure(look.stand):
            self._ours = text
        counts = screen.stands_for(text, self._text, self._profile.terminal)
        if counts is None:
            return ReadbackResult(by=PaneReadback.SCREEN, text=text, taken=self._is_staged)
        return ReadbackResult(by=PaneReadback.PLACEHOLDER, taken=True, landed=counts)

    def confirm(self) -> ports.SubmitEvidence:
        try:
            look = self.seen()
        except DeliveryFailure:
            return ports.SubmitEvidence(is_empty=False, is_busy=False)
        return ports.SubmitEvidence(is_empty=look.view.is_empty, is_busy=look.view.is_busy)

    def wait_for_redraw(self, seconds: float) -> None:
        time.sleep(min(seconds, LOOK_S))  # noqa: TID251 the worker's own thread, between two looks

    def has_receipt(self) -> bool:
        """Nobody says which program read the pane's input."""
        return False

    def marks(self) -> tuple[str, ...]:
        return (self._identity,) if self._identity else ()

    def is_same_window(self, marks: Sequence[str]) -> bool:
        try:
            return self.seen().stand.mark in marks
        except DeliveryFailure:
            return False

    def matches_draft(self, marks: Sequence[str]) -> bool:
        text = self.seen().view.composer
        if text is None or not text.strip() or mark(text, self._profile.normalise) not in marks:
            return False
        self._ours = self._read = text  # a key goes there only as long as just this stands there
        return True

    def transcript(self) -> str | None:
        look = self.seen(history=HISTORY)
        return screen.said(look.view.around, self._profile.terminal)

    # acting

    def focus(self) -> None:
        stand = (self._fresh() or self.seen()).stand
        said = self._asked(lambda: self._hold.take(stand, after=seeing(stand.id)))
        self._keep(self._asked(lambda: self._panes.seen(self._name, said)))
        self._panes.check(self._name, self.seen_last().stand, held=self._hold.word)
        faults.point("worker.held")

    def is_held(self) -> bool:
        return self._hold.is_ours

    def stage(self, text: str) -> None:
        """Into a buffer of our own, and out of it into the pane, in brackets if its program asks for them; the buffer
        goes with the paste. One go of the server, and only if the pane stands as it did, its composer empty."""
        look = self._fresh() or self.seen()
        self._panes.check(self._name, look.stand, held=self._hold.word)
        if not look.view.is_empty:
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "somebody wrote into it in this very moment")
        if "\n" in text and look.stand.brackets == "0":
            raise PermanentFailure(Reason.CHANGED, "its program takes no bracketed paste now: each newline would send")
        buffer = f"{BUFFER}{os.getpid()}"
        paste = ["paste-buffer", "-p", "-d", "-b", buffer, "-t", look.stand.id]
        self._text, self._is_staged, self._read = text, True, None
        self._sure_under = self._hold.word
        try:
            self._asked(
                lambda: self._hold.act(look.stand, paste, before=[["load-buffer", "-b", buffer, "-"]], given=text)
            )
        except DeliveryFailure:
            self._asked(lambda: self._panes.tmux.ask(["delete-buffer", "-b", buffer]), or_else=[])
            raise

    def guard(self) -> None:
        """See that the pane is ours alone still, and that what stands in its composer is what was read. A reading of
        this very moment stands for the first such look; the one after the go-ahead is new."""
        look = (self._fresh() if self._has_just_read else None) or self.seen()
        self._has_just_read = False
        self._panes.check(self._name, look.stand, held=self._hold.word or "none")
        if self._read is not None and look.view.composer != self._read:
            raise TransientFailure(Reason.PASTE_NOT_READ, "the composer changed after Octet read it")
        if look.view.dialog is not None:
            raise TransientFailure(Reason.DIALOG, "a dialog came up before Enter")

    def submit(self, *, by_s: float) -> None:
        """Press the submit key once, if it is not too late: the server sees that pane, process, cursor and size are
        those of the last look, presses, and ends the hold, in one go."""
        stand = self.seen_last().stand  # of the guard, which came just before
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        faults.point("worker.key-down")
        # An error from here on tells nothing of the key: it may have been pressed. It is not made a bounce.
        self._hold.act(stand, self._keys(stand, [self._profile.submit]), is_last=True)
        faults.point("worker.key-pressed")

    def is_untouched(self) -> bool:
        """Never said of a pane that was not held all the time: anybody may have typed there since."""
        return False

    def wait_until_still(self, seconds: float, *, within_s: float) -> bool:
        end = self._pace.now_s() + within_s
        since, before = self._pace.now_s(), self.seen().view.composer
        while self._pace.now_s() < end:
            self._pace.rest(LOOK_S)
            self._pace.check()
            look = self.seen()
            if look.view.composer != before:
                since, before = self._pace.now_s(), look.view.composer
            if look.typed_s >= seconds and self._pace.now_s() - since >= seconds:
                return True
        return False

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        """Remove our own draft with the profile's keys, seen at each step to be all that stands in the composer; else
        it is left: once a hold is over anybody may have written there."""
        if if_untouched and not self.is_untouched():
            return ClearResult.FAILED
        pressed, end = False, time.monotonic() + CLEAR_S
        while time.monotonic() < end:
            try:
                look = self.seen()
                if look.view.is_empty:
                    time.sleep(STILL_S)  # noqa: TID251 the worker's own thread: what was pasted may still be drawn
                    if self.seen().view.is_empty:
                        return ClearResult.SEEN
                    continue
                if look.view.composer is None:
                    self.wait_for_redraw(0.02)
                    continue
                if not self._hold.is_ours:
                    self._hold.take(look.stand)
                    look = self.seen()
                if not self._is_ours_alone(look, pressed=pressed):
                    return ClearResult.FAILED
                self._hold.act(look.stand, self._keys(look.stand, self._profile.clear))
                pressed = True
                self._until_other(look.view.composer or "")
            except PermanentFailure:
                break
            except (TransientFailure, NoServer, TmuxSilent, TmuxMissing):
                self.wait_for_redraw(0.02)
        return ClearResult.UNSEEN if pressed else ClearResult.FAILED

    def _is_ours_alone(self, look: PaneSnapshot, *, pressed: bool) -> bool:
        """Whether all that stands in the composer came from us: it is what was known to be, what was staged, or, once
        keys that clear were `pressed`, a rest of that; or nobody else has been able to write there since."""
        text = look.view.composer or ""
        if not self._is_sure(look.stand):
            have, known = normalise(text, Normalise.BLANKS), normalise(self._ours or self._text, Normalise.BLANKS)
            is_rest = pressed and (known.startswith(have) or known.endswith(have))
            if not have or (have != known and have != normalise(self._text, Normalise.BLANKS) and not is_rest):
                return False
        self._ours, self._sure_under = text, self._hold.word
        return True

    def _is_sure(self, stand: PaneState) -> bool:
        return stand.is_off and bool(self._sure_under) and stand.hold == self._hold.word == self._sure_under

    def restore_user_state(self) -> None:
        self._hold.restore_user_state()

    # telling

    def remember(self, moment: Moment) -> None:
        for part in PictureArea:
            self._album.pop((part, moment), None)
        try:
            view = (self._fresh() or self.seen()).view
        except DeliveryFailure:
            return
        for part, lines in ((PictureArea.COMPOSER, view.box), (PictureArea.WINDOW, view.lines)):
            self._album[part, moment] = screen.hidden(lines, self._profile.terminal)

    def pictures(self, *, whole: bool) -> tuple[Picture, ...]:
        return tuple(
            Picture(moment=moment, part=part, png=png(drawn(lines)))
            for (part, moment), lines in self._album.items()
            if whole or part is PictureArea.COMPOSER
        )

    def target_identity(self) -> Target | None:
        if self._last is None:
            return None
        stand = self._last.stand
        return Target(
            id=int(stand.id.removeprefix("%") or 0),
            kind=stand.command,
            title_sha256=hashlib.sha256(stand.mark.encode()).hexdigest(),
            place=(0, 0, *stand.size),
        )

    def seen_last(self) -> PaneSnapshot:
        assert self._last is not None
        return self._last

    def said(self) -> str:
        """All that was said there, for the reading of answers; touches nothing. Raises PermanentFailure."""
        return "\n".join(self.seen(history=HISTORY).view.around)

    def seen(self, *, history: int = 0) -> PaneSnapshot:
        look = self._asked(lambda: self._panes.look(self._name, history=history))
        if history:
            self._same(look)  # what stands far above is not what it shows
            if look.view.why_unread:
                raise TransientFailure(Reason.NOT_READABLE, look.view.why_unread)
        else:
            self._keep(look)
        return look

    def _fresh(self) -> PaneSnapshot | None:
        """The last look, if it is of this very moment: whatever is done by it is checked by the server once more."""
        is_fresh = self._last is not None and time.monotonic() - self._looked_s < FRESH_S
        return self._last if is_fresh else None

    def _keep(self, look: PaneSnapshot) -> None:
        self._same(look)
        self._last, self._looked_s = look, time.monotonic()

    def _same(self, look: PaneSnapshot) -> None:
        if self._identity and look.stand.mark != self._identity:
            raise PermanentFailure(Reason.CLOSED, "another process runs there than when it was looked at first")
        self._identity = look.stand.mark

    def _keys(self, stand: PaneState, chords: Sequence[str]) -> list[str]:
        return ["send-keys", "-t", stand.id, *map(key, chords)]

    def _until_other(self, text: str) -> None:
        for _ in range(20):
            self.wait_for_redraw(0.01)
            if self.seen().view.composer != text:
                return

    def _asked(self, ask: Callable[[], T], *, or_else: T | None = None) -> T:
        """What tmux says; that it says nothing is a window that is closed."""
        try:
            return ask()
        except (NoServer, TmuxSilent, TmuxMissing) as trouble:
            if or_else is not None:
                return or_else
            raise PermanentFailure(Reason.CLOSED, trouble.message) from trouble


class PaneAction(TmuxPane):
    """One act's view of one pane."""

    _mark = ""  # of the dialog that was seen last
    _around: Sequence[str] = ()

    def look_at_dialog(self) -> DialogState:
        look, profile = self.seen(), self._profile
        self._around = look.view.around
        if look.view.why_unread:
            raise TransientFailure(Reason.NOT_READABLE, look.view.why_unread)
        self._panes.check(self._name, look.stand, held=self._hold.word)
        dialog = None if look.view.dialog is None else profile.terminal.dialogs[look.view.dialog]
        presses = {act: press for act in Act if (press := profile.press(act, dialog)) is not None and press.chord}
        self._mark = "" if dialog is None else dialog_mark(look.view.crop)
        is_busy = look.view.is_busy
        if dialog is None:
            return DialogState(is_busy=is_busy, is_empty=look.view.is_empty, presses=presses)
        shows, answers = dialog.shows, dialog.answers
        return DialogState(shows=shows, answers=answers, mark=self._mark, is_busy=is_busy, presses=presses)

    def is_other_dialog(self, mark: str) -> bool:
        return self._mark != mark

    def view_mark(self) -> str:
        return dialog_mark(self._around)

    def prepare(self, act: Act, press: Press) -> None:
        """There is nothing to bring forward: a pane takes keys wherever it is."""

    def press(self, press: Press, *, by_s: float) -> None:
        """Press once, not later than `by_s`: the pane is held, looked at once more, and the server sees that its cursor
        and size are those of that look. Whatever TransientFailure or PermanentFailure it raises, nothing was pressed
        then."""
        before = self._mark
        self._hold.take(self.seen().stand)
        self.look_at_dialog()
        if self._mark != before:
            raise PermanentFailure(Reason.CHANGED, "the dialog does not look any more as it was shown")
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        stand = self.seen_last().stand
        self._hold.act(stand, self._keys(stand, [press.chord]), is_last=True)

    def pictures(self, *, whole: bool = True) -> tuple[Picture, ...]:
        self.remember(Moment.AFTERWARDS)
        return super().pictures(whole=whole)


def dialog_mark(lines: Sequence[str]) -> str:
    """By which exactly this dialog is known again: a letter more or less is another one."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
