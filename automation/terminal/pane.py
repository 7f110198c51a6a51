"""One pane as a delivery and a control act use it: the terminal side of the protocol's WindowPort and ActionPort."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
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
from automation.protocol.text import gained_once, has_mark, normalise
from automation.terminal import screen
from automation.terminal.pane_lock import PaneLock
from automation.terminal.pane_picture import drawn, png
from automation.terminal.panes import HISTORY, Panes, PaneSnapshot, PaneState, seeing
from automation.terminal.tmux import FAILURES, key
from core.deliveries.model import Moment, Picture, PictureArea, Reason, Target
from core.kit import faults
from core.profiles.model import Act, Normalise, PaneReadback, Press

T = TypeVar("T")
BUFFER = "octet-delivery."  # begins the name of each buffer of ours; one lives as long as one go of the server
LOOK_S = 0.004
CLEAR_S = 1.5
STILL_S = 0.03  # the composer must be empty for so long: a paste may still be drawn
FRESH_S = 0.1  # A look this old is good for a decision that the server checks once more
IDLE_S = 2.0
AGAIN_S = 0.15  # between two presses of one act: opencode takes two Escs at once for another key


class TmuxPane:
    """One delivery's view of one pane."""

    def __init__(self, *, name: str, panes: Panes, pace: DeliveryClock, idle_s: float = IDLE_S) -> None:
        """Begin nothing until no user has typed into this pane for `idle_s`."""
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
        self._sure_under = ""  # under this hold only Octet has been able to write there since
        self._before: str | None = None  # what the screen showed before our text; None where a busy sign proves it
        self._emptied_s: float | None = None  # since when the composer has been empty after Enter
        self._remembered: dict[tuple[PictureArea, Moment], tuple[str, ...]] = {}

    def look(self, *, may_be_busy: bool = False) -> bool:
        look = self.seen()
        self._panes.preflight(self._name, look, may_be_busy=may_be_busy)
        if look.typed_s < self._idle_s:
            raise TransientFailure(Reason.PERSON_TYPING, "a user is typing into this pane")
        self._before = None if self._profile.has_busy_sign else "\n".join(look.view.around)
        return look.view.is_busy

    def find(self) -> None:
        look = self.seen()
        self._panes.check(self._name, look.state, held=self._hold.word)

    def is_at_work(self) -> bool:
        return (self._fresh() or self.seen()).view.is_busy

    def read(self) -> ReadbackResult:
        look = self.seen()
        self._panes.check(self._name, look.state, held=self._hold.word)
        text = look.view.composer
        if text is None:
            return ReadbackResult(by=PaneReadback.SCREEN, taken=self._is_staged)
        self._read, self._has_just_read = text, True
        if self._is_sure(look.state):
            self._ours = text
        counts = screen.fits_placeholder(text, self._text, self._profile.terminal)
        if counts is None:
            return ReadbackResult(by=PaneReadback.SCREEN, text=text, taken=self._is_staged)
        return ReadbackResult(by=PaneReadback.PLACEHOLDER, taken=True, landed=counts)

    def confirm(self) -> ports.SubmitEvidence:
        try:
            look = self.seen()
            is_held = self._hold.is_ours and look.state.hold == self._hold.word
            if not is_held:
                self._hold.restore_user_state()
            if not look.view.is_empty:
                self._emptied_s = None
                return ports.SubmitEvidence(is_empty=False, is_busy=look.view.is_busy)
            self._emptied_s = self._emptied_s or time.monotonic()
            is_guarded = is_held and time.monotonic() - self._emptied_s >= STILL_S
            if is_guarded:
                self._hold.restore_user_state()
        except DeliveryFailure:
            return ports.SubmitEvidence(is_empty=False, is_busy=False)
        shown = "\n".join(look.view.around)
        has_gained = None if self._before is None else gained_once(self._text, self._before, shown)
        return ports.SubmitEvidence(
            is_empty=True, is_busy=look.view.is_busy, is_guarded=is_guarded, has_gained=has_gained
        )

    def wait_for_redraw(self, seconds: float) -> None:
        time.sleep(min(seconds, LOOK_S))  # noqa: TID251 the worker's own thread, between two looks

    def has_receipt(self) -> bool:
        """Return False: tmux does not say which program read the pane's input."""
        return False

    def marks(self) -> tuple[str, ...]:
        return (self._identity,) if self._identity else ()

    def is_same_window(self, marks: Sequence[str]) -> bool:
        try:
            return self.seen().state.mark in marks
        except DeliveryFailure:
            return False

    def matches_draft(self, marks: Sequence[str]) -> bool:
        text = self.seen().view.composer
        is_same = bool(self._read) and text == self._read  # perhaps a sign in place of a long paste
        if not is_same and not has_mark(text, marks, self._profile.normalise):
            return False
        self._ours = self._read = text  # a key goes there only as long as it holds exactly this
        return True

    def transcript(self) -> str | None:
        """Return what is above the composer, or around a dialog in its place; None without either: a draft could be
        taken for it then."""
        view = self.seen(history=HISTORY).view
        if view.composer is None and view.dialog is None:
            return None
        shown = view.around if view.composer is None else view.above
        return screen.transcript(shown, self._profile.terminal)

    def focus(self) -> None:
        state = (self._fresh() or self.seen()).state
        answer = self._asked(lambda: self._hold.take(state, after=seeing(state.id)))
        self._keep(self._asked(lambda: self._panes.seen(self._name, answer)))
        self._panes.check(self._name, self.seen_last().state, held=self._hold.word)
        faults.point("worker.held")

    def is_held(self) -> bool:
        return self._hold.is_ours

    def stage(self, text: str) -> None:
        """Load a buffer of our own and paste it into the pane, in brackets if its program asks for them; the buffer
        goes with the paste. tmux does all at once, and only if the pane is unchanged and its composer empty."""
        look = self._fresh() or self.seen()
        self._panes.check(self._name, look.state, held=self._hold.word)
        if not look.view.is_empty:
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "a user wrote into it just now")
        if "\n" in text and look.state.brackets == "0":
            raise PermanentFailure(Reason.CHANGED, "its program takes no bracketed paste now: each newline would send")
        buffer = f"{BUFFER}{os.getpid()}"
        paste = ["paste-buffer", "-p", "-d", "-b", buffer, "-t", look.state.id]
        self._text, self._is_staged, self._read = text, True, None
        self._sure_under = self._hold.word
        try:
            self._asked(
                lambda: self._hold.act(look.state, paste, before=[["load-buffer", "-b", buffer, "-"]], given=text)
            )
        except DeliveryFailure:
            with suppress(*FAILURES):
                self._panes.tmux.ask(["delete-buffer", "-b", buffer])
            raise

    def guard(self) -> None:
        """See that the pane is still ours alone, and its composer holds what was read. A reading of this moment counts
        as the first such look; the one after the go-ahead is new."""
        look = (self._fresh() if self._has_just_read else None) or self.seen()
        self._has_just_read = False
        self._panes.check(self._name, look.state, held=self._hold.word or "none")
        if self._read is not None and look.view.composer != self._read:
            raise TransientFailure(Reason.PASTE_NOT_READ, "the composer changed after Octet read it")
        if look.view.dialog is not None:
            raise TransientFailure(Reason.DIALOG, "a dialog came up before Enter")

    def submit(self, *, by_s: float) -> None:
        """Press the submit key once, if it is not too late: tmux checks pane, process, cursor and size against the last
        look, and presses, all at once. The hold stays until the composer was seen empty."""
        state = self.seen_last().state  # of the guard just before
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        faults.point("worker.key-down")
        # An error from here on says nothing about the key: it may have been pressed. It does not become a bounce.
        self._hold.act(state, self._keys(state, [self._profile.submit]))
        faults.point("worker.key-pressed")

    def is_untouched(self) -> bool:
        """Return False: without a hold all the time, a user may have typed there."""
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
        """Remove our own draft with the profile's keys; each step sees that nothing else is in the composer. Otherwise
        it stays: once a hold is over a user may have written there."""
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
                    self._hold.take(look.state)
                    look = self.seen()
                if not self._is_ours_alone(look, pressed=pressed):
                    return ClearResult.FAILED
                self._hold.act(look.state, self._keys(look.state, self._profile.clear))
                pressed = True
                self._until_other(look.view.composer or "")
            except PermanentFailure:
                break
            except (TransientFailure, *FAILURES):
                self.wait_for_redraw(0.02)
        return ClearResult.UNSEEN if pressed else ClearResult.FAILED

    def _is_ours_alone(self, look: PaneSnapshot, *, pressed: bool) -> bool:
        """Return whether all in the composer came from us: it is the known or staged text, or, once clearing keys were
        `pressed`, a rest of that; or only Octet could write there since."""
        text = look.view.composer or ""
        if not self._is_sure(look.state):
            have, known = normalise(text, Normalise.BLANKS), normalise(self._ours or self._text, Normalise.BLANKS)
            is_rest = pressed and (known.startswith(have) or known.endswith(have))
            if not have or (have != known and have != normalise(self._text, Normalise.BLANKS) and not is_rest):
                return False
        self._ours, self._sure_under = text, self._hold.word
        return True

    def _is_sure(self, state: PaneState) -> bool:
        return state.is_off and bool(self._sure_under) and state.hold == self._hold.word == self._sure_under

    def restore_user_state(self) -> None:
        self._hold.restore_user_state()

    def remember(self, moment: Moment) -> None:
        for part in PictureArea:
            self._remembered.pop((part, moment), None)
        try:
            view = (self._fresh() or self.seen()).view
        except DeliveryFailure:
            return
        for part, lines in ((PictureArea.COMPOSER, view.box), (PictureArea.WINDOW, view.lines)):
            self._remembered[part, moment] = screen.hidden(lines, self._profile.terminal)

    def pictures(self, *, whole: bool) -> tuple[Picture, ...]:
        return tuple(
            Picture(moment=moment, part=part, png=png(drawn(lines)))
            for (part, moment), lines in self._remembered.items()
            if whole or part is PictureArea.COMPOSER
        )

    def target_identity(self) -> Target | None:
        if self._last is None:
            return None
        state = self._last.state
        return Target(
            id=int(state.id.removeprefix("%") or 0),
            kind=state.command,
            title_sha256=hashlib.sha256(state.mark.encode()).hexdigest(),
            place=(0, 0, *state.size),
        )

    def seen_last(self) -> PaneSnapshot:
        assert self._last is not None
        return self._last

    def shown_text(self) -> str:
        """Return the whole text of the pane, for the reading of answers; touches nothing. Raises PermanentFailure."""
        return "\n".join(self.seen(history=HISTORY).view.around)

    def seen(self, *, history: int = 0) -> PaneSnapshot:
        look = self._asked(lambda: self._panes.look(self._name, history=history))
        if history:
            self._same(look)  # a dialog far above is not on the screen
            if look.view.why_unread:
                raise TransientFailure(Reason.PANE_NOT_READABLE, look.view.why_unread)
        else:
            self._keep(look)
        return look

    def _fresh(self) -> PaneSnapshot | None:
        """Return the last look, if it is of this moment: tmux checks it again before each act."""
        is_fresh = self._last is not None and time.monotonic() - self._looked_s < FRESH_S
        return self._last if is_fresh else None

    def _keep(self, look: PaneSnapshot) -> None:
        self._same(look)
        self._last, self._looked_s = look, time.monotonic()

    def _same(self, look: PaneSnapshot) -> None:
        if self._identity and look.state.mark != self._identity:
            raise PermanentFailure(Reason.CLOSED, "another process runs there than when it was looked at first")
        self._identity = look.state.mark

    def _keys(self, state: PaneState, chords: Sequence[str]) -> list[str]:
        return ["send-keys", "-t", state.id, *map(key, chords)]

    def _until_other(self, text: str) -> None:
        for _ in range(20):
            self.wait_for_redraw(0.01)
            if self.seen().view.composer != text:
                return

    def _asked(self, ask: Callable[[], T]) -> T:
        """Return what tmux answers. Without an answer the window counts as closed."""
        try:
            return ask()
        except FAILURES as trouble:
            raise PermanentFailure(Reason.CLOSED, trouble.message) from trouble


