"""One window as the steps of a delivery use it: what is the same on every platform."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from PIL import Image

from automation.desktop.observation import composer_changes
from automation.desktop.observation.composer_changes import ComposerChanges, wait_for_rest
from automation.desktop.observation.delivery_screenshots import DeliveryScreenshots, target_identity
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.window_pixels import WindowPixels
from automation.desktop.target.input_target import InputTarget, wait_until
from automation.protocol.ports import (
    Cancelled,
    ClearResult,
    DeliveryClock,
    DeliveryFailure,
    PermanentFailure,
    ReadbackResult,
    SubmitEvidence,
    TransientFailure,
)
from automation.protocol.text import has_mark
from core.deliveries.model import Moment, Picture, Reason, Target
from core.desks.model import Transcribed
from core.profiles.model import Box, Readback

LOOK_S = 0.004
CLEAR_S = 0.3  # a composer may take so long to show that it was cleared, or that a selection is gone
QUIET_S = 1.0  # so long the user and the composer must rest before a transcript is copied
QUIET_WITHIN_S = 3.0
MOST_SAID = 1_500_000  # characters, the last ones: an answer has a million at most
NO_TRANSCRIPT = "its profile does not say how its transcript is read"
Inspector = TypeVar("Inspector", bound=WindowPixels)
AnyTarget = TypeVar("AnyTarget", bound=InputTarget[Any])


class DeliveryWindow(ABC, Generic[Inspector]):
    """One delivery's view of one window."""

    still_s: float  # Octet takes two pictures of the composer so far apart; if they are equal, nothing changes in it
    clear_rests_s: tuple[float, ...] = (0.05, 0.05, 0.05)  # after each try at clearing that met something in its way

    def __init__(self, *, name: str, inspector: Inspector, pace: DeliveryClock) -> None:
        self._name = name
        self._inspector = inspector
        self._pace = pace
        self._profile = inspector.profile(name)
        self._screenshots = DeliveryScreenshots()

    @abstractmethod
    def look(self, *, may_be_busy: bool = False) -> bool:
        """See that it may be used."""

    @abstractmethod
    def stage(self, text: str) -> None:
        """Put `text` into the composer by one paste."""

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        is_pressed = is_hidden = False
        for rest_s in self.clear_rests_s:
            try:
                if is_pressed and self._is_cleared():
                    return ClearResult.SEEN
                self._press_clear(is_first=not is_pressed, if_untouched=if_untouched)
                is_pressed, is_hidden = True, False
                if self._is_cleared():
                    return ClearResult.SEEN
            except TransientFailure as trouble:  # most causes pass
                is_hidden = trouble.reason in {Reason.COVERED, Reason.MOVED, Reason.LOCKED}
                self._wait(rest_s)
            except PermanentFailure as trouble:
                if trouble.reason is Reason.CLOSED:  # and its draft with it
                    return ClearResult.SEEN
                return ClearResult.UNSEEN if is_pressed else ClearResult.FAILED
        return ClearResult.UNSEEN if is_pressed and is_hidden else ClearResult.FAILED

    @abstractmethod
    def focus(self) -> None: ...

    def transcript(self) -> str | None:
        if self._profile.transcript is None:
            return None
        self._click_into(self._profile.transcript.box)
        try:
            return self._copied(self._profile.transcript.copy)
        finally:
            self._leave_transcript()

    def read_transcript(self, *, hands_off: str) -> Transcribed:
        """Copy what was said in it, if its agent and the user rest and its composer is empty. `hands_off` says why
        nothing may be touched now; empty if it may. Raises Cancelled, TransientFailure or PermanentFailure."""
        self._recognise()
        if self._profile.transcript is None:
            raise PermanentFailure(Reason.TEXT_REFUSED, NO_TRANSCRIPT)
        if hands_off:
            raise Cancelled(hands_off)
        self.look()
        if not self.wait_until_still(QUIET_S, within_s=QUIET_WITHIN_S):
            raise TransientFailure(Reason.KEYS_DOWN, "a user is typing, or the composer changes")
        text = self.transcript()
        if text is None:
            raise TransientFailure(Reason.PASTE_NOT_READ, "nothing could be copied out of it")
        return Transcribed(text=text[-MOST_SAID:], by="copy")

    def wait_until_still(self, seconds: float, *, within_s: float) -> bool:
        return wait_for_rest(
            self._composer,
            caret_px=self._profile.composer.caret_px,
            clock=self._pace,
            is_resting=lambda: self._user_rests(seconds),
            seconds=seconds,
            within_s=within_s,
        )

    def remember(self, moment: Moment) -> None:
        try:
            self._screenshots.keep(moment, self._inspector.picture(self._name, has_code=self._screenshots.has_code))
        except DeliveryFailure:
            self._screenshots.forget_moment(moment)

    def pictures(self, *, whole: bool) -> tuple[Picture, ...]:
        return self._screenshots.pictures(self._profile.composer.box, whole=whole)

    def is_same_window(self, marks: Sequence[str]) -> bool:
        name_tag = self._name_tag()
        return bool(name_tag) and composer_changes.window_mark(name_tag) in marks

    @abstractmethod
    def _copied(self, copy: Sequence[str]) -> str | None:
        """Return what these chords copy where the focus is; None where nothing was copied."""

    @abstractmethod
    def _click_into(self, part: Box) -> None: ...

    @abstractmethod
    def _user_rests(self, seconds: float) -> bool:
        """Return whether no user has written into this window for so long, as far as the platform tells."""

    @abstractmethod
    def _recognise(self) -> None:
        """See that it is the window, at its place, uncovered, unchanged."""

    def _see_in_place(self) -> None:
        self._recognise()

    def _leave_transcript(self) -> None:
        self.focus()

    def _name_tag(self) -> str:
        """Return what identifies this very window; empty where it looks like any other."""
        return ""

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        return wait_until(holds, seconds, self._wait)

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two looks

    def _composer(self) -> Image.Image:
        return self._inspector.composer(self._name)

    def _is_in_place(self) -> bool:
        try:
            self._see_in_place()
        except DeliveryFailure:
            return False
        return True

    def _is_seen_empty(self) -> bool:
        self._see_in_place()
        return self._inspector.is_composer_empty(self._name)

    @abstractmethod
    def _press_clear(self, *, is_first: bool, if_untouched: bool) -> None:
        """Press the chords that clear. With `if_untouched` raise PermanentFailure unless all in it came from us."""

    def _is_cleared(self) -> bool:
        if not self._until(self._is_seen_empty, CLEAR_S):
            return False
        self._wait(self.still_s)
        return self._is_seen_empty()


