"""`octet calibrate`: connects the windows of a display, by a few questions on the console or by options alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.asking import Console, NothingConnected
from bot.cli.errors import first_cause
from bot.cli.home import HomeOption, home_of
from bot.runfile import running
from core.calibration import texts
from core.calibration.model import Connected
from core.calibration.questions import ChooseWindows, Result, Wishes
from core.calibration.service import Calibration
from core.calibration.session import Session
from core.desks.model import DeskNotFound, DeskWithoutHands
from core.kit.errors import Conflict, Invalid, NotFound, OctetError
from core.settings.sources import environment

if TYPE_CHECKING:
    from bot.cli.running_octet import RunningOctet
    from core.desks.config import DeskFiles
    from core.desks.model import Desk
    from core.home import Home
    from core.profiles.model import Box

MAIN = "main"
"""The desk of a new home."""
ONE_SCREEN = ":0"
"""The display in a desk's file on platforms that have one screen and no displays by name."""


class NoHome(NotFound):
    """{home} has no config/octet.toml yet: `octet init` makes it. Or name your home by --home."""


class NoDisplay(Invalid):
    """No display is named, and $DISPLAY is empty. Run this in a terminal of your desktop, or name one: --display :0"""


class DisplayDown(Conflict):
    """The display of desk {desk} is not up: {why}. `octet desk up --desk {desk}` starts it."""


