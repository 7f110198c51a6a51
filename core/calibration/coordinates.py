"""Reads old files of coordinates, in the three shapes they had, into points of agents; says all that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.calibration.model import BadCoordinates, Point
from core.kit.problems import show
from core.profiles.model import Box

CHAT = ("chat_input_coordinates", "chat_input_coords", "input_coordinates")
ONBOARDING = ("onboarding_input_coords", "onboarding_coordinates", "onboarding_input_coordinates")
TELLS_NOTHING = frozenset({"description", "active", "name", "agent_id", "id", "role"})
"""Keys of an agent that such files have and that say nothing about a place."""
BESIDE = frozenset({"version", "last_updated", "coordinate_system", "validation_rules", "description", "metadata"})
"""Keys that stand beside the agents in such files."""
MOST_BYTES = 1_000_000
FARTHEST = 100_000
NEAR = 12
"""Two agents whose points lie nearer than so many pixels share one place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPoint:
    """Where an old file says that one writes to an agent."""

    agent: str
    at: Point
    onboarding: Point | None = None
    """Where the composer of a fresh chat stands, where the file says that too. It is told, and not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """What such a file holds."""

    points: tuple[AgentPoint, ...]
    left_out: tuple[str, ...]
    """Sentences about what the file holds beside that, and about agents that it says are not active."""


def read_coordinates(file: Path) -> Coordinates:
    """The points that the file holds. Raises BadCoordinates with everything that is wrong."""
    try:
        raw = file.read_bytes()
    except OSError as trouble:
        raise BadCoordinates(file=file, why=(trouble.strerror or str(trouble)).lower()) from trouble
    if len(raw) > MOST_BYTES:
        raise BadCoordinates(file=file, why=f"it has {len(raw)} bytes; files of coordinates are small")
    twice: list[str] = []
    try:
        data: object = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=lambda pairs: _no_key_twice(pairs, twice))
    except UnicodeDecodeError as trouble:
        raise BadCoordinates(file=file, why="it is not UTF-8; save it as UTF-8") from trouble
    except (ValueError, RecursionError) as trouble:
        where = f"line {trouble.lineno}: {trouble.msg}" if isinstance(trouble, json.JSONDecodeError) else str(trouble)
        raise BadCoordinates(file=file, why=f"it is no JSON ({where})") from trouble
    reading = _Reading(problems=[f"{show(key)} stands twice in one table" for key in twice])
    reading.take(data)
    if reading.problems:
        raise BadCoordinates(file=file, why="; ".join(dict.fromkeys(reading.problems)))
    return Coordinates(points=tuple(reading.points), left_out=tuple(reading.left_out))


def misplaced(points: Sequence[AgentPoint], monitors: Sequence[Box]) -> list[str]:
    """What is wrong with these points on this display, in sentences: two at one place, or where nobody sees any."""
    wrong: list[str] = []
    for number, point in enumerate(points):
        wrong += [
            f"{point.agent} and {other.agent} share one place, {_at(point.at)} and {_at(other.at)}"
            for other in points[:number]
            if abs(point.at[0] - other.at[0]) < NEAR and abs(point.at[1] - other.at[1]) < NEAR
        ]
        if not any(monitor.holds(*point.at) for monitor in monitors):
            wrong.append(f"{point.agent} is at {_at(point.at)}, outside of every monitor")
    if any("outside" in sentence for sentence in wrong):
        there = ", ".join(f"{one.width}×{one.height} from {_at((one.x, one.y))}" for one in monitors)
        wrong.append(f"the monitors here: {there}. If all are meant to be moved by the same way, say --shift x,y")
    return wrong


def shifted(points: Sequence[AgentPoint], by: Point) -> tuple[AgentPoint, ...]:
    """The points as they are on a display whose corner lies elsewhere."""

    def move(point: Point) -> Point:
        return point[0] + by[0], point[1] + by[1]

    return tuple(
        AgentPoint(
            agent=one.agent, at=move(one.at), onboarding=None if one.onboarding is None else move(one.onboarding)
        )
        for one in points
    )


class _Reading:
    """One pass over the data, which notes all that is wrong."""

    def __init__(self, *, problems: list[str]) -> None:
        self.points: list[AgentPoint] = []
        self.left_out: list[str] = []
        self.problems = problems

    def take(self, data: object) -> None:
        """Any of the three shapes."""
        if isinstance(data, dict):
            table = cast("dict[str, object]", data)
            agents = table.get("agents")
            if isinstance(agents, dict):
                self._beside(table)
                self._table(cast("dict[str, object]", agents), "agents.")
            elif isinstance(agents, list):
                self._beside(table)
                self._list(cast("list[object]", agents))
            else:
                self._table(table, "")
        elif isinstance(data, list):
            self._list(cast("list[object]", data))
        else:
            self.problems.append("it holds neither a table of agents nor a list of them")
        if not self.points and not self.problems:
            self.problems.append("it names no agent")

    def _beside(self, table: Mapping[str, object]) -> None:
        for key in table:
            if key != "agents" and key not in BESIDE:
                self.left_out.append(f"{show(key)} beside the agents is not known and was left out")

    def _table(self, agents: Mapping[str, object], under: str) -> None:
        for name, entry in agents.items():
            if isinstance(entry, dict):
                self._agent(name, cast("dict[str, object]", entry), f"{under}{name}")
            elif not under and name in BESIDE:
                continue
            else:
                self.problems.append(f"{under}{name} is {show(entry)} where a table of an agent is expected")

    def _agent(self, name: str, entry: Mapping[str, object], place: str) -> None:
        chat = next((key for key in CHAT if key in entry), None)
        if chat is None:
            self.problems.append(f"{place} has no {CHAT[0]}")
            return
        known = {chat, *ONBOARDING, *TELLS_NOTHING}
        self._unknown(place, entry, known)
        onboarding = next((key for key in ONBOARDING if key in entry), None)
        at = self._pair(entry[chat], f"{place}.{chat}")
        fresh = None if onboarding is None else self._pair(entry[onboarding], f"{place}.{onboarding}")
        if at is not None:
            self._add(
                AgentPoint(agent=name, at=at, onboarding=fresh), place, is_active=entry.get("active") is not False
            )

    def _list(self, entries: Sequence[object]) -> None:
        for number, one in enumerate(entries):
            place = f"[{number}]"
            if not isinstance(one, dict):
                self.problems.append(f"{place} is {show(one)} where a table of an agent is expected")
                continue
            entry = cast("dict[str, object]", one)
            name = entry.get("agent_id", entry.get("name"))
            if not isinstance(name, str) or not name.strip():
                self.problems.append(f"{place} has no agent_id")
                continue
            missing = [key for key in ("x", "y") if key not in entry]
            if missing:
                self.problems.append(f"{place} ({name}) has no {' and no '.join(missing)}")
                continue
            self._unknown(f"{place} ({name})", entry, {"x", "y", *TELLS_NOTHING})
            at = self._pair([entry["x"], entry["y"]], f"{place} ({name})")
            if at is not None:
                self._add(AgentPoint(agent=name, at=at), place, is_active=entry.get("active") is not False)

    def _add(self, point: AgentPoint, place: str, *, is_active: bool) -> None:
        if any(point.agent.casefold() == other.agent.casefold() for other in self.points):
            self.problems.append(f"{place} names {show(point.agent)} a second time")
        elif not is_active:
            self.left_out.append(f"{point.agent} is not active there and was left out")
        else:
            self.points.append(point)

    def _unknown(self, place: str, entry: Mapping[str, object], known: set[str]) -> None:
        for key in entry:
            if key not in known:
                self.left_out.append(f"{place}.{key} is not known and was left out")

    def _pair(self, value: object, place: str) -> Point | None:
        pair = cast("list[object]", value) if isinstance(value, list) else []
        numbers = [int(one) for one in pair if isinstance(one, int | float) and _is_pixel(one)]
        if len(pair) == 2 and len(numbers) == 2:
            return numbers[0], numbers[1]
        shown = _shown(cast("object", value))
        self.problems.append(f"{place} is {shown} where two whole numbers of pixels are expected, [x, y]")
        return None


def _is_pixel(value: float) -> bool:
    return not isinstance(value, bool) and value == value // 1 and abs(value) <= FARTHEST


def _shown(value: object) -> str:
    """A value as it may stand in a sentence, a short list whole."""
    if isinstance(value, list):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= 60 else "a list"
    return show(value)


def _no_key_twice(pairs: list[tuple[str, object]], twice: list[str]) -> dict[str, object]:
    table: dict[str, object] = {}
    for key, value in pairs:
        if key in table:
            twice.append(key)
        table[key] = value
    return table


def _at(point: Point) -> str:
    return f"{point[0]},{point[1]}"