class TargetWindow(DeliveryWindow[WindowInspector], Generic[AnyTarget]):
    """A window that its platform finds among others: `target` knows its place and whether it has the focus."""

    def __init__(self, *, target: AnyTarget, idle_s: Callable[[], float]) -> None:
        """`idle_s` is since a user pressed or moved anything; what Octet presses does not count."""
        super().__init__(name=target.name, inspector=target.inspector, pace=target.pace)
        self._target = target
        self._idle_s = idle_s

    def look(self, *, may_be_busy: bool = False) -> bool:
        self._target.set_window(self._inspector.preflight(self._name, may_be_busy=may_be_busy))
        self._target.wait_for_idle_input()
        self._keep_clipboard()
        return may_be_busy and self._inspector.is_busy(self._name)

    def find(self) -> None:
        self._recognise()
        self._target.wait_for_idle_input()
        self._keep_clipboard()

    def target_identity(self) -> Target | None:
        return None if self._target.taken is None else target_identity(self._target.taken)

    @abstractmethod
    def _keep_clipboard(self) -> None:
        """Read what the user has in the clipboard, to restore it afterwards."""

    def _click_into(self, part: Box) -> None:
        self._target.click_into(part)

    def _user_rests(self, seconds: float) -> bool:
        """Return whether the user rests here: typing into another window does not count."""
        return not self._target.has_focus() or self._idle_s() >= seconds

    def _recognise(self) -> None:
        self._target.set_window(self._inspector.recognise(self._name))

    def _see_in_place(self) -> None:
        self._inspector.place(self._name)

    def _name_tag(self) -> str:
        return self._inspector.windows.name_tag(self._target.window().id)