def calibrate(
    desk: Annotated[str | None, typer.Argument(metavar="[DESK]", help="Its name in config/desks.")] = None,
    only: Annotated[str | None, typer.Argument(metavar="[WINDOW]", help="Only this window of the desk.")] = None,
    *,
    display: Annotated[str, typer.Option("--display", help="The display; default: the desk's, else $DISPLAY.")] = "",
    window: Annotated[
        list[str] | None,
        typer.Option(
            "--window",
            metavar="SPEC",
            help='A window, without questions: "title=…,profile=…,composer=x,y,agent=…". Can be given again.',
        ),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Say which windows there are, and do nothing.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Write a picture with a number on each window.")
    ] = None,
    send: Annotated[
        str,
        typer.Option(
            "--send", metavar="TEXT", help="Then send this to one window of each kind, to see how it looks at work."
        ),
    ] = "",
    by_place: Annotated[
        bool, typer.Option("--by-place", help="Identify windows of equal titles by their places, while they live.")
    ] = False,
    untried: Annotated[bool, typer.Option("--untried", help="Write also what took no draft.")] = False,
    pane: Annotated[
        str,
        typer.Option(
            "--pane",
            metavar="PANE",
            help="Instead: learn how the composer looks in this pane of tmux, such as work:1.0.",
        ),
    ] = "",
    socket: Annotated[str, typer.Option("--socket", help="With --pane: the tmux server; default: the one here.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="With --pane: the profile that learns it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Connect your agents' windows: where each stands, where one writes in it, how it is known again.

    A draft is put into each, read back and deleted; nothing is sent unless you say so. What works goes into config/.
    """
    console = Console(is_person=sys.stdin.isatty() and not window, yes=yes or bool(window), by_place=by_place)
    if pane:
        from bot.cli.learning_pane import learn_pane

        sys.exit(finished(learn_pane(home_of(home), pane, socket, profile, console)))
    if window:
        from bot.cli.window_specs import parse_spec

        specs = [parse_spec(text) for text in window]
        console.picks = lambda question: [spec.pick(question) for spec in specs]
    wishes = Wishes(only=only or "", send=send, keeps_untried=untried)
    work = calibrate_windows(
        home_of(home), wishes, console, desk=desk or "", display=display, list_only=list_only, picture=picture
    )
    sys.exit(finished(work))


def finished(work: Coroutine[None, None, int]) -> int:
    """Run this to its end, and return its exit code. Raises the one error that ended it."""
    cause: OctetError | None = None
    code = 0
    try:
        code = asyncio.run(work)
    except* OctetError as group:
        cause = first_cause(group)
    if cause:
        raise cause
    return code


async def calibrate_windows(
    home: Home,
    wishes: Wishes,
    console: Console,
    *,
    desk: str = "",
    display: str = "",
    list_only: bool = False,
    picture: Path | None = None,
) -> int:
    """Connect windows, and return 0 where all that were chosen are connected. Raises what ends it before anything was
    written."""
    from bot.cli.pictures import write_picture

    own = environment().get("WINDOWID", "")
    wishes = replace(wishes, own_window=int(own) if own.isdecimal() else 0)
    async with _session(home, wishes, console, desk, display) as session:
        step = await session.start()
        if picture is not None:
            write_picture(picture, await session.picture())
            console.say(f"The windows with their numbers: {picture}")
        if list_only:
            if isinstance(step.now, ChooseWindows):
                console.list(step.now)
            return 0
        result = await console.hold(session)
    return _ended(result, console)


def _ended(result: Result, console: Console) -> int:
    """Say how the calibration ended, and return the exit code. Raises NothingConnected."""
    for one in result.connected:
        console.say(f"{one.agent}: {texts.told(one)}")
        for line in texts.risks(one):
            console.say(f"  {line}")
    for one in result.failed:
        console.say(f"{one.agent}, {one.called}: not connected: {one.why}")
    if not result.connected:
        raise NothingConnected(why=result.why)
    for file in result.files:
        console.say(f"wrote {file}")
    lacking = ", ".join(one.agent for one in result.connected if one.lacks_busy)
    if lacking:
        console.say(f"Octet learns how {lacking} looks at work from the first prompts.")
    return 1 if result.failed else 0


@asynccontextmanager
async def _session(home: Home, wishes: Wishes, console: Console, desk: str, display: str) -> AsyncGenerator[Session]:
    """Open a session on the display that is meant. Raises why there is none, before anything is touched."""
    from automation.desktop.calibration.numbered import numbered, zoomed
    from bot.cli.running_octet import RunningOctet
    from bot.cli.scouting import scouting
    from core.desks.config import read_desks

    if not (home.config / "octet.toml").is_file():
        raise NoHome(home=home.root)
    files = read_desks(home.root, [])
    found, environ, display = _desk(home, files, desk, display)
    console.sees_display = sys.platform in {"win32", "darwin"} or display == environment().get("DISPLAY")
    octet = await _running(home, files, found)

    def draw(png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
        return numbered(png, places) if part is None else zoomed(png, part, places)

    async def take_over(connected: Sequence[Connected]) -> None:
        run = running(home.root)
        ears = octet or (None if run is None else RunningOctet(run=run, desk=found.name))
        if ears is not None:
            await ears.take_over(connected)

    async with AsyncExitStack() as stack:
        scout = octet or await stack.enter_async_context(scouting(home, found, environ))
        calibration = Calibration(home=home, scout=scout)
        yield Session(calibration, desk=found.name, display=display, wishes=wishes, draw=draw, take_over=take_over)


async def _running(home: Home, files: DeskFiles, desk: Desk) -> RunningOctet | None:
    """Find the Octet that runs in this home, if its worker types on this display: no other may."""
    from bot.cli.running_octet import RunningOctet

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


def _desk(home: Home, files: DeskFiles, name: str, display: str) -> tuple[Desk, Mapping[str, str], str]:
    """Find the desk without its windows, the environment of its worker, and the display as the desk's file has it."""
    from automation.desktop.means import WITHOUT_X11
    from core.desks.model import Desk

    environ = dict(environment())
    known = next((desk for desk in files.desks if desk.name == (name or MAIN)), None)
    if known is not None and known.virtual is not None:
        from automation.desktop.displays.folder import Folder

        standing = Folder(home.displays, known.name).read()
        if not standing.is_up:
            raise DisplayDown(desk=known.name, why=standing.why or "nobody keeps it")
        environ["XAUTHORITY"] = standing.xauthority
        return replace(known, display=standing.display, windows=(), virtual=None), environ, ""
    of_desk, here = known.display if known is not None else "", environ.get("DISPLAY", "")
    if sys.platform in WITHOUT_X11:
        of_desk, here = of_desk or ONE_SCREEN, ""
    if name:  # who names a desk means its display, wherever this terminal is
        display = display or of_desk or here
    else:
        display = display or here or of_desk
    if not display:
        raise NoDisplay
    if not name:
        known = next((desk for desk in files.desks if desk.display == display), known)
    if known is None:
        return Desk(name=name or MAIN, display=display), environ, display
    return replace(known, display=display, windows=()), environ, display
