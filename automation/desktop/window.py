"""One window as the steps of a delivery use it: the X11 side of automation.protocol's WindowPort."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PIL import Image

from automation.desktop import marks as marks_of
from automation.desktop import pictures
from automation.desktop.clicks import Clicks
from automation.desktop.eyes import Eyes
from automation.desktop.hands import Fingers
from automation.desktop.x11.clipboard import Clipboard, Offer
from automation.desktop.x11.screen import to_small_png
from automation.desktop.x11.windows import Seen
from automation.protocol.ports import Bounced, Clearing, Pace, Reading, Refused, Sight
from automation.protocol.text import mark
from core.deliveries.model import Moment, Picture, Reason
from core.desks.model import Box, Readback, Selection
from core.kit import faults

FOCUS_S = 0.4
"""The longest wait for the window manager to give a clicked window the focus."""
RELEASE_S = 0.05
"""How long a key or button may be down before it counts as held by somebody."""
STILL_S = 0.03
"""Two equal pictures this far apart mean that the composer's picture stands still."""
COPY_S = (0.03, 0.06, 0.15)
"""How long a copy is waited for: at first shortly, as it may have been asked for before the paste had landed."""
CLEAR_TRIES = 3
CLEAR_S = 0.3


class X11Window:
    """One delivery's view of one window."""

    def __init__(
        self, *, name: str, eyes: Eyes, fingers: Fingers, clipboard: Clipboard, clicks: Clicks, pace: Pace
    ) -> None:
        self._name = name
        self._eyes = eyes
        self._fingers = fingers
        self._clipboard = clipboard
        self._clicks = clicks
        self._pace = pace
        self._profile = eyes.profile(name)
        self._seen: Seen | None = None
        self._offer: Offer | None = None
        self._taken = False
        self._text = ""
        self._reads = 0
        self._before: Image.Image | None = None
        self._still: tuple[float, Image.Image] | None = None
        self._remembered: Image.Image | None = None
        self._pointer_was: tuple[int, int] | None = None
        self._active_was = 0

    def look(self, *, may_be_busy: bool = False) -> bool:
        """See that the window may be used. Touches nothing. Returns whether its busy sign is shown."""
        self._seen = self._eyes.preflight(self._name, may_be_busy=may_be_busy)
        self._hands_free()
        return may_be_busy and self._eyes.is_busy(self._name)

    def find(self) -> None:
        """See that it is the window, at its place, whatever it shows. Touches nothing."""
        self._seen = self._eyes.recognise(self._name)
        self._hands_free()

    def focus(self) -> None:
        """Click into the composer, if the window under that point is the target, and wait until it has the focus."""
        self._click_into(self._profile.composer.box)

    def stage(self, text: str) -> None:
        """Own the selection with `text` and press the paste chord."""
        self._text = text
        self._before = self._eyes.composer(self._name)
        self._own()
        self.guard()
        self._press(self._profile.paste)

    def read(self) -> Reading:
        """Look once whether the whole text stands in the composer, the way the profile says."""
        if not self._was_taken():
            return Reading()
        if self._profile.readback is Readback.COPY:
            return self._copy_back()
        picture, now = self._eyes.composer(self._name), self._pace.now_s()
        caret = self._profile.composer.caret_px
        if self._before is None or pictures.is_same(picture, self._before, caret):
            return Reading(taken=True)
        if self._still is None or not pictures.is_same(picture, self._still[1], caret):
            self._still = (now, picture)
        return Reading(taken=True, still=now - self._still[0] >= STILL_S)

    def guard(self) -> None:
        """See that a key pressed now goes into the target, at its place, and that nobody else holds a key."""
        seen = self._target()
        if self._eyes.place(self._name).id != seen.id:
            raise Refused(Reason.CLOSED, "another window stands in its place")
        if not self._has_focus():
            raise Bounced(Reason.FOCUS_TAKEN, "another window has the focus")
        self._hands_free()
        if self._profile.readback is Readback.PIXELS and self._offer is not None:
            self._unchanged(self._offer)

    def submit(self) -> None:
        """Press the submit chord once."""
        self._pace.check()
        self._fingers.press(self._profile.submit, while_down=lambda: faults.point("worker.key-down"))
        faults.point("worker.key-pressed")

    def confirm(self) -> Sight:
        """Look once whether Enter had its effect; a window that is gone, moved or covered shows nothing."""
        try:
            self._eyes.place(self._name)
        except (Bounced, Refused):
            return Sight(is_empty=False, is_busy=False)
        return Sight(is_empty=self._eyes.is_composer_empty(self._name), is_busy=self._eyes.is_busy(self._name))

    def has_receipt(self) -> bool:
        """The program of the window took the text, and no other configured window belongs to that program."""
        return self._taken and not self._eyes.shares_client(self._name)

    def marks(self) -> tuple[str, ...]:
        """The very window; and of one that cannot be read back the composer's picture that stood still."""
        window = marks_of.of_window(self._eyes.windows.name_tag(self._target().id))
        if self._profile.readback is Readback.COPY or self._still is None:
            return (window,)
        return (window, marks_of.of_picture(self._still[1]))

    def is_same(self, marks: Sequence[str]) -> bool:
        """Whether the word that hangs on the window is in the marks."""
        name_tag = self._eyes.windows.name_tag(self._target().id)
        return bool(name_tag) and marks_of.of_window(name_tag) in marks

    def is_ours(self, marks: Sequence[str]) -> bool:
        """Whether the whole text copied back, or else the composer's picture, has one of these marks."""
        if self._profile.readback is Readback.PIXELS:
            return marks_of.shows(self._eyes.composer(self._name), marks, self._profile.composer.caret_px)
        self.focus()
        text = self._copied(self._profile.copy, self._profile.after_copy)
        return text is not None and mark(text, self._profile.normalise) in marks

    def stands_still(self, seconds: float, *, within_s: float) -> bool:
        """Whether nobody types and nothing changes in the composer for so long."""
        end = self._pace.now_s() + within_s
        since, before = self._pace.now_s(), self._eyes.composer(self._name)
        while self._pace.now_s() < end:
            self._pace.rest(0.05)
            self._pace.check()
            idle_s, now = self._eyes.windows.idle_s(), self._eyes.composer(self._name)
            if not pictures.is_same(now, before, self._profile.composer.caret_px):
                since, before = self._pace.now_s(), now
            if self._pace.now_s() - since >= seconds and (idle_s is None or idle_s >= seconds):
                return True
        return False

    def transcript(self) -> str | None:
        """Click into the transcript, copy all of it, click back into the composer."""
        transcript = self._profile.transcript
        if transcript is None:
            return None
        self._click_into(transcript.box)
        try:
            return self._copied(transcript.copy)
        finally:
            self.focus()

    def remember(self) -> None:
        """Keep the window's picture of now. A cover would be seen by the guard before Enter: then nobody gets it."""
        self._remembered = self._eyes.glimpse(self._name)

    def pictures(self) -> tuple[Picture, ...]:
        """The picture that was kept, and one of now."""
        kept = {Moment.STAGED: self._remembered}
        try:
            kept[Moment.LAST_SEEN] = self._eyes.picture(self._name)
        except (Bounced, Refused):
            pass  # what lies over it is not ours to show
        return tuple(Picture(moment=when, png=to_small_png(what)) for when, what in kept.items() if what is not None)

    def clear(self) -> Clearing:
        """Remove our own draft with the profile's chords. Keys go where the focus is: a cover does not hinder them."""
        self._end_paste()
        pressed = False
        for _ in range(CLEAR_TRIES):
            try:
                self._press_clear()
                pressed = True
                if self._until(self._is_seen_empty, CLEAR_S):
                    self._wait(STILL_S)
                    if self._is_seen_empty():
                        return Clearing.SEEN
            except Bounced as trouble:
                if pressed and trouble.reason in {Reason.COVERED, Reason.MOVED}:
                    return Clearing.UNSEEN
                self._wait(0.05)
            except Refused as trouble:
                gone = trouble.reason is Reason.CLOSED  # and its draft with it
                return Clearing.SEEN if gone else Clearing.UNSEEN if pressed else Clearing.FAILED
        return Clearing.FAILED

    def give_back(self) -> None:
        """The selection is dropped, pointer and focus go back, unless somebody moved them meanwhile."""
        self._clipboard.drop(self._profile.selection)
        if self._pointer_was is not None and self._fingers.pointer() == self._fingers.placed:
            self._fingers.move(*self._pointer_was)
        mine = self._seen.id if self._seen is not None else 0
        if self._active_was and mine not in {0, self._active_was} and self._eyes.windows.active() == mine:
            self._eyes.windows.activate(self._active_was)
        self._pointer_was = None

    def _target(self) -> Seen:
        if self._seen is None:
            self._seen = self._eyes.place(self._name)
        return self._seen

    def _click_into(self, part: Box) -> None:
        """Click into a part of the window, if the window is what lies there, and wait until it has the focus."""
        seen = self._target()
        if self._pointer_was is None:
            self._pointer_was, self._active_was = self._fingers.pointer(), self._eyes.windows.active()
        point = self._clicks.choose(self._points(part))
        if seen.id not in self._eyes.windows.chain_at(*point):
            raise Bounced(Reason.COVERED, "another window lies where the click would go")
        self._pace.check()
        self._fingers.click(*point)
        self._clicks.made(point)
        if not self._until(self._has_focus, FOCUS_S):
            raise Bounced(Reason.FOCUS_TAKEN, "the window did not get the focus")

    def _points(self, part: Box) -> list[tuple[int, int]]:
        """Places in a part of the window that may be clicked, far enough from each other."""
        box = self._eyes.box(self._name, part)
        row = box.y + box.height // 2
        return [(box.x + box.width * share // 4, row) for share in (2, 1, 3)]

    def _has_focus(self) -> bool:
        """The active window and the one that gets the keys are the target."""
        windows, target = self._eyes.windows, self._target().id
        return windows.active() == target and windows.focused_client() == windows.client_of(target)

    def _press_clear(self) -> None:
        """The chords that clear, each into the target's focus only."""
        if not self._has_focus():
            self._regain_focus()
        for chord in self._profile.clear:
            if self._eyes.identify(self._name).id != self._target().id or not self._has_focus():
                raise Bounced(Reason.FOCUS_TAKEN)
            self._fingers.press(chord)

    def _regain_focus(self) -> None:
        """Have the focus again, for our draft's sake: by a click, or by the window manager where none is possible."""
        try:
            self._eyes.place(self._name)
            point = self._clicks.choose(self._points(self._profile.composer.box))
            self._fingers.click(*point)
            self._clicks.made(point)
        except Bounced:
            self._eyes.windows.activate(self._target().id)
        if not self._until(self._has_focus, FOCUS_S):
            raise Bounced(Reason.FOCUS_TAKEN)

    def _end_paste(self) -> None:
        """From here on no paste of ours can land: one not served yet is refused, one just served gets a moment."""
        self._clipboard.drop(self._profile.selection)
        if self._offer is not None and self._offer.served:
            self._wait(STILL_S)

    def _is_seen_empty(self) -> bool:
        self._eyes.place(self._name)
        return self._eyes.is_composer_empty(self._name)

    def _hands_free(self) -> None:
        """Nobody holds a key or button; our own click may still wait for the window manager to let it through."""
        if not self._until(lambda: not self._eyes.windows.is_anything_down(), RELEASE_S):
            raise Bounced(Reason.KEYS_DOWN)

    def _press(self, chord: str) -> None:
        self._pace.check()
        self._fingers.press(chord)

    def _own(self) -> None:
        client = self._eyes.windows.client_of(self._target().id)
        self._offer = self._clipboard.offer(self._profile.selection, self._text, client)
        if self._offer is None:
            raise Bounced(Reason.CLIPBOARD_TAKEN)

    def _was_taken(self) -> bool:
        """Whether the target's program took the text; waits a little for it."""
        offer = self._offer
        if offer is None:
            raise Bounced(Reason.CLIPBOARD_TAKEN)
        if not self._taken:
            offer.until(lambda: offer.served > 0 or offer.is_lost, 0.03)
            self._taken = offer.served > 0
        if offer.is_lost and (not self._taken or self._profile.readback is Readback.PIXELS):
            raise Bounced(Reason.CLIPBOARD_TAKEN)
        if self._taken and self._profile.readback is Readback.PIXELS:
            self._unchanged(offer)
        return self._taken

    def _unchanged(self, offer: Offer) -> None:
        """For windows that cannot be read back: nobody took the selection over, and the text was taken only once."""
        if offer.is_lost:
            raise Bounced(Reason.CLIPBOARD_TAKEN)
        if offer.served > 1:
            raise Bounced(Reason.PASTE_NOT_READ, "the program took the text more than once")

    def _copy_back(self) -> Reading:
        """Select all, copy, and read what the target's own program then offers; nothing when it has not landed yet."""
        wait_s = COPY_S[min(self._reads, len(COPY_S) - 1)]
        self._reads += 1
        if self._offer is None or self._offer.is_lost or self._profile.selection is not Selection.CLIPBOARD:
            self._own_for_copy()
        assert self._offer is not None
        return Reading(text=self._copy(self._offer, self._profile.copy, self._profile.after_copy, wait_s), taken=True)

    def _copied(self, copy: Sequence[str], after: Sequence[str] = ()) -> str | None:
        """What these chords copy where the focus is, tried a few times; None when there is nothing to be had."""
        client = self._eyes.windows.client_of(self._target().id)
        for wait_s in COPY_S:
            offer = self._clipboard.offer(Selection.CLIPBOARD, "", client)
            if offer is None:
                raise Bounced(Reason.CLIPBOARD_TAKEN)
            text = self._copy(offer, copy, after, wait_s)
            if text is not None:
                return text
            for chord in after:  # what was selected must not be what a person's next key replaces
                self.guard()
                self._press(chord)
        return None

    def _copy(self, offer: Offer, copy: Sequence[str], after: Sequence[str], wait_s: float) -> str | None:
        """Press the chords and read what the target's own program then offers in place of ours."""
        for chord in copy:
            self.guard()
            self._press(chord)
        if not offer.until(lambda: offer.is_lost, wait_s):
            return None
        if self._clipboard.owner_client(Selection.CLIPBOARD) != offer.client:
            raise Bounced(Reason.CLIPBOARD_TAKEN)
        text = self._clipboard.read(Selection.CLIPBOARD)
        for chord in after:
            self.guard()
            self._press(chord)
        return text

    def _own_for_copy(self) -> None:
        """Own CLIPBOARD with the same text again: a copy shows by our losing it, and a program may still be reading."""
        client = self._eyes.windows.client_of(self._target().id)
        self._offer = self._clipboard.offer(Selection.CLIPBOARD, self._text, client)
        if self._offer is None:
            raise Bounced(Reason.CLIPBOARD_TAKEN)

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= end:
                return False
            self._wait(0.003)
        return True

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251 the worker's own thread, between two questions to the display server
