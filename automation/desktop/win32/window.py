"""One window as the steps of a delivery use it, on Windows: identity, place, focus and clipboard are asked of Windows,
the text is copied back. Nothing keeps others away between a look and a key, so less is claimed than on X11."""

from __future__ import annotations

from collections.abc import Sequence

from automation.desktop.delivery_window import CLEAR_S, CopiedWindow
from automation.desktop.observation import composer_changes
from automation.desktop.observation.delivery_screenshots import target_identity
from automation.desktop.win32.clipboard import ClipboardOffer, WindowsClipboard
from automation.desktop.win32.target import WindowsInspector, WindowsTarget
from automation.protocol.ports import ClearResult, PermanentFailure, TransientFailure
from core.deliveries.model import Reason, Target
from core.kit import faults
from core.profiles.model import Box

TAKEN_S = 0.03
CLEAR_TRIES = 5
CLEAR_REST_S = 0.05  # the first rest after something was in the way; each is twice as long as the one before
TAKEN_BY = "another program put something onto the clipboard"


class WindowsWindow(CopiedWindow[WindowsInspector]):
    """One delivery's view of one window."""

    copy_s = (0.05, 0.1, 0.2, 0.4)
    still_s = 0.03

    def __init__(self, *, aim: WindowsTarget, clipboard: WindowsClipboard) -> None:
        super().__init__(name=aim.name, eyes=aim.eyes, pace=aim.pace)
        self._aim = aim
        self._clipboard = clipboard
        self._offer: ClipboardOffer | None = None

    def look(self, *, may_be_busy: bool = False) -> bool:
        self._aim.take(self._eyes.preflight(self._name, may_be_busy=may_be_busy))
        self._aim.wait_for_idle_input()
        self._clipboard.keep()
        return may_be_busy and self._eyes.is_busy(self._name)

    def find(self) -> None:
        self._recognise()
        self._aim.wait_for_idle_input()
        self._clipboard.keep()

    def focus(self) -> None:
        self._aim.click_into(self._profile.composer.box)
        faults.point("worker.clicked")

    def submit(self, *, by_s: float) -> None:
        self.guard()
        self._aim.press_once(self._profile.submit, by_s=by_s)
        faults.point("worker.key-pressed")

    def is_at_work(self) -> bool:
        return self._is_in_place() and self._eyes.is_busy(self._name)

    def has_receipt(self) -> bool:
        """The target's own program, and it alone, asked for the text, after the paste chord; and no other configured
        window belongs to that program. Many programs do not say who they are: then there is no receipt."""
        offer = self._offer
        if offer is None or offer.read_s < self._pasted_s or self._eyes.shares_client(self._name):
            return False
        return offer.readers == [self._aim.client]

    def marks(self) -> tuple[str, ...]:
        window = composer_changes.window_mark(self._name_tag())
        if self._read is None or self._eyes.is_masked(self._name):
            return (window,)
        return (window, composer_changes.picture_mark(self._read))

    def target_identity(self) -> Target | None:
        return None if self._aim.taken is None else target_identity(self._aim.taken)

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        pressed, rest_s = False, CLEAR_REST_S
        try:
            self._clipboard.drop()  # a program that reads the paste late finds nothing
        except TransientFailure:
            pass  # whoever has it open lets nobody paste either
        for _ in range(CLEAR_TRIES):
            try:
                if pressed and self._until(self._is_seen_empty, CLEAR_S) and self._stays_empty():
                    return ClearResult.SEEN
                self._aim.regain_focus()
                for chord in self._profile.clear:
                    self._aim.press_to_clear(chord)
                pressed = True
                if self._until(self._is_seen_empty, CLEAR_S) and self._stays_empty():
                    return ClearResult.SEEN
            except TransientFailure:  # what is in the way mostly passes
                self._wait(rest_s)
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

    def _offer_text(self, text: str) -> None:
        self._offer = self._clipboard.offer(text)

    def _may_have_landed(self) -> bool:
        offer = self._offer
        if offer is None or (offer.is_lost and not offer.readers):
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        if not offer.readers:
            self._until(lambda: bool(offer.readers) or offer.is_lost, TAKEN_S)
            return False
        return True

    def _copy(self, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        since = self._clipboard.expect_copy(self._aim.client)
        for chord in copy:
            self._press(chord)
        found = self._clipboard.copied(since, wait_s)
        for chord in after:
            self._press(chord)
        if found is None:
            return None
        text, process = found
        if process not in {0, self._aim.client}:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return text

    def _press(self, chord: str) -> None:
        self._aim.press(chord)

    def _guard(self) -> None:
        self._aim.guard()

    def _click_into(self, part: Box) -> None:
        self._aim.click_into(part)

    def _user_rests(self, seconds: float) -> bool:
        return not self._aim.has_focus() or self._aim.people.idle_s() >= seconds

    def _recognise(self) -> None:
        self._aim.take(self._eyes.recognise(self._name))

    def _see_in_place(self) -> None:
        self._eyes.place(self._name)

    def _name_tag(self) -> str:
        return self._eyes.windows.name_tag(self._aim.target().id)

    def _stays_empty(self) -> bool:
        self._wait(self.still_s)
        return self._is_seen_empty()
