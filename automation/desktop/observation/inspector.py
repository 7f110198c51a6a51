"""Looks at a desk's windows and touches nothing: what each shows, and whether a delivery could begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import Anchors, candidate
from automation.desktop.observation.code_pixels import code_boxes
from automation.desktop.observation.delivery_screenshots import paint_masks
from automation.desktop.observation.screen_capture import ScreenCapture, to_jpeg
from automation.desktop.observation.screen_signs import (
    ProgramSigns,
    ShownSigns,
    WindowSnapshot,
    is_busy,
    is_resting,
    place_of,
)
from automation.desktop.observation.window_locator import RECALIBRATE, WindowLocator
from automation.desktop.observation.window_pixels import WindowPixels
from automation.desktop.ports import WindowsPort
from automation.desktop.window_info import WindowInfo
from automation.protocol.activity import DIALOGS
from automation.protocol.ports import DeliveryFailure, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.learned import learn
from core.desks.model import Desk, LiveView, MatchBy, mark_of
from core.profiles.model import Box, Dialog, Profile, Readback, Sign
from core.remedies import sentence

PLAIN = "it has drawn nothing yet where its anchor is"
ELSEWHERE = "its program reports its composer at another place (accessibility bus)"
LOCKED = "a lock screen, or a menu that is open, takes keys and clicks for itself"


class WindowInspector(WindowPixels, WindowLocator):
    """Everything visible of one desk. Belongs to one thread."""

    def __init__(
        self,
        *,
        desk: Desk,
        profiles: dict[str, Profile],
        windows: WindowsPort,
        screen: ScreenCapture,
        anchors: Anchors,
        program_signs: ProgramSigns,
    ) -> None:
        WindowLocator.__init__(self, desk=desk, profiles=profiles, windows=windows, tag_of=anchors.tag)
        self._screen = screen
        self._anchors = anchors
        self._program_signs = program_signs
        self.tell_learned: Callable[[str, Box | Sign], object] = lambda _name, _value: None
        self._remembered: dict[str, int] = {}
        self.unlearned = {name for name in self.names() if not self.profile(name).has_busy_sign}
        self.rested: dict[str, Image.Image] = {}

    def _place_or_dialog(self, name: str) -> WindowInfo:
        try:
            return self.place(name)
        except TransientFailure as trouble:
            if trouble.reason is Reason.COVERED:
                apart = self.find_dialog_window(name)
                if apart is not None:
                    raise PermanentFailure(Reason.DIALOG, DIALOGS[apart[0].shows]) from trouble
            raise

    def check_unlocked(self) -> None:
        if self.windows.is_keyboard_taken():
            raise TransientFailure(Reason.LOCKED, LOCKED)

    def recognise(self, name: str) -> WindowInfo:
        """Find the window at its place and see that it certainly is the connected one, whatever else it shows, and that
        the screen is not locked. Raises TransientFailure or PermanentFailure."""
        self.check_unlocked()
        seen, anchor = self._place_or_dialog(name), self.profile(name).anchor
        difference = None if anchor is None else self._anchor_difference(name, seen, anchor)
        if difference == "":
            self._remember_window(name, seen)
            return seen
        if anchor is not None and not self._is_calibrated(name):  # a user chose this anchor: it has to be there
            raise PermanentFailure(Reason.CHANGED, f"{difference}; {RECALIBRATE}")
        if why := self.why_uncertain(name, seen):
            raise PermanentFailure(Reason.CHANGED, "; ".join(filter(None, (difference, why, RECALIBRATE))))
        self._remember_window(name, seen)
        if anchor is not None:
            self._replace_anchor(name, seen)
        return seen

    def why_uncertain(self, name: str, seen: WindowInfo) -> str:
        """Return why this window, which has the class, the title and the size, may not be the connected one; empty
        where it certainly is, with or without an anchor. Only this function decides it."""
        if self.is_tagged(name, seen):
            return ""  # the display has not closed it since
        if not self.is_alone(name):
            return "another window has its class and title"
        if not self._is_composer_reported(name, seen):
            return "its program restarted, and does not report its composer there (accessibility bus)"
        return ""

    def _is_composer_reported(self, name: str, seen: WindowInfo) -> bool | None:
        """Return whether the composer is where it was measured; None if its program, or the profile, does not tell."""
        composer, readback = self.profile(name).composer, self.profile(name).readback
        is_asked = Readback.ACCESSIBILITY in readback
        return (
            self._program_signs.is_composer_at(seen, composer, composer.box.on_screen(seen.box)) if is_asked else None
        )

    def _anchor_difference(self, name: str, seen: WindowInfo, anchor: Box) -> str:
        kept = candidate(name, anchor) if self._anchors.has(candidate(name, anchor)) else name
        picture = self._screen.take(anchor.on_screen(seen.box))
        if not self._anchors.has(kept):
            if seen.box != self.configured_box(name):
                raise TransientFailure(Reason.MOVED, "and it has no anchor yet by which it would be known again there")
            if image_diff.is_plain(picture):
                raise TransientFailure(Reason.CHANGED, PLAIN)
            self._anchors.keep(kept, picture)
        return self._anchors.difference(kept, picture)

    def learn(self, name: str, value: Box | Sign) -> None:
        """Use this learned anchor or busy sign from now on, and report it."""
        self._learned[name] = learn(self.profile(name), value)
        self.tell_learned(name, value)

    def _is_calibrated(self, name: str) -> bool:
        return bool(self._anchors.tag(name))

    def _remember_window(self, name: str, seen: WindowInfo) -> None:
        """Keep the tag of a calibrated window that was opened again: its anchor may change with the next prompt."""
        if self._remembered.get(name) == seen.id or not self._is_calibrated(name):
            return
        if self._configured[name].match_by is MatchBy.TITLE and not self.is_tagged(name, seen) and self.is_alone(name):
            self._anchors.keep_tag(name, self.windows.name_tag(seen.id))
        self._remembered[name] = seen.id

    def _replace_anchor(self, name: str, seen: WindowInfo) -> None:
        for box in self._anchors.candidates(name):
            now = self._screen.take(box.on_screen(seen.box))
            if not self._anchors.difference(candidate(name, box), now):
                self.learn(name, box)
                return

    def preflight(self, name: str, *, may_be_busy: bool = False, may_be_written: bool = False) -> WindowInfo:
        seen = self.recognise(name)
        if (asked := self.find_dialog(name)) is not None:
            raise PermanentFailure(Reason.DIALOG, DIALOGS[asked.shows])
        if self._is_composer_reported(name, seen) is False:
            raise PermanentFailure(Reason.CHANGED, f"{ELSEWHERE}; {RECALIBRATE}")
        self._check_idle(name, may_be_busy=may_be_busy, may_be_written=may_be_written)
        return seen

    def keep_rested(self, name: str) -> None:
        """Keep a picture of this window, whose agent rests, while Octet still learns its busy sign."""
        if name in self.unlearned:
            self.rested[name] = self._picture(name)

    def why_unread(self, name: str) -> str:
        """Return why the accessibility bus does not tell its composer's text; empty where it does, or need not."""
        profile = self.profile(name)
        if Readback.ACCESSIBILITY not in profile.readback:
            return ""
        try:
            seen = self.identify(name)
        except PermanentFailure:
            return ""
        place = profile.composer.box
        return self._program_signs.why_unread(seen, profile.composer, place.on_screen(seen.box))

    def read_news(self) -> None:
        """Ask the server something, and take its news from the queue, which would grow."""
        self.windows.active()
        if self.windows.changes is not None:
            self.windows.changes.count()

    def at(self, place: Box) -> Image.Image:
        """Take a picture of a place of the screen."""
        return self._screen.take(place)

    def keep_empty(self, name: str, picture: Image.Image) -> None:
        """Count a composer that looks like this as empty from now on."""
        self._anchors.keep_empty(name, picture)

    def is_busy(self, name: str) -> bool:
        """Return whether a busy sign is shown or reported; False for a profile without one."""
        if super().is_busy(name):
            return True
        profile = self.profile(name)
        if profile.busy.accessible is None:
            return False
        return is_busy(profile, None, self._program_signs.listen(name, self._now(name), self._picture(name), profile))

    def find_dialog(self, name: str) -> Dialog | None:
        """Find the first of its profile's dialogs that is there now; those inside it must be uncovered. Raises
        TransientFailure where its program does not tell what the profile listens for."""
        profile = self.profile(name)
        apart = self.find_dialog_window(name)
        if apart is not None:
            return apart[0]
        if not profile.listens and all(one.window is not None for one in profile.dialogs):
            return None
        frame, seen = self._picture(name), self._now(name)
        heard = self._program_signs.listen(name, seen, frame, profile)
        found = next((one for one in profile.dialogs if place_of(one, frame, heard, seen) is not None), None)
        if found is None and heard.why_not:
            raise TransientFailure(Reason.NOT_TOLD, heard.why_not)
        return found

    def view(self, name: str) -> WindowSnapshot:
        """Look once at all that the window shows; raise nothing for what is in the way."""
        profile = self.profile(name)
        try:
            apart = self.find_dialog_window(name)
            if apart is not None:
                dialog, modal = apart
                crop = self._screen.take(modal.box)
                if self.find_dialog_window(name) != apart:
                    raise TransientFailure(Reason.COVERED)  # what came meanwhile is not in the picture
                return WindowSnapshot(dialog=profile.dialogs.index(dialog), crop=crop, modal=modal)
            frame, seen = self._quickly(name)
        except DeliveryFailure as trouble:
            return WindowSnapshot(why_not=sentence(trouble.reason), reason=trouble.reason)
        heard = self._program_signs.listen(name, seen, frame, profile)
        places = [place_of(one, frame, heard, seen) for one in profile.dialogs]
        found = next((number for number, box in enumerate(places) if box is not None), None)
        box = None if found is None else places[found]
        busy = profile.busy.sign
        return WindowSnapshot(
            unheard=heard.why_not,
            strange=heard.strange,
            frame=frame,
            dialog=found,
            crop=None if box is None else frame.crop(box.edges),
            box=box,
            is_busy=is_busy(profile, None if busy is None else frame.crop(busy.box.edges), heard),
            is_resting=is_resting(profile, frame, heard),
            is_empty=self.is_empty_in(name, frame.crop(profile.composer.box.edges)),
        )

    def text(self, name: str, view: WindowSnapshot) -> str | None:
        """Return the text of this view's dialog without what is masked; empty where it cannot be read. None when the
        window shows something else by now: the text may be of that."""
        if view.dialog is None or view.crop is None:
            return ""
        try:
            text = self._text_of(name, view, view.dialog)
        except DeliveryFailure:
            return None
        now = self.view(name)
        is_same = now.crop is not None and image_diff.is_same(now.crop, view.crop, self.profile(name).composer.caret_px)
        return text if is_same and now.dialog == view.dialog else None

    def _text_of(self, name: str, view: WindowSnapshot, number: int) -> str:
        profile = self.profile(name)
        if view.modal is not None:
            return self._program_signs.window_text(view.modal)
        dialog, seen = profile.dialogs[number], self._now(name)
        heard = ShownSigns() if view.frame is None else self._program_signs.listen(name, seen, view.frame, profile)
        signs = None if dialog.accessible is None else heard.parts.get(dialog.accessible)
        return self._program_signs.dialog_text(seen, signs, dialog.box, profile.masks)

    def _picture(self, name: str) -> Image.Image:
        return self._screen.take(self.current_box(name))

    def _quickly(self, name: str) -> tuple[Image.Image, WindowInfo]:
        """Take a picture of the window, uncovered at its place before and after: nothing else is in it."""
        before = self.place(name)
        frame = self._screen.take(before.box)
        seen = self.place(name)
        if seen.box != before.box:
            raise TransientFailure(Reason.MOVED, "it is being moved")
        return frame, seen

    def live(self, name: str, known: str) -> LiveView:
        """Look for codes only in a picture that the viewers do not know: that takes most of the time."""
        picture, seen = self._quickly(name)
        mark = mark_of(picture.tobytes())
        return LiveView(mark=mark, jpeg=b"" if mark == known else to_jpeg(self._painted(name, picture, seen)))

    def picture(self, name: str, *, has_code: bool | None = None) -> Image.Image:
        return self._painted(name, *self._quickly(name), has_code=has_code)

    def _painted(
        self, name: str, picture: Image.Image, seen: WindowInfo, *, has_code: bool | None = None
    ) -> Image.Image:
        hidden = self._hidden(name, seen, None if has_code is False else picture)
        transcript = self.profile(name).transcript
        if has_code is None:
            hidden += [one.on_screen(seen.box) for one in code_boxes(picture)]
        if has_code and transcript is not None:
            hidden.append(transcript.box.on_screen(seen.box))
        return paint_masks(picture, seen.box, hidden)

    def whole(self) -> Image.Image:
        """Take a picture of the whole display, with the masks of every configured window painted over."""
        screen = self.windows.screen()
        before = self._found()
        picture = self._screen.take(screen)
        hidden = [mask for name, seen in before for mask in self._hidden(name, seen, None)]
        for name, seen in self._found():  # one may have been moved meanwhile
            there = replace(seen.box, x=seen.box.x - screen.x, y=seen.box.y - screen.y)
            hidden += self._hidden(name, seen, picture.crop(there.edges))
        hidden += [one.on_screen(screen) for one in code_boxes(picture)]
        return paint_masks(picture, screen, hidden)

    def _found(self) -> list[tuple[str, WindowInfo]]:
        return [
            (name, seen)
            for name, window in self._configured.items()
            for seen in self.windows.find(self.profile(name).match_class, window.title)
        ]

    def _hidden(self, name: str, seen: WindowInfo, frame: Image.Image | None) -> list[Box]:
        """Return the places on the screen that no picture of the window may show: its masks, and an answer code in the
        composer of `frame`; all of a composer that is not empty where its program does not tell where the code is."""
        profile, composer = self.profile(name), self.profile(name).composer
        hidden = [mask.on_screen(seen.box) for mask in profile.masks]
        if frame is None or self.is_empty_in(name, frame.crop(composer.box.edges)):
            return hidden
        box = composer.box.on_screen(seen.box)
        is_told = Readback.ACCESSIBILITY in profile.readback
        codes = self._program_signs.code_places(seen, composer, box) if is_told else None
        return [*hidden, *([box] if codes is None else codes)]
