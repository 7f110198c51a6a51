"""`--window "title=…,profile=…,composer=x,y,agent=…"`: names a window and how to connect it, without questions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.calibration.model import Candidate, ChooseWindows, Pick, Point, SeveralWindows, WindowNotFound, from_corner
from core.kit.errors import Invalid

KEYS = ("title", "id", "profile", "composer", "agent")
_NEXT = re.compile(rf",(?=\s*(?:{'|'.join(KEYS)})\s*=)")
_POINT = re.compile(r"(-?\d{1,6})\s*,\s*(-?\d{1,6})")


class BadSpec(Invalid):
    """--window "{text}": {why}. Write it as "title=…,profile=…,composer=x,y,agent=…" (id=… names a window by its
    number in X11); title or id is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """One --window."""

    text: str
    title: str = ""
    id: int = 0
    profile: str = ""
    agent: str = ""
    composer: Point | None = None  # from the window's top left corner; negative: from its right, or its bottom

    def pick(self, question: ChooseWindows) -> Pick:
        """Name the one window that is meant. Raises WindowNotFound, SeveralWindows or BadSpec."""
        found = self._find(question)
        window = found.window
        point = from_corner(self.composer, window) if self.composer else None
        if point and not window.box.holds(*point):
            size = f"{window.box.width}×{window.box.height}"
            raise BadSpec(text=self.text, why=f"the composer lies outside of the window, which is {size} pixels")
        return Pick(number=found.number, agent=self.agent, profile=self.profile, point=point)

    def _find(self, question: ChooseWindows) -> Candidate:
        what = f"has the id {self.id:#x}" if self.id else f"has “{self.title}” in its title"
        found = [
            one
            for one in question.candidates
            if (one.window.id == self.id if self.id else self.title in one.window.title)
        ]
        found = [one for one in found if one.window.title == self.title] or found
        if not found:
            raise WindowNotFound(what=what)
        if len(found) > 1:
            titles = ", ".join(f"“{one.window.title}”" for one in found)
            raise SeveralWindows(count=len(found), what=what, titles=titles)
        return found[0]


def parse_spec(text: str) -> WindowSpec:
    """Parse one --window. Raises BadSpec."""
    pairs = [part.partition("=")[::2] for part in _NEXT.split(text)]
    given = {key.strip(): value.strip() for key, value in pairs}
    if unknown := [key for key in given if key not in KEYS]:
        raise BadSpec(text=text, why=f"there is no {unknown[0][:30]}")
    if len(given) < len(pairs) or not (given.get("title") or given.get("id")):
        raise BadSpec(text=text, why="it names no window, or one key twice")
    place = _POINT.fullmatch(given.get("composer", "0,0"))
    try:
        number = int(given.get("id", "0"), 0)
    except ValueError:
        number = -1
    if place is None or number < 0:
        raise BadSpec(text=text, why="id or composer is no number")
    return WindowSpec(
        text=text,
        title=given.get("title", ""),
        id=number,
        profile=given.get("profile", ""),
        agent=given.get("agent", ""),
        composer=(int(place[1]), int(place[2])) if "composer" in given else None,
    )
