"""One window as the steps of a delivery use it, on Windows: identity, place, focus and clipboard are asked of Windows,
the text is copied back. Nothing keeps others away between a look and a key, so less is claimed than on X11."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PIL import Image

from automation.desktop.observation import draft_fingerprint
from automation.desktop.observation.composer_changes import ComposerChanges, wait_for_rest
from automation.desktop.observation.delivery_screenshots import DeliveryScreenshots, target_identity
from automation.desktop.transcript_copy import copy_transcript, refuse_without_transcript
from automation.desktop.win32.clipboard import ClipboardOffer, WindowsClipboard
from automation.desktop.win32.target import WindowsTarget
from automation.desktop.win32.user_input import WindowsUserInput
from automation.protocol import ports
from automation.protocol.ports import ClearResult, PermanentFailure, ReadbackResult, TransientFailure
from automation.protocol.text import mark
from core.deliveries.model import Moment, Picture, Reason, Target
from core.desks.model import Transcribed
from core.kit import faults
from core.profiles.model import Readback

TAKEN_S = 0.03
COPY_S = (0.05, 0.1, 0.2, 0.4)
LOOK_S = 0.004
STILL_S = 0.03
CLEAR_TRIES = 5
CLEAR_S = 0.3
CLEAR_REST_S = 0.05  # the first rest after something was in the way; each is twice as long as the one before
TAKEN_BY = "another program put something onto the clipboard"


class WindowsWindow:
    """One delivery's view of one window."""

    def __init__(self, *, aim: WindowsTarget, clipboard: WindowsClipboard, people: WindowsUserInput) -> None:
        self._aim = aim
        self._clipboard = clipboard
        self._people = people
        self._offer: ClipboardOffer | None = None
        self._pasted_s = 0.0
        self._changes = ComposerChanges(
            self._composer, caret_px=aim.profile.composer.caret_px, still_s=STILL_S, now_s=aim.pace.now_s
        )
        self._read: Image.Image | None = None
        self._copies = 0
        self._album = DeliveryScreenshots()

    def look(self, *, may_be_busy: bool = False) -> bool:
        self._aim.take(self._aim.eyes.preflight(self._aim.name, may_be_busy=may_be_busy))
        self._aim.wait_for_idle_input()
        self._clipboard.keep()
        return may_be_busy and self._aim.eyes.is_busy(self._aim.name)

    def find(self) -> None:
        self._aim.take(self._aim.eyes.recognise(self._aim.name))
        self._aim.wait_for_idle_input()
        self._clipboard.keep()

    def focus(self) -> None:
        self._aim.click_into(self._aim.profile.composer.box)
        faults.point("worker.clicked")

    def is_held(self) -> bool:
        """Nobody can be held off on Windows, now or later: whether somebody typed is seen before each key."""
        return True

    def stage(self, text: str) -> None:
        self._album.stages(text)
        self._offer = self._clipboard.offer(text)
        self._changes.begin()
        self._read = None
        self._pasted_s = time.monotonic()
        self._aim.press(self._aim.profile.paste)

    def read(self) -> ReadbackResult:
        offer = self._offer
        if offer is None:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        if not offer.readers:
            if offer.is_lost:
                raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
            self._aim.until(lambda: bool(offer.readers) or offer.is_lost, TAKEN_S)
            return ReadbackResult(by=Readback.COPY)
        if not self._changes.has_settled():
            return ReadbackResult(by=Readback.COPY)
        profile = self._aim.profile
        text = self._copied(profile.copy, profile.after_copy, COPY_S[min(self._copies, len(COPY_S) - 1)])
        self._copies += 1
        if text is not None:
            self._aim.until(self._changes.is_unselected, CLEAR_S)
            self._read = self._composer()
        return ReadbackResult(by=Readback.COPY, text=text, taken=text is not None)

    def guard(self) -> None:
        self._aim.guard()
        if self._read is not None and not self._changes.looks_like(self._read):
            raise TransientFailure(
                Reason.PASTE_NOT_READ, "the composer does not look any more as it did when it was read"
            )

    def submit(self, *, by_s: float) -> None:
        self.guard()
        self._aim.press_once(self._aim.profile.submit, by_s=by_s)
        faults.point("worker.key-pressed")

    def is_at_work(self) -> bool:
        try:
            self._aim.eyes.place(self._aim.name)
        except (TransientFailure, PermanentFailure):
            return False
        return self._aim.eyes.is_busy(self._aim.name)

    def confirm(self) -> ports.SubmitEvidence:
        eyes, name = self._aim.eyes, self._aim.name
        try:
            eyes.place(name)
        except (TransientFailure, PermanentFailure):
            return ports.SubmitEvidence(is_empty=False, is_busy=False)
        return ports.SubmitEvidence(is_empty=eyes.is_composer_empty(name), is_busy=eyes.is_busy(name))

    def wait_for_redraw(self, seconds: float) -> None:
        self._aim.wait(min(seconds, LOOK_S))

    def has_receipt(self) -> bool:
        """The target's own program, and it alone, asked for the text, after the paste chord; and no other configured
        window belongs to that program. Many programs do not say who they are: then there is no receipt."""
        offer = self._offer
        if offer is None or offer.read_s < self._pasted_s or self._aim.eyes.shares_client(self._aim.name):
            return False
        return offer.readers == [self._aim.client]

    def marks(self) -> tuple[str, ...]:
        window = draft_fingerprint.window_mark(self._name_tag())
        if self._read is None or self._aim.eyes.is_masked(self._aim.name):
            return (window,)
        return (window, draft_fingerprint.picture_mark(self._read))

    def is_same_window(self, marks: Sequence[str]) -> bool:
        name_tag = self._name_tag()
        return bool(name_tag) and draft_fingerprint.window_mark(name_tag) in marks

    def matches_draft(self, marks: Sequence[str]) -> bool:
        profile = self._aim.profile
        if draft_fingerprint.shows_draft(self._composer(), marks, profile.composer.caret_px):
            return True
        self.focus()
        text = self._copied(profile.copy, profile.after_copy, COPY_S[-1])
        return text is not None and mark(text, profile.normalise) in marks

    def is_untouched(self) -> bool:
        """Never said: what was typed into a window while nobody looked is told by nobody here."""
        return False

    def stands_still(self, seconds: float, *, within_s: float) -> bool:
        return wait_for_rest(
            self._composer,
            caret_px=self._aim.profile.composer.caret_px,
            clock=self._aim.pace,
            is_resting=lambda: not self._aim.has_focus() or self._people.idle_s() >= seconds,
            seconds=seconds,
            within_s=within_s,
        )

    def transcript(self) -> str | None:
        transcript = self._aim.profile.transcript
        if transcript is None:
            return None
        self._aim.click_into(transcript.box)
        try:
            return self._copied(transcript.copy, (), COPY_S[-1])
        finally:
            self.focus()
            for chord in self._aim.profile.after_copy:  # a click in an empty composer can select its newline
                self._aim.press(chord)

    def said(self, *, hands_off: str) -> Transcribed:
        """What was said in the window, copied, if its agent rests, its composer is empty and nobody types. `hands_off`
        says why nothing may be touched now; empty if it may."""
        self._aim.take(self._aim.eyes.recognise(self._aim.name))
        if self._aim.profile.transcript is None:
            raise refuse_without_transcript()
        return copy_transcript(self, hands_off=hands_off)

    def remember(self, moment: Moment) -> None:
        try:
            self._album.keep(moment, self._aim.eyes.picture(self._aim.name, has_code=self._album.has_code))
        except (TransientFailure, PermanentFailure):
            self._album.lacks(moment)

    def pictures(self, *, whole: bool) -> tuple[Picture, ...]:
        return self._album.pictures(self._aim.profile.composer.box, whole=whole)

    def target_identity(self) -> Target | None:
        seen = self._aim.taken
        return None if seen is None else target_identity(seen)

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        pressed, rest_s = False, CLEAR_REST_S
        try:
            self._clipboard.drop()  # a program that reads the paste late finds nothing
        except TransientFailure:
            pass  # whoever has it open lets nobody paste either
        for _ in range(CLEAR_TRIES):
            try:
                if pressed and self._aim.until(self._is_seen_empty, CLEAR_S) and self._stays_empty():
                    return ClearResult.SEEN
                self._aim.regain_focus()
                for chord in self._aim.profile.clear:
                    self._aim.press_to_clear(chord)
                pressed = True
                if self._aim.until(self._is_seen_empty, CLEAR_S) and self._stays_empty():
                    return ClearResult.SEEN
            except TransientFailure:  # what is in the way mostly passes
                self._aim.wait(rest_s)
                rest_s *= 2
            except PermanentFailure as trouble:
                gone = trouble.reason is Reason.CLOSED  # and its draft with it
                return ClearResult.SEEN if gone else ClearResult.UNSEEN if pressed else ClearResult.FAILED
        return ClearResult.UNSEEN if pressed else ClearResult.FAILED

    def give_back(self) -> None:
        try:
            self._clipboard.give_back()
        except TransientFailure:
            pass  # whoever has it open now has it for good
        self._aim.give_back()

    def _copied(self, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        since = self._clipboard.expect_copy(self._aim.client)
        for chord in copy:
            self._aim.press(chord)
        found = self._clipboard.copied(since, wait_s)
        for chord in after:  # what was selected must not be what a person's next key replaces
            self._aim.press(chord)
        if found is None:
            return None
        text, process = found
        if process not in {0, self._aim.client}:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return text

    def _composer(self) -> Image.Image:
        return self._aim.eyes.composer(self._aim.name)

    def _name_tag(self) -> str:
        return self._aim.eyes.windows.name_tag(self._aim.target().id)

    def _stays_empty(self) -> bool:
        self._aim.wait(STILL_S)
        return self._is_seen_empty()

    def _is_seen_empty(self) -> bool:
        self._aim.eyes.place(self._aim.name)
        return self._aim.eyes.is_composer_empty(self._aim.name)
