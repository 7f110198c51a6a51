"""What pictures alone tell of a desk's windows: whether a composer is empty, an agent busy, a delivery could begin."""

from __future__ import annotations

from abc import ABC, abstractmethod

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.protocol.ports import DeliveryFailure, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, WindowStatus
from core.profiles.model import Box, Profile


class ConfiguredWindows:
    """The windows of one desk, as its configuration and their profiles tell of them."""

    def __init__(self, *, desk: Desk, profiles: dict[str, Profile]) -> None:
        self._configured = {window.name: window for window in desk.windows}
        self._profiles = profiles

    def names(self) -> tuple[str, ...]:
        return tuple(self._configured)

    def profile(self, name: str) -> Profile:
        return self._profiles[self._configured[name].profile]

    def configured_box(self, name: str) -> Box:
        return self._configured[name].box

    def standing_box(self, name: str) -> Box:
        """Where the window stands."""
        return self.configured_box(name)

    def box(self, name: str, part: Box) -> Box:
        """A part of the window, given relative to its corner, as a place on the screen."""
        return part.on_screen(self.standing_box(name))


class WindowPixels(ConfiguredWindows, ABC):
    """What the screen shows of them. Belongs to one thread."""

    _screen: ScreenCapture
    _anchors: Anchors

    @abstractmethod
    def recognise(self, name: str) -> object:
        """See that the window at its place is the one that was connected. Raises Transient- or PermanentFailure."""

    @abstractmethod
    def preflight(self, name: str, *, may_be_busy: bool = False, may_be_written: bool = False) -> object:
        """See everything that must hold before the first click."""

    @abstractmethod
    def picture(self, name: str, *, has_code: bool | None = None) -> Image.Image:
        """Take a picture of the whole window, which nothing may cover, and paint over what is masked. `has_code` says
        whether a prompt with an answer code was, or may have been, brought there: then the transcript, which may show
        it, is painted over too. None: only the composer may show one."""

    def status(self, name: str) -> WindowStatus:
        """How the window is now, for people; an agent at work is nothing to complain about."""
        try:
            self.recognise(name)
            self.preflight(name, may_be_busy=True, may_be_written=self.is_busy(name))
        except DeliveryFailure as trouble:
            return WindowStatus(name=name, usable=False, reason=trouble.reason, note=trouble.private)
        return WindowStatus(name=name, usable=True)

    def is_ready(self, name: str) -> bool:
        """Whether a delivery could begin now."""
        try:
            self.preflight(name)
        except DeliveryFailure:
            return False
        return True

    def composer(self, name: str) -> Image.Image:
        return self._screen.take(self.box(name, self.profile(name).composer.box))

    def is_masked(self, name: str) -> bool:
        """Whether a part of the composer may not be shown to anybody."""
        profile = self.profile(name)
        return any(profile.composer.box.overlaps(one) for one in profile.masks)

    def is_composer_empty(self, name: str) -> bool:
        """Whether the composer shows its background and at most a caret, or its hint."""
        return self.is_empty_in(name, self.composer(name))

    def is_empty_in(self, name: str, picture: Image.Image) -> bool:
        """Whether a picture of the composer shows nothing but its ground, a caret, or its hint."""
        composer = self.profile(name).composer
        if composer.prompt is None and image_diff.is_blank(picture, composer.background, composer.caret_px):
            return True
        return composer.has_placeholder and self._anchors.is_empty_look(name, picture, composer)

    def is_busy(self, name: str) -> bool:
        """Whether a busy sign is shown; False for a profile without one."""
        sign = self.profile(name).busy.sign
        if sign is None:
            return False
        return image_diff.share(self._screen.take(self.box(name, sign.box)), sign.colour) >= sign.share

    def _check_idle(self, name: str, *, may_be_busy: bool, may_be_written: bool) -> None:
        if not may_be_busy and self.is_busy(name):
            raise TransientFailure(Reason.BUSY, "its busy sign is shown")
        if not may_be_written and not self.is_composer_empty(name):
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "Octet left the text in it untouched; send or delete it")
