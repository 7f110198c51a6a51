"""What can be seen by pixels alone: a window is whoever shows its anchor picture at its configured place."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.delivery_screenshots import paint_masks
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, WindowStatus
from core.profiles.model import Activity, Box, Profile, Readback, Selection

NOT_THERE = "what stands at its place does not look like it"


class MacInspector:
    """All that pixels tell of one desk. Belongs to one thread."""

    def __init__(self, *, desk: Desk, profiles: dict[str, Profile], screen: ScreenCapture, anchors: Anchors) -> None:
        self._screen = screen
        self._anchors = anchors
        self._configured = {window.name: window for window in desk.windows}
        self._profiles = profiles

    def names(self) -> tuple[str, ...]:
        return tuple(self._configured)

    def profile(self, name: str) -> Profile:
        """How the window is driven."""
        return self._profiles[self._configured[name].profile]

    def place(self, name: str) -> Box:
        """Where the window stands, as configured."""
        return self._configured[name].box

    def box(self, name: str, part: Box) -> Box:
        """A part of the window, given relative to its corner, as a place on the screen."""
        return part.on_screen(self.place(name))

    def recognise(self, name: str) -> None:
        """Its anchor picture stands at its place. The first one is cut from whatever stands there idle and empty."""
        profile = self.profile(name)
        if Readback.COPY not in profile.readback or profile.selection is not Selection.CLIPBOARD:
            why = "by the portable path a text can only be pasted from the clipboard and read back by copying"
            raise PermanentFailure(Reason.READ_BACK_DIFFERS, f"{why}; its profile says otherwise")
        if profile.anchor is None:
            raise PermanentFailure(
                Reason.CHANGED, "by the portable path nothing but an anchor identifies a window; its profile has none"
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

    def preflight(self, name: str, *, may_be_busy: bool = False) -> None:
        """Everything that must hold before the first click."""
        self.recognise(name)
        if not may_be_busy and self.is_busy(name):
            raise TransientFailure(Reason.BUSY, "its busy sign is shown")
        if not self.is_composer_empty(name):
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "what stands there was left untouched; send or delete it")

    def status(self, name: str) -> WindowStatus:
        """How the window is now, for people."""
        reason, code, activity = "", "", Activity.UNKNOWN
        try:
            self.recognise(name)
            if self.profile(name).busy_sign is not None:
                activity = Activity.BUSY if self.is_busy(name) else Activity.IDLE
            if activity is not Activity.BUSY:
                self.preflight(name)
        except (TransientFailure, PermanentFailure) as trouble:
            seen = trouble.private if isinstance(trouble, TransientFailure) else trouble.note
            code = str(trouble.reason)
            reason = f"{code}: {seen}" if seen else code
            activity = Activity.UNKNOWN
        return WindowStatus(name=name, usable=not reason, reason=reason, code=code, activity=activity)

    def is_ready(self, name: str) -> bool:
        try:
            self.preflight(name)
        except (TransientFailure, PermanentFailure):
            return False
        return True

    def whole(self) -> Image.Image:
        """Never taken here: a display that people use is not pictured whole."""
        raise PermanentFailure(Reason.HIDDEN, "this is a screen that people use")

    def composer(self, name: str) -> Image.Image:
        """A picture of the composer."""
        return self._screen.take(self.box(name, self.profile(name).composer.box))

    def is_composer_empty(self, name: str) -> bool:
        composer = self.profile(name).composer
        return image_diff.is_blank(self.composer(name), composer.background, composer.caret_px)

    def is_busy(self, name: str) -> bool:
        sign = self.profile(name).busy_sign
        if sign is None:
            return False
        return image_diff.share(self._screen.take(self.box(name, sign.box)), sign.colour) >= sign.share

    def picture(self, name: str, *, has_code: bool | None = None) -> Image.Image:
        self.recognise(name)
        picture = self._screen.take(self.place(name))
        self.recognise(name)
        profile = self.profile(name)
        hidden = list(profile.masks)
        if has_code is not False and not self.is_composer_empty(name):
            hidden.append(profile.composer.box)
        if has_code and profile.transcript is not None:
            hidden.append(profile.transcript.box)
        return paint_masks(picture, replace(self.place(name), x=0, y=0), hidden)
