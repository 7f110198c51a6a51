"""The ways to prove that the whole text is in the composer before Enter, and the paste that they check."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from PIL import Image

from automation.desktop.accessibility.bus import Unreadable, Vanished
from automation.desktop.accessibility.document import Document
from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.accessibility.tree import Node, State
from automation.desktop.observation import composer_changes, image_diff
from automation.desktop.observation.composer_changes import ComposerChanges
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.selection import SelectionOffer
from automation.desktop.x11.target import X11Target
from automation.protocol.ports import PermanentFailure, ReadbackResult, TransientFailure
from automation.protocol.text import equal, has_mark, is_blank
from core.deliveries.model import Reason
from core.profiles.model import Box, Normalise, Readback, Selection

STILL_S = 0.03
SELECTED_S = 0.15  # so long after a chord an editor knows what it selected; Slate looks ten times a second
FOCUS_S = 0.15  # a composer may take so long to say that it has the focus after its window got it
SLOW_S = 0.05
"""A composer that takes longer to tell its whole text (hundreds of paragraphs) is asked again only if it looks
different: the go-ahead for Enter and the hold of the user's devices are shorter than such a read."""


class ComposerReadback(ABC):
    """One way to read the composer, for one delivery."""

    kind: Readback

    def __init__(self, *, target: X11Target, paste: ClipboardPaste) -> None:
        self._target = target
        self._paste = paste

    def can(self) -> bool:
        """Return whether this window can be read this way now. Touches nothing."""
        return True

    def begin(self) -> None:  # noqa: B027  most ways need nothing here
        """Note before the paste what the composer looks like without our text."""

    @abstractmethod
    def read(self) -> ReadbackResult: ...

    def check_unchanged(self) -> None:  # noqa: B027  most ways need nothing here
        """Check before a key that the composer still holds what was read, as far as this way can tell without a key."""

    def marks(self) -> tuple[str, ...]:
        """Return marks of our draft besides its text."""
        return ()

    @abstractmethod
    def matches_draft(self, marks: Sequence[str]) -> bool:
        """Return whether the composer's whole text has one of these marks. Leaves it as it is."""


