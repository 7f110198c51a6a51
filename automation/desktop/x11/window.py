"""One window as the steps of a delivery use it: the X11 side of automation.protocol's WindowPort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.calibration.trial_delivery import TrialWindow
from automation.desktop.observation import composer_changes, image_diff
from automation.desktop.target.delivery_window import CLEAR_S, MOST_SAID, TargetWindow
from automation.desktop.target.own_input import Clicks
from automation.desktop.window_info import WindowInfo
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.draft_guard import DraftGuard
from automation.desktop.x11.input import do_nothing
from automation.desktop.x11.readback import SELECTED_S, STILL_S, ClipboardPaste, ReadbackChooser
from automation.desktop.x11.target import X11Target
from automation.protocol.ports import (
    Cancelled,
    ClearResult,
    DeliveryFailure,
    PermanentFailure,
    ReadbackResult,
    SubmitEvidence,
)
from core.deliveries.model import Reason
from core.desks.model import Transcribed
from core.kit import faults
from core.profiles.model import Act, Newline, Readback

DRAWN_S = 0.2  # so long after a key its letter has been drawn
MOST_TYPED = 12  # letters that Home and End may type in a program that does not know these keys
SHOWN_S = 0.1
DOCUMENT_S = 0.1  # waited for what a window showed before Enter, where nothing but that proves an arrival


def _key_is_down() -> None:
    """Reach a fault point. Only tests come here: otherwise the press and the release of a key go out as one."""
    faults.point("worker.key-down")


@dataclass(frozen=True, slots=True, kw_only=True)
class X11Devices:
    """What one display has for all of its windows."""

    clipboard: X11Clipboard
    clicks: Clicks
    reader: AccessibilityReader
    idle_s: Callable[[], float]  # since a user pressed or moved anything; what Octet presses does not count
    untouched: DraftGuard


class X11Window(TargetWindow[X11Target]):
    """One delivery's view of one window."""

    still_s = STILL_S

    def __init__(self, *, target: X11Target, devices: X11Devices) -> None:
        super().__init__(target=target, idle_s=devices.idle_s)
        self._untouched = devices.untouched
        self._clicks = devices.clicks
        self._paste = ClipboardPaste(target=self._target, clipboard=devices.clipboard)
        self._readbacks = ReadbackChooser(target=self._target, paste=self._paste, reader=devices.reader)
        self._reader = devices.reader
        self._was_empty = False
        self._is_without = False  # nothing was pasted after all: what the composer holds is the user's
        self._line_before: Image.Image | None = None
        self._is_watched = False  # what others press is heard since it was empty, or known to be ours

    def look(self, *, may_be_busy: bool = False) -> bool:
        is_busy = super().look(may_be_busy=may_be_busy)
        self._inspector.keep_rested(self._name)
        self._was_empty = True
        if self._readbacks.accessible is not None:
            self._readbacks.accessible.read_document()
        return is_busy

    def focus(self) -> None:
        self._target.hold_devices()
        quiet_s = self._idle_s()
        accessible, is_wanted = self._readbacks.accessible, self._name in self._clicks.wanted
        if accessible and not is_wanted and self._target.has_focus() and accessible.has_focus():
            return
        if not (self._target.needs_no_click() and self._target.bring_forward()):
            self._target.click_into(self._profile.composer.box)
        if self._was_empty and self._readbacks.way.kind is Readback.PIXELS:
            self._see_still_empty(quiet_s)

    def _see_still_empty(self, quiet_s: float) -> None:
        """Wait until what the user typed just before the hold is drawn: it would be sent with our text."""
        if quiet_s < DRAWN_S:
            self._pace.rest(DRAWN_S - quiet_s)
        if not self._target.until(
            lambda: self._inspector.is_composer_empty(self._name), DRAWN_S
        ):  # a caret may be half drawn
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "a user wrote there just before; Octet left it untouched")

    def is_held(self) -> bool:
        return self._target.is_held()

    def stage(self, text: str) -> None:
        self._screenshots.note_prompt(text)
        self._was_empty = False
        self._readbacks.way.begin()
        self._watch()
        self._clicks.wanted.add(self._name)  # until it was seen to land
        try:
            self._paste.make(text)
        except (DeliveryFailure, Cancelled):
            self._is_without = True  # no key was pressed
            raise

    def read(self) -> ReadbackResult:
        self._target.watch_drawing()
        question = self._question()
        if question is not None:
            # Its program took the text, and shows it in a separate window: that paste did not land.
            raise PermanentFailure(Reason.PASTE_NOT_READ, f"its program asks before it pastes (“{question[0].title}”)")
        return self._readbacks.way.read()

    def guard(self) -> None:
        if self._readbacks.accessible is not None and not self._profile.has_busy_sign:
            self._readbacks.accessible.await_document(DOCUMENT_S)
        self._target.guard()
        self._readbacks.way.check_unchanged()
        self._clicks.wanted.discard(self._name)

    def submit(self, *, by_s: float) -> None:
        self._untouched.forget(self._target.window().id)
        if self._readbacks.accessible is not None:
            self._readbacks.accessible.seal_document()
        if self._profile.composer.prompt is not None:
            self._line_before = self._inspector.composer(self._name)
        self._target.press(self._profile.submit, while_down=_key_is_down if faults.armed() else do_nothing, by_s=by_s)
        faults.point("worker.key-pressed")

    def is_at_work(self) -> bool:
        if self._profile.busy.sign is not None and self._profile.busy.sign.is_learned:
            return False
        return self._is_in_place() and self._inspector.is_busy(self._name)

    def confirm(self) -> SubmitEvidence:
        self._target.watch_drawing()
        if not self._is_in_place():
            return SubmitEvidence(is_empty=False, is_busy=False)
        accessible = self._readbacks.accessible
        # Chromium reports that it is empty later than it shows it; toolkits draw over the place.
        is_empty = self._inspector.is_composer_empty(self._name) or (accessible is not None and accessible.is_emptied())
        is_guarded = self._target.is_guarded()  # asked after the look: still held now means held during it
        if is_empty:
            self._target.release_devices()
        is_busy = self._inspector.is_busy(self._name) or self._took_line()
        # This costs the program some time, and is needed where nothing else proves anything.
        has_gained = None if is_busy or not is_empty or accessible is None else accessible.has_gained()
        return SubmitEvidence(is_empty=is_empty, is_busy=is_busy, is_guarded=is_guarded, has_gained=has_gained)

    def wait_for_redraw(self, seconds: float) -> None:
        self._target.wait_for_redraw(seconds)

    def _took_line(self) -> bool:
        """Return whether a terminal looks different since Enter and shows no empty prompt: its program works on the
        line. One that makes a new line of Enter looks so too, but shows no empty prompt afterwards."""
        if self._line_before is None:
            return False
        now = self._inspector.composer(self._name)
        is_same = image_diff.is_same(now, self._line_before, self._profile.composer.caret_px)
        return not is_same and not self._inspector.is_empty_in(self._name, now)

    def has_receipt(self) -> bool:
        return self._paste.taken and self._profile.has_busy_sign and not self._inspector.shares_client(self._name)

    def marks(self) -> tuple[str, ...]:
        window = composer_changes.window_mark(self._name_tag())
        return (window, *self._readbacks.way.marks())

    def matches_draft(self, marks: Sequence[str]) -> bool:
        return self._readbacks.way.matches_draft(marks)

    def _keep_clipboard(self) -> None:
        self._paste.keep()

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        return self._target.until(holds, seconds)

    def _copied(self, copy: Sequence[str]) -> str | None:
        return self._paste.copied(copy)

    def read_transcript(self, *, hands_off: str) -> Transcribed:
        """Read by accessibility, without touching anything, where its program reports it."""
        transcript = self._profile.transcript
        if transcript is not None and transcript.role:
            self._recognise()
            text = self._reader.text_of(self._target.window(), role=transcript.role)
            if text is not None:
                return Transcribed(text=text[-MOST_SAID:], by="accessibility")
        return super().read_transcript(hands_off=hands_off)

    def is_untouched(self) -> bool:
        """Return whether all in the composer came from us, without a question: only Octet wrote since it was empty."""
        return (
            self._untouched.is_untouched(self._target.window().id) and self._inspector.find_dialog(self._name) is None
        )

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        """Remove our own draft with the profile's chords. Keys go to the focus: a cover does not prevent it. With
        `if_untouched` only if it is still ours alone when the user's devices are held."""
        self._paste.end()
        cleared = ClearResult.SEEN if self._is_without else super().clear(if_untouched=if_untouched)
        if cleared is ClearResult.SEEN and self._target.taken is not None:
            self._untouched.forget(self._target.taken.id)
        return cleared

    def _press_clear(self, *, is_first: bool, if_untouched: bool) -> None:
        self._close_question()
        self._target.hold_for_clearing()  # from here on all comes from us
        if if_untouched and not self.is_untouched():
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY)
        if is_first and not self._is_watched:  # a second time it would forget what was pressed since the paste
            self._watch()
        accessible = self._readbacks.accessible
        self._target.regain_focus(clicked=accessible is not None and not accessible.has_focus())
        self._target.press_to_clear(self._profile.clear, rest_s=0.0 if is_first else SELECTED_S)

    def restore_user_state(self) -> None:
        self._paste.restore_clipboard()
        self._target.restore_user_state()
        seen = self._target.taken
        if seen is not None:
            self._untouched.leave_window(seen.id)

    def _question(self) -> tuple[WindowInfo, str] | None:
        for dialog in self._profile.dialogs:
            if dialog.window is None:
                continue
            no = self._profile.press(Act.DENY, dialog) if Act.DENY in dialog.answers else None
            asked = dialog.window
            for seen in self._inspector.windows.find(asked.match_class, asked.title, client=self._target.client):
                if seen.is_viewable:
                    return seen, no.chord if no else ""
        return None

    def _close_question(self) -> None:
        question = self._question()
        if question is not None and question[1]:
            self._target.dismiss(question[0].id, question[1])
            self._target.until(lambda: self._question() is None, CLEAR_S)

    def _watch(self) -> None:
        self._untouched.begin(self._target.window().id)
        self._is_watched = True


