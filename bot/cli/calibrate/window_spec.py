"""`--window "title=…,profile=…,composer=x,y,agent=…"`: names a window and how to connect it, without questions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.calibration.model import (
    CalibrationWindowNotFound,
    Candidate,
    ChooseWindows,
    Pick,
    Point,
    SeveralWindows,
    from_corner,
)
from core.calibration.texts import read_point
from core.kit.errors import Invalid

KEYS = ("title", "id", "profile", "composer", "point", "agent", "name")
_NEXT = re.compile(rf",(?=\s*(?:{'|'.join(KEYS)})\s*=)")


class BadSpec(Invalid):
    """--window "{text}": {why}. Write it as "title=…,profile=…,composer=x,y,agent=…" (id=… names a window by its
    number in X11, point=x,y a place of the screen, name=… what the desk calls it); title or id is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """One --window."""

    text: str
    title: str = ""  # a part of its title, or a regular expression for one
    id: int = 0
    profile: str = ""
    agent: str = ""
    name: str = ""
    composer: Point | None = None  # from the window's top left corner; negative: from its right, or its bottom
    point: Point | None = None  # the same as a place of the screen

    def pick(self, question: ChooseWindows) -> Pick:
        """Name the one window that is meant. Raises WindowNotFound, SeveralWindows or BadSpec."""
        found = self._find(question)
        window = found.window
        point = self.point or (from_corner(self.composer, window) if self.composer else None)
        if point and not window.box.holds(*point):
            size = f"{window.box.width}×{window.box.height}"
            raise BadSpec(text=self.text, why=f"the composer lies outside of the window, which is {size} pixels")
        return Pick(number=found.number, agent=self.agent, profile=self.profile, name=self.name, point=point)

    def _find(self, question: ChooseWindows) -> Candidate:
        what = f"has the id {self.id:#x}" if self.id else f"has “{self.title}” in its title"
        rows = question.candidates
        if self.id:
            found = [one for one in rows if one.window.id == self.id]
        else:
            found = [one for one in rows if one.window.title == self.title]
            found = found or [one for one in rows if self.title in one.window.title]
            found = found or [one for one in rows if _matches(self.title, one.window.title)]
        if not found:
            raise CalibrationWindowNotFound(what=what)
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
    try:
        number = int(given.get("id", "0"), 0)
    except ValueError:
        number = -1
    points = {key: read_point(given[key]) for key in ("composer", "point") if key in given}
    if number < 0 or None in points.values():
        raise BadSpec(text=text, why="id, composer or point is no number")
    words = {key: given[key] for key in ("title", "profile", "agent", "name") if key in given}
    return WindowSpec(text=text, id=number, composer=points.get("composer"), point=points.get("point"), **words)


def _matches(pattern: str, title: str) -> bool:
    try:
        return re.search(pattern, title) is not None
    except re.error:
        return False