class AccessibleReadback(ComposerReadback):
    """The composer's program reports its whole text and its focus; no key, no click, no selection."""

    kind = Readback.ACCESSIBILITY

    def __init__(self, *, target: X11Target, paste: ClipboardPaste, reader: AccessibilityReader) -> None:
        super().__init__(target=target, paste=paste)
        self._reader = reader
        self._node: Node | None = None
        self._read: str | None = None
        self._looked: Image.Image | None = None  # after a slow read of it; None after a quick one
        self._is_whole = False
        self._empty: str | None = None
        self._document: Document | None = None

    def can(self) -> bool:
        self._empty = self._text()
        return self._empty is not None

    def begin(self) -> None:
        self.check_focus()

    def read(self) -> ReadbackResult:
        is_taken = self._paste.was_taken()
        if not is_taken:
            return ReadbackResult(by=self.kind)
        if not (self._is_whole and self._looks_the_same()):
            self._read_whole()
        return ReadbackResult(text=self._read, taken=True, by=self.kind)

    def check_unchanged(self) -> None:
        self.check_focus()
        if self._read is None:
            return
        self._is_whole = True
        if self._looks_the_same():
            return
        now = self._text()
        if now is None:
            raise TransientFailure(Reason.NOT_READABLE, "it could be a moment ago")
        if is_blank(now):
            raise TransientFailure(Reason.PASTE_NOT_READ, "our draft is no longer in the composer")
        if not equal(self._read, now, self._target.profile.normalise):
            # Letters more or less are a user's, who types into it: both texts stay.
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "a user changed Octet's draft; it was left there")

    def read_document(self) -> None:
        """Begin to read the rest of the window, without waiting."""
        node, target = self._find(), self._target
        if node is not None:
            with suppress(Unreadable):
                self._document = Document(self._reader.frame(target.window()), node, now_s=target.pace.now_s)

    def await_document(self, limit_s: float) -> None:
        if self._document is not None:
            self._document.wait(limit_s)

    def seal_document(self) -> None:
        if self._document is not None:
            self._document.seal()

    def has_gained(self) -> bool | None:
        """Return whether the composer emptied and the document gained the text once; None if that is not told."""
        if self._document is None or self._read is None:
            return None
        return self._document.has_gained(self._read) and self.is_emptied()

    def is_emptied(self) -> bool:
        """Return whether its program tells that the text that was read is gone."""
        if self._read is None or self._looks_the_same():
            return False
        now = self._text()
        return now is not None and (is_blank(now) or now == self._empty)

    def matches_draft(self, marks: Sequence[str]) -> bool:
        return has_mark(self._text(), marks, self._target.profile.normalise)

    def has_focus(self) -> bool:
        node = self._find()
        try:
            return node is not None and node.has(State.FOCUSED)
        except Unreadable:
            self._lose()
            return False

    def check_focus(self) -> None:
        """Raise TransientFailure unless the composer has the focus, which its program may tell a moment later."""
        if self._find() is None:
            raise TransientFailure(Reason.NOT_READABLE, "its program reports nothing over the accessibility bus")
        if not self.has_focus() and not self._target.until(self.has_focus, FOCUS_S):
            self._lose()  # another one may have taken its place
            raise TransientFailure(Reason.FOCUS_TAKEN, "the window is active, but its composer does not have the focus")

    def _read_whole(self) -> None:
        began = self._target.pace.now_s()
        self._read = self._text()
        is_slow = self._target.pace.now_s() - began > SLOW_S
        self._looked = self._target.inspector.composer(self._target.name) if is_slow else None

    def _looks_the_same(self) -> bool:
        if self._looked is None:
            return False
        now = self._target.inspector.composer(self._target.name)
        return image_diff.is_same(now, self._looked, self._target.profile.composer.caret_px)

    def _text(self) -> str | None:
        for _ in range(2):
            node = self._find()
            if node is None:
                return None
            try:
                return node.text()
            except Vanished:
                self._lose()
            except Unreadable:
                return None
        return None

    def _lose(self) -> None:
        self._node = None
        self._reader.forget_composer(self._target.window().id)

    def _find(self) -> Node | None:
        if self._node is None:
            profile, target = self._target.profile, self._target
            box = target.inspector.box(target.name, profile.composer.box)
            try:
                self._node = self._reader.composer(target.window(), profile.composer, box)
            except Unreadable:
                return None
        return self._node


class CopyReadback(ComposerReadback):
    """Select all, copy, and read what the target's own program then offers."""

    kind = Readback.COPY
    _reads = 0

    def read(self) -> ReadbackResult:
        if not self._paste.was_taken():
            return ReadbackResult(by=self.kind)
        given = self._paste.given()
        text = self._paste.copy_back(self._reads)
        self._reads += 1
        if self._paste.given() != given:
            # A program may handle the copy while a paste still waits for the text (Tk does). With an earlier paste that
            # it was too busy for, the text is there twice after this copy, which counts for nothing.
            return ReadbackResult(by=self.kind)
        return ReadbackResult(text=text, taken=True, by=self.kind)

    def matches_draft(self, marks: Sequence[str]) -> bool:
        profile = self._target.profile
        self._target.click_into(profile.composer.box)
        text = self._paste.copied(profile.copy, profile.after_copy, rests_s=(0.0, SELECTED_S))
        return has_mark(text, marks, profile.normalise)


