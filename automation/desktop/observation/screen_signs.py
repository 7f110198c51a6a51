"""The signs by which a window shows what its agent does: in its picture, and in what its program reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.window_info import WindowInfo
from core.deliveries.model import Reason
from core.profiles.model import Accessible, Box, Composer, Dialog, Profile

if TYPE_CHECKING:
    from automation.desktop.accessibility.reader import AccessiblePart


SETTLED_S = 1.0
"""Programs draw first and report afterwards: so long after its last change a window has reported everything. Octet
trusts that report until something else is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSigns:
    """What one window reported."""

    parts: Mapping[Accessible, AccessiblePart] = field(default_factory=dict["Accessible", "AccessiblePart"])
    strange: str = ""
    why_not: str = ""


class ProgramSigns:
    """What programs report about their windows; here for a platform where they report nothing. Raises nothing."""

    def __init__(self, why: str) -> None:
        self._why = why

    def is_composer_at(self, seen: WindowInfo, composer: Composer, box: Box) -> bool | None:
        """Return whether the window's composer is at `box` on the screen; None if its program does not tell."""
        return None

    def why_unread(self, seen: WindowInfo, composer: Composer, box: Box) -> str:
        """Return why the text of the composer at `box` cannot be read; empty if it can, or is read otherwise."""
        return ""

    def code_places(self, seen: WindowInfo, composer: Composer, box: Box) -> Sequence[Box] | None:
        """Return the lines on the screen in which the composer at `box` shows an answer code; None if not told."""
        return None

    def listen(self, name: str, seen: WindowInfo, frame: Image.Image, profile: Profile) -> ShownSigns:
        """Return which of the profile's signs this window, which looks like `frame`, shows now."""
        return ShownSigns(why_not=self._why) if profile.listens else ShownSigns()

    def dialog_text(self, seen: WindowInfo, part: AccessiblePart | None, box: Box | None, masks: Sequence[Box]) -> str:
        """Return the text of a dialog of this window: of the object `part`, else of what is at `box`, relative to the
        window's corner like the masks. Empty if unreadable."""
        return ""

    def window_text(self, seen: WindowInfo) -> str:
        """Return the text of a window that is a dialog itself; empty if unreadable."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSnapshot:
    """What one look at a window gave, all of it from one picture."""

    why_not: str = ""
    unheard: str = ""  # why its program does not report what its profile listens for: more may be there than is visible
    reason: Reason | None = None  # the same as a code
    strange: str = ""  # a question that its profile does not know; empty: none
    frame: Image.Image | None = None
    dialog: int | None = None
    crop: Image.Image | None = None
    box: Box | None = None  # its place in the window; None for a separate window
    modal: WindowInfo | None = None
    is_busy: bool = False
    is_resting: bool = True  # its idle sign is shown, or its profile has none
    is_empty: bool = True


def place_of(dialog: Dialog, frame: Image.Image, heard: ShownSigns, seen: WindowInfo) -> Box | None:
    """Find where the window shows this dialog with all of its signs; None when it does not."""
    if dialog.sign is None and dialog.accessible is None:
        return None
    if dialog.sign is not None and not image_diff.shows(frame.crop(dialog.sign.box.edges), dialog.sign):
        return None
    if dialog.accessible is None:
        return dialog.box
    part = heard.parts.get(dialog.accessible)
    if part is None or dialog.box is not None:
        return dialog.box if part else None
    inside = part.box.shared(seen.box)  # without an area, as of a dialog that its program is just taking away
    return inside.in_window(seen.box) if inside.has_area else None


def is_busy(profile: Profile, there: Image.Image | None, heard: ShownSigns) -> bool:
    """Return whether one of the signs of work is there; `there` is the picture of the coloured sign's box."""
    if profile.busy.sign is not None and there is not None and image_diff.shows(there, profile.busy.sign):
        return True
    return profile.busy.accessible in heard.parts


def is_resting(profile: Profile, frame: Image.Image, heard: ShownSigns) -> bool:
    """Return whether the window shows all signs of rest that the profile has."""
    sign = profile.idle.sign
    if sign is not None and not image_diff.shows(frame.crop(sign.box.edges), sign):
        return False
    return profile.idle.accessible is None or profile.idle.accessible in heard.parts
