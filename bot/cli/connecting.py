"""From the windows of a display to a desk in config/: which ones, where one writes, a draft in each, then the file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.choosing import MAIN, Wishes, chosen, named
from bot.cli.clicking import Showing
from bot.cli.errors import first_cause
from bot.cli.pointing import Asker
from bot.cli.running_octet import RunningOctet
from bot.cli.scouting import scouting
from bot.cli.watching import watched
from bot.runfile import running
from core.calibration.model import (
    Connected,
    NotMeasured,
    NotToldApart,
    NotTried,
    Point,
    Proposal,
    Survey,
)
from core.calibration.service import Calibration, Wanted
from core.desks.model import DeskNotFound, DeskWithoutHands, ToldBy
from core.home import Home
from core.kit.errors import Conflict, Invalid, NotFound, OctetError
from core.settings.sources import environment

if TYPE_CHECKING:
    from core.desks.config import DeskFiles
    from core.desks.model import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One display that was looked at, and the desk in config/ that it is or becomes."""

    calibration: Calibration
    survey: Survey
    files: DeskFiles
    desk: str
    display: str
    """As the desk's file names it; empty where it has one of its own."""
    octet: RunningOctet | None
    """The Octet whose hands work here, where it runs: it takes over what is written."""
    showing: Showing
    """How a person shows where one writes."""


ONE_SCREEN = ":0"
"""What stands in a desk's file on platforms that have one screen and no displays by name."""


class NoHome(NotFound):
    """{home} has no config/octet.toml yet: `octet init` makes it. Or name your home by --home."""


class NoDisplay(Invalid):
    """No display is named, and $DISPLAY is empty. Run this in a terminal of your desktop, or name one: --display :0"""


class DisplayDown(Conflict):
    """The display of desk {desk} is not up: {why}. `octet desk up --desk {desk}` starts it."""


class NothingConnected(Conflict):
    """No window was connected, and nothing was written. {why}"""


@asynccontextmanager
async def looking(home: Home, wishes: Wishes, asker: Asker) -> AsyncGenerator[Look]:
    """A look at the display that is meant. Raises why there is none, before anything is touched."""
    from core.desks.config import read_desks

    if not (home.config / "octet.toml").is_file():
        raise NoHome(home=home.root)
    files = read_desks(home.root, [])
    desk, environ, display = _desk(home, files, wishes)
    octet = await _running(home, files, desk)
    async with AsyncExitStack() as stack:
        scout = octet or await stack.enter_async_context(scouting(home, desk, environ))
        calibration = Calibration(home=home, scout=scout, say=lambda line: asker.say(f"  {line}"))
        survey = await calibration.look()
        sees_it = display != "" and display == environment().get("DISPLAY")
        yield Look(
            calibration=calibration,
            survey=survey,
            files=files,
            desk=desk.name,
            display=display,
            octet=octet,
            showing=Showing(calibration, desk.name, stack, wants_page=wishes.click, offers_page=not sees_it),
        )


async def _running(home: Home, files: DeskFiles, desk: Desk) -> RunningOctet | None:
    """The Octet that runs in this home, if its are the hands of this display: nobody else may have any there."""
    run = running(home.root)
    known = next((one for one in files.desks if one.name == desk.name), None)
    if run is None or known is None or (known.virtual is None and known.display != desk.display):
        return None
    octet = RunningOctet(run=run, desk=desk.name)
    try:
        await octet.survey()
    except (DeskNotFound, DeskWithoutHands):
        return None  # it works at other desks
    return octet


def finished(work: Coroutine[None, None, int]) -> int:
    """Run this to its end: its exit code, or the one error that ended it."""
    cause: OctetError | None = None
    code = 0
    try:
        code = asyncio.run(work)
    except* OctetError as group:
        cause = first_cause(group)
    if cause:
        raise cause
    return code


async def connect_windows(home: Home, wishes: Wishes, asker: Asker) -> int:
    """Calibrate; 0 when all that was wanted is connected. Raises what ends it before anything was written."""
    async with looking(home, wishes, asker) as look:
        proposals = look.calibration.proposals(look.survey)
        _list(asker, proposals, look.survey)
        if wishes.picture is not None:
            await _picture(look.calibration, proposals, wishes.picture)
            asker.say(f"The windows with their numbers: {wishes.picture}")
        if wishes.list_only:
            return 0
        choices = await chosen(wishes, proposals, look.survey, look.files, asker)
        wanted = named(choices, look.desk, look.files, home)
        return await connect(look, wanted, wishes=wishes, asker=asker)