class CopiedWindow(DeliveryWindow[Inspector]):
    """A window whose text is read back by copying alone. Nothing blocks the user between a look and a key, so Octet
    presses Enter only while the composer looks as it did when its text was copied back equal."""

    copy_s: tuple[float, ...]  # longer with each copy

    def __init__(self, *, name: str, inspector: Inspector, pace: DeliveryClock) -> None:
        super().__init__(name=name, inspector=inspector, pace=pace)
        self._changes = ComposerChanges(
            self._composer, caret_px=self._profile.composer.caret_px, still_s=self.still_s, now_s=pace.now_s
        )
        self._read: Image.Image | None = None
        self._copies = 0
        self._pasted_s = 0.0

    def is_held(self) -> bool:
        """Return True: Octet blocks no devices here, so each look is as good as the next."""
        return True

    def stage(self, text: str) -> None:
        self._screenshots.note_prompt(text)
        self._offer_text(text)
        self._changes.begin()
        self._read = None
        self._pasted_s = time.monotonic()
        self._press(self._profile.paste)

    def read(self) -> ReadbackResult:
        if not self._may_have_landed() or not self._changes.has_settled():
            return ReadbackResult(by=Readback.COPY)
        wait_s = self.copy_s[min(self._copies, len(self.copy_s) - 1)]
        text = self._copy(self._profile.copy, self._profile.after_copy, wait_s)
        self._copies += 1
        if text is not None:
            self._until(self._changes.is_unselected, CLEAR_S)
            self._read = self._composer()
        return ReadbackResult(by=Readback.COPY, text=text, taken=text is not None)

    def guard(self) -> None:
        self._guard()
        if self._read is not None and not self._changes.looks_like(self._read):
            raise TransientFailure(Reason.PASTE_NOT_READ, "the composer changed after Octet read it")

    def confirm(self) -> SubmitEvidence:
        if not self._is_in_place():
            return SubmitEvidence(is_empty=False, is_busy=False)
        is_empty = self._inspector.is_composer_empty(self._name)
        return SubmitEvidence(is_empty=is_empty, is_busy=self._inspector.is_busy(self._name))

    def wait_for_redraw(self, seconds: float) -> None:
        self._wait(min(seconds, LOOK_S))

    def matches_draft(self, marks: Sequence[str]) -> bool:
        if composer_changes.shows_draft(self._composer(), marks, self._profile.composer.caret_px):
            return True
        self.focus()
        text = self._copy(self._profile.copy, self._profile.after_copy, self.copy_s[-1])
        return has_mark(text, marks, self._profile.normalise)

    def is_untouched(self) -> bool:
        """Return False: this platform does not tell what else was typed into a window."""
        return False

    @abstractmethod
    def _offer_text(self, text: str) -> None: ...

    @abstractmethod
    def _press(self, chord: str) -> None: ...

    def _guard(self) -> None:
        """See that a key pressed now goes into the target."""
        self._recognise()

    def _may_have_landed(self) -> bool:
        return True

    @abstractmethod
    def _copy(self, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        """Return what `copy` copies in that time; then press `after`, so that the user's next key replaces nothing."""

    def _copied(self, copy: Sequence[str]) -> str | None:
        return self._copy(copy, (), self.copy_s[-1])

    def _leave_transcript(self) -> None:
        self.focus()
        for chord in self._profile.after_copy:  # a click in an empty composer can select its newline
            self._press(chord)