class PixelReadback(ComposerReadback):
    """The program itself took the text once, and the composer's picture changed and settled."""

    kind = Readback.PIXELS
    _is_staged = False

    def __init__(self, *, target: X11Target, paste: ClipboardPaste) -> None:
        super().__init__(target=target, paste=paste)
        self._changes = ComposerChanges(
            self._composer, caret_px=target.profile.composer.caret_px, still_s=STILL_S, now_s=target.pace.now_s
        )

    def begin(self) -> None:
        self._changes.begin()
        self._is_staged = True

    def read(self) -> ReadbackResult:
        is_taken = self._paste.was_taken()
        self.check_unchanged()
        return ReadbackResult(taken=is_taken, landed=is_taken and self._changes.has_settled(), by=self.kind)

    def check_unchanged(self) -> None:
        if self._is_staged:
            self._paste.check_unchanged()

    def marks(self) -> tuple[str, ...]:
        if self._changes.still is None or self._target.inspector.is_masked(self._target.name):
            return ()  # a masked picture may not leave this process and be a mark: a user decides about the draft
        return (composer_changes.picture_mark(self._changes.still),)

    def matches_draft(self, marks: Sequence[str]) -> bool:
        """Return whether it shows what was kept; where no picture was, whether a terminal shows the whole text."""
        profile = self._target.profile
        is_shown = composer_changes.shows_draft(self._composer(), marks, profile.composer.caret_px)
        is_terminal = profile.selection is Selection.PRIMARY or profile.composer.prompt is not None
        if is_shown is not None or not is_terminal:
            return bool(is_shown)
        text = self._paste.selected(self._target.inspector.place_of_draft(self._target.name))
        return has_mark(text, marks, Normalise.BLANKS)

    def _composer(self) -> Image.Image:
        return self._target.inspector.composer(self._target.name)


class ReadbackChooser:
    """The ways of one profile in order. Octet keeps the first that this window allows when it is needed."""

    def __init__(self, *, target: X11Target, paste: ClipboardPaste, reader: AccessibilityReader) -> None:
        ways: dict[Readback, Callable[..., ComposerReadback]] = {
            Readback.ACCESSIBILITY: partial(AccessibleReadback, reader=reader),
            Readback.COPY: CopyReadback,
            Readback.PIXELS: PixelReadback,
        }
        self._ways = [ways[kind](target=target, paste=paste) for kind in target.profile.readback]
        self._kept: ComposerReadback | None = None

    @property
    def way(self) -> ComposerReadback:
        """The first way that works, else the last one, which then reports what is in its way."""
        if self._kept is None:
            self._kept = next((way for way in self._ways if way.can()), self._ways[-1])
        return self._kept

    @property
    def accessible(self) -> AccessibleReadback | None:
        return self.way if isinstance(self.way, AccessibleReadback) else None


TAKEN_S = 0.03
COPY_S = (0.03, 0.06, 0.15, 0.3, 0.6)
"""How long Octet waits for a copy: first shortly, as the paste may not have landed yet; at last long, as asking again
only gives more to do to a window that is busy with a very long text."""
AT_ONCE = (0.0, 0.0, 0.0)  # three tries to copy a text other than our own, without a rest after the selection

TAKEN_BY = 'if a clipboard manager does so: clipboard_scope = "everybody" in [user_activity] of the desk'


