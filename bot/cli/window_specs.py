"""`--window "title=…,profile=…,composer=x,y,agent=…"`: a window and how it is to be connected, without questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.calibration.model import (
    Candidate,
    ChooseWindows,
    FoundWindow,
    Pick,
    Point,
    SeveralWindows,
    WindowNotFound,
    from_corner,
)
from core.kit.errors import Invalid
from core.kit.problems import suggest

KEYS = ("title", "id", "profile", "composer", "point", "agent", "name")
_NEXT = re.compile(rf",(?=\s*(?:{'|'.join(KEYS)})\s*=)")
_PAIR = re.compile(r"\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*")


class BadSpec(Invalid):
    """--window "{text}": {why}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What somebody wrote about one window."""

    text: str
    title: str = ""
    """A part of its title, as it stands there, or a regular expression for one."""
    id: int = 0
    profile: str = ""
    agent: str = ""
    name: str = ""
    composer: Point | None = None
    """Where one writes, from the window's top left corner; negative: from its right, or its bottom."""
    point: Point | None = None
    """The same as a place of the screen."""

    def find(self, question: ChooseWindows) -> Candidate:
        """Find the one window that is meant. Raises NoSuchWindow or SeveralWindows."""
        rows = question.candidates
        if self.id:
            found, what = [one for one in rows if one.window.id == self.id], f"has the id {self.id:#x}"
        else:
            what = f"has “{self.title}” in its title"
            found = [one for one in rows if self.title in one.window.title]
            exact = [one for one in found if one.window.title == self.title]
            found = exact or found or [one for one in rows if _matches(self.title, one.window.title)]
        if not found:
            raise WindowNotFound(what=what)
        if len(found) > 1:
            titles = ", ".join(f"“{one.window.title}”" for one in found)
            raise SeveralWindows(count=len(found), what=what, titles=titles)
        return found[0]

    def pick(self, question: ChooseWindows) -> Pick:
        """Name that window in the answer. Raises as `find` does, and BadSpec."""
        found = self.find(question)
        point = self.place(found.window)
        return Pick(number=found.number, agent=self.agent, profile=self.profile, name=self.name, point=point)

    def place(self, window: FoundWindow) -> Point | None:
        """Where one writes, on the screen; None where that was not said. Raises BadSpec for a place outside of it."""
        if self.point is not None:
            place = self.point
        elif self.composer is not None:
            place = from_corner(self.composer, window)
        else:
            return None
        if not window.box.holds(*place):
            size = f"{window.box.width}×{window.box.height}"
            raise BadSpec(text=self.text, why=f"the place lies outside of the window, which is {size} pixels")
        return place


def parse_spec(text: str) -> Spec:
    """One --window. Raises BadSpec with what would be right."""
    given: dict[str, str] = {}
    for part in _NEXT.split(text):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals:
            raise BadSpec(text=text, why='write it as "title=…,profile=…,composer=x,y,agent=…"')
        if key not in KEYS:
            raise BadSpec(text=text, why=f"there is no {key[:30]}; {suggest(key, KEYS)}")
        if key in given:
            raise BadSpec(text=text, why=f"{key} stands twice")
        given[key] = value.strip()
    if not given.get("title") and not given.get("id"):
        raise BadSpec(text=text, why="say which window is meant: title=… (a part of its title) or id=…")
    return Spec(
        text=text,
        title=given.get("title", ""),
        id=_id(given, text),
        profile=given.get("profile", ""),
        agent=given.get("agent", ""),
        name=given.get("name", ""),
        composer=_pair(given, "composer", text),
        point=_pair(given, "point", text),
    )


def _id(given: Mapping[str, str], text: str) -> int:
    try:
        return int(given.get("id", "0"), 0)
    except ValueError:
        raise BadSpec(text=text, why=f"id={given['id'][:30]} is no number of a window") from None


def _pair(given: Mapping[str, str], key: str, text: str) -> Point | None:
    if key not in given:
        return None
    found = _PAIR.fullmatch(given[key])
    if found is None:
        raise BadSpec(text=text, why=f"{key}={given[key][:30]} is no place; write it as {key}=40,-60")
    return int(found[1]), int(found[2])


def _matches(pattern: str, title: str) -> bool:
    try:
        return re.search(pattern, title) is not None
    except re.error:
        return False