class PaneAction(TmuxPane):
    """One act's view of one pane."""

    _mark = ""  # of the dialog that was seen last
    _around: Sequence[str] = ()

    def look_at_dialog(self) -> DialogState:
        look, profile = self.seen(), self._profile
        self._around = look.view.around
        if look.view.why_unread:
            raise TransientFailure(Reason.PANE_NOT_READABLE, look.view.why_unread)
        self._panes.check(self._name, look.state, held=self._hold.word)
        dialog = None if look.view.dialog is None else profile.terminal.dialogs[look.view.dialog]
        presses = {act: press for act in Act if (press := profile.press(act, dialog)) is not None and press.chord}
        self._mark = "" if dialog is None else dialog_mark(look.view.crop)
        is_busy = look.view.is_busy or self._panes.is_writing(self._name)
        if dialog is None:
            return DialogState(is_busy=is_busy, is_empty=look.view.is_empty, presses=presses)
        shows, answers = dialog.shows, dialog.answers
        return DialogState(shows=shows, answers=answers, mark=self._mark, is_busy=is_busy, presses=presses)

    def is_other_dialog(self, mark: str) -> bool:
        return self._mark != mark

    def view_mark(self) -> str:
        return dialog_mark(self._around)

    def prepare(self, act: Act, press: Press) -> None:
        """Do nothing: a pane takes keys wherever it is."""

    def press(self, press: Press, *, by_s: float) -> None:
        """Press once, not later than `by_s`: hold the pane, look once more, and have tmux check cursor and size against
        that look. Whatever TransientFailure or PermanentFailure it raises, nothing was pressed."""
        before = self._mark
        self._hold.take(self.seen().state)
        self.look_at_dialog()
        if self._mark != before:
            raise PermanentFailure(Reason.CHANGED, "the dialog looks different now")
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        state = self.seen_last().state
        keys = self._keys(state, [press.chord])
        again = [["run-shell", "-d", f"{AGAIN_S:g}", "true"], keys] * (press.times - 1)
        self._hold.act(state, keys, *again, is_last=True)

    def pictures(self, *, whole: bool = True) -> tuple[Picture, ...]:
        self.remember(Moment.AFTERWARDS)
        return super().pictures(whole=whole)


def dialog_mark(lines: Sequence[str]) -> str:
    """Return what identifies exactly this dialog: a letter more or less makes another one."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