class ClipboardPaste:
    """One text on its way into the target's composer by the selection of its profile."""

    def __init__(self, *, target: X11Target, clipboard: X11Clipboard) -> None:
        self._target = target
        self._clipboard = clipboard
        self._selection = target.profile.selection
        self._text = ""
        self._offer: SelectionOffer | None = None
        self._given_before = 0  # the count of earlier offers that the program took
        self._kept_for = 0
        self.taken = False

    def keep(self) -> None:
        """Read what the user has in the clipboard, to restore it afterwards, before anything is touched."""
        if not self._kept_for:
            if not self._clipboard.keep(self._target.client):
                raise TransientFailure(Reason.CLIPBOARD_FROZEN)
            self._kept_for = self._target.client

    def make(self, text: str) -> None:
        """Own the selection with `text` and press the paste chord."""
        self._text = text
        self._offer = self._own(self._selection, text)
        self._target.guard()
        self._target.press(self._target.profile.paste)

    def was_taken(self) -> bool:
        """Wait a little until the target's program takes the text; return whether it did."""
        offer = self._offer
        if offer is None:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        if not self.taken:
            offer.until(lambda: offer.served > 0 or offer.is_lost, TAKEN_S)
            self.taken = offer.served > 0
        if offer.is_lost and not self.taken:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return self.taken

    def given(self) -> int:
        """Answer every waiting request, and return how often the program was given the text."""
        self._clipboard.answer_waiting()
        return self._given_before + (self._offer.served if self._offer is not None else 0)

    def check_unchanged(self) -> None:
        """Check, for windows without readback, that the selection is still ours and was taken for one paste."""
        if self._offer is None or self._offer.is_lost:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        if self.given() > self._target.profile.max_clipboard_reads:
            raise TransientFailure(Reason.PASTE_NOT_READ, "the program took the text more than once")

    def copy_back(self, tries: int) -> str | None:
        """Return what the target copies now; None when nothing has landed. The wait grows with `tries`."""
        profile = self._target.profile
        if self._offer is None or self._offer.is_lost or self._selection is not Selection.CLIPBOARD:
            # With the same text: a copy shows by our losing it, and a program may still be reading.
            self._given_before = self.given()
            self._offer = self._own(Selection.CLIPBOARD, self._text)
        return self._copy(self._offer, profile.copy, profile.after_copy, COPY_S[min(tries, len(COPY_S) - 1)])

    def copied(
        self, copy: Sequence[str], after: Sequence[str] = (), *, rests_s: Sequence[float] = AT_ONCE
    ) -> str | None:
        """Return what these chords copy where the focus is, in one try for each of `rests_s`; None where nothing was
        copied."""
        for wait_s, rest_s in zip(COPY_S, rests_s, strict=False):
            text = self._copy(self._own(Selection.CLIPBOARD, ""), copy, after, wait_s, rest_s=rest_s)
            if text is not None:
                return text
            for chord in after:  # the user's next key must not replace the selection
                self._press(chord)
        return None

    def end(self) -> None:
        """Refuse every later paste of ours; wait a moment for one just served."""
        self._clipboard.drop(self._selection)
        if self._offer is not None and self._offer.served:
            self._target.wait(TAKEN_S)

    def restore_clipboard(self) -> None:
        if self._kept_for:
            self._clipboard.restore_clipboard(self._kept_for)
            self._kept_for = 0
        else:
            self._clipboard.drop(self._selection)

    def _own(self, selection: Selection, text: str) -> SelectionOffer:
        offer = self._clipboard.offer(selection, text, self._target.client)
        if offer is None:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return offer

    def _copy(
        self,
        offer: SelectionOffer,
        copy: Sequence[str],
        after: Sequence[str],
        wait_s: float,
        *,
        rest_s: float = 0.0,
    ) -> str | None:
        """Press the chords, the last one after `rest_s`, and read what the target's own program then offers in place of
        ours. It offers that for less than a millisecond: no clipboard manager must find the prompt there."""
        before, offer.awaits_copy = offer.copies, True
        for number, chord in enumerate(copy, 1):
            if number == len(copy):
                self._target.wait(rest_s)
                self._clipboard.wait_out_poller(offer)
            self._press(chord)
        text = self._copied_since(offer, before, wait_s)
        for chord in after if text is not None else ():
            self._press(chord)
        return text

    def selected(self, part: Box) -> str | None:
        """Return what a drag over this part of a terminal selects; None where it selects nothing."""
        offer = self._own(Selection.PRIMARY, "")
        before, offer.awaits_copy = offer.copies, True
        self._target.drag_over(part)
        return self._copied_since(offer, before, COPY_S[-1])

    def _copied_since(self, offer: SelectionOffer, before: int, wait_s: float) -> str | None:
        if not offer.until(lambda: offer.copies > before or offer.is_lost, wait_s):
            return None
        if offer.is_lost:
            raise TransientFailure(Reason.CLIPBOARD_TAKEN, TAKEN_BY)
        return self._clipboard.copied()

    def _press(self, chord: str) -> None:
        self._target.guard()
        self._target.press(chord)
