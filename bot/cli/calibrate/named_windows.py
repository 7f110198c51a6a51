"""Windows that a user names without questions: by `--window "title=…,profile=…,composer=x,y,agent=…"`, and by the
coordinates of an old file, `octet desk import FILE`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

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
SHAPE = '{"agents": {"Agent-1": {"chat_input_coordinates": [x, y]}}}'
_NEXT = re.compile(rf",(?=\s*(?:{'|'.join(KEYS)})\s*=)")


class BadSpec(Invalid):
    """--window "{text}": {why}. Write it as "title=…,profile=…,composer=x,y,agent=…" (id=… is a window's X11 number,
    point=x,y a point of the screen, name=… its name in the desk's file); title or id is required."""


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
        """Find the one window. Raises CalibrationWindowNotFound, SeveralWindows or BadSpec."""
        found = self._find(question)
        window = found.window
        point = self.point or (from_corner(self.composer, window) if self.composer else None)
        if point and not window.box.holds(*point):
            size = f"{window.box.width}×{window.box.height}"
            raise BadSpec(text=self.text, why=f"the composer is outside the window, which is {size} pixels")
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
    pairs = [part.partition("=")[::2] for part in _NEXT.split(text)]
    given = {key.strip(): value.strip() for key, value in pairs}
    if unknown := [key for key in given if key not in KEYS]:
        raise BadSpec(text=text, why=f"there is no {unknown[0][:30]}")
    if len(given) < len(pairs) or not (given.get("title") or given.get("id")):
        raise BadSpec(text=text, why="it names no window, or a key twice")
    try:
        number = int(given.get("id", "0"), 0)
    except ValueError:
        number = -1
    points = {key: read_point(given[key]) for key in ("composer", "point") if key in given}
    if number < 0 or None in points.values():
        raise BadSpec(text=text, why="id, composer or point is not a number")
    words = {key: given[key] for key in ("title", "profile", "agent", "name") if key in given}
    return WindowSpec(text=text, id=number, composer=points.get("composer"), point=points.get("point"), **words)


def _matches(pattern: str, title: str) -> bool:
    try:
        return re.search(pattern, title) is not None
    except re.error:
        return False


class BadCoordinates(Invalid):
    """Octet cannot import {file}: {why}."""


def read_coordinates(file: Path) -> dict[str, Point]:
    """Read the points of the active agents, as SHAPE has them. Raises BadCoordinates with every problem."""
    try:
        data: object = json.loads(file.read_text("utf-8-sig"), object_pairs_hook=_without_twins)
    except OSError as trouble:
        raise BadCoordinates(file=file, why=(trouble.strerror or str(trouble)).lower()) from trouble
    except (ValueError, RecursionError) as trouble:
        raise BadCoordinates(file=file, why=f"it is not valid JSON in UTF-8: {trouble}") from trouble
    agents = cast("dict[str, object]", data).get("agents") if isinstance(data, dict) else None
    if not isinstance(agents, dict):
        raise BadCoordinates(file=file, why=f"Octet reads this shape: {SHAPE}")
    points: dict[str, Point] = {}
    wrong: list[str] = []
    for name, entry in cast("dict[str, object]", agents).items():
        match entry:
            case {"active": False}:
                pass
            case {"chat_input_coordinates": [int() | float() as x, int() | float() as y]} if x == int(x) and y == int(
                y
            ):
                points[name] = int(x), int(y)
            case _:
                wrong.append(f"{name} has no chat_input_coordinates of two whole numbers, [x, y]")
    wrong += [] if points or wrong else ["it names no active agent"]
    if wrong:
        raise BadCoordinates(file=file, why="; ".join(wrong))
    return points


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len({key.casefold() for key in found}) != len(pairs):
        raise ValueError("duplicate key: " + ", ".join(sorted(key for key, _ in pairs)))
    return found


def pick_windows(file: Path, points: Mapping[str, Point], profile: str, question: ChooseWindows) -> list[Pick]:
    """Find the window under each agent's point. Raises BadCoordinates with every problem."""
    found = {agent: _under(point, question) for agent, point in points.items()}
    if wrong := _problems(points, found, question):
        raise BadCoordinates(file=file, why="; ".join(wrong))
    return [
        Pick(number=one.number, agent=agent, profile="" if one.profile else profile, point=points[agent])
        for agent, one in found.items()
        if one is not None
    ]


def _under(point: Point, question: ChooseWindows) -> Candidate | None:
    """Find the visible window at this place; among several an uncovered one, else the smallest."""
    boxes = {one: one.window.box for one in question.candidates}
    there = [one for one, box in boxes.items() if box.holds(*point)]
    uncovered = [one for one in there if not one.window.cover]
    return min(uncovered or there, key=lambda one: boxes[one].width * boxes[one].height, default=None)


def _problems(points: Mapping[str, Point], found: Mapping[str, Candidate | None], question: ChooseWindows) -> list[str]:
    wrong: list[str] = []
    first: dict[int, str] = {}
    for agent, (x, y) in points.items():
        one = found[agent]
        if not any(monitor.holds(x, y) for monitor in question.monitors):
            there = ", ".join(f"{box.width}×{box.height} from {box.x},{box.y}" for box in question.monitors)
            wrong.append(f"{agent} is at {x},{y}, outside of every monitor ({there}); --shift x,y moves all points")
        elif one is None:
            wrong.append(f"no window is under {agent} at {x},{y}; open it where it used to be")
        elif first.setdefault(one.number, agent) != agent:
            wrong.append(f"{first[one.number]} and {agent} are in one window, {one.window.called}")
    return wrong
