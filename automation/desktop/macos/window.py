"""One window as the steps of a delivery use it, by PyAutoGUI, clipboard and pixels: look, act, look again.

Nothing blocks the user between a look and a key. So Octet presses Enter only for a text that was copied back equal, and
only while the composer looks as it did then; a user decides about what does not look right after Enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from automation.desktop.macos.input import MacClipboard, MacInput
from automation.desktop.observation import composer_changes, image_diff
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.code_pixels import code_boxes
from automation.desktop.observation.delivery_screenshots import paint_masks
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.window_pixels import WindowPixels
from automation.desktop.target.delivery_window import CopiedWindow
from automation.desktop.target.own_input import Clicks, places
from automation.protocol.ports import DeliveryClock, PermanentFailure, TransientFailure
from core.deliveries.model import Reason, Target
from core.desks.model import Desk, WindowStatus
from core.kit import faults
from core.profiles.model import Activity, Box, Profile, Readback, Selection

NO_OTHER_WAY = "the portable path pastes from the clipboard and reads back by copying; its profile says otherwise"
NOT_THERE = "the window at its place does not look like it"


class MacInspector(WindowPixels):
    """What pixels show of one desk, whose windows are where they were configured. Belongs to one thread."""

    def __init__(self, *, desk: Desk, profiles: dict[str, Profile], screen: ScreenCapture, anchors: Anchors) -> None:
        super().__init__(desk=desk, profiles=profiles)
        self._screen = screen
        self._anchors = anchors

    def recognise(self, name: str) -> None:
        """See that the window's anchor is at its place. Octet cuts the first one when the window is idle and empty."""
        profile = self.profile(name)
        if Readback.COPY not in profile.readback or profile.selection is not Selection.CLIPBOARD:
            raise PermanentFailure(Reason.READ_BACK_DIFFERS, NO_OTHER_WAY)
        if profile.anchor is None:
            raise PermanentFailure(
                Reason.CHANGED, "the portable path knows a window by its anchor; its profile has none"
            )
        anchor = self._screen.take(self.box(name, profile.anchor))
        if not self._anchors.has(name):
            if self.is_busy(name) or not self.is_composer_empty(name) or image_diff.is_plain(anchor):
                raise TransientFailure(Reason.COVERED, NOT_THERE)
            self._anchors.keep(name, anchor)
        difference = self._anchors.difference(name, anchor)
        if difference:
            # Covered, moved, closed and changed look alike from here.
            raise TransientFailure(Reason.COVERED, NOT_THERE, private=f"{NOT_THERE}: {difference}")

    def preflight(self, name: str, *, may_be_busy: bool = False, may_be_written: bool = False) -> None:
        self.recognise(name)
        self._check_idle(name, may_be_busy=may_be_busy, may_be_written=may_be_written)

    def status(self, name: str) -> WindowStatus:
        status = super().status(name)
        if not status.usable or self.profile(name).busy.sign is None:
            return status
        return replace(status, activity=Activity.BUSY if self.is_busy(name) else Activity.IDLE)

    def whole(self) -> Image.Image:
        """Refuse: Octet takes no picture of a whole display that a user works at."""
        raise PermanentFailure(Reason.HIDDEN, "this is a screen that people use")

    def picture(self, name: str, *, has_code: bool | None = None) -> Image.Image:
        self.recognise(name)
        picture = self._screen.take(self.configured_box(name))
        self.recognise(name)
        profile = self.profile(name)
        hidden = [*profile.masks, *(code_boxes(picture) if has_code is None else ())]
        if has_code is not False and not self.is_composer_empty(name):
            hidden.append(profile.composer.box)
        if has_code and profile.transcript is not None:
            hidden.append(profile.transcript.box)
        return paint_masks(picture, replace(self.configured_box(name), x=0, y=0), hidden)


class MacWindow(CopiedWindow[MacInspector]):
    """One delivery's view of one window."""

    copy_s = (0.05, 0.1, 0.2)
    still_s = 0.02

    def __init__(
        self,
        *,
        name: str,
        inspector: MacInspector,
        mac_input: MacInput,
        clipboard: MacClipboard,
        clicks: Clicks,
        pace: DeliveryClock,
    ) -> None:
        super().__init__(name=name, inspector=inspector, pace=pace)
        self._input = mac_input
        self._clipboard = clipboard
        self._clicks = clicks
        self._pointer_was: tuple[int, int] | None = None

    def look(self, *, may_be_busy: bool = False) -> bool:
        self._inspector.preflight(self._name, may_be_busy=may_be_busy)
        return may_be_busy and self._inspector.is_busy(self._name)

    def find(self) -> None:
        self._recognise()

    def focus(self) -> None:
        self._click_into(self._profile.composer.box)

    def submit(self, *, by_s: float) -> None:
        self.guard()
        self._pace.check()
        if self._pace.now_s() >= by_s:
            raise TransientFailure(Reason.LATE)
        self._input.press(self._profile.submit)
        faults.point("worker.key-pressed")

    def is_at_work(self) -> bool:
        return self._inspector.is_busy(self._name)

    def has_receipt(self) -> bool:
        """Return False: the platform does not say who read the clipboard."""
        return False

    def marks(self) -> tuple[str, ...]:
        return () if self._read is None else (composer_changes.picture_mark(self._read),)

    def target_identity(self) -> Target | None:
        box = self._inspector.configured_box(self._name)
        return Target(id=0, kind="", title_sha256="", place=(box.x, box.y, box.width, box.height))

    def _press_clear(self, *, is_first: bool, if_untouched: bool) -> None:
        if if_untouched:
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY)  # unknown what else was typed into it
        self._click_into(self._profile.composer.box, may_stop=False)
        for chord in self._profile.clear:
            self._recognise()
            self._input.press(chord)

    def restore_user_state(self) -> None:
        try:
            self._clipboard.restore_clipboard()
        except TransientFailure:
            pass  # the program that owns it now does not answer: nothing can be restored
        if self._pointer_was is not None and self._input.pointer() == self._input.placed:
            self._input.move(*self._pointer_was)
        self._pointer_was = None

    def _click_into(self, part: Box, *, may_stop: bool = True) -> None:
        if self._pointer_was is None:
            self._pointer_was = self._input.pointer()
        corner = (self._inspector.configured_box(self._name).x, self._inspector.configured_box(self._name).y)
        point = self._clicks.choose(places(part, corner), corner)
        self._recognise()
        if may_stop:
            self._pace.check()
        self._input.click(*point)
        self._clicks.made(point, corner)
        self._recognise()

    def _press(self, chord: str) -> None:
        self._recognise()
        self._pace.check()
        self._input.press(chord)
        try:
            self._recognise()
        except TransientFailure as trouble:
            raise TransientFailure(Reason.FOCUS_TAKEN, f"just after a key {NOT_THERE}") from trouble

    def _copy(self, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        word = self._clipboard.mark()
        for chord in copy:
            self._press(chord)
        text = self._clipboard.until_other_than(word, wait_s)
        for chord in after:
            self._press(chord)
        return text

    def _offer_text(self, text: str) -> None:
        self._clipboard.put(text)

    def _user_rests(self, seconds: float) -> bool:
        """Return True: this platform does not tell who types."""
        return True

    def _recognise(self) -> None:
        self._inspector.recognise(self._name)