class X11TrialWindow(TrialWindow, X11Window):
    """A window on trial. It also asks whether a composer that looks empty holds a text."""

    def focus(self) -> None:
        try:
            super().focus()
        except PermanentFailure:
            self.trial.refuses()
            raise
        if self.trial.before is None and self._may_hold_text() and self._holds_text():
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "text is already in it; it was left there")

    def read(self) -> ReadbackResult:
        self.trial.reading = super().read()
        return self.trial.reading

    def _may_hold_text(self) -> bool:
        """Return whether only a look says that it is empty: a hint may be text, and text may lie beside the measured
        box. Octet clears its draft with all that is there."""
        is_copied = self._readbacks.way.kind is not Readback.ACCESSIBILITY and Readback.COPY in self._profile.readback
        return self._profile.composer.has_placeholder or is_copied

    def _holds_text(self) -> bool:
        """Return whether a composer that may show a hint holds text: then it can be copied, or in a terminal the caret
        moved to its beginning. A program that reads lines would take that key for text."""
        if not self.trial.is_terminal:
            copied = self._paste.copied(self._profile.copy, self._profile.after_copy)
            return copied is not None and bool(copied.strip())
        if self._profile.newline is not Newline.KEEP:
            return False
        before = self._inspector.composer(self._name)
        if self._looks_like(before, after="home"):
            return False
        if self._looks_like(before, after="end"):
            return True
        # It took the keys for text: that is deleted again.
        return not any(self._looks_like(before, after="backspace") for _ in range(MOST_TYPED))

    def _looks_like(self, before: Image.Image, *, after: str) -> bool:
        self._target.hold_devices()
        self._target.press(after)
        self._target.wait(SHOWN_S)
        return image_diff.is_same(before, self._inspector.composer(self._name), self._profile.composer.caret_px)
