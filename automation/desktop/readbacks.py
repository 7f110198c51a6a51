"""The ways to prove that the whole text stands in the composer before Enter, one class each; the profile names one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from automation.desktop import marks as marks_of
from automation.desktop import pictures
from automation.desktop.aim import Aim
from automation.desktop.paste import Paste
from automation.protocol.ports import Reading
from automation.protocol.text import mark
from core.desks.model import Readback

STILL_S = 0.03
"""Two equal pictures this far apart mean that the composer's picture stands still."""


class ReadbackPort(Protocol):
    """One way to read the composer, for one delivery."""

    def begin(self) -> None:
        """Just before the paste: what the composer is like without our text."""
        ...

    def read(self) -> Reading:
        """Look once whether the whole text stands in the composer."""
        ...

    def check_unchanged(self) -> None:
        """Before a key: what stands there is still what was read, as far as this way can tell without a key."""
        ...

    def marks(self) -> tuple[str, ...]:
        """By what else than its text our draft can be recognised."""
        ...

    def is_ours(self, marks: Sequence[str]) -> bool:
        """Whether what stands in the composer, whole, has one of these marks. Leaves it as it is."""
        ...


class CopyBack:
    """Select all, copy, and read what the target's own program then offers."""

    def __init__(self, *, aim: Aim, paste: Paste) -> None:
        self._aim = aim
        self._paste = paste
        self._reads = 0

    def begin(self) -> None:
        return

    def read(self) -> Reading:
        if not self._paste.was_taken():
            return Reading()
        text = self._paste.copy_back(self._reads)
        self._reads += 1
        return Reading(text=text, taken=True)

    def check_unchanged(self) -> None:
        return

    def marks(self) -> tuple[str, ...]:
        return ()

    def is_ours(self, marks: Sequence[str]) -> bool:
        profile = self._aim.profile
        self._aim.click_into(profile.composer.box)
        text = self._paste.copied(profile.copy, profile.after_copy)
        return text is not None and mark(text, profile.normalise) in marks


class Pixels:
    """The program itself took the text once, and the composer's picture changed and stands still."""

    def __init__(self, *, aim: Aim, paste: Paste) -> None:
        self._aim = aim
        self._paste = paste
        self._before: Image.Image | None = None
        self._still: tuple[float, Image.Image] | None = None
        self._is_staged = False

    def begin(self) -> None:
        self._before = self._composer()
        self._is_staged = True

    def read(self) -> Reading:
        is_taken = self._paste.was_taken()
        self.check_unchanged()
        if not is_taken:
            return Reading()
        picture, now = self._composer(), self._aim.pace.now_s()
        caret = self._aim.profile.composer.caret_px
        if self._before is None or pictures.is_same(picture, self._before, caret):
            return Reading(taken=True)
        if self._still is None or not pictures.is_same(picture, self._still[1], caret):
            self._still = (now, picture)
        return Reading(taken=True, still=now - self._still[0] >= STILL_S)

    def check_unchanged(self) -> None:
        if self._is_staged:
            self._paste.check_unchanged()

    def marks(self) -> tuple[str, ...]:
        return () if self._still is None else (marks_of.of_picture(self._still[1]),)

    def is_ours(self, marks: Sequence[str]) -> bool:
        return marks_of.shows(self._composer(), marks, self._aim.profile.composer.caret_px)

    def _composer(self) -> Image.Image:
        return self._aim.eyes.composer(self._aim.name)


def readback_of(aim: Aim, paste: Paste) -> ReadbackPort:
    """The way that the profile of the target names."""
    match aim.profile.readback:
        case Readback.COPY:
            return CopyBack(aim=aim, paste=paste)
        case Readback.PIXELS:
            return Pixels(aim=aim, paste=paste)
