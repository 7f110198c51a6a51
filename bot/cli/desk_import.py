"""`octet desk import FILE`: takes over an old file of coordinates; each point is bound to the window found under it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.home import HomeOption, home_of

if TYPE_CHECKING:
    from bot.cli.choosing import Wishes
    from bot.cli.connecting import Look
    from bot.cli.pointing import Asker
    from core.calibration.coordinates import AgentPoint, Coordinates
    from core.calibration.model import FoundWindow, Point
    from core.calibration.service import Wanted
    from core.home import Home

_PAIR = re.compile(r"(-?\d{1,6}),(-?\d{1,6})")


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON file with the coordinates.")],
    *,
    desk: Annotated[str, typer.Option("--desk", metavar="NAME", help="The desk that the windows become.")] = "",
    display: Annotated[str, typer.Option("--display", help="The display; default: the desk's, else $DISPLAY.")] = "",
    shift: Annotated[
        str, typer.Option("--shift", metavar="X,Y", help="Added to every point: the file counts from elsewhere.")
    ] = "",
    profile: Annotated[str, typer.Option("--profile", help="How windows are driven that fit no profile.")] = "",
    untried: Annotated[bool, typer.Option("--untried", help="Write also what took no draft.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take the windows found there without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Take over coordinates of an older program. Each point is bound to the window that lies there now, which is then
    measured and tried like any other; the numbers alone are never clicked at.
    """
    from bot.cli.choosing import Wishes
    from bot.cli.connecting import finished
    from bot.cli.pointing import Asker
    from core.calibration.coordinates import read_coordinates

    by = _shift(shift)
    coordinates = read_coordinates(file)
    asker = Asker(is_person=sys.stdin.isatty(), yes=yes)
    wishes = Wishes(desk=desk, display=display, asks_to_send=True, untried=untried)
    sys.exit(finished(_imported(home_of(home), file, coordinates, by, profile, wishes=wishes, asker=asker)))


async def _imported(
    home: Home, file: Path, coordinates: Coordinates, by: Point, profile: str, *, wishes: Wishes, asker: Asker
) -> int:
    """Bind, ask, and go on as for any calibration."""
    from bot.cli.connecting import NothingConnected, connect, looking
    from core.calibration.coordinates import misplaced, shifted
    from core.calibration.model import BadCoordinates

    for sentence in coordinates.left_out:
        asker.say(sentence)
    points = shifted(coordinates.points, by)
    async with looking(home, wishes, asker) as look:
        wrong = misplaced(points, look.survey.monitors or (look.survey.screen,))
        found = {point.agent: look.survey.window_at(point.at) for point in points}
        wrong += _unbound(points, found)
        if wrong:
            raise BadCoordinates(file=file, why="; ".join(wrong))
        wanted = _bound(look, points, found, profile)
        _list(asker, points, found, {one.agent: one.profile for one in wanted})
        if any(point.onboarding for point in points):
            asker.say("The places of fresh chats are not used: one composer is measured, and a moved one is refused.")
        if not await asker.agrees("Are these the right windows?"):
            raise NothingConnected(why="Say --yes once they are right." if not asker.is_person else "")
        return await connect(look, wanted, wishes=wishes, asker=asker)


def _bound(
    look: Look, points: tuple[AgentPoint, ...], found: dict[str, FoundWindow | None], profile: str
) -> list[Wanted]:
    from bot.cli.choosing import Choice, named

    fitting = {one.window.id: one.profiles for one in look.calibration.proposals(look.survey)}
    choices: list[Choice] = []
    for point in points:
        window = found[point.agent]
        if window is not None:
            known = (*fitting.get(window.id, ()), profile)
            choices.append(Choice(window=window, profile=known[0], agent=point.agent, point=point.at))
    return named(choices, look.desk, look.files, look.calibration.home)


def _unbound(points: tuple[AgentPoint, ...], found: dict[str, FoundWindow | None]) -> list[str]:
    """What keeps points from being bound, in sentences."""
    wrong = [
        f"no window lies under {point.agent} at {point.at[0]},{point.at[1]}; open it where it used to be"
        for point in points
        if found[point.agent] is None
    ]
    first: dict[int, str] = {}
    for point in points:
        window = found[point.agent]
        if window is not None and first.setdefault(window.id, point.agent) != point.agent:
            wrong.append(f"{first[window.id]} and {point.agent} are in one window, {window.called}")
    return wrong


def _list(
    asker: Asker, points: tuple[AgentPoint, ...], found: dict[str, FoundWindow | None], profiles: dict[str, str]
) -> None:
    from bot.cli.operator import table

    rows = [("agent", "point", "window found there", "class", "profile")]
    for point in points:
        window = found[point.agent]
        if window is not None:
            at, profile = f"{point.at[0]},{point.at[1]}", profiles.get(point.agent) or "–"
            rows.append((point.agent, at, window.title or "–", window.kind, profile))
    asker.say(table(rows))


def _shift(text: str) -> Point:
    if not text:
        return 0, 0
    found = _PAIR.fullmatch(text.replace(" ", ""))
    if found is None:
        raise typer.BadParameter("write it as 1920,0", param_hint="--shift")
    return int(found[1]), int(found[2])
