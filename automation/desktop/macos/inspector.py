"""What can be seen by pixels alone: a window is what shows its anchor picture at its configured place."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.delivery_screenshots import paint_masks
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.observation.window_pixels import WindowPixels
from automation.protocol.ports import PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, WindowStatus
from core.profiles.model import Activity, Profile, Readback, Selection

NO_OTHER_WAY = "the portable path pastes from the clipboard and reads back by copying; its profile says otherwise"
NOT_THERE = "what stands at its place does not look like it"


class MacInspector(WindowPixels):
    """All that pixels tell of one desk, whose windows stand where they were configured. Belongs to one thread."""

    def __init__(self, *, desk: Desk, profiles: dict[str, Profile], screen: ScreenCapture, anchors: Anchors) -> None:
        super().__init__(desk=desk, profiles=profiles)
        self._screen = screen
        self._anchors = anchors

    def recognise(self, name: str) -> None:
        """Its anchor picture stands at its place. The first one is cut from whatever stands there idle and empty."""
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
        if not status.usable or self.profile(name).busy_sign is None:
            return status
        return replace(status, activity=Activity.BUSY if self.is_busy(name) else Activity.IDLE)

    def whole(self) -> Image.Image:
        """Never taken here: a display that people use is not pictured whole."""
        raise PermanentFailure(Reason.HIDDEN, "this is a screen that people use")

    def picture(self, name: str, *, has_code: bool | None = None) -> Image.Image:
        self.recognise(name)
        picture = self._screen.take(self.configured_box(name))
        self.recognise(name)
        profile = self.profile(name)
        hidden = list(profile.masks)
        if has_code is not False and not self.is_composer_empty(name):
            hidden.append(profile.composer.box)
        if has_code and profile.transcript is not None:
            hidden.append(profile.transcript.box)
        return paint_masks(picture, replace(self.configured_box(name), x=0, y=0), hidden)
