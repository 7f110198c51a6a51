"""The clipboard's side of one delivery: our text for the target's program alone, and reading what it copies."""

from __future__ import annotations

from collections.abc import Sequence

from automation.desktop.aim import X11Target
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.serving import SelectionOffer
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason
from core.profiles.model import Selection

TAKEN_S = 0.03
"""How long one look waits for the target's program to take the text."""
COPY_S = (0.03, 0.06, 0.15, 0.3, 0.6)
"""How long a copy is waited for: at first shortly, as it may have been asked for before the paste had landed. At last
long: a window that is busy with a very long text would only get more to do by being asked again."""
COPIES = 3
"""How often something else than our own text is asked for."""

TAKEN_BY = (
    'a clipboard manager that does so is satisfied by clipboard_scope = "everybody" in [user_activity] of the desk'
)


class ClipboardPaste:
    """One text on its way into the target's composer by the selection of its profile."""

    def __init__(self, *, aim: X11Target, clipboard: X11Clipboard) -> None:
        self._aim = aim
        self._clipboard = clipboard
        self._selection = aim.profile.selection
        self._text = ""
        self._offer: SelectionOffer | None = None
        self._kept_for = 0
        self.taken = False
        """The target's program took the whole text."""

    def keep(self) -> None:
        """Before anything is touched: what a person has in the clipboard is read, to be given back afterwards."""
        if not self._kept_for:
            if not self._clipboard.keep(self._aim.client):
                raise TransientFailure(Reason.CLIPBOARD_FROZEN)
            self._kept_for = self._aim.client

    def make(self, text: str) -> None:
        """Own the selection with `text` and press the paste chord."""
        self._text = text
        self._offer = self._own(self._selection, text)
        self._aim.guard()
        self._aim.press(self._aim.profile.paste)

    def was_taken(self) -> bool:
        """Whether the target's program took the text; waits a little for it."""
        offer = self._offer
        if offer is None:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        if not self.taken:
            offer.until(lambda: offer.served > 0 or offer.is_lost, TAKEN_S)
            self.taken = offer.served > 0
        if offer.is_lost and not self.taken:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return self.taken

    def check_unchanged(self) -> None:
        """For windows that cannot be read back: nobody took the selection over, the text was taken for one paste."""
        if self._offer is None or self._offer.is_lost:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        if self._offer.served > self._aim.profile.max_clipboard_reads:
            raise TransientFailure(Reason.PASTE_NOT_READ, "the program took the text more than once")

    def copy_back(self, tries: int) -> str | None:
        """What the target copies out now, where our text was pasted; None when it has not landed yet.

        `tries` is how often that was asked already: the wait grows with it.
        """
        profile = self._aim.profile
        if self._offer is None or self._offer.is_lost or self._selection is not Selection.CLIPBOARD:
            # With the same text: a copy shows by our losing it, and a program may still be reading.
            self._offer = self._own(Selection.CLIPBOARD, self._text)
        return self._copy(self._offer, profile.copy, profile.after_copy, COPY_S[min(tries, len(COPY_S) - 1)])

    def copied(self, copy: Sequence[str], after: Sequence[str] = ()) -> str | None:
        """What these chords copy where the focus is, tried a few times; None when there is nothing to be had."""
        for wait_s in COPY_S[:COPIES]:
            text = self._copy(self._own(Selection.CLIPBOARD, ""), copy, after, wait_s)
            if text is not None:
                return text
            for chord in after:  # what was selected must not be what a person's next key replaces
                self._press(chord)
        return None

    def end(self) -> None:
        """From here on no paste of ours can land: one not served yet is refused, one just served gets a moment."""
        self._clipboard.drop(self._selection)
        if self._offer is not None and self._offer.served:
            self._aim.wait(TAKEN_S)

    def give_back(self) -> None:
        """The clipboard holds again what it held before."""
        if self._kept_for:
            self._clipboard.give_back(self._kept_for)
            self._kept_for = 0
        else:
            self._clipboard.drop(self._selection)

    def _own(self, selection: Selection, text: str) -> SelectionOffer:
        offer = self._clipboard.offer(selection, text, self._aim.client)
        if offer is None:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return offer

    def _copy(self, offer: SelectionOffer, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        """Press the chords and read what the target's own program then offers in place of ours. It offers that for less
        than a millisecond: no clipboard manager shall find the prompt there."""
        before, offer.awaits_copy = offer.copies, True
        for number, chord in enumerate(copy, 1):
            if number == len(copy):
                self._clipboard.wait_out_poller(offer)
            self._press(chord)
        if not offer.until(lambda: offer.copies > before or offer.is_lost, wait_s):
            return None
        if offer.is_lost:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        text = self._clipboard.copied()
        for chord in after:
            self._press(chord)
        return text

    def _press(self, chord: str) -> None:
        self._aim.guard()
        self._aim.press(chord)
