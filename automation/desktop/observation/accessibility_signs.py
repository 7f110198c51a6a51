"""Reads what a desk's windows report: which signs of their profiles are there, what a dialog says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from automation.desktop.accessibility.bus import Unreadable
from automation.desktop.accessibility.passages import shown_text
from automation.desktop.accessibility.reader import AccessibilityReader, AccessiblePart, ComposerElsewhere
from automation.desktop.accessibility.tree import EMBEDDED
from automation.desktop.observation import image_diff
from automation.desktop.observation.screen_signs import SETTLED_S, ProgramSigns, ShownSigns
from automation.desktop.window_info import DisplayHeld, WindowInfo
from core.kit.redaction import CODE_ON_SCREEN
from core.profiles.model import Box, Composer, Profile
from core.remedies import sentence


@dataclass(slots=True, kw_only=True)
class _Kept:
    window: int
    frame: Image.Image
    since_s: float
    heard_s: float
    heard: ShownSigns


class AccessibilitySigns(ProgramSigns):
    """Asks a program only when its window has changed, or had just before. Belongs to the worker's thread."""

    def __init__(self, reader: AccessibilityReader, *, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__("")
        self._reader = reader
        self._now_s = now_s
        self._kept: dict[str, _Kept] = {}

    def is_composer_at(self, seen: WindowInfo, composer: Composer, box: Box) -> bool | None:
        try:
            self._reader.composer(seen, composer, box)
        except ComposerElsewhere:
            return False
        except (Unreadable, DisplayHeld):
            return None
        return True

    def why_unread(self, seen: WindowInfo, composer: Composer, box: Box) -> str:
        try:
            self._reader.composer(seen, composer, box).text()
        except Unreadable as trouble:
            return trouble.why
        return ""

    def code_places(self, seen: WindowInfo, composer: Composer, box: Box) -> Sequence[Box] | None:
        try:
            node = self._reader.composer(seen, composer, box)
            own = node.own_text()
            codes = [number for number, line in enumerate(own.split("\n")) if CODE_ON_SCREEN.search(line)]
            if EMBEDDED in own or not codes:
                return None if EMBEDDED in own or CODE_ON_SCREEN.search(own) else ()
            places = node.places_of_lines(own, since=codes[0])
        except (Unreadable, DisplayHeld):
            return None
        last, found = places[-1], [places[number - codes[0]] for number in codes]
        # GTK reports places as if nothing were scrolled: they are right only where the end is visible.
        is_right = box.holds(last.x + last.width // 2, last.y + last.height // 2)
        return found if is_right and all(place.has_area for place in found) else None

    def listen(self, name: str, seen: WindowInfo, frame: Image.Image, profile: Profile) -> ShownSigns:
        if not profile.listens:
            return ShownSigns()
        now_s, kept = self._now_s(), self._kept.get(name)
        is_same = (
            kept is not None
            and kept.window == seen.id
            and image_diff.is_same(frame, kept.frame, profile.composer.caret_px)
        )
        if kept is None or not is_same:
            kept = self._kept[name] = _Kept(
                window=seen.id, frame=frame, since_s=now_s, heard_s=now_s, heard=self._ask(seen, profile)
            )
        elif kept.heard.why_not or kept.heard_s - kept.since_s < SETTLED_S:
            kept.heard_s, kept.heard = now_s, self._ask(seen, profile)
        return kept.heard

    def dialog_text(self, seen: WindowInfo, part: AccessiblePart | None, box: Box | None, masks: Sequence[Box]) -> str:
        hidden = [mask.on_screen(seen.box) for mask in masks]
        within = None if box is None else box.on_screen(seen.box)
        try:
            if part is not None:
                return shown_text(part.node, within=within, masks=hidden)
            return "" if within is None else shown_text(self._reader.at(seen, within), within=within, masks=hidden)
        except (Unreadable, DisplayHeld):
            return ""

    def window_text(self, seen: WindowInfo) -> str:
        try:
            return shown_text(self._reader.top(seen), within=None, masks=())
        except (Unreadable, DisplayHeld):
            return ""

    def _ask(self, seen: WindowInfo, profile: Profile) -> ShownSigns:
        try:
            signs = self._reader.signs(seen, profile.listens)
        except Unreadable as silence:
            return ShownSigns(why_not=silence.why)
        except DisplayHeld as held:
            return ShownSigns(why_not=sentence(held.reason))
        return ShownSigns(parts=signs.parts, strange=signs.strange)
