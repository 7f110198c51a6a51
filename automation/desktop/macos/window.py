"""One window as the steps of a delivery use it, by PyAutoGUI, clipboard and pixels: look, act, look again.

Nothing keeps others away between a look and a key. So Enter is pressed only for a text that was copied back equal, and
only while the composer looks as it did then; and what does not look right after Enter is left for a person to decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PIL import Image

from automation.desktop.macos.input import MacClipboard, MacInput
from automation.desktop.macos.inspector import NOT_THERE, MacInspector
from automation.desktop.observation import draft_fingerprint
from automation.desktop.observation.composer_changes import ComposerChanges, wait_for_rest
from automation.desktop.observation.delivery_screenshots import DeliveryScreenshots
from automation.desktop.own_input import Clicks, places
from automation.protocol import ports
from automation.protocol.ports import ClearResult, DeliveryClock, PermanentFailure, ReadbackResult, TransientFailure
from automation.protocol.text import mark
from core.deliveries.model import Moment, Picture, Reason, Target
from core.kit import faults
from core.profiles.model import Box, Readback

STILL_S = 0.02
COPY_S = (0.05, 0.1, 0.2)
LOOK_S = 0.004
CLEAR_TRIES = 3
CLEAR_S = 0.3


class MacWindow:
    """One delivery's view of one window."""

    def __init__(
        self,
        *,
        name: str,
        sight: MacInspector,
        fingers: MacInput,
        clipboard: MacClipboard,
        clicks: Clicks,
        pace: DeliveryClock,
    ) -> None:
        self._name = name
        self._sight = sight
        self._fingers = fingers
        self._clipboard = clipboard
        self._clicks = clicks
        self._pace = pace
        self._profile = sight.profile(name)
        self._pointer_was: tuple[int, int] | None = None
        self._changes = ComposerChanges(
            self._composer, caret_px=self._profile.composer.caret_px, still_s=STILL_S, now_s=pace.now_s
        )
        self._read: Image.Image | None = None
        self._copies = 0
        self._album = DeliveryScreenshots()

    def look(self, *, may_be_busy: bool = False) -> bool:
        self._sight.preflight(self._name, may_be_busy=may_be_busy)
        return may_be_busy and self._sight.is_busy(self._name)

    def find(self) -> None:
        self._sight.recognise(self._name)

    def focus(self) -> None:
        self._click_into(self._profile.composer.box)

    def is_held(self) -> bool:
        """Nobody is held off here, now or later: each look is as good as the next."""
        return True

    def stage(self, text: str) -> None:
        self._album.stages(text)
        self._clipboard.put(text)
        self._changes.begin()
        self._read = None
        self._press(self._profile.paste)

    def read(self) -> ReadbackResult:
        if not self._changes.has_settled():
            return ReadbackResult(by=Readback.COPY)
        text = self._copied(self._profile.copy, self._profile.after_copy, COPY_S[min(self._copies, len(COPY_S) - 1)])
        self._copies += 1
        if text is not None:
            self._wait_until(self._changes.is_unselected, CLEAR_S)
            self._read = self._composer()
        return ReadbackResult(by=Readback.COPY, text=text, taken=text is not None)

    def guard(self) -> None:
        self._sight.recognise(self._name)
        if self._read is not None and not self._changes.looks_like(self._read):
            raise TransientFailure(
                Reason.PASTE_NOT_READ, "the composer does not look any more as it did when it was read"
            )

    def submit(self, *, by_s: float) -> None:
        self.guard()
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        self._fingers.press(self._profile.submit)
        faults.point("worker.key-pressed")
        self._clipboard.begin_to_give_back()  # the text was read back whole: nothing needs it there any more

    def is_at_work(self) -> bool:
        return self._sight.is_busy(self._name)

    def confirm(self) -> ports.SubmitEvidence:
        try:
            self._sight.recognise(self._name)
        except (TransientFailure, PermanentFailure):
            return ports.SubmitEvidence(is_empty=False, is_busy=False)
        return ports.SubmitEvidence(
            is_empty=self._sight.is_composer_empty(self._name), is_busy=self._sight.is_busy(self._name)
        )

    def wait_for_redraw(self, seconds: float) -> None:
        self._wait(min(seconds, LOOK_S))

    def has_receipt(self) -> bool:
        """Nobody says who read the clipboard."""
        return False

    def marks(self) -> tuple[str, ...]:
        return () if self._read is None else (draft_fingerprint.picture_mark(self._read),)

    def is_same_window(self, marks: Sequence[str]) -> bool:
        """A window cannot be told from another one that looks like it."""
        return False

    def matches_draft(self, marks: Sequence[str]) -> bool:
        if draft_fingerprint.shows_draft(self._composer(), marks, self._profile.composer.caret_px):
            return True
        self.focus()
        text = self._copied(self._profile.copy, self._profile.after_copy, COPY_S[-1])
        return text is not None and mark(text, self._profile.normalise) in marks

    def transcript(self) -> str | None:
        transcript = self._profile.transcript
        if transcript is None:
            return None
        self._click_into(transcript.box)
        try:
            return self._copied(transcript.copy, (), COPY_S[-1])
        finally:
            self.focus()
            for chord in self._profile.after_copy:  # a click in an empty composer can select its newline
                self._press(chord)

    def remember(self, moment: Moment) -> None:
        try:
            self._album.keep(moment, self._sight.picture(self._name, has_code=self._album.has_code))
        except (TransientFailure, PermanentFailure):
            self._album.lacks(moment)

    def pictures(self, *, whole: bool) -> tuple[Picture, ...]:
        return self._album.pictures(self._profile.composer.box, whole=whole)

    def target_identity(self) -> Target | None:
        box = self._sight.place(self._name)
        return Target(id=0, kind="", title_sha256="", place=(box.x, box.y, box.width, box.height))

    def is_untouched(self) -> bool:
        """Never said: nobody tells here who else wrote into a window."""
        return False

    def stands_still(self, seconds: float, *, within_s: float) -> bool:
        return wait_for_rest(
            self._composer,
            caret_px=self._profile.composer.caret_px,
            clock=self._pace,
            is_resting=lambda: True,  # nothing tells here who types
            seconds=seconds,
            within_s=within_s,
        )

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        if if_untouched and not self.is_untouched():
            return ClearResult.FAILED
        pressed = False
        for _ in range(CLEAR_TRIES):
            try:
                self._click_into(self._profile.composer.box, may_stop=False)
                for chord in self._profile.clear:
                    self._sight.recognise(self._name)
                    self._fingers.press(chord)
                pressed = True
                if self._wait_until(self._is_empty, CLEAR_S):
                    self._wait(STILL_S)
                    if self._is_empty():
                        return ClearResult.SEEN
            except PermanentFailure:
                break
            except TransientFailure:
                self._wait(0.05)
        return ClearResult.UNSEEN if pressed else ClearResult.FAILED

    def give_back(self) -> None:
        try:
            self._clipboard.give_back()
        except TransientFailure:
            pass  # whoever owns it now does not answer: there is nothing to give back to
        if self._pointer_was is not None and self._fingers.pointer() == self._fingers.placed:
            self._fingers.move(*self._pointer_was)
        self._pointer_was = None

    def _click_into(self, part: Box, *, may_stop: bool = True) -> None:
        if self._pointer_was is None:
            self._pointer_was = self._fingers.pointer()
        corner = (self._sight.place(self._name).x, self._sight.place(self._name).y)
        point = self._clicks.choose(places(part, corner), corner)
        self._sight.recognise(self._name)
        if may_stop:
            self._pace.check()
        self._fingers.click(*point)
        self._clicks.made(point, corner)
        self._sight.recognise(self._name)

    def _press(self, chord: str) -> None:
        self._sight.recognise(self._name)
        self._pace.check()
        self._fingers.press(chord)
        try:
            self._sight.recognise(self._name)
        except TransientFailure as trouble:
            raise TransientFailure(Reason.FOCUS_TAKEN, f"just after a key {NOT_THERE}") from trouble

    def _copied(self, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        word = self._clipboard.mark()
        for chord in copy:
            self._press(chord)
        text = self._clipboard.until_other_than(word, wait_s)
        for chord in after:  # what was selected must not be what a person's next key replaces
            self._press(chord)
        return text

    def _composer(self) -> Image.Image:
        return self._sight.composer(self._name)

    def _is_empty(self) -> bool:
        self._sight.recognise(self._name)
        return self._sight.is_composer_empty(self._name)

    def _wait_until(self, holds: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= end:
                return False
            self._wait(0.003)
        return True

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two looks
