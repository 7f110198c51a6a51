"""One window as a control act uses it: the X11 side of automation.protocol's ActPort."""

from __future__ import annotations

from PIL import Image

from automation.desktop import pictures
from automation.desktop.aim import Aim
from automation.desktop.album import identity_of, painted
from automation.desktop.anchors import Anchors
from automation.desktop.eyes import Eyes
from automation.desktop.screen import to_small_png
from automation.desktop.signs import DIALOGS
from automation.desktop.states import mark
from automation.protocol.control import Stand
from automation.protocol.ports import Bounced, Refused
from core.deliveries.model import Moment, Part, Picture, Reason, Target
from core.profiles.model import Act, Box, Press


class X11Act:
    """One act's view of one window."""

    def __init__(self, *, aim: Aim, anchors: Anchors) -> None:
        """`anchors` keeps how the buttons of each window look, beside the anchors of the windows themselves."""
        self._aim = aim
        self._anchors = anchors
        self._crops: dict[str, Image.Image] = {}
        """Dialogs that were seen, by their marks."""
        self._now: Image.Image | None = None
        """The dialog of the last look."""
        self._box: Box | None = None
        """Where it stands in the window."""

    @property
    def _eyes(self) -> Eyes:
        return self._aim.eyes

    def find(self) -> None:
        """See that it is the window, at its place, whatever it shows. Touches nothing."""
        self._aim.take(self._eyes.recognise(self._aim.name))
        self._aim.hands_free()

    def stand(self) -> Stand:
        """Look once at what it shows."""
        view = self._eyes.view(self._aim.name)
        if view.reason is not None:
            raise Bounced(view.reason, view.why_not)
        dialog = None if view.dialog is None else self._aim.profile.dialogs[view.dialog]
        if dialog is not None and dialog.window is not None:
            raise Refused(Reason.DIALOG, f"{DIALOGS[dialog.shows]} in a window of its own, which only a person answers")
        self._now, self._box = view.crop, None if dialog is None else dialog.box
        known = "" if view.crop is None else mark(view.crop)
        if view.crop is not None:
            self._crops.setdefault(known, view.crop)
        if dialog is None:
            return Stand(is_busy=view.is_busy)
        return Stand(shows=dialog.shows, answers=dialog.answers, mark=known, is_busy=view.is_busy)

    def is_other(self, mark: str) -> bool:
        """Whether another dialog was there at the last look than that of `mark`, or none. A caret makes no difference,
        nor how a button looks that the pointer stands on."""
        before = self._crops.get(mark)
        if self._now is None or before is None:
            return True
        caret_px = self._aim.profile.composer.caret_px
        return not pictures.is_same(self._without_buttons(self._now), self._without_buttons(before), caret_px)

    def _without_buttons(self, crop: Image.Image) -> Image.Image:
        buttons = [press.anchor for press in self._aim.profile.acts.values() if press.anchor is not None]
        return crop if self._box is None else painted(crop, self._box, buttons)

    def prepare(self, act: Act, press: Press) -> None:
        """Bring the window to the front for a chord; see that a button looks as it always did."""
        if press.at is None:
            self._come_forward()
            return
        if press.anchor is None:
            raise Refused(Reason.CHANGED, "nothing says how the button looks")
        button = self._eyes.part(self._aim.name, press.anchor)
        kept = f"{self._aim.name}.{act.value}"
        if not self._anchors.has(kept):
            self._anchors.keep(kept, button)
        difference = self._anchors.difference(kept, button)
        if difference:
            raise Refused(Reason.CHANGED, f"the button to {act.value} does not look as it did: {difference}")

    def press(self, press: Press, *, by_s: float) -> None:
        """Press once, not later than `by_s`. Whatever it raises, nothing was pressed then."""
        if press.at is None:
            self._come_forward()  # a person who waited 400 ms for their hands has them, and the focus, back
            self._aim.guard()
            self._aim.press(press.chord, by_s=by_s)
            return
        self._aim.click_once(Box(x=press.at[0], y=press.at[1], width=1, height=1), by_s=by_s)

    def _come_forward(self) -> None:
        self._aim.hold()
        if not self._aim.has_focus() and not self._aim.bring_forward():
            raise Bounced(Reason.FOCUS_TAKEN, "the window did not get the focus")

    def pictures(self) -> tuple[Picture, ...]:
        """The window as it is now, what is masked painted over."""
        try:
            picture = self._eyes.picture(self._aim.name)
        except (Bounced, Refused):
            return ()  # what lies over it is not ours to show
        return (Picture(moment=Moment.AFTERWARDS, part=Part.WINDOW, png=to_small_png(picture)),)

    def who(self) -> Target | None:
        """Which window it was."""
        try:
            return identity_of(self._aim.target())
        except (Bounced, Refused):
            return None

    def give_back(self) -> None:
        """Pointer and focus go back to where they were."""
        self._aim.give_back()
