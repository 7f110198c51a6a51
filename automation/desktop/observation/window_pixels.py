"""What pictures alone show of a desk's windows: an empty composer, a busy agent, whether a delivery could begin."""

from __future__ import annotations

from abc import ABC, abstractmethod

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.anchors import Anchors
from automation.desktop.observation.screen_capture import ScreenCapture, to_jpeg
from automation.protocol.ports import DeliveryFailure, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Desk, LiveView, WindowStatus, mark_of
from core.profiles.model import Box, Profile


class ConfiguredWindows:
    """The windows of one desk, as its configuration and their profiles describe them."""

    def __init__(self, *, desk: Desk, profiles: dict[str, Profile]) -> None:
        self._configured = {window.name: window for window in desk.windows}
        self._profiles = profiles

    def names(self) -> tuple[str, ...]:
        return tuple(self._configured)

    def profile(self, name: str) -> Profile:
        return self._profiles[self._configured[name].profile]

    def configured_box(self, name: str) -> Box:
        return self._configured[name].box

    def current_box(self, name: str) -> Box:
        return self.configured_box(name)

    def box(self, name: str, part: Box) -> Box:
        """Return the place on the screen of a part of the window, which is relative to its corner."""
        return part.on_screen(self.current_box(name))


class WindowPixels(ConfiguredWindows, ABC):
    """What the screen shows of these windows. Belongs to one thread."""

    _screen: ScreenCapture
    _anchors: Anchors

    @abstractmethod
    def recognise(self, name: str) -> object:
        """See that the window at its place is the one that was connected. Raises Transient- or PermanentFailure."""

    @abstractmethod
    def preflight(self, name: str, *, may_be_busy: bool = False, may_be_written: bool = False) -> object: ...

    @abstractmethod
    def picture(self, name: str, *, has_code: bool | None = None) -> Image.Image:
        """Take a picture of the whole uncovered window, with its masks painted over. `has_code`: whether a prompt with
        an answer code was, or may have been, brought there; then the transcript is painted over too. None: for a
        user, who sees all but what looks like a code."""

    def live(self, name: str, known: str) -> LiveView:
        picture = self.picture(name)
        mark = mark_of(picture.tobytes())
        return LiveView(mark=mark, jpeg=b"" if mark == known else to_jpeg(picture))

    def status(self, name: str) -> WindowStatus:
        try:
            self.recognise(name)
            self.preflight(name, may_be_busy=True, may_be_written=self.is_busy(name))
        except DeliveryFailure as trouble:
            return WindowStatus(name=name, usable=False, reason=trouble.reason, note=trouble.private)
        return WindowStatus(name=name, usable=True)

    def is_ready(self, name: str) -> bool:
        try:
            self.preflight(name)
        except DeliveryFailure:
            return False
        return True

    def composer(self, name: str) -> Image.Image:
        return self._screen.take(self.box(name, self.profile(name).composer.box))

    def place_of_draft(self, name: str) -> Box:
        """Return where in its window a draft is shown: the composer, in a terminal what follows its prompt."""
        composer = self.profile(name).composer
        return self._anchors.after_prompt(name, self.composer(name), composer) or composer.box

    def is_masked(self, name: str) -> bool:
        profile = self.profile(name)
        composer = profile.composer.box
        return any(composer.overlaps(one) for one in profile.masks)

    def is_composer_empty(self, name: str) -> bool:
        """Return whether the composer shows its background and at most a caret, or its hint."""
        return self.is_empty_in(name, self.composer(name))

    def is_empty_in(self, name: str, picture: Image.Image) -> bool:
        """Return whether a picture of the composer shows nothing but its ground, a caret, or its hint."""
        composer = self.profile(name).composer
        if composer.prompt is None and image_diff.is_blank(picture, composer.background, composer.caret_px):
            return True
        return composer.has_placeholder and self._anchors.is_empty_look(name, picture, composer)

    def is_busy(self, name: str) -> bool:
        sign = self.profile(name).busy.sign
        return sign is not None and image_diff.shows(self._screen.take(self.box(name, sign.box)), sign)

    def _check_idle(self, name: str, *, may_be_busy: bool, may_be_written: bool) -> None:
        if not may_be_busy and self.is_busy(name):
            raise TransientFailure(Reason.BUSY, "its busy sign is shown")
        if not may_be_written and not self.is_composer_empty(name):
            if not self._anchors.shows_prompt(name, self.composer(name), self.profile(name).composer):
                raise PermanentFailure(Reason.SCROLLED)
            is_terminal = self.profile(name).composer.prompt is not None  # scrolled back, it shows an earlier prompt
            remedy = "send or delete it" + (", or scroll it to the bottom" if is_terminal else "")
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, f"Octet left the text in it untouched; {remedy}")
