"""What windows tell of themselves, and who hears it; also a deaf one, for where programs tell us nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from automation.desktop.seen import WindowInfo
from core.profiles.model import Accessible, Box, Composer, Profile

if TYPE_CHECKING:
    from automation.desktop.accessibility.reader import AccessiblePart

SETTLED_S = 1.0
"""Programs draw first and tell afterwards. So long after the last change of its picture a window has told all of it:
what was heard then is believed until something else is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSigns:
    """What one window told."""

    parts: Mapping[Accessible, AccessiblePart] = field(default_factory=dict["Accessible", "AccessiblePart"])
    strange: str = ""
    """What a question is called that its profile does not know; empty: it shows none."""
    why_not: str = ""
    """Why it cannot be heard; then nothing is known, and not that nothing is there."""


class SignsPort(Protocol):
    """Belongs to the worker's thread. Raises nothing."""

    def is_composer_at(self, seen: WindowInfo, composer: Composer, box: Box) -> bool | None:
        """Return whether the window's composer is at `box` on the screen, as its program tells; None if it does not."""
        ...

    def why_unread(self, seen: WindowInfo, composer: Composer, box: Box) -> str:
        """Why the text of the window's composer, at `box` on the screen, cannot be read; empty if it can."""
        ...

    def code_places(self, seen: WindowInfo, composer: Composer, box: Box) -> Sequence[Box] | None:
        """Return where the composer at `box` shows an answer code; None where its program does not tell."""
        ...

    def listen(self, name: str, seen: WindowInfo, frame: Image.Image, profile: Profile) -> ShownSigns:
        """Which of the profile's signs this window shows now, that looks like `frame`."""
        ...

    def dialog_text(self, seen: WindowInfo, part: AccessiblePart | None, box: Box | None, masks: Sequence[Box]) -> str:
        """What stands in a dialog of this window: in the object `part`, else at `box`. Empty if unreadable."""
        ...

    def window_text(self, seen: WindowInfo) -> str:
        """What stands in a window that is a dialog itself. Empty where it cannot be read."""
        ...


class NullSigns:
    """Where programs tell nothing to us. A profile that listens is told why nothing is heard."""

    def __init__(self, why: str) -> None:
        self._why = why

    def is_composer_at(self, seen: WindowInfo, composer: Composer, box: Box) -> bool | None:
        return None

    def why_unread(self, seen: WindowInfo, composer: Composer, box: Box) -> str:
        return self._why

    def code_places(self, seen: WindowInfo, composer: Composer, box: Box) -> Sequence[Box] | None:
        return None

    def listen(self, name: str, seen: WindowInfo, frame: Image.Image, profile: Profile) -> ShownSigns:
        return ShownSigns(why_not=self._why) if profile.listens else ShownSigns()

    def dialog_text(self, seen: WindowInfo, part: AccessiblePart | None, box: Box | None, masks: Sequence[Box]) -> str:
        return ""

    def window_text(self, seen: WindowInfo) -> str:
        return ""
