"""One window as a control act uses it: automation.protocol's ActionPort, over what each platform can press."""

from __future__ import annotations

import hashlib
from typing import Any

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.activity_tracker import mark
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.delivery_screenshots import paint_masks, target_identity
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import to_small_png
from automation.desktop.observation.window_locator import RECALIBRATE
from automation.desktop.target.input_target import NO_FOCUS, NOT_FOCUSED, InputTarget
from automation.desktop.window_info import WindowInfo
from automation.protocol.dialog_action import DialogState
from automation.protocol.ports import DeliveryFailure, PermanentFailure, TransientFailure
from core.deliveries.model import Moment, Picture, PictureArea, Reason, Target
from core.profiles.model import Act, Box, Dialog, Press


class WindowAction:
    """One act's view of one window."""

    def __init__(self, *, target: InputTarget[Any], anchors: Anchors) -> None:
        """`anchors` keeps how the buttons of each window look, beside the anchors of the windows themselves."""
        self._target = target
        self._inspector: WindowInspector = target.inspector
        self._anchors = anchors
        self._crops: dict[str, Image.Image] = {}
        self._now: Image.Image | None = None
        self._frame: Image.Image | None = None
        self._box: Box | None = None
        self._dialog: Dialog | None = None
        self._agents: WindowInfo | None = None

    def find(self) -> None:
        """See that it is the window at its place, or its dialog, a separate window, anywhere. Touches nothing."""
        self._inspector.check_unlocked()
        apart = self._inspector.find_dialog_window(self._target.name)
        if apart is None:
            self._target.set_window(self._inspector.recognise(self._target.name))
        else:
            self._take(apart[1])
        self._target.wait_for_idle_input()

    def look_at_dialog(self) -> DialogState:
        view, profile = self._inspector.view(self._target.name), self._target.profile
        if view.reason is not None:
            raise TransientFailure(view.reason, view.why_not)
        if view.dialog is None and view.unheard and not view.is_busy:
            raise TransientFailure(Reason.NOT_TOLD, view.unheard)
        self._take(view.modal)
        self._frame = view.frame
        dialog = self._dialog = None if view.dialog is None else profile.dialogs[view.dialog]
        self._now, self._box = view.crop, view.box
        known = "" if view.crop is None else mark(view.crop)
        if view.crop is not None:
            self._crops.setdefault(known, view.crop)
        presses = {act: press for act in Act if (press := profile.press(act, dialog)) is not None}
        if dialog is None:
            return DialogState(is_busy=view.is_busy, is_empty=view.is_empty, presses=presses)
        return DialogState(
            shows=dialog.shows, answers=dialog.answers, mark=known, is_busy=view.is_busy, presses=presses
        )

    def _take(self, modal: WindowInfo | None) -> None:
        if modal is not None:
            self._agents = self._agents or self._inspector.identify(self._target.name)
            self._target.set_window(modal)
        elif self._agents is not None:
            self._target.set_window(self._agents)
            self._agents = None

    def is_other_dialog(self, mark: str) -> bool:
        """Return whether the last look showed another dialog than `mark`, or none; carets and hovered buttons aside."""
        before = self._crops.get(mark)
        if self._now is None or before is None:
            return True
        caret_px = self._target.profile.composer.caret_px
        return not image_diff.is_same(self._without_buttons(self._now), self._without_buttons(before), caret_px)

    def view_mark(self) -> str:
        if (frame := self._frame) is None:
            return ""
        whole = Box(x=0, y=0, width=frame.width, height=frame.height)
        return mark(paint_masks(frame, whole, [self._target.profile.composer.box]))

    def _without_buttons(self, crop: Image.Image) -> Image.Image:
        if self._dialog is None:
            return crop
        presses = (self._target.profile.press(act, self._dialog) for act in Act)
        buttons = [press.anchor for press in presses if press is not None and press.anchor is not None]
        return paint_masks(crop, self._box or Box(x=0, y=0, width=crop.width, height=crop.height), buttons)

    def prepare(self, act: Act, press: Press) -> None:
        if press.at is None:
            self._come_forward()
            return
        if press.anchor is None:
            raise PermanentFailure(Reason.CHANGED, "nothing says how the button looks")
        button = self._inspector.at(press.anchor.on_screen(self._target.window().box))
        kept = self._kept(act)
        if not self._anchors.has(kept):
            self._anchors.keep(kept, button)
        difference = self._anchors.difference(kept, button)
        if difference:
            note = f"the button to {act.value} does not look as it did: {difference}; {RECALIBRATE}"
            raise PermanentFailure(Reason.CHANGED, note)

    def _kept(self, act: Act) -> str:
        """Return the name under which a button's look is kept; a button of one dialog only is not that of another."""
        own = "" if self._dialog is None or act not in self._dialog.acts else repr(self._dialog)
        which = f".{hashlib.sha256(own.encode()).hexdigest()[:12]}" if own else ""
        return f"{self._target.name}.{act.value}{which}"

    def press(self, press: Press, *, by_s: float) -> None:
        if press.at is None:
            self._come_forward()  # the user has devices and focus back after a wait of 400 ms
            self._guard()
            self._target.press_chord(press.chord, by_s=by_s)
            return
        self._target.click_once(Box(x=press.at[0], y=press.at[1], width=1, height=1), by_s=by_s)

    def _guard(self) -> None:
        if self._agents is None:
            self._target.guard()
            return
        apart = self._inspector.find_dialog_window(self._target.name)
        if apart is None or apart[1].id != self._target.window().id:
            raise PermanentFailure(Reason.CHANGED, "the dialog is gone")
        if not self._target.has_focus():
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)

    def _come_forward(self) -> None:
        self._target.hold_devices()
        if not self._target.has_focus() and not self._target.bring_forward():
            raise TransientFailure(Reason.FOCUS_TAKEN, NO_FOCUS)

    def pictures(self) -> tuple[Picture, ...]:
        try:
            has_transcript = self._target.profile.transcript is not None
            picture = self._inspector.picture(self._target.name, has_code=has_transcript or None)
        except DeliveryFailure:
            return ()  # what lies over it is not ours to show
        return (Picture(moment=Moment.AFTERWARDS, part=PictureArea.WINDOW, png=to_small_png(picture)),)

    def target_identity(self) -> Target | None:
        try:
            return target_identity(self._target.window())
        except DeliveryFailure:
            return None

    def restore_user_state(self) -> None:
        self._target.restore_user_state()
