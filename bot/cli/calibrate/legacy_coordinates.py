"""`octet desk import FILE`: connects the windows that are under the coordinates of an old file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from bot.cli.errors import run_async
from bot.cli.home import HomeOption, home_of
from core.calibration.model import CalibrationOptions, Candidate, ChooseWindows, Pick, Point
from core.calibration.texts import read_point
from core.kit.errors import Invalid

SHAPE = '{"agents": {"Agent-1": {"chat_input_coordinates": [x, y]}}}'


class BadCoordinates(Invalid):
    """{file} cannot be imported: {why}."""


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON file with the coordinates.")],
    *,
    desk: Annotated[str, typer.Option("--desk", metavar="NAME", help="The desk that the windows become.")] = "",
    display: Annotated[str, typer.Option("--display", help="The display; default: the desk's, else $DISPLAY.")] = "",
    shift: Annotated[
        str, typer.Option("--shift", metavar="X,Y", help="Added to every point: the file counts from elsewhere.")
    ] = "",
    profile: Annotated[str, typer.Option("--profile", help="How windows are driven that fit no profile.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Take the windows found there without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Take over coordinates of an older program. Octet finds the window under each point, then measures and tries it
    like any other; it never clicks at the numbers alone."""
    from bot.cli.calibrate.command import calibrate_windows
    from bot.cli.calibrate.console import Console

    by = read_point(shift) if shift else (0, 0)
    if by is None:
        raise typer.BadParameter("write it as 1920,0", param_hint="--shift")
    points = {agent: (x + by[0], y + by[1]) for agent, (x, y) in read_coordinates(file).items()}
    console = Console(is_person=sys.stdin.isatty(), yes=yes, picks=partial(bound, file, points, profile))
    work = calibrate_windows(home_of(home), CalibrationOptions(), console, desk=desk, display=display)
    sys.exit(run_async(work))


def read_coordinates(file: Path) -> dict[str, Point]:
    """Read the points of the active agents, as SHAPE has them. Raises BadCoordinates with everything that is wrong."""
    try:
        data: object = json.loads(file.read_text("utf-8-sig"), object_pairs_hook=_table)
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


def _table(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Read a JSON object. Raises ValueError for a key that is there twice: the file then means two things."""
    found = dict(pairs)
    if len({key.casefold() for key in found}) != len(pairs):
        raise ValueError("a key is there twice: " + ", ".join(sorted(key for key, _ in pairs)))
    return found


def bound(file: Path, points: Mapping[str, Point], profile: str, question: ChooseWindows) -> list[Pick]:
    """Find the window under each agent's point. Raises BadCoordinates with everything that is wrong."""
    found = {agent: _under(point, question) for agent, point in points.items()}
    if wrong := _problems(points, found, question):
        raise BadCoordinates(file=file, why="; ".join(wrong))
    return [
        Pick(number=one.number, agent=agent, profile="" if one.profile else profile, point=points[agent])
        for agent, one in found.items()
        if one is not None
    ]


def _under(point: Point, question: ChooseWindows) -> Candidate | None:
    """Find the window that is seen at this place; among several the one that nothing covers, else the smallest."""
    there = [one for one in question.candidates if one.window.box.holds(*point)]
    uncovered = [one for one in there if not one.window.cover]
    return min(uncovered or there, key=lambda one: one.window.box.width * one.window.box.height, default=None)


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