async def connect(look: Look, wanted: Sequence[Wanted], *, wishes: Wishes, asker: Asker) -> int:
    """Measure and try each of these windows, and write those that work."""
    calibration, desk = look.calibration, look.desk
    wanted, titles = await _told_apart(calibration, wanted, wishes, asker)
    connected: list[Connected] = []
    failed: list[str] = []
    places: dict[tuple[str, int, int], Point] = {}
    for one in wanted:
        if one.window not in titles:
            failed.append(one.agent)
            continue
        asker.say(f"{one.agent}:")
        try:
            done = await _connected(look, one, titles[one.window], places, wishes=wishes, asker=asker)
        except (NotMeasured, NotTried, Invalid, NotFound) as trouble:
            asker.say(f"  not connected: {trouble.message}")
            look.showing.tell(f"{one.agent} is not connected: {trouble.message}")
            failed.append(one.agent)
            continue
        if done is None:
            failed.append(one.agent)
            continue
        connected.append(done)
        asker.say(f"  {_told(done)}")
        look.showing.tell(f"{one.agent} is {_told(done)}")
    if not connected:
        raise NothingConnected(why=f"Not connected: {', '.join(failed)}; see above for each." if failed else "")
    connected = await watched(calibration, connected, wishes, asker)
    if asker.is_person and not await asker.agrees(f"Write {_count(connected)} into config/desks/{desk}.toml?"):
        raise NothingConnected(why="")
    for file in calibration.write(desk, look.display, connected).files:
        asker.say(f"wrote {file}")
    await _taken_over(look, connected, asker)
    if failed:
        asker.say(f"Not connected: {', '.join(failed)}. Do what is said there, then calibrate these alone again.")
    return 1 if failed else 0


async def _taken_over(look: Look, connected: Sequence[Connected], asker: Asker) -> None:
    """Let the Octet that runs work by what was written, also one that had no hands on this display before."""
    run = running(look.calibration.home.root)
    octet = look.octet or (None if run is None else RunningOctet(run=run, desk=look.desk))
    if octet is not None:
        await octet.take_over(connected)
        asker.say("The Octet that runs works by that now.")


async def _connected(
    look: Look,
    one: Wanted,
    title: str,
    places: dict[tuple[str, int, int], Point],
    *,
    wishes: Wishes,
    asker: Asker,
) -> Connected | None:
    """One window; None when somebody skips it. It is pointed at only where nothing else says where one writes."""
    calibration = look.calibration
    survey = await calibration.look()
    found = next((window for window in survey.windows if window.id == one.window), None)
    if found is None:
        raise NotMeasured(why="its window is gone")
    kind = one.profile, found.box.width, found.box.height

    async def at(point: Point | None) -> Connected:
        return await calibration.connect(replace(one, point=point), title, untried=wishes.untried)

    alike = places.get(kind)  # another window of this kind and size, which somebody showed
    guess = one.point or (None if alike is None else (found.box.x + alike[0], found.box.y + alike[1]))
    try:
        return await at(guess)
    except (NotMeasured, NotTried) as trouble:
        if not asker.is_person or one.point is not None:
            raise
        asker.say(f"  {trouble.message}")
    point = await asker.pointed(await look.showing.way(found, one.agent, asker), found)
    if point is None:
        return None
    done = await at(point)
    places[kind] = point[0] - found.box.x, point[1] - found.box.y
    return done


