"""One window as the steps of a delivery use it, on Windows, which is asked for identity, place, focus and clipboard;
the text is copied back. Nothing blocks the user between a look and a key, so less is claimed than on X11."""

from __future__ import annotations

from collections.abc import Sequence

from automation.desktop.observation import composer_changes
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.target.delivery_window import CopiedWindow, TargetWindow
from automation.desktop.win32.clipboard import ClipboardOffer, WindowsClipboard
from automation.desktop.win32.target import WindowsTarget
from automation.protocol.ports import ClearResult, TransientFailure
from core.deliveries.model import Reason
from core.kit import faults

TAKEN_S = 0.03
TAKEN_BY = "another program put something onto the clipboard"


class WindowsWindow(TargetWindow[WindowsTarget], CopiedWindow[WindowInspector]):
    """One delivery's view of one window."""

    copy_s = (0.05, 0.1, 0.2, 0.4)
    still_s = 0.03
    clear_rests_s = (0.05, 0.1, 0.2, 0.4, 0.8)

    def __init__(self, *, target: WindowsTarget, clipboard: WindowsClipboard) -> None:
        super().__init__(target=target, idle_s=target.people.idle_s)
        self._clipboard = clipboard
        self._offer: ClipboardOffer | None = None

    def focus(self) -> None:
        self._target.click_into(self._profile.composer.box)
        faults.point("worker.clicked")

    def submit(self, *, by_s: float) -> None:
        self.guard()
        self._target.press_once(self._profile.submit, by_s=by_s)
        faults.point("worker.key-pressed")

    def is_at_work(self) -> bool:
        return self._is_in_place() and self._inspector.is_busy(self._name)

    def has_receipt(self) -> bool:
        """Return whether only the target's own program asked for the text, after the paste chord, and no other
        configured window belongs to it. Many programs do not say who they are: then there is no receipt."""
        offer = self._offer
        if offer is None or offer.read_s < self._pasted_s or self._inspector.shares_client(self._name):
            return False
        return offer.readers == [self._target.client]

    def marks(self) -> tuple[str, ...]:
        window = composer_changes.window_mark(self._name_tag())
        if self._read is None or self._inspector.is_masked(self._name):
            return (window,)
        return (window, composer_changes.picture_mark(self._read))

    def clear(self, *, if_untouched: bool = False) -> ClearResult:
        try:
            self._clipboard.drop()  # a program that reads the paste late finds nothing
        except TransientFailure:
            pass  # the program that has it open keeps other pastes out too
        return super().clear(if_untouched=if_untouched)

    def _press_clear(self, *, is_first: bool, if_untouched: bool) -> None:
        self._target.regain_focus()
        for chord in self._profile.clear:
            self._target.press_to_clear(chord)

    def restore_user_state(self) -> None:
        try:
            self._clipboard.restore_clipboard()
        except TransientFailure:
            pass  # the program that has it open keeps it
        self._target.restore_user_state()

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
        since = self._clipboard.expect_copy(self._target.client)
        for chord in copy:
            self._press(chord)
        found = self._clipboard.copied(since, wait_s)
        for chord in after:
            self._press(chord)
        if found is None:
            return None
        text, process = found
        if process not in {0, self._target.client}:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return text

    def _press(self, chord: str) -> None:
        self._target.press(chord)

    def _guard(self) -> None:
        self._target.guard()

    def _keep_clipboard(self) -> None:
        self._clipboard.keep()