async def _told_apart(
    calibration: Calibration, wanted: Sequence[Wanted], wishes: Wishes, asker: Asker
) -> tuple[list[Wanted], dict[int, str]]:
    """The windows with their title patterns; those that have none are told, with a picture that has their numbers, and
    known by their places if somebody wants that."""
    try:
        return list(wanted), calibration.tell_apart(wanted)
    except NotToldApart as trouble:
        ids = trouble.windows
        asker.say(trouble.message)
        file = wishes.picture or calibration.home.root / "windows.png"
        survey = await calibration.look()
        await _picture(calibration, [one for one in calibration.proposals(survey) if one.window.id in ids], file)
        asker.say(f"They are the ones with a number in {file}")
        if wishes.by_place or (asker.is_person and await _agrees_to_places(asker)):
            wanted = [replace(one, by_place=one.window in ids) for one in wanted]
            return wanted, calibration.tell_apart(wanted)
        return list(wanted), calibration.tell_apart([one for one in wanted if one.window not in ids])


async def _agrees_to_places(asker: Asker) -> bool:
    """Whether windows that nothing tells from each other are to be known by where they stand."""
    asker.say(
        "They can be known by their places instead. That means: one that is moved or swapped with another gets no"
    )
    asker.say(
        "prompt until it is back, never a guess; and once their program was started anew, none of them does until"
    )
    asker.say("you calibrate again, for nobody can see then which window is which.")
    return not asker.yes and await asker.agrees("Know them by their places?")


async def _picture(calibration: Calibration, proposals: Sequence[Proposal], file: Path) -> None:
    from automation.desktop.calibration.numbered import numbered
    from core.kit.files import write_bytes_private

    places = {number: one.window.box for number, one in enumerate(proposals, start=1)}
    write_bytes_private(file, numbered(await calibration.scout.whole_picture(), places))


def _desk(home: Home, files: DeskFiles, wishes: Wishes) -> tuple[Desk, Mapping[str, str], str]:
    """The desk to look at, without its windows; the environment of its worker; the display as the file names it."""
    from automation.desktop.means import WITHOUT_X11
    from core.desks.model import Desk

    environ = dict(environment())
    known = next((desk for desk in files.desks if desk.name == (wishes.desk or MAIN)), None)
    if known is not None and known.virtual is not None:
        from automation.desktop.displays.folder import Folder

        standing = Folder(home.displays, known.name).read()
        if not standing.is_up:
            raise DisplayDown(desk=known.name, why=standing.why or "nobody keeps it")
        environ["XAUTHORITY"] = standing.xauthority
        return replace(known, display=standing.display, windows=(), virtual=None), environ, ""
    of_desk, here = known.display if known else "", environ.get("DISPLAY", "")
    if sys.platform in WITHOUT_X11:
        of_desk, here = of_desk or ONE_SCREEN, ""
    if wishes.desk:  # who names a desk means its display, wherever this terminal is
        display = wishes.display or of_desk or here
    else:
        display = wishes.display or here or of_desk
    if not display:
        raise NoDisplay
    if not wishes.desk:
        known = next((desk for desk in files.desks if desk.display == display), known)
    if known is None:
        return Desk(name=wishes.desk or MAIN, display=display), environ, display
    return replace(known, display=display, windows=()), environ, display


def _list(asker: Asker, proposals: Sequence[Proposal], survey: Survey) -> None:
    from bot.cli.operator import shown, table

    if not proposals:
        asker.say("No window is shown on this display.")
        return
    rows = [("", "window", "class", "program", "place", "profile")]
    for number, one in enumerate(proposals, start=1):
        window, box = one.window, one.window.box
        place = f"{box.width}×{box.height} at {box.x},{box.y}" + (f", under {window.cover}" if window.cover else "")
        rows.append(
            (str(number), window.title or "–", window.kind, window.program, place, ", ".join(one.profiles[:3]) or "–")
        )
    asker.say(table(rows))
    hidden = sum(not window.is_shown for window in survey.windows)
    if hidden:
        asker.say(shown(f"({_count_of(hidden, 'window')} on other workspaces or iconified: bring them here first)"))


def _told(done: Connected) -> str:
    where = "its program told where one writes" if done.measured.by == "accessibility" else "found in the picture"
    if not done.tried.ok:
        return f"connected untried: {done.tried.why}"
    how = f"a draft was staged, read back and deleted (read by {done.tried.read_by})"
    by = f"“{done.window.title}”" if done.window.told_by is ToldBy.TITLE else "its place, for as long as it lives"
    return f"connected: composer {where}; {how}; known by {by}"


def _count(connected: Sequence[Connected]) -> str:
    return _count_of(len(connected), "window")


def _count_of(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
